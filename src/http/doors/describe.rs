//! The description of the API (OpenAPI 3.1), made from the table of routes and from what each door says it takes and
//! gives: a route without a description cannot be, and a shape is the type that is really read or written.

mod responses;

use std::collections::BTreeMap;

use http::StatusCode;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::http::answer::Answer;
use crate::http::console::asset;
use crate::http::doors::House;
use crate::http::doors::access;
use crate::http::doors::audit;
use crate::http::doors::authzen;
use crate::http::doors::brake;
use crate::http::doors::call;
use crate::http::doors::channels;
use crate::http::doors::check;
use crate::http::doors::connections;
use crate::http::doors::console;
use crate::http::doors::dead_letters;
use crate::http::doors::decisions;
use crate::http::doors::entrance;
use crate::http::doors::events;
use crate::http::doors::evidence;
use crate::http::doors::findings;
use crate::http::doors::health;
use crate::http::doors::history;
use crate::http::doors::hook;
use crate::http::doors::modes;
use crate::http::doors::notice;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Need;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Takes;
use crate::http::doors::offer::Text;
use crate::http::doors::policies;
use crate::http::doors::posture;
use crate::http::doors::probe;
use crate::http::doors::ticket;
use crate::http::doors::tickets;
use crate::http::doors::tokens;
use crate::http::problem::Problem;
use crate::http::route::BodyLimit;
use crate::http::route::Caller;
use crate::http::route::Door;
use crate::http::route::ROUTES;
use crate::http::route::Route;
use crate::http::route::Surface;

/// What is said of every request at once.
const EVERYWHERE: &str = "\
Every failure is `application/problem+json` (RFC 9457) with a `detail` for people and the `request_id` that also stands \
in the header `x-request-id` and in the log; where `Accept` names `text/html`, and on the pages people are sent to, it \
is a page. Before any of the operations below looks at it, a request may be refused \
with 400 (it can be read two ways, or is none), 404 (no such path), 405 (with `Allow`), 408 (not complete in time), \
414 (path and query over 8 KiB), 421 (a Host that is not ours, operator listener only) or 431 (headers over 32 KiB); \
500 and 503 are ours, and a 503 says in `Retry-After` when to come again. A HEAD is answered as a GET without its body. \
A name in a query that is not listed, stands there twice or is empty is refused with 400 below `/v1`, `/api/v1` and `/access/v1`.";

/// The offer of this description itself.
const DESCRIPTION: Offer =
    Offer::giving(&[Gives { status: 200, when: "This description.", forms: &[Form::AnyJson] }])
        .refusing(&[]);

/// Answers the description.
pub(super) fn answer(house: &House) -> Result<Answer, Problem> {
    call::json(StatusCode::OK, &description(&house.gateway.public_url))
}

/// Two generators: what is written and what is read differ in which members must be there.
struct Shapes {
    written: SchemaGenerator,
    read: SchemaGenerator,
}

impl Shapes {
    fn new() -> Self {
        let settings = |settings: &mut SchemaSettings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        };
        let settings = || SchemaSettings::draft2020_12().with(settings);
        Self {
            written: settings().for_serialize().into_generator(),
            read: settings().for_deserialize().into_generator(),
        }
    }

    /// Every named shape. Words and the like are shared; what is read and what is written have names of their own.
    fn all(mut self) -> Map<String, Value> {
        let mut all = self.read.take_definitions(true);
        all.extend(self.written.take_definitions(true));
        all
    }
}

/// The whole description. `public` is the address of the public listener as the world knows it. A path that both
/// listeners serve stands there once, with both as its servers.
pub fn description(public: &str) -> Value {
    let mut shapes = Shapes::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let path = paths.entry(route.pattern).or_default();
        path.entry(route.method.name().to_lowercase())
            .or_insert_with(|| operation(route, &mut shapes));
        path.insert("servers".to_owned(), servers(route.pattern, public));
    }
    let responses = responses::shared(&mut shapes.written);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A policy gate for Bitbucket: what may happen, why, and the record of it.",
            "description": EVERYWHERE,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The operator listener, which serves this description."}],
        "tags": [
            {"name": "public", "description": "Webhooks, checks, tickets, and the pages people are sent to."},
            {"name": "operator", "description": "Probes, console and API; on a listener of its own."},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": schemes(),
            "responses": responses,
            "schemas": shapes.all(),
        },
    })
}

