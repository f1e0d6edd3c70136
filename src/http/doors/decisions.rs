//! The API's decisions: a list with a cursor, and one with its story in every form.

use http::StatusCode;
use serde_json::Value;
use serde_json::json;

use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::narrative;
use crate::decision::record::Part;
use crate::gateway::telling::Filter;
use crate::gateway::telling::MAX_ROWS;
use crate::graph::Time;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::policy::RuleId;
use crate::policy::Verdict;

/// Rows of a list when nobody says how many.
const ROWS: usize = 50;

/// Decisions, newest first.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let before = pairs.parsed("before", "a number from `next`", |text| text.parse().ok())?;
    let page = house.gateway.decisions(filter(&pairs)?, before, limit(&pairs)?).await?;
    let rows: Vec<Value> = page.items.iter().map(Record::row).collect();
    call::json(StatusCode::OK, &json!({"decisions": rows, "next": page.next}))
}

/// How many rows are wanted, at most [`MAX_ROWS`].
pub(super) fn limit(pairs: &Pairs) -> Result<usize, Problem> {
    let wanted = format!("a number from 1 to {MAX_ROWS}");
    let in_range = |text: &str| text.parse().ok().filter(|rows| (1..=MAX_ROWS).contains(rows));
    Ok(pairs.parsed("limit", &wanted, in_range)?.unwrap_or(ROWS))
}

fn filter(pairs: &Pairs) -> Result<Filter, Problem> {
    let time = |name| {
        pairs
            .parsed(name, "a time such as `2026-11-21T18:05:00Z`", |text| text.parse::<Time>().ok())
    };
    Ok(Filter {
        connection: pairs.parsed("connection", "a connection's id", |text| text.parse().ok())?,
        verdict: pairs.parsed("verdict", &Verdict::TEXTS.join(", "), Verdict::from_text)?,
        effect: pairs.parsed("effect", &Effect::TEXTS.join(", "), Effect::from_text)?,
        repository: pairs.get("repository").map(str::to_owned),
        rule: pairs.get("rule").map(RuleId::told),
        uncovered: pairs.parsed("uncovered", "`true` or `false`", |text| text.parse().ok())?,
        since: time("since")?,
        until: time("until")?,
    })
}

/// One decision: the record, its story, and the same as text and Markdown.
pub(super) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let told = house.gateway.decision(call.id()?).await?.ok_or_else(Problem::not_found)?;
    let (record, story) = (&told.record, &told.story);
    let answer = json!({
        "decision": record.public,
        "names": record.names,
        "told": record.told,
        "input": input(record),
        "narrative": story,
        "notices": told.hearings,
        "text": narrative::plain(story),
        "markdown": narrative::markdown(story),
    });
    call::json(StatusCode::OK, &answer)
}

fn input(record: &Record) -> Value {
    match &record.input {
        Part::Kept(input) => {
            json!({"kept": serde_json::from_str::<Value>(input.get()).unwrap_or_default()})
        }
        Part::Erased(at) => json!({"erased": at}),
    }
}
