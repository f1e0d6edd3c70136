//! How far a verdict reaches: a status is a signal; a required check is a gate. Unknown counts as the weaker.

use crate::event::EventKind;
use crate::graph::Known;
use crate::graph::Product;
use crate::words;

words! {
    /// How far a verdict reaches, weakest last.
    pub enum Binds {
        /// The caller obeys: nothing happens without us.
        Prevents = "prevents",
        /// A native required check waits for us.
        Gates = "gates",
        /// People see it; nothing stops.
        Signals = "signals",
        /// It has happened already.
        After = "after",
    }
}

/// What is known of the place where a verdict lands.
#[derive(Clone, Debug)]
pub struct Ground {
    /// Which Bitbucket.
    pub product: Product,
    /// Whether we post commit statuses here.
    pub posts_status: bool,
    /// Cloud: whether the workspace's plan enforces merge checks (Premium).
    pub premium: Known<bool>,
    /// Whether a merge into the target needs our status: Cloud `require_passing_builds_to_merge` with
    /// `enforce_merge_checks`; Data Center a required build whose parent key is ours.
    pub status_required: Known<bool>,
}

/// How far a verdict on this kind of event reaches on this ground.
pub fn binds(kind: EventKind, ground: &Ground) -> Binds {
    match reach(kind) {
        Reach::CallerObeys => Binds::Prevents,
        Reach::PullRequestOpen if !ground.posts_status => Binds::After,
        Reach::PullRequestOpen if status_gates(ground) => Binds::Gates,
        Reach::PullRequestOpen => Binds::Signals,
        Reach::Happened => Binds::After,
    }
}

fn status_gates(ground: &Ground) -> bool {
    let yes = |fact: &Known<bool>| fact.value() == Some(&true);
    match ground.product {
        Product::Cloud => yes(&ground.premium) && yes(&ground.status_required),
        Product::DataCenter => yes(&ground.status_required),
    }
}

enum Reach {
    CallerObeys,
    PullRequestOpen,
    Happened,
}

const fn reach(kind: EventKind) -> Reach {
    match kind {
        EventKind::PipelineStep | EventKind::PipelineRequested | EventKind::MergeRequested => {
            Reach::CallerObeys
        }
        EventKind::PullRequestOpened
        | EventKind::PullRequestUpdated
        | EventKind::PullRequestApproved
        | EventKind::PullRequestUnapproved
        | EventKind::PullRequestChangesRequested
        | EventKind::PullRequestChangesWithdrawn
        | EventKind::PullRequestReviewersChanged
        | EventKind::PullRequestCommented => Reach::PullRequestOpen,
        EventKind::Push
        | EventKind::BranchCreated
        | EventKind::BranchDeleted
        | EventKind::TagCreated
        | EventKind::TagMoved
        | EventKind::TagDeleted
        | EventKind::PullRequestMerged
        | EventKind::PullRequestDeclined
        | EventKind::PullRequestDeleted
        | EventKind::CommitCommented
        | EventKind::CommitStatusChanged
        | EventKind::RepositoryCreated
        | EventKind::RepositoryUpdated
        | EventKind::RepositoryForked
        | EventKind::RepositoryTransferred
        | EventKind::RepositoryDeleted
        | EventKind::ProjectUpdated
        | EventKind::SecretDetected
        | EventKind::MirrorSynchronized
        | EventKind::PipelineObserved
        | EventKind::PermissionChanged
        | EventKind::RestrictionChanged
        | EventKind::CredentialChanged
        | EventKind::HookChanged
        | EventKind::RunnerChanged
        | EventKind::VariableChanged
        | EventKind::Unknown => Reach::Happened,
    }
}

impl Binds {
    /// The plain words of the narrative.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Prevents => "The caller waits for this answer and obeys it.",
            Self::Gates => {
                "Bitbucket itself waits for our status: without it the merge button stays closed."
            }
            Self::Signals => {
                "This is a signal: people see our status, but Bitbucket does not wait for it, and a merge remains possible."
            }
            Self::After => {
                "This had already happened when we heard of it. Nothing was stopped; it is recorded, and what was done instead is listed."
            }
        }
    }
}
