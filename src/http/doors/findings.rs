//! Findings: the list with a cursor, one with its whole story, what scans counted; and what people say of one. Who said
//! it and why stand in the ledger, sealed.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::gateway::findings::FindingError;
use crate::gateway::findings::FindingStory;
use crate::gateway::findings::Findings;
use crate::gateway::findings::MAX_PAGE;
use crate::gateway::findings::MAX_SCANS;
use crate::gateway::findings::Scans;
use crate::gateway::history::instant;
use crate::graph::Id;
use crate::graph::Time;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::decisions;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::PAGE;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::TEXT;
use crate::http::doors::offer::Takes;
use crate::http::doors::offer::Text;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::http::session::FormToken;
use crate::policy::bundle::Severity;
use crate::posture::Acceptance;
use crate::posture::Outcome;
use crate::posture::State;
use crate::posture::Wish;
use crate::posture::lifecycle::MAX_BECAUSE;
use crate::posture::lifecycle::Refused;

/// Longest name of who accepts, characters.
const MAX_WHO: usize = 100;

/// Scans on a page where nobody says.
const SCANS: u32 = 30;

/// What becomes of a finding that somebody moved. Whoever follows where a form is led gets the page.
const MOVED: Gives = Gives { status: 200, when: "The finding as it is now.", forms: &[ONE, PAGE] };
const BACK: Gives = Gives { status: 303, when: "Back to the page of the finding.", forms: &[TEXT] };

/// What acknowledging takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(example = json!({"because": "ticket OPS-118 is on it"}))]
#[serde(deny_unknown_fields)]
struct Acknowledgement {
    /// What the record should know.
    #[serde(default)]
    #[schemars(length(max = MAX_BECAUSE))]
    because: String,
    /// Who, where the token is the operator's and names nobody.
    #[serde(default)]
    #[schemars(length(max = MAX_WHO))]
    who: String,
}

/// What accepting takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AcceptanceWish", example = json!({"because": "the mirror is public on purpose", "until": "90d"}))]
#[serde(deny_unknown_fields)]
struct Accepting {
    /// Why; whoever reads the record must understand it.
    #[schemars(length(min = 1, max = MAX_BECAUSE))]
    because: String,
    /// Until when: RFC 3339, a day, or for how long: `90d`.
    until: String,
    /// Who, where the token is the operator's and names nobody.
    #[serde(default)]
    #[schemars(length(max = MAX_WHO))]
    who: String,
}

const ONE: Form = Form::Json(offer::of::<FindingStory>());

/// What findings can be asked by.
pub(super) const WISHES: &[Parameter] = &[
    decisions::CONNECTION,
    Parameter::may(
        "outcome",
        Text::Word(Outcome::TEXTS),
        "What the rule says now. Left out: fail and unknown.",
    ),
    Parameter::may("state", Text::Word(State::TEXTS), "What became of it."),
    Parameter::may("severity", Text::Word(Severity::TEXTS), "This bad or worse."),
    Parameter::may("category", Text::Any, "Of this category."),
    Parameter::may(
        "rule",
        Text::Any,
        "Of this rule: its id, or an id or title others have for it.",
    ),
    Parameter::may(
        "subject",
        Text::Any,
        "About this or what is in it: an id, or `kind:name` such as `project:BILL`.",
    ),
    Parameter::may("owner", Text::Any, "Whose owner has this id or name."),
    Parameter::may("after", Text::Any, "`next` of the page before."),
    Parameter::may("limit", Text::Number(1, MAX_PAGE as u64), "Rows; 100 if left out."),
];

/// What the list takes and gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Findings: what fails, then what cannot be told; in each the worst first. `next` is `after` of the page after, null on the last.",
    forms: &[Form::Json(offer::of::<Findings>())],
}])
.asked(WISHES)
.refusing(&[404, 409, 503]);

/// What one finding gives.
pub(super) const SHOW: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The finding with its rule, its proof and how it came to be what it is.",
    forms: &[ONE],
}]);

/// What acknowledging takes and gives.
pub(super) const ACKNOWLEDGE: Offer = Offer::giving(&[MOVED, BACK])
    .taking(Takes::JsonFormOrNothing(offer::of::<Acknowledgement>()))
    .refusing(&[409, 503]);

/// What accepting takes and gives.
pub(super) const ACCEPT: Offer = Offer::giving(&[MOVED, BACK])
    .taking(Takes::JsonOrForm(offer::of::<Accepting>()))
    .refusing(&[409, 503]);

/// What the scans take and give.
pub(super) const SCANNED: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "What scans counted, newest first, and how far those are that run now.",
    forms: &[Form::Json(offer::of::<Scans>())],
}])
.asked(&[
    decisions::CONNECTION,
    decisions::BEFORE,
    Parameter::may("limit", Text::Number(1, MAX_SCANS as u64), "Scans; 30 if left out."),
]);

fn pairs(call: &Call) -> Pairs {
    Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes())
}

/// Findings, worst first.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let wish = wish(house, &pairs(call))?;
    call::json(StatusCode::OK, &house.gateway.findings(&wish).await?)
}

/// Which findings are asked for.
pub(super) fn wish(house: &House, pairs: &Pairs) -> Result<Wish, Problem> {
    let told = |name: &str| pairs.get(name).map(ToOwned::to_owned);
    Ok(Wish {
        connection: told("connection"),
        outcome: pairs.parsed("outcome", &Outcome::TEXTS.join(", "), Outcome::from_text)?,
        state: pairs.parsed("state", &State::TEXTS.join(", "), State::from_text)?,
        severity: pairs.parsed("severity", &Severity::TEXTS.join(", "), Severity::from_text)?,
        category: told("category"),
        rule: told("rule"),
        subject: pairs.get("subject").map(|text| subject(house, text)).transpose()?,
        owner: told("owner"),
        after: told("after"),
        limit: limit(pairs, MAX_PAGE)?,
    })
}

