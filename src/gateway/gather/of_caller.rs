//! Facts of a check: what the caller's token proves, and what is read of the step that holds it. What the body says is
//! never a fact; for a service token it is read back from Bitbucket first.

use std::sync::Arc;

use crate::bitbucket::FetchError;
use crate::bitbucket::PullRequestFacts;
use crate::bitbucket::StepFacts;
use crate::bitbucket::StepState;
use crate::event::Environment;
use crate::event::PullRequest;
use crate::event::RefKind;
use crate::event::Reference;
use crate::event::Repository;
use crate::event::Resource;
use crate::event::caller::StepIdentity;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::gather::CALL;
use crate::gateway::question::Asker;
use crate::gateway::question::Question;
use crate::gateway::question::service_repository;
use crate::gateway::road::Matter;
use crate::graph::Known;
use crate::graph::Why;

const NO_CREDENTIAL: &str = "this connection has no credential, so pipelines cannot be read: give it one in the configuration";

/// Fills what the caller's token proves, and what is read of its step.
pub async fn caller(gateway: &Gateway, matter: &mut Matter, asker: &Asker, question: &Question) {
    let facts = &mut matter.document.facts;
    facts.change = Known::Nothing;
    facts.comment = Known::Nothing;
    facts.commit_status = Known::Nothing;
    facts.before = Known::Nothing;
    facts.after = Known::Nothing;
    match asker {
        Asker::Step { step: proven, .. } => {
            of_token(matter, proven);
            match step(gateway, asker).await {
                Some(Ok(read)) => of_step(matter, &read),
                Some(Err(error)) => unread(matter, &error.why()),
                None => unread(matter, &Why::fixed(NO_CREDENTIAL)),
            }
        }
        Asker::Service { connection, .. } => {
            of_service(gateway, matter, connection, question).await;
        }
    }
}

/// The step as Bitbucket tells it, if this asker is one and there is a credential to read it with.
pub async fn step(
    gateway: &Gateway,
    asker: &Asker,
) -> Option<Result<Arc<StepFacts>, Arc<FetchError>>> {
    let Asker::Step { connection, step } = asker else { return None };
    let client = connection.client.as_ref()?;
    let key = (connection.id.clone(), step.pipeline.clone(), step.step.clone());
    let read = client.step(&step.repository, &step.pipeline, &step.step, CALL);
    Some(Box::pin(gateway.steps.get(key, read)).await)
}

fn of_token(matter: &mut Matter, proven: &StepIdentity) {
    let environment = proven
        .environment
        .clone()
        .map(|id| Environment { id: Known::Value(id), ..Environment::default() });
    let reference = proven.branch.as_ref().map(|branch| reference(format!("refs/heads/{branch}")));
    matter.document.facts.resource = Known::Value(Resource {
        repository: Known::Value(Repository {
            id: Known::Value(proven.repository.clone()),
            ..Repository::default()
        }),
        reference: reference.map_or_else(Known::default, Known::Value),
        environment: Known::or_nothing(environment),
        variables: Known::default(),
    });
}

fn reference(name: String) -> Reference {
    let kind = if name.starts_with("refs/tags/") { RefKind::Tag } else { RefKind::Branch };
    Reference { name: Known::Value(name), kind: Known::Value(kind), ..Reference::default() }
}

fn of_step(matter: &mut Matter, read: &StepFacts) {
    if read.state != StepState::InProgress {
        matter.replayed = Some(read.state.to_string());
    }
    matter.commit = read.pipeline.commit.value().cloned();
    let facts = &mut matter.document.facts;
    facts.pipeline = Known::Value(read.pipeline.clone());
    facts.actor = read.actor.clone();
    facts.pull_request = match read.pull_request {
        Some(id) => Known::Value(PullRequest { id: Known::Value(id), ..PullRequest::default() }),
        None => Known::Nothing,
    };
    if let (Some(resource), Some(name)) = (facts.resource.value_mut(), &read.reference) {
        resource.reference = Known::Value(reference(name.clone()));
    }
}

