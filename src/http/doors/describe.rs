//! The description of the API (OpenAPI 3.1), made from the table of routes: a route without a description cannot be.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::http::answer::Answer;
use crate::http::doors::call;
use crate::http::problem::Problem;
use crate::http::route::BodyLimit;
use crate::http::route::Caller;
use crate::http::route::Door;
use crate::http::route::ROUTES;
use crate::http::route::RateClass;
use crate::http::route::Route;
use crate::http::route::Surface;
use crate::http::route::Verb;

/// A status and when it is the answer.
type Outcome = (u16, &'static str);

/// Answers the description.
pub(super) fn answer() -> Result<Answer, Problem> {
    call::json(StatusCode::OK, &description())
}

/// The whole description. A path that both listeners serve stands there once, with both surfaces named.
pub fn description() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let path = paths.entry(route.pattern).or_default();
        path.entry(route.method.name().to_lowercase()).or_insert_with(|| operation(route));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Portcullis",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A policy gate for Bitbucket: what may happen, why, and the record of it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [
            {"name": "public", "description": "Webhooks, checks, tickets, and the pages people are sent to."},
            {"name": "operator", "description": "Probes, console and API; on a listener of its own."},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": schemes(),
            "responses": {"problem": {
                "description": "A failure, as problem details (RFC 9457).",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}},
            }},
            "schemas": {"problem": problem()},
        },
    })
}

fn operation(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": name(route),
        "summary": route.summary,
        "tags": [route.surface.name()],
        "security": security(route.caller),
        "responses": responses(route),
    });
    let parameters = parameters(route);
    if let Some(members) = operation.as_object_mut() {
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
        if let BodyLimit::Bytes(bytes) = route.body {
            members.insert("requestBody".to_owned(), request_body(route.door, bytes));
        }
    }
    operation
}

/// `ReplayDeadLetter` → `replayDeadLetter`; a door on both surfaces says which.
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
        "operator": {"type": "http", "scheme": "bearer", "description": "The operator token."},
        "session": {"type": "apiKey", "in": "cookie", "name": "portcullis", "description": "A session from a one-time link."},
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "request_id": {"type": "string", "format": "uuid"},
        },
    })
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path =
        route.pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}),
    );
    let in_query = query(route.door).iter().map(|(name, required, description)| {
        json!({"name": name, "in": "query", "required": required, "description": description, "schema": {"type": "string"}})
    });
    in_path.chain(in_query).collect()
}

const RESOURCE: (&str, bool, &str) =
    ("resource", true, "An id, or `kind:name` such as `repository:acme/billing`.");
const IDENTITY: (&str, bool, &str) =
    ("identity", true, "An id, or `kind:name` such as `user:mia`.");
const ACTION: (&str, bool, &str) = ("action", true, "read, write, create, admin or owner.");
const LIMIT: (&str, bool, &str) = ("limit", false, "Rows, 1 to 200; 50 if left out.");
const VERDICT: (&str, bool, &str) = ("verdict", false, "allow, alert, approve or block.");
const EFFECT: (&str, bool, &str) = ("effect", false, "proceed, wait or stop.");
const UNCOVERED: (&str, bool, &str) =
    ("uncovered", false, "`true`: only decisions that no rule answers.");
const STATE: (&str, bool, &str) =
    ("state", false, "asked, granted, spent, refused, expired or revoked.");
const RULE: (&str, bool, &str) =
    ("rule", false, "Id of a rule that matched or could not tell, or an area such as `deploy`.");
const REPOSITORY: (&str, bool, &str) =
    ("repository", false, "An id, or `repository:acme/billing`.");
const PERSON: (&str, bool, &str) =
    ("person", false, "Whose rights were used: an id, or `user:mia`.");
const KIND: (&str, bool, &str) = ("kind", false, "What happened, such as `push`.");
const CONNECTION: (&str, bool, &str) = ("connection", false, "Id of a connection.");
const SOFTENED: (&str, bool, &str) =
    ("softened", false, "What made the effect milder than the verdict: shadow, waiver or pause.");
const BEFORE: (&str, bool, &str) = ("before", false, "`next` of the page before.");

/// What the console's list of decisions can be asked for.
const CONSOLE_SEARCH: &[(&str, bool, &str)] = &[
    VERDICT,
    EFFECT,
    RULE,
    REPOSITORY,
    PERSON,
    KIND,
    CONNECTION,
    UNCOVERED,
    SOFTENED,
    ("since", false, "Made at or after: a time, UTC where it has no zone, or how long ago."),
    ("until", false, "Made before: a time, UTC where it has no zone, or how long ago."),
    BEFORE,
];

