//! How far a verdict reaches: a status is a signal; a required check is a gate. Unknown counts as the weaker.

use crate::decision::Brake;
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
        Reach::MergeAsked => merge_asked(ground),
        Reach::PullRequestOpen if !ground.posts_status => Binds::After,
        Reach::PullRequestOpen if status_gates(ground) => Binds::Gates,
        Reach::PullRequestOpen => Binds::Signals,
        Reach::Happened => Binds::After,
    }
}

/// A merge check of ours. Without Premium, Cloud shows its answer as advice and merges all the same
/// (bitbucket-cloud, "merge checks are advice without Premium"); Data Center's hook waits for the answer.
fn merge_asked(ground: &Ground) -> Binds {
    match (ground.product, ground.premium.value()) {
        (Product::DataCenter, _) => Binds::Prevents,
        (Product::Cloud, Some(true)) => Binds::Gates,
        (Product::Cloud, Some(false) | None) => Binds::Signals,
    }
}

fn status_gates(ground: &Ground) -> bool {
    let yes = |fact: &Known<bool>| fact.value() == Some(&true);
    match ground.product {
        Product::Cloud => yes(&ground.premium) && yes(&ground.status_required),
        Product::DataCenter => yes(&ground.status_required),
    }
}

/// When a verdict on a kind of event comes.
enum Reach {
    /// Before it: whoever asks waits for the answer.
    CallerObeys,
    /// Before a merge, by a merge check.
    MergeAsked,
    /// While the pull request is open: a status can be seen, and waited for, before the merge.
    PullRequestOpen,
    /// After it. Of a comment too: no status follows from one.
    Happened,
}

const fn reach(kind: EventKind) -> Reach {
    match kind {
        EventKind::PipelineStep | EventKind::PipelineRequested => Reach::CallerObeys,
        EventKind::MergeRequested => Reach::MergeAsked,
        EventKind::PullRequestOpened
        | EventKind::PullRequestUpdated
        | EventKind::PullRequestApproved
        | EventKind::PullRequestUnapproved
        | EventKind::PullRequestChangesRequested
        | EventKind::PullRequestChangesWithdrawn
        | EventKind::PullRequestReviewersChanged => Reach::PullRequestOpen,
        EventKind::Push
        | EventKind::BranchCreated
        | EventKind::BranchDeleted
        | EventKind::TagCreated
        | EventKind::TagMoved
        | EventKind::TagDeleted
        | EventKind::PullRequestCommented
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
    /// The same under a brake: while the gate is paused nothing waits for a verdict, so that it is a signal at most.
    #[must_use]
    pub fn under(self, brake: Brake) -> Self {
        match brake {
            Brake::Off => self,
            Brake::On { .. } => self.max(Self::Signals),
        }
    }

    /// The plain words of the narrative. Where nothing is held back, no word says so.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Prevents => "The caller waits for this answer and obeys it.",
            Self::Gates => {
                "Bitbucket's own merge check counts what we say: as long as the check is required, the merge waits for us."
            }
            Self::Signals => {
                "This is a signal: people see what we say, but Bitbucket does not wait for it, and a merge remains possible."
            }
            Self::After => {
                "This had already happened when we heard of it, and the verdict could not change that. It is recorded, and whatever is done about it is listed."
            }
        }
    }
}
