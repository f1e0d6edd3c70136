//! Questions to the graph, as it is now or as it was: who can, can this one, by which paths, which identities, and reports.
//!
//! Every door here, and the console's, gets its graph from [`asked`]: what a question may say about which graph it is
//! asked of is read there and nowhere else.

use std::sync::Arc;

use http::HeaderValue;
use http::StatusCode;
use http::header;
use serde::Serialize;

use crate::gateway::access;
use crate::gateway::access::KINDS;
use crate::gateway::access::Unanswered;
use crate::gateway::access::Wish;
use crate::gateway::connections::Connection;
use crate::graph::Action;
use crate::graph::ConnectionId;
use crate::graph::Links;
use crate::graph::LookupError;
use crate::graph::Snapshot;
use crate::graph::Subject;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::access as pages;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::history;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::PAGE;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Text;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// A CSV file.
const CSV: Form = Form::Media("text/csv");

const ACTION: Parameter =
    Parameter::must("action", Text::Word(Action::WORDS), "A level or a deed.");
pub(super) const IDENTITY: Parameter =
    Parameter::must("identity", Text::Any, "An id, or `kind:name` such as `user:mia`.");
pub(super) const RESOURCE: Parameter = Parameter::must(
    "resource",
    Text::Any,
    "An id, `kind:name`, `acme/billing`, or a ref such as `acme/billing@main`.",
);
/// One edge that is left out, for every question.
pub(super) const WITHOUT: Parameter = Parameter::may(
    "without",
    Text::Any,
    "An edge to leave out, `FROM WORD TO`: the answer as it would be.",
);

const REFUSES: &[u16] = &[404, 409, 503];

/// What `who-can` takes and gives.
pub(super) const WHO_CAN: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Everyone who can.",
    forms: &[Form::Json(offer::of::<access::WhoCan>())],
}])
.asked(&[ACTION, RESOURCE, WITHOUT, history::AT, history::VIEW])
.refusing(REFUSES);

/// What `can` takes and gives.
pub(super) const CAN: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Whether it can, and how or what it lacks; `can` is null where that cannot be told.",
    forms: &[Form::Json(offer::of::<access::Can>())],
}])
.asked(&[IDENTITY, ACTION, RESOURCE, WITHOUT, history::AT, history::VIEW])
.refusing(REFUSES);

/// What `paths` takes and gives.
pub(super) const PATHS: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every path, strongest first.",
    forms: &[Form::Json(offer::of::<access::Ways>())],
}])
.asked(&[IDENTITY, RESOURCE, WITHOUT, history::AT, history::VIEW])
.refusing(REFUSES);

/// What the list of identities takes and gives.
pub(super) const IDENTITIES: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every identity that is no person.",
    forms: &[Form::Json(offer::of::<access::Identities>())],
}])
.asked(WISHES)
.refusing(&[]);

/// What identities can be asked by.
pub(super) const WISHES: &[Parameter] = &[
    Parameter::may("kind", Text::Word(KINDS), "Only of this kind."),
    Parameter::may("unowned", Text::Flag, "Only those whose owner nothing names."),
    Parameter::may("unused", Text::Number(0, MAX_DAYS), "Only those not used for so many days."),
    Parameter::may(
        "expiring",
        Text::Number(0, MAX_DAYS),
        "Only those that end, or are due for rotation, within so many days.",
    ),
    Parameter::may(
        "rotate",
        Text::Number(1, MAX_DAYS),
        "Keys, tokens and credentials without an end are due so many days after they were made; 90.",
    ),
];

/// The most days that can be asked about: a century.
const MAX_DAYS: u64 = 36_500;

/// After how many days a key, token or credential should be replaced, if nobody says otherwise.
const ROTATE_DAYS: u64 = 90;

/// What a report takes and gives.
pub(super) const REPORT: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The report.",
    forms: &[Form::Json(offer::of::<access::Report>()), CSV],
}])
.asked(&[
    Parameter::must("report", Text::Word(Subject::TEXTS), "What it is about."),
    Parameter::may("format", Text::Word(&["json", "csv"]), "How it is written; JSON."),
])
.refusing(&[]);

/// What a page about one thing takes and gives.
pub(super) const PAGE_OF: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "One page that loads nothing: who reaches a repository, or what an identity reaches.",
    forms: &[PAGE],
}])
.asked(&[
    Parameter::must("of", Text::Any, "A repository or an identity."),
    WITHOUT,
    history::AT,
    history::VIEW,
])
.refusing(REFUSES);

/// What the world of a connection takes and gives.
pub(super) const WORLD: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The world file of the connection.",
    forms: &[Form::AnyJson],
}])
.asked(&[Parameter::must("connection", Text::Connection, "Which connection.")])
.refusing(&[404]);

/// The graph that a question is asked of: as it is now or was at a time, perhaps without an edge.
pub(super) async fn asked(house: &House, pairs: &Pairs) -> Result<Arc<Snapshot>, Problem> {
    let graph = history::graph(house, pairs).await?;
    match pairs.get("without") {
        Some(edge) => access::without(&graph, edge).map(Arc::new).map_err(Problem::from),
        None => Ok(graph),
    }
}

/// Who can do something to a resource.
pub(super) async fn who_can(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (action, resource) = (owned(&pairs, "action")?, owned(&pairs, "resource")?);
    let graph = asked(house, &pairs).await?;
    let answer = worked(house, move || access::who_can(&graph, &action, &resource)).await?;
    told(house, &pairs, answer).await
}

/// Whether an identity can.
pub(super) async fn can(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (identity, action) = (owned(&pairs, "identity")?, owned(&pairs, "action")?);
    let resource = owned(&pairs, "resource")?;
    let graph = asked(house, &pairs).await?;
    let answer = worked(house, move || access::can(&graph, &identity, &action, &resource)).await?;
    told(house, &pairs, answer).await
}

