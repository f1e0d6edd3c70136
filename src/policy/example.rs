//! A full example of the input document for every kind of event: for authors to look at, and for the loader to try
//! each rule on once. Names and ids are invented; what an event does not have is null.

use crate::event::Acted;
use crate::event::Actor;
use crate::event::ActorKind;
use crate::event::Approval;
use crate::event::Build;
use crate::event::BuildState;
use crate::event::Change;
use crate::event::ChangeKind;
use crate::event::Comment;
use crate::event::CommentAct;
use crate::event::Environment;
use crate::event::EventKind;
use crate::event::Facts;
use crate::event::ForkPolicy;
use crate::event::Gate;
use crate::event::Level;
use crate::event::Pipeline;
use crate::event::PipelineSource;
use crate::event::PullRequest;
use crate::event::RefKind;
use crate::event::Reference;
use crate::event::Repository;
use crate::event::Resource;
use crate::event::Scope;
use crate::event::Source;
use crate::event::Target;
use crate::event::Thing;
use crate::event::Tier;
use crate::event::Trigger;
use crate::event::Variable;
use crate::event::Visibility;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::graph::Product;
use crate::graph::Time;
use crate::policy::input::Caller;
use crate::policy::input::CallerKind;
use crate::policy::input::Claimed;
use crate::policy::input::ClaimedAction;
use crate::policy::input::ClaimedEntity;
use crate::policy::input::Document;
use crate::policy::input::GraphAge;

/// 2026-11-21 18:05:00 UTC, the hour of every example.
const NOW: Time = Time::from_millis(1_795_284_300_000);

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "8d3c1f0e5b7a49c2d6e8f1029384756aabbccdde";
const STEP: &str = "5b1c2d3e-0000-4000-8000-000000000009";

/// A full example of this kind. It fails only if an invented id were malformed, which a test excludes.
pub fn example(kind: EventKind) -> Result<Document, IdError> {
    let people = People::new()?;
    let told = group(kind);
    Ok(Document {
        kind,
        connection: people.connection.clone(),
        product: Product::Cloud,
        action: action(kind).to_owned(),
        now: Known::Value(NOW),
        caller: Known::Value(caller(told)),
        facts: facts(kind, told, &people),
        claimed: only(told == Group::Pipeline, claimed),
        graph: Known::Value(GraphAge { revision: 42.into(), age_ms: 1_500.into() }),
    })
}

/// The same question when everything that may be null is: the sparest document a rule can meet.
pub fn bare(kind: EventKind) -> Result<Document, IdError> {
    let full = example(kind)?;
    Ok(Document {
        caller: Known::Nothing,
        claimed: Known::Nothing,
        facts: Facts {
            actor: Known::Nothing,
            resource: Known::Nothing,
            change: Known::Nothing,
            pull_request: Known::Nothing,
            pipeline: Known::Nothing,
            comment: Known::Nothing,
            commit_status: Known::Nothing,
            before: Known::Nothing,
            after: Known::Nothing,
        },
        ..full
    })
}

/// What the kinds have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Ref,
    PullRequest,
    Commit,
    Thing,
    Pipeline,
    Other,
}

const fn group(kind: EventKind) -> Group {
    match kind {
        EventKind::Push
        | EventKind::BranchCreated
        | EventKind::BranchDeleted
        | EventKind::TagCreated
        | EventKind::TagMoved
        | EventKind::TagDeleted
        | EventKind::SecretDetected => Group::Ref,
        EventKind::PullRequestOpened
        | EventKind::PullRequestUpdated
        | EventKind::PullRequestApproved
        | EventKind::PullRequestUnapproved
        | EventKind::PullRequestChangesRequested
        | EventKind::PullRequestChangesWithdrawn
        | EventKind::PullRequestReviewersChanged
        | EventKind::PullRequestCommented
        | EventKind::PullRequestMerged
        | EventKind::PullRequestDeclined
        | EventKind::PullRequestDeleted
        | EventKind::MergeRequested => Group::PullRequest,
        EventKind::CommitCommented | EventKind::CommitStatusChanged => Group::Commit,
        EventKind::RepositoryCreated
        | EventKind::RepositoryUpdated
        | EventKind::RepositoryForked
        | EventKind::RepositoryTransferred
        | EventKind::RepositoryDeleted
        | EventKind::ProjectUpdated
        | EventKind::PermissionChanged
        | EventKind::RestrictionChanged
        | EventKind::CredentialChanged
        | EventKind::HookChanged
        | EventKind::RunnerChanged
        | EventKind::VariableChanged => Group::Thing,
        EventKind::PipelineStep | EventKind::PipelineRequested | EventKind::PipelineObserved => {
            Group::Pipeline
        }
        EventKind::MirrorSynchronized | EventKind::Unknown => Group::Other,
    }
}