/// What can be followed, and from where.
const FOLLOW: &[(&str, bool, &str)] = &[
    VERDICT,
    EFFECT,
    RULE,
    REPOSITORY,
    PERSON,
    KIND,
    CONNECTION,
    UNCOVERED,
    SOFTENED,
    (
        "since",
        false,
        "Begin with decisions made at or after: RFC 3339, or how long ago. Left out: with the next one.",
    ),
    (
        "after",
        false,
        "Instead: begin after the decision of this event id. The header Last-Event-ID goes before it.",
    ),
    ("for", false, "End after this long, such as `30s`; 15 minutes if left out, and at most."),
];

/// Names, whether they must be there, and what they are.
pub(super) fn query(door: Door) -> &'static [(&'static str, bool, &'static str)] {
    match door {
        Door::Ticket => &[(
            "wait",
            false,
            "How long to wait for the ticket to move, such as `30s`; at most 55 s.",
        )],
        Door::Asset => &[("v", false, "The version; with it the file may be kept for ever.")],
        Door::Login => &[("code", true, "The one-time code.")],
        Door::ConsoleDecisions => CONSOLE_SEARCH,
        Door::ConsoleTickets => &[STATE, BEFORE],
        Door::ConsoleDeadLetters => {
            &[BEFORE, ("replayed", false, "The delivery that was just sent down the road again.")]
        }
        Door::ConsoleLedger => {
            &[("show", false, "changes, decisions, approvals, actions or all."), BEFORE]
        }
        Door::Decisions => &[
            VERDICT,
            EFFECT,
            RULE,
            REPOSITORY,
            PERSON,
            KIND,
            CONNECTION,
            UNCOVERED,
            SOFTENED,
            ("since", false, "Made at or after: RFC 3339, or how long ago, such as `2h`."),
            ("until", false, "Made before: RFC 3339, or how long ago."),
            BEFORE,
            LIMIT,
        ],
        Door::DecisionEvents => FOLLOW,
        Door::Tickets => &[STATE, LIMIT],
        Door::DeadLetters => &[LIMIT],
        Door::Impact => &[
            ("rules", true, "A rule's id, an area, or `*`."),
            ("scope", true, "Id of a connection."),
            ("window", false, "How far back, such as `7d`, which it is if left out."),
            ("since", false, "Instead: made at or after this time, RFC 3339."),
            ("until", false, "Made before this time, RFC 3339; now if left out."),
            ("skip", false, "`next` of the page before."),
            LIMIT,
        ],
        Door::WhoCan => &[ACTION, RESOURCE],
        Door::Can => &[IDENTITY, ACTION, RESOURCE],
        Door::Paths => &[IDENTITY, RESOURCE],
        Door::Hook
        | Door::Check
        | Door::DecisionNotice
        | Door::TicketNotice
        | Door::Livez
        | Door::Readyz
        | Door::Metrics
        | Door::Logout
        | Door::ConsoleOverview
        | Door::ConsoleDecision
        | Door::ConsoleTicket
        | Door::ConsoleRules
        | Door::ConsoleRule
        | Door::ConsoleConnections
        | Door::Decision
        | Door::OperatorTicket
        | Door::Vote
        | Door::ReplayDeadLetter
        | Door::NewToken
        | Door::Tokens
        | Door::RevokeToken
        | Door::Checkpoint
        | Door::Policies
        | Door::Pause
        | Door::NewPause
        | Door::ConfirmPause
        | Door::Resume
        | Door::Modes
        | Door::SetMode
        | Door::Channels
        | Door::TestChannel
        | Door::OpenApi => &[],
    }
}

fn request_body(door: Door, bytes: usize) -> Value {
    let json = json!({"schema": {"type": "object"}});
    let form = json!({"schema": {"type": "object"}});
    let content = if matches!(door, Door::Vote | Door::ReplayDeadLetter | Door::Logout) {
        json!({"application/json": json, "application/x-www-form-urlencoded": form})
    } else {
        json!({"application/json": json})
    };
    let required = matches!(
        door,
        Door::Hook | Door::Check | Door::Vote | Door::NewToken | Door::NewPause | Door::SetMode
    );
    json!({"description": format!("At most {bytes} bytes."), "required": required, "content": content})
}

fn responses(route: &Route) -> Value {
    let mut all = Map::new();
    let (good, kind) = good(route.door);
    for (status, description) in good {
        all.insert(status.to_string(), json!({"description": description, "content": {kind: {}}}));
    }
    let problem = json!({"$ref": "#/components/responses/problem"});
    for status in bad(route) {
        all.insert(status.to_string(), problem.clone());
    }
    all.insert("default".to_owned(), problem);
    all.into()
}

