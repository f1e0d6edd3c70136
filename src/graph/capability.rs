//! What an identity can bring about: push, merge, deploy, read a secret … over levels, branch restrictions, merge checks,
//! environments, variables and runners.
//!
//! A question is first made into a [`Demand`]: the doors that lead to the deed, each a level on one repository with the
//! gates behind it. Who is asked about comes after, so that *who can* is *can* asked of everyone, and no rule of a
//! product is written twice. A door is open if its level is held and every gate lets through; one open door is enough.
//! A gate that rests on something unknown makes a *no* elsewhere no less a no, and a *yes* unknown.
//!
//! | deed | is asked of | needs |
//! |---|---|---|
//! | `push` | a ref | write; named by the rules that stop pushes; the repository is not archived |
//! | `merge` | a ref | write; named by the rules that stop merges; not an SSH key, nor a Data Center token (neither merges) |
//! | `merge-unreviewed` | a ref | the same, and no approval that is enforced |
//! | `edit-pipeline` | a repository (Cloud) | write where pipelines are on: a definition can be sent with the run |
//! | `deploy` | an environment (Cloud) | admin; or write where no deployment permission can stand in the way |
//! | `read-secret` | a variable (Cloud) | to deploy there, or to edit a pipeline where the variable reaches |
//! | `run-on` | a runner (Cloud) | to edit a pipeline where the runner serves |
//! | `change-controls` | a repository, project, workspace | admin there |
//!
//! Sources: Atlassian's "Use branch permissions", "Merge checks", "Set up and monitor deployments", "Variables and
//! secrets" (Cloud); "Using branch permissions", "HTTP access tokens" (Data Center).

mod demand;
mod judge;
mod rules;
mod target;
mod ways;
mod who;

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Step;
use crate::graph::Why;
use crate::words;

pub use target::Target;
pub use target::TargetError;
pub use ways::Way;
pub use ways::Ways;
pub use who::Allowed;

words! {
    /// A deed beyond reading and writing, as people ask about it.
    pub enum Capability {
        /// Move a ref by a push.
        Push = "push",
        /// Merge a pull request into a branch, once its checks are met.
        Merge = "merge",
        /// Merge one that nobody else has approved.
        MergeUnreviewed = "merge-unreviewed",
        /// Have a pipeline definition of one's own run.
        EditPipeline = "edit-pipeline",
        /// Deploy to an environment.
        Deploy = "deploy",
        /// Learn a variable's value, by a step that holds it.
        ReadSecret = "read-secret",
        /// Have code run on a runner.
        RunOn = "run-on",
        /// Change permissions, rules, environments, variables, keys and hooks.
        ChangeControls = "change-controls",
    }
}

/// What a question is about: a level, or a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// At least this level.
    Level(Level),
    /// This deed.
    Capability(Capability),
}

impl Action {
    /// Every word that can be asked about: levels above none, then deeds.
    pub const WORDS: &'static [&'static str] = &[
        "read",
        "write",
        "create",
        "admin",
        "owner",
        "push",
        "merge",
        "merge-unreviewed",
        "edit-pipeline",
        "deploy",
        "read-secret",
        "run-on",
        "change-controls",
    ];

    /// The action of a word.
    pub fn from_text(text: &str) -> Option<Self> {
        let level = Level::from_text(text).filter(|level| *level > Level::None);
        level.map(Self::Level).or_else(|| Capability::from_text(text).map(Self::Capability))
    }

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Level(level) => level.as_str(),
            Self::Capability(capability) => capability.as_str(),
        }
    }
}

impl Capability {
    /// The deeds that are asked of a thing of this kind.
    pub const fn of(kind: Kind) -> &'static [Self] {
        match kind {
            Kind::Ref => &[Self::Push, Self::Merge, Self::MergeUnreviewed],
            Kind::Repository => &[Self::EditPipeline, Self::ChangeControls],
            Kind::Project | Kind::Workspace => &[Self::ChangeControls],
            Kind::Environment => &[Self::Deploy],
            Kind::Variable => &[Self::ReadSecret],
            Kind::Runner => &[Self::RunOn],
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Agent
            | Kind::Restriction
            | Kind::Hook
            | Kind::Credential => &[],
        }
    }
}

/// What a deed asks of whoever does it: one of these doors open.
#[derive(Clone, Debug)]
pub struct Demand {
    doors: Vec<Door>,
    /// Why there may be more doors than are known.
    beyond: Option<Why>,
    /// Why nobody can at all.
    never: Option<Why>,
}

/// One way to it.
#[derive(Clone, Debug)]
struct Door {
    /// Where the level is held: a repository, or the place whose controls are changed.
    place: NodeNo,
    level: Level,
    gates: Vec<Gate>,
    /// The edges from the thing that was asked about to the place.
    reach: Vec<Step>,
}

/// What stands behind a door.
#[derive(Clone, Debug)]
enum Gate {
    /// Open or shut to all alike, with the words for both.
    Fact { open: Known<bool>, opened: String, shut: String },
    /// Open to whom one of these rules names.
    Named { rules: Vec<Named>, more: Option<Why> },
    /// Open to those who can press the button: who holds an SSH key cannot, nor a Data Center token.
    Hands,
}

/// A rule that lets some through.
#[derive(Clone, Debug)]
struct Named {
    rule: NodeNo,
    /// The rule in words: "`push` on `main`".
    said: String,
}
