//! Pipelines and steps of Cloud: what ran, what it was asked to run, and where it stands.

use jiff::Timestamp;
use uuid::Uuid;

/// One run.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// Immutable id.
    pub uuid: Uuid,
    /// Rising number in the repository.
    pub build_number: u64,
    /// Who caused it.
    pub creator: Option<Uuid>,
    /// Push, a person's click, or a timetable.
    pub trigger: Trigger,
    /// What it runs on.
    pub target: Target,
    /// Where the configuration came from.
    pub source: Source,
    /// Keys and values handed in by whoever started it; they shadow everything else.
    pub variables: Vec<(String, String, bool)>,
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Started.
    pub created_on: Timestamp,
    /// Ended.
    pub completed_on: Option<Timestamp>,
    /// Set once stopped through the API.
    pub stopped: bool,
}

/// What started a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A push.
    Push,
    /// A person.
    Manual,
    /// A timetable.
    Schedule,
}

impl Trigger {
    /// The `type` and `name` of the API.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Trigger::Push => ("pipeline_trigger_push", "PUSH"),
            Trigger::Manual => ("pipeline_trigger_manual", "MANUAL"),
            Trigger::Schedule => ("pipeline_trigger_schedule", "SCHEDULE"),
        }
    }
}

/// What a pipeline runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A branch at a commit.
    Branch {
        /// Short name.
        name: String,
        /// Full hash.
        commit: String,
    },
    /// A tag at a commit.
    Tag {
        /// Short name.
        name: String,
        /// Full hash.
        commit: String,
    },
    /// A pull request's source.
    PullRequest {
        /// Number.
        id: u64,
        /// Source branch.
        source: String,
        /// Destination branch.
        destination: String,
        /// Full hash of the source.
        commit: String,
        /// Full hash of the destination.
        destination_commit: String,
    },
}

impl Target {
    /// The commit whose files it runs.
    pub fn commit(&self) -> &str {
        match self {
            Target::Branch { commit, .. }
            | Target::Tag { commit, .. }
            | Target::PullRequest { commit, .. } => commit,
        }
    }

    /// The branch a step token names; none on tags.
    pub fn branch(&self) -> Option<&str> {
        match self {
            Target::Branch { name, .. } => Some(name),
            Target::PullRequest { source, .. } => Some(source),
            Target::Tag { .. } => None,
        }
    }
}

/// Where a pipeline's configuration came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `bitbucket-pipelines.yml` at the target commit.
    Committed,
    /// A YAML document in the body of the request that started it.
    OnDemand,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Immutable id.
    pub uuid: Uuid,
    /// Shown name.
    pub name: String,
    /// Where it stands.
    pub state: StepState,
    /// Docker image.
    pub image: String,
    /// Commands before the script.
    pub setup: Vec<String>,
    /// The resolved commands that really run.
    pub script: Vec<String>,
    /// Deployment environment.
    pub environment: Option<Uuid>,
    /// Audiences of its token: none = no token, empty = the default audience.
    pub audiences: Option<Vec<String>>,
    /// From 1; a re-run counts up.
    pub run_number: u64,
    /// Began.
    pub started_on: Option<Timestamp>,
    /// Ended.
    pub completed_on: Option<Timestamp>,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Waits for its turn.
    Pending,
    /// Runs.
    InProgress,
    /// Ended well.
    Successful,
    /// Ended badly.
    Failed,
    /// Was stopped.
    Stopped,
}

impl StepState {
    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        match self {
            StepState::Pending | StepState::InProgress => false,
            StepState::Successful | StepState::Failed | StepState::Stopped => true,
        }
    }

    /// The result's name, once over.
    pub fn result(self) -> Option<&'static str> {
        match self {
            StepState::Pending | StepState::InProgress => None,
            StepState::Successful => Some("SUCCESSFUL"),
            StepState::Failed => Some("FAILED"),
            StepState::Stopped => Some("STOPPED"),
        }
    }
}

/// An order for a pipeline.
#[derive(Debug, Clone)]
pub struct StartPipeline {
    /// Who caused it; none for a timetable without an owner.
    pub by: Option<Uuid>,
    /// What started it.
    pub trigger: Trigger,
    /// `main`, `refs/tags/v1`, …: a branch unless it is a full tag name.
    pub reference: String,
    /// The commit, when it is not the ref's tip.
    pub commit: Option<String>,
    /// Committed configuration or a document in the request.
    pub source: Source,
    /// Variables handed in: key, value, secured.
    pub variables: Vec<(String, String, bool)>,
    /// The steps.
    pub steps: Vec<PlannedStep>,
}

/// A step of an order.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// Shown name.
    pub name: String,
    /// Docker image.
    pub image: String,
    /// Commands.
    pub script: Vec<String>,
    /// Deployment environment.
    pub environment: Option<Uuid>,
    /// Audiences of its token: none = no token, empty = the default audience.
    pub audiences: Option<Vec<String>>,
}

impl PlannedStep {
    /// A step that runs these commands, with a token for `audiences` (the default one when empty).
    pub fn new(name: &str, script: &[&str], audiences: &[&str]) -> PlannedStep {
        PlannedStep {
            name: name.to_owned(),
            image: "atlassian/default-image:4".to_owned(),
            script: script.iter().map(|&line| line.to_owned()).collect(),
            environment: None,
            audiences: Some(audiences.iter().map(|&audience| audience.to_owned()).collect()),
        }
    }

    /// The same step, deploying to an environment.
    #[must_use]
    pub fn deploying_to(mut self, environment: Uuid) -> PlannedStep {
        self.environment = Some(environment);
        self
    }
}

impl StartPipeline {
    /// A pipeline that a push to `branch` starts.
    pub fn on_push(by: Uuid, branch: &str, steps: Vec<PlannedStep>) -> StartPipeline {
        StartPipeline {
            by: Some(by),
            trigger: Trigger::Push,
            reference: branch.to_owned(),
            commit: None,
            source: Source::Committed,
            variables: Vec::new(),
            steps,
        }
    }

    /// The same, started by hand.
    #[must_use]
    pub fn by_hand(mut self) -> StartPipeline {
        self.trigger = Trigger::Manual;
        self
    }

    /// The same, with a YAML document of its own instead of the committed one.
    #[must_use]
    pub fn on_demand(mut self) -> StartPipeline {
        self.trigger = Trigger::Manual;
        self.source = Source::OnDemand;
        self
    }
}

/// What was started.
#[derive(Debug, Clone)]
pub struct Started {
    /// The pipeline.
    pub pipeline: Uuid,
    /// Its build number.
    pub build_number: u64,
    /// The commit it runs on.
    pub commit: String,
    /// Its steps in order.
    pub steps: Vec<Uuid>,
}

impl Pipeline {
    /// Whether every step has ended.
    pub fn is_over(&self) -> bool {
        self.stopped || self.steps.iter().all(|step| step.state.is_over())
    }

    /// The step of this id.
    pub fn step(&self, uuid: Uuid) -> Option<&Step> {
        self.steps.iter().find(|step| step.uuid == uuid)
    }
}