/// The answers that are no failures, and their media type.
fn good(door: Door) -> (&'static [Outcome], &'static str) {
    const JSON: &str = "application/json";
    const HTML: &str = "text/html";
    match door {
        Door::Hook => {
            (&[(202, "Kept, durable."), (200, "Kept before, or Data Center's ping.")], JSON)
        }
        Door::Check => {
            (&[(200, "The answer, whatever the verdict; `effect` says what to do.")], JSON)
        }
        Door::Ticket | Door::OperatorTicket => (&[(200, "The ticket.")], JSON),
        Door::DecisionNotice => {
            (&[(200, "What anyone may see of the decision, as a page or as JSON.")], HTML)
        }
        Door::TicketNotice => {
            (&[(200, "What anyone may see of the ticket, as a page or as JSON.")], HTML)
        }
        Door::Asset => (&[(200, "The file."), (304, "The file is as it was.")], "text/css"),
        Door::Livez => (&[(200, "Alive.")], "text/plain"),
        Door::Readyz => (&[(200, "Ready."), (503, "Not ready, with the reasons.")], JSON),
        Door::Metrics | Door::Checkpoint => (&[(200, "The text.")], "text/plain"),
        Door::Login => (&[(303, "On to the console, with a session.")], HTML),
        Door::Logout => (&[(200, "The session has ended.")], HTML),
        Door::ConsoleOverview
        | Door::ConsoleDecisions
        | Door::ConsoleDecision
        | Door::ConsoleTickets
        | Door::ConsoleTicket
        | Door::ConsoleDeadLetters
        | Door::ConsoleRules
        | Door::ConsoleRule
        | Door::ConsoleConnections
        | Door::ConsoleLedger => (&[(200, "The page.")], HTML),
        Door::Vote => (
            &[(200, "The ticket as it is now."), (303, "Back to the page the form stood on.")],
            JSON,
        ),
        Door::ReplayDeadLetter => (
            &[
                (202, "It waits again, in its old place."),
                (303, "Back to the page the form stood on."),
            ],
            JSON,
        ),
        Door::NewToken => (&[(201, "The token. It is shown this once.")], JSON),
        Door::NewPause => {
            (&[(201, "The pause, in force."), (202, "The pause waits for a second person.")], JSON)
        }
        Door::RevokeToken => (&[(204, "Revoked.")], JSON),
        Door::DecisionEvents => (
            &[(
                200,
                "Events named `decision`: each with a row of the list as its data, and as its id the place in the record.",
            )],
            "text/event-stream",
        ),
        Door::Decisions
        | Door::Decision
        | Door::Tickets
        | Door::DeadLetters
        | Door::Tokens
        | Door::WhoCan
        | Door::Can
        | Door::Paths
        | Door::Policies
        | Door::Pause
        | Door::ConfirmPause
        | Door::Resume
        | Door::Modes
        | Door::SetMode
        | Door::Impact
        | Door::Channels
        | Door::TestChannel
        | Door::OpenApi => (&[(200, "The answer.")], JSON),
    }
}

/// The statuses a client should be ready for, from what the table says and what the door can add.
fn bad(route: &Route) -> Vec<u16> {
    let mut all = match route.caller {
        Caller::Probe => vec![],
        Caller::Anyone if route.surface == Surface::Public => vec![],
        Caller::Anyone => vec![421],
        Caller::Signature | Caller::Asker | Caller::Person => vec![401],
        Caller::Operator => vec![401, 403, 421],
    };
    all.extend((route.rate == RateClass::Counted).then_some(429));
    all.extend(route.pattern.contains('{').then_some(404));
    if route.body != BodyLimit::Empty && route.method == Verb::Post {
        all.extend([400, 408, 413, 415]);
    }
    all.extend(match route.door {
        Door::Check => &[403, 503][..],
        Door::Vote => &[409, 503],
        Door::ReplayDeadLetter => &[410, 503],
        Door::Login => &[400, 403, 503],
        Door::NewPause | Door::ConfirmPause | Door::Resume => &[400, 409, 503],
        Door::WhoCan | Door::Can | Door::Paths => &[400, 404, 409],
        Door::ConsoleDecisions | Door::Decisions | Door::DecisionEvents => &[400, 404, 409, 503],
        Door::Asset
        | Door::Livez
        | Door::Readyz
        | Door::Metrics
        | Door::Policies
        | Door::Pause
        | Door::Modes
        | Door::OpenApi => &[],
        Door::Ticket
        | Door::ConsoleTickets
        | Door::ConsoleDeadLetters
        | Door::ConsoleLedger
        | Door::Tickets
        | Door::Impact
        | Door::DeadLetters => &[400, 503],
        Door::Checkpoint => &[404, 503],
        Door::TestChannel => &[404, 502, 503],
        Door::Hook
        | Door::DecisionNotice
        | Door::TicketNotice
        | Door::ConsoleOverview
        | Door::ConsoleDecision
        | Door::ConsoleTicket
        | Door::ConsoleRules
        | Door::ConsoleRule
        | Door::ConsoleConnections
        | Door::Decision
        | Door::OperatorTicket
        | Door::NewToken
        | Door::Tokens
        | Door::SetMode
        | Door::Logout
        | Door::Channels
        | Door::RevokeToken => &[503],
    });
    all
}
