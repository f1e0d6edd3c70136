//! The API's decisions: a list with a cursor, and one with its story in every form.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::impact::Rules;
use crate::decision::narrative;
use crate::decision::narrative::Narrative;
use crate::decision::plan::Softener;
use crate::decision::record::Names;
use crate::decision::record::Part;
use crate::decision::record::Public;
use crate::decision::record::Row;
use crate::decision::record::Told;
use crate::event::EventKind;
use crate::gateway::telling::Filter;
use crate::gateway::telling::Hearing;
use crate::gateway::telling::MAX_ROWS;
use crate::graph::Time;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Text;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::policy::Verdict;

/// Rows of a list when nobody says how many.
const ROWS: usize = 50;

/// How many rows are wanted.
pub(super) const LIMIT: Parameter =
    Parameter::may("limit", Text::Number(1, MAX_ROWS as u64), "Rows; 50 if left out.");
pub(super) const VERDICT: Parameter =
    Parameter::may("verdict", Text::Word(Verdict::TEXTS), "What the rules say.");
pub(super) const EFFECT: Parameter =
    Parameter::may("effect", Text::Word(Effect::TEXTS), "What the caller had to do.");
pub(super) const UNCOVERED: Parameter =
    Parameter::may("uncovered", Text::Flag, "`true`: only decisions that no rule answers.");
pub(super) const RULE: Parameter = Parameter::may(
    "rule",
    Text::Rule,
    "Id of a rule that matched or could not tell, or an area such as `deploy`.",
);
pub(super) const REPOSITORY: Parameter =
    Parameter::may("repository", Text::Any, "An id, or `repository:acme/billing`.");
pub(super) const PERSON: Parameter =
    Parameter::may("person", Text::Any, "Whose rights were used: an id, or `user:mia`.");
pub(super) const KIND: Parameter =
    Parameter::may("kind", Text::Word(EventKind::TEXTS), "What happened.");
pub(super) const CONNECTION: Parameter =
    Parameter::may("connection", Text::Connection, "Id of a connection.");
pub(super) const SOFTENED: Parameter = Parameter::may(
    "softened",
    Text::Word(Softener::TEXTS),
    "What made the effect milder than the verdict.",
);
pub(super) const BEFORE: Parameter =
    Parameter::may("before", Text::Number(0, LAST_PLACE), "`next` of the page before.");

/// The largest cursor: the store counts in 63 bits.
const LAST_PLACE: u64 = i64::MAX.unsigned_abs();

/// What the list takes and gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "A page of decisions; `next` is `before` of the page after, null on the last.",
    forms: &[Form::Json(offer::of::<DecisionPage<'static>>())],
}])
.asked(&[
    VERDICT,
    EFFECT,
    RULE,
    REPOSITORY,
    PERSON,
    KIND,
    CONNECTION,
    UNCOVERED,
    SOFTENED,
    Parameter::may("since", Text::Past, "Made at or after: RFC 3339, or how long ago."),
    Parameter::may("until", Text::Past, "Made before: RFC 3339, or how long ago."),
    BEFORE,
    LIMIT,
])
.refusing(&[404, 409, 503]);

/// What one decision gives.
pub(super) const ONE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The decision: its record, its names and words, what rules saw, and its story in every form.",
    forms: &[Form::Json(offer::of::<DecisionTold<'static>>())],
}]);

/// A page of decisions.
#[derive(Debug, Serialize, JsonSchema)]
struct DecisionPage<'a> {
    /// Newest first.
    decisions: Vec<Row<'a>>,
    /// `before` of the next page; null: this is the last.
    next: Option<u64>,
}

/// One decision.
#[derive(Debug, Serialize, JsonSchema)]
struct DecisionTold<'a> {
    /// Ids, hashes and our own words: what the ledger's entry holds.
    decision: &'a Public,
    /// Names: sealed beside the entry.
    names: &'a Part<Names>,
    /// What the rules said in words.
    told: &'a Part<Told>,
    /// The input document the rules saw.
    input: Part<Value>,
    /// The story.
    narrative: &'a Narrative,
    /// Who was told of it, and whether it arrived.
    notices: &'a [Hearing],
    /// The story as plain text.
    text: String,
    /// The story as Markdown.
    markdown: String,
}

/// Decisions, newest first.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let page =
        house.gateway.decisions(filter(house, &pairs)?, before(&pairs)?, limit(&pairs)?).await?;
    let decisions = page.items.iter().map(Record::row).collect();
    call::json(StatusCode::OK, &DecisionPage { decisions, next: page.next })
}

/// Where a page begins.
pub(super) fn before(pairs: &Pairs) -> Result<Option<u64>, Problem> {
    let place = |text: &str| text.parse().ok().filter(|place| *place <= LAST_PLACE);
    pairs.parsed("before", "a number from `next`", place)
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
    let answer = DecisionTold {
        decision: &record.public,
        names: &record.names,
        told: &record.told,
        input: input(record),
        narrative: story,
        notices: &told.hearings,
        text: narrative::plain(story),
        markdown: narrative::markdown(story),
    };
    call::json(StatusCode::OK, &answer)
}

fn input(record: &Record) -> Part<Value> {
    match &record.input {
        Part::Kept(input) => Part::Kept(serde_json::from_str(input.get()).unwrap_or_default()),
        Part::Erased(at) => Part::Erased(*at),
    }
}
