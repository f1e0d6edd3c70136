//! What Bitbucket answers, in our words. No command, variable value or text of a person is in any of these.

use crate::event::Actor;
use crate::event::BuildState;
use crate::event::Pipeline;
use crate::event::PullRequest;
use crate::event::Tier;
use crate::graph::Id;
use crate::graph::Known;
use crate::words;

words! {
    /// How far a step is.
    pub enum StepState {
        /// It waits.
        Pending = "pending",
        /// It runs: only then may it proceed.
        InProgress = "in_progress",
        /// It has ended: whoever shows its token now replays it.
        Completed = "completed",
        /// A word we do not know.
        Other = "other",
    }
}

/// A step and its pipeline, as Bitbucket tells them.
#[derive(Clone, Debug, PartialEq)]
pub struct StepFacts {
    /// How far the step is.
    pub state: StepState,
    /// The pipeline and the step; the ids are bare lower-case UUIDs.
    pub pipeline: Pipeline,
    /// Who started the pipeline: id, kind and name. None for a schedule.
    pub actor: Known<Actor>,
    /// Full name of the ref it runs on; for a pull request's pipeline the source branch.
    pub reference: Option<String>,
    /// The pull request whose pipeline it is.
    pub pull_request: Option<u64>,
    /// The image the step runs in.
    pub image: Option<String>,
    /// Variables handed to the pipeline when it was started: name, and whether it is masked. Never a value.
    pub variables: Vec<(String, bool)>,
}

/// An environment as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFacts {
    /// Its name as Bitbucket keeps it.
    pub name: String,
    /// What it is for.
    pub tier: Known<Tier>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitFacts {
    /// 40 hex digits.
    pub hash: String,
    /// Accounts that its author and committer names belong to. Git lets everyone write any name: never a proof.
    pub authors: Vec<Id>,
    /// Whether an author or committer belongs to no account.
    pub unlinked: bool,
    /// 40 hex digits each.
    pub parents: Vec<String>,
}

words! {
    /// How a pull request stands.
    pub enum PullRequestState {
        /// Open.
        Open = "open",
        /// Merged.
        Merged = "merged",
        /// Declined or superseded.
        Declined = "declined",
        /// A word we do not know.
        Other = "other",
    }
}

/// A pull request.
#[derive(Clone, Debug, PartialEq)]
pub struct PullRequestFacts {
    /// How it stands.
    pub state: PullRequestState,
    /// The fact; its commits have 40 hex digits.
    pub facts: PullRequest,
    /// Display name of its author.
    pub author_name: Option<String>,
}

words! {
    /// What we say of a commit.
    pub enum StatusState {
        /// Proceed.
        Successful = "SUCCESSFUL",
        /// Stop.
        Failed = "FAILED",
        /// Wait.
        InProgress = "INPROGRESS",
    }
}

/// A commit status to be posted. The same key on the same commit overwrites: repeating it is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusPost {
    /// At most 40 characters.
    pub key: String,
    /// What it says.
    pub state: StatusState,
    /// A sentence.
    pub text: String,
    /// Where it leads: http or https.
    pub url: String,
    /// Full name of the branch or tag it belongs to. Without one Cloud shows it on every pull request of that commit.
    pub refname: Option<String>,
    /// Its label.
    pub name: String,
}

/// A commit status as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostedStatus {
    /// What it says.
    pub state: BuildState,
    /// Its sentence.
    pub text: Option<String>,
    /// Where it leads. One that is not ours was written by somebody else.
    pub url: Option<String>,
}

/// How far discovery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being read: `workspace`, `people`, `projects`, `repositories`.
    pub stage: &'static str,
    /// How many of it are read.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

/// The workspace, or the whole of a Data Center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Cloud: its UUID; Data Center: always `server`.
    pub id: Id,
    /// Its slug; empty for a Data Center.
    pub slug: String,
    /// Its name; the host of a Data Center.
    pub name: String,
}