fn action(kind: EventKind) -> &'static str {
    if kind == EventKind::MergeRequested {
        return "merge";
    }
    match group(kind) {
        Group::Pipeline if kind == EventKind::PipelineStep => "deploy",
        Group::Pipeline => "run",
        Group::Ref => "push",
        Group::PullRequest | Group::Commit | Group::Thing | Group::Other => "observe",
    }
}

fn only<T>(applies: bool, make: impl FnOnce() -> T) -> Known<T> {
    if applies { Known::Value(make()) } else { Known::Nothing }
}

fn text(value: &str) -> Known<String> {
    Known::Value(value.to_owned())
}

struct People {
    connection: ConnectionId,
    ana: Id,
    ben: Id,
    agent: Id,
    repository: Id,
    environment: Id,
    thing: Id,
}

impl People {
    fn new() -> Result<Self, IdError> {
        let connection: ConnectionId = "acme-cloud".parse()?;
        let id = |text: &str| format!("acme-cloud/{text}").parse::<Id>();
        Ok(Self {
            connection,
            ana: id("user/0b1c2d3e-0000-4000-8000-000000000001")?,
            ben: id("user/0b1c2d3e-0000-4000-8000-000000000002")?,
            agent: id("agent/0b1c2d3e-0000-4000-8000-000000000003")?,
            repository: id("repository/0b1c2d3e-0000-4000-8000-000000000004")?,
            environment: id("environment/0b1c2d3e-0000-4000-8000-000000000005")?,
            thing: id("hook/0b1c2d3e-0000-4000-8000-000000000006")?,
        })
    }
}

fn caller(told: Group) -> Caller {
    match told {
        Group::Pipeline => Caller { kind: CallerKind::Step.into(), id: text(STEP) },
        Group::Ref | Group::PullRequest | Group::Commit | Group::Thing | Group::Other => {
            Caller { kind: CallerKind::Hook.into(), id: text("main-hook") }
        }
    }
}

fn claimed() -> Claimed {
    Claimed {
        repository: text("acme/shop"),
        commit: text(NEW),
        branch: text("main"),
        tag: Known::Nothing,
        pull_request: Known::Nothing,
        environment: text("production-eu"),
        variables: vec!["AWS_PROD_KEY".to_owned()].into(),
        run: text("https://bitbucket.org/acme/shop/pipelines/results/128"),
        build: 128.into(),
        reason: text("hotfix for the checkout"),
        subject: entity("user", "0b1c2d3e-0000-4000-8000-000000000001", "department").into(),
        resource: entity("environment", "production-eu", "region").into(),
        action: ClaimedAction { name: text("deploy"), properties: properties("method").into() }
            .into(),
        context: properties("ticket").into(),
    }
}

/// No question has all of it, an AuthZEN one has only these: a rule is tried on each.
fn entity(kind: &str, id: &str, property: &str) -> ClaimedEntity {
    ClaimedEntity { kind: text(kind), id: text(id), properties: properties(property).into() }
}

fn properties(name: &str) -> serde_json::Map<String, serde_json::Value> {
    std::iter::once((name.to_owned(), "as the asker says".into())).collect()
}

fn facts(kind: EventKind, told: Group, people: &People) -> Facts {
    let commented = matches!(kind, EventKind::PullRequestCommented | EventKind::CommitCommented);
    let appeared = matches!(kind, EventKind::RepositoryCreated | EventKind::RepositoryForked);
    let vanished = kind == EventKind::RepositoryDeleted;
    Facts {
        actor: actor(people).into(),
        resource: resource(kind, told, people).into(),
        change: only(told == Group::Ref, || change(kind)),
        pull_request: only(told == Group::PullRequest, || pull_request(people)),
        pipeline: only(told == Group::Pipeline, || pipeline(people)),
        comment: only(commented, || Comment {
            what: CommentAct::Added.into(),
            by: people.ana.clone().into(),
        }),
        commit_status: only(kind == EventKind::CommitStatusChanged, || build(NEW)),
        before: only(told == Group::Thing && !appeared, || thing(people, Visibility::Private)),
        after: only(told == Group::Thing && !vanished, || thing(people, Visibility::Public)),
    }
}

fn actor(people: &People) -> Actor {
    Actor {
        id: people.agent.clone().into(),
        kind: ActorKind::Agent.into(),
        name: text("Release helper"),
        level: Level::Write.into(),
        via: vec!["acme-cloud/group/developers → acme/shop: write".to_owned()].into(),
        groups: vec!["developers".to_owned()].into(),
        acts_for: Acted { id: people.ana.clone().into(), level: Level::Admin.into() }.into(),
        risk: 12.into(),
    }
}

