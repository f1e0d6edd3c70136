//! The words that join two nodes, and which kinds each may join. What a word is worth to whom is in `effective`.

use crate::graph::Kind;
use crate::graph::Level;
use crate::words;

words! {
    /// What one node is to another. The list and its spelling are the contract's (`is` in a world file).
    pub enum Relation {
        /// Identity → group or workspace; a group may be a member of a group (Data Center).
        Member = "member",
        /// User or group → workspace (Cloud workspace administrator); user → personal project (Data Center).
        Owner = "owner",
        /// Identity → repository, project or workspace: may read.
        Read = "read",
        /// Identity → repository, project or workspace: may write.
        Write = "write",
        /// Identity → project: may write and create repositories; identity → workspace: may create projects.
        Create = "create",
        /// Identity → repository, project or workspace: may administer; on the workspace: all of it.
        Admin = "admin",
        /// User or group → workspace of a Data Center: may log in.
        Licensed = "licensed",
        /// Workspace → project (Data Center): licensed users have the project's `default` level.
        Default = "default",
        /// Agent, app, token or runner → the user whose work it does.
        ActsFor = "acts_for",
        /// Owner → the credential, token, key, app or agent that is in their hands.
        Holds = "holds",
        /// Where a thing lives: repository → project, project → workspace, variable → its scope, and so on.
        In = "in",
        /// Identity → restriction that lets it through.
        Exempt = "exempt",
        /// Restriction → repository or project it holds for.
        Restricts = "restricts",
        /// Repository → environment.
        DeploysTo = "deploys_to",
        /// Repository, project or workspace → runner.
        RunsOn = "runs_on",
    }
}

impl Relation {
    /// The level this word grants, if it grants one.
    pub const fn level(self) -> Level {
        match self {
            Self::Read => Level::Read,
            Self::Write => Level::Write,
            Self::Create => Level::Create,
            Self::Admin => Level::Admin,
            Self::Owner => Level::Owner,
            Self::Member
            | Self::Licensed
            | Self::Default
            | Self::ActsFor
            | Self::Holds
            | Self::In
            | Self::Exempt
            | Self::Restricts
            | Self::DeploysTo
            | Self::RunsOn => Level::None,
        }
    }

    /// Whether this word may lead from the one kind to the other.
    pub const fn joins(self, from: Kind, to: Kind) -> bool {
        match self {
            Self::Member => member(from, to),
            Self::Owner => owner(from, to),
            Self::Read | Self::Write => reads(from, to),
            Self::Admin => reads(from, to) || (holder(from) && matches!(to, Kind::Workspace)),
            Self::Create => identity(from) && matches!(to, Kind::Project | Kind::Workspace),
            Self::Licensed => holder(from) && matches!(to, Kind::Workspace),
            Self::Default => matches!((from, to), (Kind::Workspace, Kind::Project)),
            Self::ActsFor => {
                matches!(from, Kind::Agent | Kind::App | Kind::Token | Kind::Runner)
                    && matches!(to, Kind::User)
            }
            Self::Holds => identity(from) && held(to),
            Self::In => lives(from, to),
            Self::Exempt => identity(from) && matches!(to, Kind::Restriction),
            Self::Restricts => {
                matches!(from, Kind::Restriction) && matches!(to, Kind::Repository | Kind::Project)
            }
            Self::DeploysTo => matches!((from, to), (Kind::Repository, Kind::Environment)),
            Self::RunsOn => place(from) && matches!(to, Kind::Runner),
        }
    }

    /// The word's number, 0 to 14: its place in [`Relation::ALL`].
    pub const fn code(self) -> u32 {
        self as u32
    }

    /// The word of a number.
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }
}

/// Whether this kind can be granted something.
pub const fn identity(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Runner
            | Kind::Agent
            | Kind::Credential
    )
}

const fn holder(kind: Kind) -> bool {
    matches!(kind, Kind::User | Kind::Group)
}

const fn place(kind: Kind) -> bool {
    matches!(kind, Kind::Workspace | Kind::Project | Kind::Repository)
}

const fn held(kind: Kind) -> bool {
    matches!(kind, Kind::Token | Kind::Key | Kind::Credential | Kind::App | Kind::Agent)
}

const fn member(from: Kind, to: Kind) -> bool {
    let acts = matches!(from, Kind::User | Kind::App | Kind::Token | Kind::Agent);
    match (acts, matches!(from, Kind::Group)) {
        (true, _) => matches!(to, Kind::Group | Kind::Workspace),
        (false, nested) => nested && matches!(to, Kind::Group),
    }
}

const fn owner(from: Kind, to: Kind) -> bool {
    (holder(from) && matches!(to, Kind::Workspace))
        || (matches!(from, Kind::User) && matches!(to, Kind::Project))
}

/// A person or group holds nothing on a whole workspace but administration: default access of a Cloud group is copied
/// into each repository's own list, which is the only list to trust. Access tokens of a workspace do.
const fn reads(from: Kind, to: Kind) -> bool {
    (identity(from) && matches!(to, Kind::Repository | Kind::Project))
        || (identity(from) && !holder(from) && matches!(to, Kind::Workspace))
}

const fn lives(from: Kind, to: Kind) -> bool {
    let loose = matches!(from, Kind::Variable | Kind::Hook);
    match from {
        Kind::Repository => matches!(to, Kind::Project | Kind::Workspace),
        Kind::Project | Kind::Group => matches!(to, Kind::Workspace),
        Kind::Ref => matches!(to, Kind::Repository),
        Kind::Variable if matches!(to, Kind::Environment) => true,
        Kind::Variable
        | Kind::Hook
        | Kind::User
        | Kind::App
        | Kind::Token
        | Kind::Key
        | Kind::Runner
        | Kind::Agent
        | Kind::Workspace
        | Kind::Environment
        | Kind::Restriction
        | Kind::Credential => loose && place(to),
    }
}
