//! What can be asked: the one table of routes, and the match of a request against it.
//!
//! A line of [`ROUTES`] says everything that holds before a door sees a request: method, path, who may call, how much
//! body, which rate, which door. Matching, authentication, limits, metric labels and the API description all read
//! this table, so that they cannot disagree. It is deliberately data: what a door does is not here.

use std::fmt::Write;

use http::Method;

/// The listener that carries a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// For Bitbucket, pipelines, and the people they send here.
    Public,
    /// For who runs the gateway.
    Operator,
}

impl Surface {
    /// The value of the label `surface`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Operator => "operator",
        }
    }
}

/// The methods that any route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Reads. A HEAD is answered as a GET without its body.
    Get,
    /// Does something.
    Post,
    /// Ends something.
    Delete,
}

impl Verb {
    /// As HTTP writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    fn answers(self, method: &Method) -> bool {
        method.as_str() == self.name() || (self == Self::Get && method == Method::HEAD)
    }
}

/// Who may call a route. How each is recognised is the business of the room that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Anyone, also under a Host that is not ours: an orchestrator calls by address.
    Probe,
    /// Anyone; what is shown then is for anyone.
    Anyone,
    /// Whoever signed the body with a secret of the hook in the path.
    Signature,
    /// A pipeline step, another CI, or a service, by its token.
    Asker,
    /// A signed-in person, or the asker whose question it is.
    Person,
    /// The operator, by token or in a session.
    Operator,
}

/// How much body a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLimit {
    /// None at all.
    Empty,
    /// At most so many bytes.
    Bytes(usize),
}

impl BodyLimit {
    /// In bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Which bucket of the rate limit a route draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateClass {
    /// Not counted: probes and scraping must answer under load.
    Free,
    /// One bucket for each caller and one for each connection.
    Counted,
}

/// What stands behind a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Takes a webhook's delivery.
    Hook,
    /// Answers the pre-execution question.
    Check,
    /// Answers one question by AuthZEN.
    Evaluation,
    /// Answers several questions by AuthZEN.
    Evaluations,
    /// Searches by AuthZEN for who may.
    SearchSubject,
    /// Searches by AuthZEN for what one may do something to.
    SearchResource,
    /// Searches by AuthZEN for what may be done.
    SearchAction,
    /// Says where AuthZEN's questions are asked.
    AuthzenConfiguration,
    /// A ticket's state, for who asked.
    Ticket,
    /// A decision, for the person who was stopped.
    DecisionNotice,
    /// A ticket, for who can approve it.
    TicketNotice,
    /// A style sheet or an image.
    Asset,
    /// The process is alive.
    Livez,
    /// The gateway can do its work.
    Readyz,
    /// What Prometheus scrapes.
    Metrics,
    /// Spends a one-time link.
    Login,
    /// Ends a session.
    Logout,
    /// The console's first page.
    ConsoleOverview,
    /// The console's list of decisions.
    ConsoleDecisions,
    /// The console's page of one decision.
    ConsoleDecision,
    /// The console's list of tickets.
    ConsoleTickets,
    /// The console's page of one ticket.
    ConsoleTicket,
    /// The console's list of dead letters.
    ConsoleDeadLetters,
    /// The console's list of rules.
    ConsoleRules,
    /// The console's page of one rule.
    ConsoleRule,
    /// The console's connections and hooks.
    ConsoleConnections,
    /// The console's view of the ledger.
    ConsoleLedger,
    /// Decisions, newest first.
    Decisions,
    /// Decisions as they are made.
    DecisionEvents,
    /// One decision with its narrative.
    Decision,
    /// Tickets, newest first.
    Tickets,
    /// One ticket.
    OperatorTicket,
    /// Approves or denies a ticket.
    Vote,
    /// Deliveries that could not be read.
    DeadLetters,
    /// Sends one down the road again.
    ReplayDeadLetter,
    /// Makes a service token; the answer is the only time it is shown.
    NewToken,
    /// Service tokens, without the tokens.
    Tokens,
    /// Revokes a service token.
    RevokeToken,
    /// The ledger's newest signed checkpoint.
    Checkpoint,
    /// The pause, if there is one.
    Pause,
    /// Pauses the gate, or asks for the second person.
    NewPause,
    /// The second person agrees.
    ConfirmPause,
    /// Ends the pause.
    Resume,
    /// How rules are taken, connection by connection.
    Modes,
    /// Takes rules otherwise.
    SetMode,
    /// Whom rules would have stopped.
    Impact,
    /// Channels, and how each stands.
    Channels,
    /// Sends a test to a channel.
    TestChannel,
    /// Connections, without anything secret.
    Connections,
    /// Connects a Bitbucket, or only looks what would be.
    Connect,
    /// Ends a connection.
    Disconnect,
    /// Gives a connection's webhooks new secrets, and puts them right.
    RenewHooks,
    /// What a connection's credential can.
    Scopes,
    /// Reads a connection now.
    Sync,
    /// How far that is.
    SyncProgress,
    /// Everything a connection lives by, looked at.
    Doctor,
    /// Who can do something to a resource.
    WhoCan,
    /// Whether an identity can.
    Can,
    /// By which paths it can.
    Paths,
    /// What access came and went between two times.
    AccessDiff,
    /// Since when an identity could do something.
    AccessSince,
    /// Every identity that is no person.
    Identities,
    /// A report about access.
    AccessReport,
    /// One page about a repository or an identity, to keep.
    AccessPage,
    /// A connection's part of the graph.
    AccessWorld,
    /// The console's page to ask about access.
    ConsoleAccess,
    /// The console's page of a repository or an identity.
    ConsoleAccessOf,
    /// The console's list of identities.
    ConsoleIdentities,
    /// The console's reports about access.
    ConsoleReports,
    /// The active bundle and its rules.
    Policies,
    /// The description of this API.
    OpenApi,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where it is served.
    pub surface: Surface,
    /// Its method.
    pub method: Verb,
    /// Its path; `{name}` stands for one segment.
    pub pattern: &'static str,
    /// Who may call it.
    pub caller: Caller,
    /// How much body it takes.
    pub body: BodyLimit,
    /// Whether its calls are counted.
    pub rate: RateClass,
    /// What answers.
    pub door: Door,
    /// One line for the API description.
    pub summary: &'static str,
}

