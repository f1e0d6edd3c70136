//! Facts of a check: what the caller's token proves, and what is read of the step that holds it. What the body says is
//! never a fact; for a service token it is read back from Bitbucket first.

use std::sync::Arc;

use crate::bitbucket::Client;
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
use crate::gateway::question::told;
use crate::gateway::question::told::Told;
use crate::gateway::road::Matter;
use crate::graph::Id;
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
        Asker::Service { connection, scope, .. } => {
            let told = told::of_service(connection, scope, question, &gateway.graph.load());
            of_other(matter, connection, told, question.step.pull_request).await;
        }
        Asker::Ci { connection, ci, scope } => {
            let told = told::of_ci(connection, ci, scope, question, &gateway.graph.load());
            of_other(matter, connection, told, question.step.pull_request).await;
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

/// What a caller that is no step says is read back: the commit exists in that repository, and the ref holds it.
async fn of_other(
    matter: &mut Matter,
    connection: &Connection,
    told: Told,
    pull_request: Option<u64>,
) {
    let facts = &mut matter.document.facts;
    facts.pipeline = Known::Nothing;
    // The CI asks as itself: nobody's rights on Bitbucket are used, and that is known.
    facts.actor = Known::Nothing;
    facts.pull_request = Known::Nothing;
    let read = read_back(connection, &told, pull_request).await;
    let unread = read.commit.as_ref().err().or(read.held.why()).or(read.pull_request.why());
    matter.unread_step = unread.cloned();
    matter.commit = read.commit.ok();
    matter.document.facts.pull_request = read.pull_request;
    matter.document.facts.resource = Known::Value(Resource {
        repository: match told.repository {
            Ok(id) => Known::Value(Repository { id: Known::Value(id), ..Repository::default() }),
            Err(why) => Known::Unknown(why),
        },
        reference: read.held.map(reference),
        environment: told.environment,
        variables: Known::default(),
    });
}

/// What Bitbucket says of what a caller told.
struct ReadBack {
    commit: Result<String, Why>,
    /// The ref, if it holds the commit.
    held: Known<String>,
    pull_request: Known<PullRequest>,
}

async fn read_back(connection: &Connection, told: &Told, pull_request: Option<u64>) -> ReadBack {
    let (client, repository, claimed) = match placed(connection, told) {
        Ok(placed) => placed,
        Err(why) => {
            let held = Known::Unknown(why.clone());
            let pull_request = match pull_request {
                Some(_) => Known::Unknown(why.clone()),
                None => Known::Nothing,
            };
            return ReadBack { commit: Err(why), held, pull_request };
        }
    };
    let commit = client.commit(repository, claimed, CALL).await.map_err(|error| error.why());
    let held = match (&commit, &told.reference) {
        (Err(why), _) | (Ok(_), Known::Unknown(why)) => Known::Unknown(why.clone()),
        (Ok(commit), Known::Value(name)) => {
            let dropped = client.dropped_history(repository, &commit.hash, name, CALL).await;
            holds(dropped, name.clone())
        }
        (Ok(_), Known::Nothing) => Known::Nothing,
    };
    let pull_request = match (&commit, pull_request) {
        (_, None) => Known::Nothing,
        (Ok(commit), Some(id)) => {
            stands_at(client.pull_request(repository, id, CALL).await, id, &commit.hash)
        }
        (Err(why), Some(_)) => Known::Unknown(why.clone()),
    };
    ReadBack { commit: commit.map(|commit| commit.hash), held, pull_request }
}

/// Where to read, and which commit.
fn placed<'a>(
    connection: &'a Connection,
    told: &'a Told,
) -> Result<(&'a Client, &'a Id, &'a str), Why> {
    let client = connection.client.as_ref().ok_or(Why::fixed(NO_CREDENTIAL))?;
    let repository = told.repository.as_ref().map_err(Clone::clone)?;
    Ok((client, repository, told.commit.as_ref().map_err(Clone::clone)?))
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