fn resource(kind: EventKind, told: Group, people: &People) -> Resource {
    let tag = matches!(kind, EventKind::TagCreated | EventKind::TagMoved | EventKind::TagDeleted);
    let deploys = kind == EventKind::PipelineStep;
    Resource {
        repository: repository(people).into(),
        reference: only(matches!(told, Group::Ref | Group::Pipeline), || reference(tag, people)),
        environment: only(deploys, || Environment {
            id: people.environment.clone().into(),
            name: text("production-eu"),
            tier: Tier::Production.into(),
        }),
        variables: if deploys { variables() } else { Vec::new() }.into(),
    }
}

fn repository(people: &People) -> Repository {
    Repository {
        id: people.repository.clone().into(),
        name: text("acme/shop"),
        project: text("SHOP"),
        visibility: Visibility::Private.into(),
        default_branch: text("main"),
        archived: false.into(),
        class: text("critical"),
    }
}

fn reference(tag: bool, people: &People) -> Reference {
    Reference {
        name: text(if tag { "refs/tags/v1.4.0" } else { "refs/heads/main" }),
        kind: if tag { RefKind::Tag } else { RefKind::Branch }.into(),
        protected: true.into(),
        project_rules: true.into(),
        exempt: vec![people.ben.clone()].into(),
        reviewed: true.into(),
    }
}

fn variables() -> Vec<Variable> {
    let variable = |name, secured: bool, scope: Scope| Variable {
        name: text(name),
        secured: secured.into(),
        scope: scope.into(),
    };
    vec![
        variable("AWS_PROD_KEY", true, Scope::Environment),
        variable("NPM_TOKEN", true, Scope::Workspace),
        variable("REGION", false, Scope::Repository),
    ]
}

fn change(kind: EventKind) -> Change {
    let created = matches!(kind, EventKind::BranchCreated | EventKind::TagCreated);
    let deleted = matches!(kind, EventKind::BranchDeleted | EventKind::TagDeleted);
    let what = match (created, deleted) {
        (true, _) => ChangeKind::Created,
        (false, true) => ChangeKind::Deleted,
        (false, false) => ChangeKind::Updated,
    };
    Change {
        kind: what.into(),
        from: only(!created, || OLD.to_owned()),
        to: only(!deleted, || NEW.to_owned()),
        forced: (kind == EventKind::Push).into(),
        truncated: false.into(),
        pull_request: Known::Nothing,
    }
}

fn build(commit: &str) -> Build {
    Build { key: text("unit-tests"), state: BuildState::Successful.into(), commit: text(commit) }
}

fn pull_request(people: &People) -> PullRequest {
    PullRequest {
        id: 41.into(),
        author: people.ana.clone().into(),
        source: Source {
            reference: text("refs/heads/feature/checkout"),
            commit: text(NEW),
            repository: people.repository.clone().into(),
        }
        .into(),
        target: Target { reference: text("refs/heads/main"), commit: text(OLD) }.into(),
        approvals: vec![Approval { by: people.ben.clone().into(), commit: text(OLD) }].into(),
        builds: vec![build(NEW)].into(),
    }
}

fn pipeline(people: &People) -> Pipeline {
    Pipeline {
        id: text("5b1c2d3e-0000-4000-8000-000000000008"),
        step: text(STEP),
        commit: text(NEW),
        trigger: Trigger::Push.into(),
        creator: people.ana.clone().into(),
        source: PipelineSource::Repository.into(),
        gate: Gate { present: true.into(), first: true.into() }.into(),
        script_sha256: text("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    }
}

/// A thing with every field set, though no real thing has them all: a rule is tried on each of them.
fn thing(people: &People, visibility: Visibility) -> Thing {
    let open = visibility == Visibility::Public;
    Thing {
        id: people.thing.clone().into(),
        name: text("shop"),
        kind: text("push"),
        project: text("SHOP"),
        visibility: visibility.into(),
        outside: open.into(),
        default_branch: text("main"),
        archived: false.into(),
        forks: if open { ForkPolicy::Any } else { ForkPolicy::None }.into(),
        host: text("hooks.example.net"),
        external: open.into(),
        secret_set: (!open).into(),
        tls_verified: (!open).into(),
        events: vec!["repo:push".to_owned()].into(),
        active: true.into(),
        secured: (!open).into(),
        scope: Scope::Repository.into(),
        level: if open { Level::Admin } else { Level::Write }.into(),
        identity: people.ben.clone().into(),
        expires_at: NOW.plus(std::time::Duration::from_hours(24 * 90)).into(),
        pattern: text("main"),
        exempt: if open { vec![people.ben.clone()] } else { Vec::new() }.into(),
        value: u64::from(!open).into(),
        overridden: open.into(),
        labels: vec!["self.hosted".to_owned(), "linux".to_owned()].into(),
    }
}