impl Route {
    /// Whether programs call it, by names they have from the API description: what it does not know is refused there,
    /// where a page shrugs at what a mail program adds to a link.
    pub fn is_for_programs(&self) -> bool {
        ["/v1/", "/api/v1/", "/access/v1/"].iter().any(|place| self.pattern.starts_with(place))
    }

    /// Whether the caller's own name of a request is sent back, as AuthZEN asks.
    pub fn echoes(&self) -> bool {
        self.pattern.starts_with("/access/v1/")
    }
}

/// The larger of the two products' webhook bodies (Data Center; Cloud's 1 MiB is held by the door, which knows the
/// hook's product). Without it, one sender fills the memory.
pub const HOOK_BODY: usize = 10 * 1024 * 1024;

/// A question names a few variables and ids. Without it, an unauthenticated caller makes us parse megabytes.
pub const CHECK_BODY: usize = 64 * 1024;

/// A hundred questions by AuthZEN with what they claim. What one of them may claim is bounded once more where it is read.
pub const AUTHZEN_BODY: usize = 256 * 1024;

/// What an operator's form or command sends.
pub const OPERATOR_BODY: usize = 64 * 1024;

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
    ask("/api/v1/identities", Door::Identities, "Every identity that is no person."),
    ask("/api/v1/access/report", Door::AccessReport, "A report about access."),
    ask("/api/v1/access/page", Door::AccessPage, "A page about a repository or identity, to keep."),
    ask(
        "/api/v1/access/world",
        Door::AccessWorld,
        "A connection's part of the graph, as a world file.",
    ),
    ask("/api/v1/policies", Door::Policies, "The active bundle and its rules."),
    ask("/api/v1/openapi.json", Door::OpenApi, "The description of this API."),
];

/// A request's route, with what its path says.
#[derive(Debug)]
pub struct Found<'router, 'path> {
    /// The line of the table.
    pub route: &'static Route,
    parameters: matchit::Params<'router, 'path>,
}

impl<'path> Found<'_, 'path> {
    /// What stands in the path at the pattern's first parameter: no pattern has two.
    pub fn first(&self) -> Option<&'path str> {
        self.parameters.iter().next().map(|(_, value)| value)
    }

    /// What stands in the path where the pattern says `{name}`, as it was sent (not percent-decoded: no id of ours
    /// needs it).
    pub fn parameter(&self, name: &str) -> Option<&'path str> {
        self.parameters.iter().find_map(|(key, value)| (key == name).then_some(value))
    }
}

/// Why a request has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// No route has this path.
    NoSuchPath,
    /// The path is there, but not with this method.
    WrongMethod {
        /// The value of `Allow`.
        allow: String,
    },
}

/// Finds routes of one surface by method and path.
pub struct Router {
    paths: matchit::Router<Vec<&'static Route>>,
}

impl Router {
    /// The table's part for one surface. Errors: two patterns of the table contradict each other.
    pub fn new(surface: Surface) -> Result<Self, matchit::InsertError> {
        let mut paths = matchit::Router::new();
        let routes = || ROUTES.iter().filter(move |route| route.surface == surface);
        let first = |route: &Route| {
            routes().find(|other| other.pattern == route.pattern).map(|other| other.door)
        };
        for route in routes().filter(|route| first(route) == Some(route.door)) {
            let methods: Vec<_> = routes().filter(|other| other.pattern == route.pattern).collect();
            paths.insert(route.pattern, methods)?;
        }
        Ok(Self { paths })
    }

    /// Matches one request.
    pub fn find<'path>(
        &self,
        method: &Method,
        path: &'path str,
    ) -> Result<Found<'_, 'path>, Missed> {
        let matched = self.paths.at(path).map_err(|_| Missed::NoSuchPath)?;
        match matched.value.iter().find(|route| route.method.answers(method)) {
            Some(route) => Ok(Found { route, parameters: matched.params }),
            None => Err(Missed::WrongMethod { allow: allow(matched.value) }),
        }
    }
}

fn allow(routes: &[&Route]) -> String {
    routes.iter().fold(String::new(), |mut allow, route| {
        let comma = if allow.is_empty() { "" } else { ", " };
        let head = if route.method == Verb::Get { ", HEAD" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(allow, "{comma}{}{head}", route.method.name());
        allow
    })
}