fn unread(matter: &mut Matter, why: &Why) {
    matter.unread_step = Some(why.clone());
    let facts = &mut matter.document.facts;
    facts.pipeline = Known::Unknown(why.clone());
    facts.actor = Known::Unknown(why.clone());
    facts.pull_request = Known::Unknown(why.clone());
    if let Some(resource) = facts.resource.value_mut() {
        resource.reference.learn_why(why);
    }
}

/// Another CI's claims are read back: the commit exists in that repository, and the ref holds it.
async fn of_service(
    gateway: &Gateway,
    matter: &mut Matter,
    connection: &Connection,
    question: &Question,
) {
    let repository = service_repository(connection, question, &gateway.graph.load());
    let facts = &mut matter.document.facts;
    facts.pipeline = Known::Nothing;
    // The CI asks as itself: nobody's rights on Bitbucket are used, and that is known.
    facts.actor = Known::Nothing;
    facts.pull_request = Known::Nothing;
    let Some(repository) = repository else { return };
    let (commit, held) = match (&connection.client, &question.step.commit) {
        (Some(client), Some(claimed)) => {
            let commit =
                client.commit(&repository, claimed, CALL).await.map_err(|error| error.why());
            let held = match (&commit, question.reference()) {
                (Ok(commit), Some(name)) => holds(
                    client.dropped_history(&repository, &commit.hash, &name, CALL).await,
                    name,
                ),
                (Ok(_), None) => Known::Nothing,
                (Err(why), _) => Known::Unknown(why.clone()),
            };
            (commit.map(|commit| commit.hash), held)
        }
        (None, _) => (Err(Why::fixed(NO_CREDENTIAL)), Known::unknown(NO_CREDENTIAL)),
        (_, None) => {
            let why = Why::fixed("the question names no commit: give it with `--commit`");
            (Err(why.clone()), Known::Unknown(why))
        }
    };
    let pull_request = match (&connection.client, &commit, question.step.pull_request) {
        (_, _, None) => Known::Nothing,
        (Some(client), Ok(commit), Some(id)) => {
            stands_at(client.pull_request(&repository, id, CALL).await, id, commit)
        }
        (None, Ok(_), Some(_)) => Known::unknown(NO_CREDENTIAL),
        (_, Err(why), Some(_)) => Known::Unknown(why.clone()),
    };
    let unread = commit.as_ref().err().or(held.why()).or(pull_request.why());
    matter.unread_step = unread.cloned();
    matter.commit = commit.ok();
    matter.document.facts.pull_request = pull_request;
    matter.document.facts.resource = Known::Value(Resource {
        repository: Known::Value(Repository {
            id: Known::Value(repository),
            ..Repository::default()
        }),
        reference: held.map(reference),
        environment: Known::Nothing,
        variables: Known::default(),
    });
}

/// The pull request, if it stands at the commit that was read: approvals given to other commits speak for nothing here.
fn stands_at(
    read: Result<PullRequestFacts, FetchError>,
    id: u64,
    commit: &str,
) -> Known<PullRequest> {
    let now = match read {
        Ok(now) => now.facts,
        Err(error) => return Known::Unknown(error.why()),
    };
    let stands = now.source.value().and_then(|source| source.commit.value());
    if stands.is_some_and(|stands| stands == commit) {
        return Known::Value(now);
    }
    Known::Unknown(Why::said(format!(
        "pull request {id} does not stand at the commit that the question names"
    )))
}

/// The ref, if no commit up to the claimed one is missing from it.
fn holds(dropped: Result<bool, FetchError>, name: String) -> Known<String> {
    match dropped {
        Ok(false) => Known::Value(name),
        Ok(true) => Known::Unknown(Why::said(format!(
            "`{name}` does not hold the commit that the question names"
        ))),
        Err(error) => Known::Unknown(error.why()),
    }
}
