//! The API's decisions: a list with a cursor, and one with its story in every form.

use http::StatusCode;
use serde_json::Value;
use serde_json::json;

use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::impact::Rules;
use crate::decision::narrative;
use crate::decision::plan::Softener;
use crate::decision::record::Part;
use crate::event::EventKind;
use crate::gateway::telling::Filter;
use crate::gateway::telling::MAX_ROWS;
use crate::graph::Time;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::policy::Verdict;

/// Rows of a list when nobody says how many.
const ROWS: usize = 50;

/// Decisions, newest first.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::known(call)?;
    let before = pairs.parsed("before", "a number from `next`", |text| text.parse().ok())?;
    let page = house.gateway.decisions(filter(house, &pairs)?, before, limit(&pairs)?).await?;
    let rows: Vec<Value> = page.items.iter().map(Record::row).collect();
    call::json(StatusCode::OK, &json!({"decisions": rows, "next": page.next}))
}

/// How many rows are wanted, at most [`MAX_ROWS`].
pub(super) fn limit(pairs: &Pairs) -> Result<usize, Problem> {
    let wanted = format!("a number from 1 to {MAX_ROWS}");
    let in_range = |text: &str| text.parse().ok().filter(|rows| (1..=MAX_ROWS).contains(rows));
    Ok(pairs.parsed("limit", &wanted, in_range)?.unwrap_or(ROWS))
}

/// Which decisions a query asks for.
pub(super) fn filter(house: &House, pairs: &Pairs) -> Result<Filter, Problem> {
    let connection = pairs.parsed("connection", "a connection's id", |text| text.parse().ok())?;
    let id = |name: &str| {
        let told = pairs.get(name);
        told.map(|told| house.gateway.id_of(told, connection.as_ref())).transpose()
    };
    let kinds = "a kind of event, such as `push` or `pipeline.step`";
    let rules = "a rule's id such as `ref/force-push`, or an area such as `ref`";
    Ok(Filter {
        verdict: pairs.parsed("verdict", &Verdict::TEXTS.join(", "), Verdict::from_text)?,
        effect: pairs.parsed("effect", &Effect::TEXTS.join(", "), Effect::from_text)?,
        repository: id("repository")?,
        person: id("person")?,
        rules: pairs.parsed("rule", rules, Rules::named)?,
        kind: pairs.parsed("kind", kinds, EventKind::from_text)?,
        softened: pairs.parsed("softened", &Softener::TEXTS.join(", "), Softener::from_text)?,
        uncovered: pairs.parsed("uncovered", "`true` or `false`", |text| text.parse().ok())?,
        since: time(house, pairs, "since")?,
        until: time(house, pairs, "until")?,
        connection,
    })
}

/// A time, or how long ago it was.
pub(super) fn time(house: &House, pairs: &Pairs, name: &str) -> Result<Option<Time>, Problem> {
    let now = house.gateway.clock.now();
    pairs.parsed(
        name,
        "a time such as `2026-11-21T18:05:00Z`, or how long ago, such as `2h`",
        |text| query::duration(text).map(|ago| now.minus(ago)).or_else(|| text.parse().ok()),
    )
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