fn limit(pairs: &Pairs, most: u32) -> Result<Option<u32>, Problem> {
    let read = |text: &str| text.parse().ok().filter(|number| (1..=most).contains(number));
    pairs.parsed("limit", &format!("1 to {most}"), read)
}

/// An id stands for itself, also of what is no longer there.
fn subject(house: &House, text: &str) -> Result<Id, Problem> {
    if let Ok(id) = text.parse::<Id>() {
        return Ok(id);
    }
    let graph = house.gateway.graph.load();
    let node = graph.resolve(text)?;
    graph.node(node).map(|node| node.id.clone()).ok_or_else(Problem::not_found)
}

/// One finding.
pub(super) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    call::json(StatusCode::OK, &house.gateway.finding(&call.parameter).await?)
}

/// Somebody has seen it. A body with a reason is welcome and not needed. A form goes back to its page.
pub(super) async fn acknowledge(house: &House, call: Call) -> Result<Answer, Problem> {
    let (by, id, is_form) =
        (house.doorkeeper.by(call.asker), call.parameter.clone(), call.is_form());
    let body = call.read(house).await?;
    let said: Acknowledgement = if is_form {
        let pairs = form(&body, &["because", "who"])?;
        Acknowledgement { because: field(&pairs, "because"), who: field(&pairs, "who") }
    } else {
        call::object_or_nothing("the acknowledgement", &body)?
    };
    let by = who(by.as_str(), &said.who)?;
    let story = house.gateway.acknowledge_finding(&id, &by, &said.because).await?;
    if is_form {
        return Ok(answer::see_other(&address(&story)));
    }
    call::json(StatusCode::OK, &story)
}

/// Somebody lives with it. A form goes back to its page.
pub(super) async fn accept(house: &House, call: Call) -> Result<Answer, Problem> {
    let (by, id, is_form) =
        (house.doorkeeper.by(call.asker), call.parameter.clone(), call.is_form());
    let body = call.read(house).await?;
    let said: Accepting = if is_form {
        let pairs = form(&body, &["because", "until", "who"])?;
        Accepting {
            because: field(&pairs, "because"),
            until: field(&pairs, "until"),
            who: field(&pairs, "who"),
        }
    } else {
        call::object("the acceptance", &body)?
    };
    let until = until(&said.until, house.gateway.clock.now())?;
    let by = who(by.as_str(), &said.who)?;
    let acceptance = Acceptance { by, because: said.because, until };
    let story = house.gateway.accept_finding(&id, acceptance).await?;
    if is_form {
        return Ok(answer::see_other(&address(&story)));
    }
    call::json(StatusCode::OK, &story)
}

/// A form's pairs; beside these names it has the session's token.
fn form(body: &[u8], names: &[&str]) -> Result<Pairs, Problem> {
    let pairs = Pairs::read(body);
    let known: Vec<&str> = names.iter().copied().chain([FormToken::FIELD]).collect();
    pairs.only(&known)?;
    Ok(pairs)
}

/// The page of a finding.
fn address(story: &FindingStory) -> String {
    format!("/findings/{}", story.finding.id)
}

fn field(pairs: &Pairs, name: &str) -> String {
    pairs.get(name).unwrap_or_default().to_owned()
}

/// A time, a day, or how long from now.
fn until(text: &str, now: Time) -> Result<Time, Problem> {
    if let Some(length) = query::duration(text) {
        return Ok(now.plus(length));
    }
    instant(text).map_err(|_| {
        let cut: String = text.chars().take(64).collect();
        query::wrong(format!(
            "`until` is `{cut}`: write a time like `2027-01-31T18:00:00Z`, a day like `2027-01-31`, or a length like `90d`"
        ))
    })
}

/// Whom the record names: whose token it is, and beside the operator's the name that was given.
fn who(by: &str, named: &str) -> Result<String, Problem> {
    let named = named.trim();
    if named.chars().count() > MAX_WHO {
        return Err(query::wrong(format!("`who` is longer than {MAX_WHO} characters")));
    }
    Ok(if named.is_empty() { by.to_owned() } else { format!("{named} ({by})") })
}

/// What scans counted.
pub(super) async fn scans(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let limit = limit(&pairs, MAX_SCANS)?.unwrap_or(SCANS);
    let before = decisions::before(&pairs)?;
    let scans = house.gateway.scans(pairs.get("connection"), before, limit).await?;
    call::json(StatusCode::OK, &scans)
}

impl From<FindingError> for Problem {
    fn from(error: FindingError) -> Self {
        match error {
            FindingError::Unknown => Self::not_found(),
            FindingError::Refused(refused) => {
                let status = match &refused {
                    Refused::Fixed(_) | Refused::NeverFailed | Refused::Accepted(_) => {
                        StatusCode::CONFLICT
                    }
                    Refused::NoReason
                    | Refused::LongReason
                    | Refused::Past(_)
                    | Refused::TooLong(_) => StatusCode::BAD_REQUEST,
                };
                Self::new(status, refused.to_string())
            }
            FindingError::Wrong(why) => Self::new(StatusCode::BAD_REQUEST, why),
            FindingError::Store(error) => Self::from(error),
        }
    }
}