/// By which paths it can.
pub(super) async fn paths(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let (identity, resource) = (owned(&pairs, "identity")?, owned(&pairs, "resource")?);
    let graph = asked(house, &pairs).await?;
    let answer = worked(house, move || access::paths(&graph, &identity, &resource)).await?;
    told(house, &pairs, answer).await
}

/// Every identity that is no person.
pub(super) async fn identities(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let wish = wish(&pairs)?;
    let graph = asked(house, &pairs).await?;
    let now = house.gateway.clock.now();
    let found = worked(house, move || access::identities(&graph, &wish, now)).await?;
    call::json(StatusCode::OK, &found)
}

/// A report.
pub(super) async fn report(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let subject = subject(&pairs)?;
    let (graph, links) = (asked(house, &pairs).await?, links(house));
    match pairs.get("format") {
        Some("csv") => {
            let csv = worked(house, move || graph.table(subject, &links).csv()).await?;
            Ok(answer::bytes(StatusCode::OK, "text/csv; charset=utf-8", csv))
        }
        None | Some("json") => {
            let report = worked(house, move || access::report(&graph, subject, &links)).await?;
            call::json(StatusCode::OK, &report)
        }
        Some(other) => {
            let cut: String = other.chars().take(40).collect();
            Err(query::wrong(format!("`format` is `{cut}`; use json or csv")))
        }
    }
}

/// One page about a repository or an identity, to keep or send.
pub(super) async fn page(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let graph = asked(house, &pairs).await?;
    let (of, links) = (owned(&pairs, "of")?, links(house));
    let html = worked(house, move || pages::keepsake(&graph, &of, &links)).await??;
    let mut answer = answer::page(StatusCode::OK, html);
    // It brings its style along, which our own policy forbids to pages that are shown: this one is kept.
    let kept = HeaderValue::from_static("attachment; filename=\"access.html\"");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, kept);
    Ok(answer)
}

/// A connection's part of the graph, as a world file.
pub(super) async fn world(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = pairs(call);
    let id = pairs.need("connection")?;
    let known = id.parse::<ConnectionId>().ok();
    let graph = asked(house, &pairs).await?;
    let world = known.and_then(|id| graph.world(&id)).ok_or_else(Problem::not_found)?;
    Ok(answer::bytes(StatusCode::OK, "application/json", world.write()))
}

/// What a report is about.
pub(super) fn subject(pairs: &Pairs) -> Result<Subject, Problem> {
    pairs.need("report")?;
    let wanted = format!("one of {}", Subject::TEXTS.join(", "));
    let subject = pairs.parsed("report", &wanted, Subject::from_text)?;
    subject.ok_or_else(|| query::wrong("the query needs `report`".to_owned()))
}

/// Which identities are asked for.
pub(super) fn wish(pairs: &Pairs) -> Result<Wish, Problem> {
    let days = |name| pairs.parsed(name, "a whole number of days, at most 36500", days);
    let kind = |text: &str| KINDS.contains(&text).then(|| text.to_owned());
    let flag = |text: &str| text.parse::<bool>().ok();
    Ok(Wish {
        kind: pairs.parsed("kind", &format!("one of {}", KINDS.join(", ")), kind)?,
        unowned: pairs.parsed("unowned", "true or false", flag)?.unwrap_or(false),
        unused_days: days("unused")?,
        expiring_days: days("expiring")?,
        rotate_days: pairs
            .parsed("rotate", "a whole number of days, 1 to 36500", some_days)?
            .unwrap_or(ROTATE_DAYS),
    })
}

fn some_days(text: &str) -> Option<u64> {
    days(text).filter(|days| *days > 0)
}

fn days(text: &str) -> Option<u64> {
    text.parse().ok().filter(|days| *days <= MAX_DAYS)
}

/// Where Bitbucket's own pages are.
pub(super) fn links(house: &House) -> Links {
    let base = |connection: Arc<Connection>| {
        let pages = connection.client.as_ref()?.pages()?;
        Some((connection.id.clone(), pages.to_owned()))
    };
    Links::new(house.gateway.connections.iter().filter_map(base))
}

/// Works out an answer beside the threads that take webhooks and checks.
pub(super) async fn worked<T: Send + 'static>(
    house: &House,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    house.gateway.work_out(work).await.map_err(|error| {
        tracing::error!(%error, "an answer about access failed");
        Problem::internal()
    })
}

fn owned(pairs: &Pairs, name: &str) -> Result<String, Problem> {
    pairs.need(name).map(ToOwned::to_owned)
}

/// What stands behind the `?`.
pub(super) fn pairs(call: &Call) -> Pairs {
    Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes())
}

async fn told(
    house: &House,
    pairs: &Pairs,
    answered: Result<impl Serialize, Unanswered>,
) -> Result<Answer, Problem> {
    match answered {
        Ok(answer) => call::json(StatusCode::OK, &answer),
        Err(error) => Err(history::explained(house, pairs, Problem::from(error)).await),
    }
}

impl From<Unanswered> for Problem {
    fn from(error: Unanswered) -> Self {
        match error {
            Unanswered::Lookup(lookup) => Self::from(lookup),
            Unanswered::Action(_) | Unanswered::Unfit(_) | Unanswered::Edge(_) => {
                Self::new(StatusCode::BAD_REQUEST, error.to_string())
            }
        }
    }
}

impl From<LookupError> for Problem {
    fn from(error: LookupError) -> Self {
        let status = match error {
            LookupError::Unknown(_) => StatusCode::NOT_FOUND,
            LookupError::Ambiguous { .. } => StatusCode::CONFLICT,
        };
        Self::new(status, error.to_string())
    }
}
