//! What stands behind a route: every door there is, by name.

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
    /// How far connecting is, and its report.
    ConnectProgress,
    /// Changes what is read of a connection.
    ChangeConnection,
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
    /// Audit logs: lines, changes, and which explains which.
    Audit,
    /// Takes lines of an audit log.
    ImportAudit,
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
    /// Brings evidence, or only tells what would be understood.
    BringEvidence,
    /// Every piece of evidence.
    Evidence,
    /// One piece, and what follows from it.
    EvidencePiece,
    /// Withdraws a piece.
    WithdrawEvidence,
    /// Findings, worst first.
    Findings,
    /// One finding with its story.
    Finding,
    /// Somebody has seen it.
    AcknowledgeFinding,
    /// Somebody lives with it.
    AcceptFinding,
    /// What scans counted.
    PostureScans,
    /// The console's list of findings.
    ConsoleFindings,
    /// The console's page of one finding.
    ConsoleFinding,
    /// The console's control map.
    ConsoleControls,
    /// The posture report, one page to keep.
    PostureReport,
    /// What posture rules can find.
    PostureCatalogue,
    /// How each control stands.
    PostureControls,
    /// The active bundle and its rules.
    Policies,
    /// The description of this API.
    OpenApi,
}
