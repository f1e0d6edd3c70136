//! The table itself: every route, and how much body each kind of sender may bring.

use crate::http::route::BodyLimit;
use crate::http::route::Caller;
use crate::http::route::Door;
use crate::http::route::RateClass;
use crate::http::route::Route;
use crate::http::route::Surface;
use crate::http::route::Verb;

/// The larger of the two products' webhook bodies (Data Center; Cloud's 1 MiB is held by the door, which knows the
/// hook's product). Without it, one sender fills the memory.
pub const HOOK_BODY: usize = 10 * 1024 * 1024;

/// A question names a few variables and ids. Without it, an unauthenticated caller makes us parse megabytes.
pub const CHECK_BODY: usize = 64 * 1024;

/// A hundred questions by AuthZEN with what they claim. What one of them may claim is bounded once more where it is read.
pub const AUTHZEN_BODY: usize = 256 * 1024;

/// What an operator's form or command sends.
pub const OPERATOR_BODY: usize = 64 * 1024;

/// A file of evidence as base64, with what is said of it: see `posture::evidence::read::MAX_BYTES`.
pub const EVIDENCE_BODY: usize = 12 * 1024 * 1024;
/// Lines of an audit log at once: some 1,000 of Data Center's. Who has more sends them in parts.
pub const AUDIT_BODY: usize = 2 * 1024 * 1024;

const fn read(
    surface: Surface,
    pattern: &'static str,
    caller: Caller,
    door: Door,
    summary: &'static str,
) -> Route {
    let (method, body, rate) = (Verb::Get, BodyLimit::Empty, RateClass::Counted);
    Route { surface, method, pattern, caller, body, rate, door, summary }
}

const fn probe(pattern: &'static str, door: Door, summary: &'static str) -> Route {
    Route {
        rate: RateClass::Free,
        ..read(Surface::Operator, pattern, Caller::Probe, door, summary)
    }
}

const fn ask(pattern: &'static str, door: Door, summary: &'static str) -> Route {
    read(Surface::Operator, pattern, Caller::Operator, door, summary)
}

const fn act(method: Verb, pattern: &'static str, door: Door, summary: &'static str) -> Route {
    Route { method, body: BodyLimit::Bytes(OPERATOR_BODY), ..ask(pattern, door, summary) }
}

const fn post(
    pattern: &'static str,
    caller: Caller,
    bytes: usize,
    door: Door,
    summary: &'static str,
) -> Route {
    Route {
        method: Verb::Post,
        body: BodyLimit::Bytes(bytes),
        ..read(Surface::Public, pattern, caller, door, summary)
    }
}