/// What a door takes and gives.
pub(super) const fn offer(door: Door) -> &'static Offer {
    match door {
        Door::Hook => &hook::OFFER,
        Door::Check => &check::OFFER,
        Door::Evaluation => &authzen::EVALUATION,
        Door::Evaluations => &authzen::EVALUATIONS,
        Door::SearchSubject => &authzen::SUBJECTS,
        Door::SearchResource => &authzen::RESOURCES,
        Door::SearchAction => &authzen::DEEDS,
        Door::AuthzenConfiguration => &authzen::CONFIGURATION,
        Door::Ticket => &ticket::OFFER,
        Door::DecisionNotice => &notice::DECISION,
        Door::TicketNotice => &notice::TICKET,
        Door::Asset => &crate::http::doors::asset::OFFER,
        Door::Livez => &probe::LIVEZ,
        Door::Readyz => &probe::READYZ,
        Door::Metrics => &probe::METRICS,
        Door::Login => &entrance::LOGIN,
        Door::Logout => &entrance::LOGOUT,
        Door::ConsoleDecisions => &console::DECISIONS,
        Door::ConsoleTickets => &console::TICKETS,
        Door::ConsoleDeadLetters => &console::LETTERS,
        Door::ConsoleLedger => &console::LEDGER,
        Door::ConsoleOverview
        | Door::ConsoleDecision
        | Door::ConsoleTicket
        | Door::ConsoleRules
        | Door::ConsoleRule
        | Door::ConsoleConnections => &console::PLAIN,
        Door::Decisions => &decisions::LIST,
        Door::DecisionEvents => &events::OFFER,
        Door::Decision => &decisions::ONE,
        Door::Tickets => &tickets::LIST,
        Door::OperatorTicket => &tickets::ONE,
        Door::Vote => &tickets::VOTE,
        Door::DeadLetters => &dead_letters::LIST,
        Door::ReplayDeadLetter => &dead_letters::REPLAY,
        Door::NewToken => &tokens::CREATE,
        Door::Tokens => &tokens::LIST,
        Door::RevokeToken => &tokens::REVOKE,
        Door::Checkpoint => &policies::CHECKPOINT,
        Door::Pause => &brake::SHOW,
        Door::NewPause => &brake::PAUSE,
        Door::ConfirmPause => &brake::CONFIRM,
        Door::Resume => &brake::RESUME,
        Door::Modes => &modes::LIST,
        Door::SetMode => &modes::SET,
        Door::Impact => &modes::IMPACT,
        Door::Connections => &connections::LIST,
        Door::Connect => &connections::CREATE,
        Door::Disconnect => &connections::DELETE,
        Door::ConnectProgress => &connections::CONNECTING,
        Door::ChangeConnection => &connections::CHANGE,
        Door::RenewHooks => &connections::RENEW,
        Door::Scopes => &connections::SCOPES,
        Door::Sync => &health::SYNC,
        Door::SyncProgress => &health::PROGRESS,
        Door::Doctor => &health::EXAMINE,
        Door::WhoCan => &access::WHO_CAN,
        Door::Can => &access::CAN,
        Door::Paths => &access::PATHS,
        Door::AccessDiff => &history::DIFF,
        Door::AccessSince => &history::SINCE,
        Door::Audit => &audit::LIST,
        Door::ImportAudit => &audit::IMPORT,
        Door::Identities => &access::IDENTITIES,
        Door::AccessReport => &access::REPORT,
        Door::AccessPage => &access::PAGE_OF,
        Door::AccessWorld => &access::WORLD,
        Door::ConsoleAccess => &console::access::ASK,
        Door::ConsoleAccessOf => &console::access::OF,
        Door::ConsoleIdentities => &console::access::IDENTITIES,
        Door::ConsoleReports => &console::access::REPORT,
        Door::ConsoleFindings => &console::findings::LIST,
        Door::ConsoleFinding => &console::findings::SHOW,
        Door::ConsoleControls => &console::findings::CONTROLS,
        Door::PostureReport => &posture::REPORT,
        Door::PostureCatalogue => &posture::CATALOGUE,
        Door::PostureControls => &posture::CONTROLS,
        Door::BringEvidence => &evidence::BRING,
        Door::Evidence => &evidence::LIST,
        Door::EvidencePiece => &evidence::ONE,
        Door::WithdrawEvidence => &evidence::WITHDRAW,
        Door::Findings => &findings::LIST,
        Door::Finding => &findings::SHOW,
        Door::AcknowledgeFinding => &findings::ACKNOWLEDGE,
        Door::AcceptFinding => &findings::ACCEPT,
        Door::PostureScans => &findings::SCANNED,
        Door::Policies => &policies::ACTIVE,
        Door::Channels => &channels::LIST,
        Door::TestChannel => &channels::TEST,
        Door::OpenApi => &DESCRIPTION,
    }
}

