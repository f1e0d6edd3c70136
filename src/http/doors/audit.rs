//! Audit logs: what was read, what explains what, and lines that somebody hands in.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::gateway::audit::told::AuditImported;
use crate::gateway::audit::told::AuditQuestion;
use crate::gateway::audit::told::AuditTold;
use crate::gateway::audit::told::AuditWhich;
use crate::gateway::audit::told::NoImport;
use crate::gateway::history::instant;
use crate::gateway::modes::MAX_REASON;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::access;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::connections;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Takes;
use crate::http::doors::offer::Text;
use crate::http::doors::query;
use crate::http::problem::Problem;

/// Lines of an audit log.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AuditImport", example = json!({"lines": "{\"timestamp\":…}\n", "reason": "the node that was retired"}))]
#[serde(deny_unknown_fields)]
struct Import {
    /// The lines as they stand in the file, one JSON object each.
    lines: String,
    /// What the record should know.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    reason: String,
}

const CONNECTION: Parameter =
    Parameter::may("connection", Text::Connection, "Only of this connection.");
const FROM: Parameter = Parameter::may("from", Text::Any, "Only from then on; as `at` is written.");
const TO: Parameter = Parameter::may("to", Text::Any, "Only before then.");
const UNMATCHED: Parameter = Parameter::may(
    "unmatched",
    Text::Flag,
    "Whether only lines that explain no change, and changes that no line explains, are listed.",
);

/// What the list takes and gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Where each source stands, the lines and the changes.",
    forms: &[Form::Json(offer::of::<AuditTold>())],
}])
.asked(&[CONNECTION, FROM, TO, UNMATCHED]);

/// What an import takes and gives.
pub(super) const IMPORT: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "How many lines there were, and what became of them.",
    forms: &[Form::Json(offer::of::<AuditImported>())],
}])
.taking(Takes::Json(offer::of::<Import>()))
.refusing(&[404, 503]);

/// Lines and changes.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = access::pairs(call);
    let connection = pairs.parsed("connection", "the id of a connection", |id| id.parse().ok())?;
    let flag = |text: &str| match text {
        "true" => Some(AuditWhich::Unmatched),
        "false" => Some(AuditWhich::All),
        _ => None,
    };
    let question = AuditQuestion {
        connection,
        from: pairs.get("from").map(instant).transpose()?,
        to: pairs.get("to").map(instant).transpose()?,
        which: pairs.parsed("unmatched", "true or false", flag)?.unwrap_or_default(),
    };
    call::json(StatusCode::OK, &house.gateway.audit(question).await?)
}

/// Takes lines.
pub(super) async fn import(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let id = connections::named(&call)?;
    let body = call.read(house).await?;
    let import: Import = call::object("the lines", &body)?;
    if import.reason.chars().count() > MAX_REASON {
        return Err(query::wrong(format!("the reason is longer than {MAX_REASON} characters")));
    }
    let taken = house.gateway.import_audit(&id, &import.lines, (&by, &import.reason)).await;
    call::json(StatusCode::OK, &taken?)
}

impl From<NoImport> for Problem {
    fn from(error: NoImport) -> Self {
        match error {
            NoImport::None(_) => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            NoImport::NoLine(_) => Self::new(StatusCode::BAD_REQUEST, error.to_string()),
            NoImport::Store(error) => Self::from(error),
        }
    }
}