/// Every route there is, public first, in the order of the API description.
pub static ROUTES: &[Route] = &[
    post(
        "/hooks/{hook}",
        Caller::Signature,
        HOOK_BODY,
        Door::Hook,
        "Takes a signed Bitbucket webhook.",
    ),
    post("/v1/check", Caller::Asker, CHECK_BODY, Door::Check, "Asks whether a step may proceed."),
    post(
        "/access/v1/evaluation",
        Caller::Asker,
        AUTHZEN_BODY,
        Door::Evaluation,
        "AuthZEN: asks whether a subject may do something to a resource.",
    ),
    post(
        "/access/v1/evaluations",
        Caller::Asker,
        AUTHZEN_BODY,
        Door::Evaluations,
        "AuthZEN: asks several questions at once.",
    ),
    post(
        "/access/v1/search/subject",
        Caller::Asker,
        CHECK_BODY,
        Door::SearchSubject,
        "AuthZEN: who may do something to a resource.",
    ),
    post(
        "/access/v1/search/resource",
        Caller::Asker,
        CHECK_BODY,
        Door::SearchResource,
        "AuthZEN: to what a subject may do something.",
    ),
    post(
        "/access/v1/search/action",
        Caller::Asker,
        CHECK_BODY,
        Door::SearchAction,
        "AuthZEN: what a subject may do to a resource.",
    ),
    read(
        Surface::Public,
        "/.well-known/authzen-configuration",
        Caller::Anyone,
        Door::AuthzenConfiguration,
        "AuthZEN: where questions are asked.",
    ),
    read(
        Surface::Public,
        "/v1/tickets/{id}",
        Caller::Person,
        Door::Ticket,
        "A ticket's state; `wait` polls long.",
    ),
    read(
        Surface::Public,
        "/d/{decision}",
        Caller::Anyone,
        Door::DecisionNotice,
        "Why a decision is as it is.",
    ),
    read(
        Surface::Public,
        "/t/{ticket}",
        Caller::Anyone,
        Door::TicketNotice,
        "What a ticket waits for.",
    ),
    read(
        Surface::Public,
        "/assets/{file}",
        Caller::Anyone,
        Door::Asset,
        "A style sheet, an image or a script.",
    ),
    probe("/livez", Door::Livez, "The process is alive."),
    probe("/readyz", Door::Readyz, "The gateway can do its work, or why not."),
    probe("/metrics", Door::Metrics, "Metrics in Prometheus' text format."),
    read(
        Surface::Operator,
        "/assets/{file}",
        Caller::Anyone,
        Door::Asset,
        "A style sheet, an image or a script.",
    ),
    read(
        Surface::Operator,
        "/login",
        Caller::Anyone,
        Door::Login,
        "Spends a one-time link for a session.",
    ),
    act(Verb::Post, "/logout", Door::Logout, "Ends the session."),
    ask("/", Door::ConsoleOverview, "The console: ready, listening, the last day, who is needed."),
    ask("/decisions", Door::ConsoleDecisions, "The console: decisions, newest first."),
    ask("/decisions/{id}", Door::ConsoleDecision, "The console: one decision."),
    ask("/tickets", Door::ConsoleTickets, "The console: tickets, newest first."),
    ask("/tickets/{id}", Door::ConsoleTicket, "The console: one ticket, and the vote."),
    ask("/dead-letters", Door::ConsoleDeadLetters, "The console: what could not be read."),
    ask("/rules", Door::ConsoleRules, "The console: rules, their modes, what they did."),
    ask("/rules/{rule}", Door::ConsoleRule, "The console: one rule; dots stand for slashes."),
    ask("/access", Door::ConsoleAccess, "The console: who can do what, and how."),
    ask("/access/of", Door::ConsoleAccessOf, "The console: one repository or identity."),
    ask(
        "/access/identities",
        Door::ConsoleIdentities,
        "The console: identities that are no people.",
    ),
    ask("/access/reports", Door::ConsoleReports, "The console: reports about access."),
    ask("/findings", Door::ConsoleFindings, "The console: findings, the worst first."),
    ask(
        "/findings/{finding}",
        Door::ConsoleFinding,
        "The console: one finding, and what becomes of it.",
    ),
    ask("/controls", Door::ConsoleControls, "The console: how each control stands."),
    ask("/connections", Door::ConsoleConnections, "The console: connections and hooks."),
    ask("/ledger", Door::ConsoleLedger, "The console: where the ledger stands, newest entries."),
    ask("/api/v1/decisions", Door::Decisions, "Decisions, newest first."),
    ask(
        "/api/v1/decisions/events",
        Door::DecisionEvents,
        "Decisions as they are made, as server-sent events.",
    ),
    ask("/api/v1/decisions/{id}", Door::Decision, "One decision with its narrative."),
    ask("/api/v1/tickets", Door::Tickets, "Tickets, newest first."),
    ask("/api/v1/tickets/{id}", Door::OperatorTicket, "One ticket."),
    act(Verb::Post, "/api/v1/tickets/{id}/votes", Door::Vote, "Approves or denies a ticket."),
    ask(
        "/api/v1/dead-letters",
        Door::DeadLetters,
        "Deliveries that could not be read, with their reasons.",
    ),
    act(
        Verb::Post,
        "/api/v1/dead-letters/{id}/replay",
        Door::ReplayDeadLetter,
        "Sends one down the road again.",
    ),
    act(Verb::Post, "/api/v1/tokens", Door::NewToken, "Makes a service token, shown once."),
    ask("/api/v1/tokens", Door::Tokens, "Service tokens, without the tokens."),
    act(Verb::Delete, "/api/v1/tokens/{id}", Door::RevokeToken, "Revokes a service token."),
    ask("/api/v1/ledger/checkpoint", Door::Checkpoint, "The ledger's newest signed checkpoint."),
    ask("/api/v1/pause", Door::Pause, "Whether the gate is paused, until when, and why."),
    act(
        Verb::Post,
        "/api/v1/pause",
        Door::NewPause,
        "Pauses the gate: everything is decided and recorded, nothing is held back.",
    ),
    act(
        Verb::Post,
        "/api/v1/pause/{id}/confirm",
        Door::ConfirmPause,
        "The second person agrees to a pause.",
    ),
    act(Verb::Delete, "/api/v1/pause", Door::Resume, "Ends the pause."),
    ask("/api/v1/modes", Door::Modes, "How rules are taken, connection by connection."),
    act(Verb::Post, "/api/v1/modes", Door::SetMode, "Takes rules in a mode on a connection."),
    ask("/api/v1/modes/impact", Door::Impact, "Whom rules in shadow would have stopped."),
    ask("/api/v1/channels", Door::Channels, "Channels that are told, and how each stands."),
    act(
        Verb::Post,
        "/api/v1/channels/{channel}/test",
        Door::TestChannel,
        "Sends a test message to a channel.",
    ),
    ask("/api/v1/connections", Door::Connections, "Connections, without anything secret."),
    act(
        Verb::Post,
        "/api/v1/connections",
        Door::Connect,
        "Connects a Bitbucket and registers its webhooks, or only looks what would be.",
    ),
    act(
        Verb::Delete,
        "/api/v1/connections/{connection}",
        Door::Disconnect,
        "Ends a connection: its webhooks and secrets go.",
    ),
    act(
        Verb::Post,
        "/api/v1/connections/{connection}/hooks",
        Door::RenewHooks,
        "Gives a connection's webhooks new secrets, with overlap, and puts them right.",
    ),
    ask(
        "/api/v1/connections/{connection}/connecting",
        Door::ConnectProgress,
        "How far connecting is, and its report.",
    ),
    act(
        Verb::Post,
        "/api/v1/connections/{connection}/settings",
        Door::ChangeConnection,
        "Changes what is read of a connection: classes, own hosts, audit log.",
    ),
    ask(
        "/api/v1/connections/{connection}/scopes",
        Door::Scopes,
        "What a connection's credential can, and what is unknown without the rest.",
    ),
    act(Verb::Post, "/api/v1/connections/{connection}/sync", Door::Sync, "Reads a connection now."),
    ask(
        "/api/v1/connections/{connection}/sync",
        Door::SyncProgress,
        "The plan of a reading, and how far it is.",
    ),
    ask("/api/v1/doctor", Door::Doctor, "What is wrong with connections, and what to do."),
    ask("/api/v1/who-can", Door::WhoCan, "Who can do something to a resource."),
    ask("/api/v1/can", Door::Can, "Whether an identity can do something to a resource."),
    ask("/api/v1/paths", Door::Paths, "By which paths an identity reaches a resource."),
    ask("/api/v1/access/diff", Door::AccessDiff, "What access came and went between two times."),
    ask(
        "/api/v1/access/since",
        Door::AccessSince,
        "Since when an identity could do something to a resource, and what made it so.",
    ),
    ask(
        "/api/v1/audit",
        Door::Audit,
        "Audit logs: where each source stands, lines, changes, and which explains which.",
    ),
    Route {
        body: BodyLimit::Bytes(AUDIT_BODY),
        ..act(
            Verb::Post,
            "/api/v1/connections/{connection}/audit",
            Door::ImportAudit,
            "Takes lines of an audit log.",
        )
    },
    ask("/api/v1/identities", Door::Identities, "Every identity that is no person."),
    ask("/api/v1/access/report", Door::AccessReport, "A report about access."),
    ask("/api/v1/access/page", Door::AccessPage, "A page about a repository or identity, to keep."),
    ask(
        "/api/v1/access/world",
        Door::AccessWorld,
        "A connection's part of the graph, as a world file.",
    ),
    Route {
        body: BodyLimit::Bytes(EVIDENCE_BODY),
        ..act(
            Verb::Post,
            "/api/v1/evidence",
            Door::BringEvidence,
            "Brings evidence that no API tells, whole or not at all.",
        )
    },
    ask("/api/v1/evidence", Door::Evidence, "Every piece of evidence, and until when it counts."),
    ask(
        "/api/v1/evidence/{id}",
        Door::EvidencePiece,
        "One piece of evidence, and what follows from it now.",
    ),
    act(
        Verb::Delete,
        "/api/v1/evidence/{id}",
        Door::WithdrawEvidence,
        "Withdraws a piece of evidence: what it said is forgotten.",
    ),
    ask("/api/v1/findings", Door::Findings, "Findings of posture rules, worst first."),
    ask("/api/v1/findings/{finding}", Door::Finding, "One finding with its whole story."),
    act(
        Verb::Post,
        "/api/v1/findings/{finding}/acknowledge",
        Door::AcknowledgeFinding,
        "Says that somebody has seen a finding.",
    ),
    act(
        Verb::Post,
        "/api/v1/findings/{finding}/accept",
        Door::AcceptFinding,
        "Lives with a finding, because of something and until some time.",
    ),
    ask("/api/v1/posture/scans", Door::PostureScans, "What scans counted, newest first."),
    ask("/api/v1/posture/report", Door::PostureReport, "The posture report, one page to keep."),
    ask("/api/v1/posture/catalogue", Door::PostureCatalogue, "What posture rules can find."),
    ask(
        "/api/v1/posture/controls",
        Door::PostureControls,
        "How each control stands, or that it is not assessed.",
    ),
    ask("/api/v1/policies", Door::Policies, "The active bundle and its rules."),
    ask("/api/v1/openapi.json", Door::OpenApi, "The description of this API."),
];