/// Where a path is served.
fn servers(pattern: &str, public: &str) -> Value {
    let mut servers: Vec<Value> = Vec::new();
    for route in ROUTES.iter().filter(|route| route.pattern == pattern) {
        let server = match route.surface {
            Surface::Public => json!({"url": public, "description": "The public listener."}),
            Surface::Operator => json!({"url": "/", "description": "The operator listener."}),
        };
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers.into()
}

fn operation(route: &Route, shapes: &mut Shapes) -> Value {
    let offer = offer(route.door);
    let mut operation = json!({
        "operationId": name(route),
        "summary": route.summary,
        "tags": [route.surface.name()],
        "security": security(route.caller),
        "responses": responses::of(route, offer, &mut shapes.written),
    });
    let parameters = parameters(route, offer);
    if let Some(members) = operation.as_object_mut() {
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = request_body(route, offer, &mut shapes.read) {
            members.insert("requestBody".to_owned(), body);
        }
    }
    operation
}

/// `ReplayDeadLetter` → `replayDeadLetter`.
fn name(route: &Route) -> String {
    let name = format!("{:?}", route.door);
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

fn security(caller: Caller) -> Value {
    match caller {
        Caller::Probe | Caller::Anyone => json!([]),
        Caller::Signature => json!([{"signature": []}]),
        Caller::Asker => json!([{"asker": []}]),
        Caller::Person => json!([{"asker": []}, {"operator": []}, {"session": []}]),
        Caller::Operator => json!([{"operator": []}, {"session": []}]),
    }
}

fn schemes() -> Value {
    json!({
        "signature": {"type": "apiKey", "in": "header", "name": "X-Hub-Signature", "description": "`sha256=` and HMAC-SHA256 of the body, as Bitbucket makes it with the hook's secret."},
        "asker": {"type": "http", "scheme": "bearer", "description": "A pipeline step's OpenID Connect token, that of another CI which the connection trusts, or a service token (`pcs_…`)."},
        "operator": {"type": "http", "scheme": "bearer", "description": "The operator token, or the token of a person whom `[[operator.person]]` names."},
        "session": {"type": "apiKey", "in": "cookie", "name": "portcullis", "description": "A session from a one-time link. A change also needs `Sec-Fetch-Site: same-origin` or an `Origin` that is ours, and the session's form token, which stands in every page: in a form's field `form-token`, otherwise in the header `X-Portcullis-Form`."},
    })
}

fn parameters(route: &Route, offer: &Offer) -> Vec<Value> {
    let in_path =
        route.pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let (text, said) = in_path_is(name);
        json!({"name": name, "in": "path", "required": true, "description": said, "schema": text.schema()})
    });
    let in_query = offer.query.iter().map(|one| {
        let schema = one.value.schema();
        // A form sends what was left empty, too; for a page that is as if it were not there.
        let schema = if route.is_for_programs() || one.need == Need::Must {
            schema
        } else {
            json!({"anyOf": [schema, {"const": ""}]})
        };
        json!({"name": one.name, "in": "query", "required": one.need == Need::Must, "description": one.said, "schema": schema})
    });
    let named = route.echoes().then(|| {
        json!({"name": "X-Request-ID", "in": "header", "required": false, "description": "What the caller calls this request: the answer's `x-request-id` is the same.", "schema": {"type": "string", "pattern": authzen::REQUEST_ID_PATTERN}})
    });
    in_path.chain(in_query).chain(named).collect()
}

/// What stands in a path under this name.
fn in_path_is(name: &str) -> (Text, &'static str) {
    match name {
        "hook" => (Text::Hook, "The hook's id: 32 hex digits that nobody guesses."),
        "file" => (Text::Word(asset::FILES), "The file's name."),
        "decision" => (Text::Id, "The decision's id."),
        "rule" => (Text::Dotted, "The rule's id, with dots for slashes."),
        "ticket" => (Text::Id, "The ticket's id."),
        "channel" => (Text::Any, "The channel's id, as `[[channel]]` names it."),
        "connection" => (Text::Connection, "The connection's id."),
        "finding" => (Text::Finding, "The finding's id."),
        _ => (Text::Id, "The id, a UUID."),
    }
}

fn request_body(route: &Route, offer: &Offer, read: &mut SchemaGenerator) -> Option<Value> {
    let BodyLimit::Bytes(bytes) = route.body else { return None };
    let (required, content) = match offer.takes {
        Takes::Nothing => return None,
        Takes::Json(shape) => (true, json!({"application/json": {"schema": shape(read)}})),
        Takes::JsonOrNothing(shape) => {
            (false, json!({"application/json": {"schema": shape(read)}}))
        }
        Takes::JsonOrForm(shape) => (true, json_or_form(&shape(read))),
        Takes::JsonFormOrNothing(shape) => (false, json_or_form(&shape(read))),
        Takes::Signed => (true, json!({"application/json": {"schema": {}}})),
    };
    let description = format!("At most {bytes} bytes.");
    Some(json!({"description": description, "required": required, "content": content}))
}

fn json_or_form(schema: &Schema) -> Value {
    json!({"application/json": {"schema": schema}, "application/x-www-form-urlencoded": {"schema": schema}})
}
