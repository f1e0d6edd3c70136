//! What a caller that is no pipeline step says it is about, and how far its token proves it. What is refused is refused
//! here; whether Bitbucket agrees is read back where facts are gathered.

use crate::event::Environment;
use crate::event::caller::Scope;
use crate::gateway::connections::Connection;
use crate::gateway::environments;
use crate::gateway::question::CheckError;
use crate::gateway::question::Question;
use crate::graph::Id;
use crate::graph::Known;
use crate::graph::Snapshot;
use crate::graph::Why;

/// What such a caller is about, before anything was read back.
#[derive(Debug)]
pub struct Told {
    /// The repository, or why none can be named.
    pub repository: Result<Id, Why>,
    /// The commit as it says, or why none can be looked up.
    pub commit: Result<String, Why>,
    /// The full name of the ref as it says; nothing: none was named.
    pub reference: Known<String>,
    /// The environment, as far as the token proves it.
    pub environment: Known<Environment>,
}

/// What whoever holds a service token says.
pub fn of_service(
    connection: &Connection,
    scope: &Scope,
    question: &Question,
    graph: &Snapshot,
) -> Told {
    let named = question.repository.as_deref();
    let repository = named.and_then(|name| graph.repository_named(&connection.id, name));
    let repository = repository.ok_or(Why::fixed("the repository is not known"));
    let environment = match (&question.environment, &repository) {
        (None, _) => Known::Nothing,
        (Some(_), Err(why)) => Known::Unknown(why.clone()),
        (Some(name), Ok(_)) if !scope.proves_environment(name) => unproven(name),
        (Some(name), Ok(repository)) => environments::find(connection, graph, repository, name),
    };
    let commit = question.step.commit.clone();
    Told {
        repository,
        commit: commit.ok_or(Why::fixed("the question names no commit: give it with `--commit`")),
        reference: Known::or_nothing(question.reference()),
        environment,
    }
}

/// Not taken for "no environment": the caller does say one, and nobody vouches for it.
fn unproven(name: &str) -> Known<Environment> {
    let name: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    Known::Unknown(Why::said(format!(
        "the question names environment `{name}`, and nothing proves it: make the service token with `--environment` for it, or name none"
    )))
}

/// Refuses an action or an environment outside the scope. `holder` is the caller in words.
pub fn within_scope(holder: &str, scope: &Scope, question: &Question) -> Result<(), CheckError> {
    if !scope.has_action(&question.action) {
        return refused(format!("{holder} may not ask about `{}`", question.action));
    }
    match &question.environment {
        Some(name) if !scope.environments.is_empty() && !scope.proves_environment(name) => {
            refused(format!(
                "{holder} may not ask about environment `{name}`, only about `{}`",
                scope.environments.join("`, `")
            ))
        }
        Some(_) | None => Ok(()),
    }
}

/// The repository that is called so on this connection.
pub fn repository(connection: &Connection, name: &str, graph: &Snapshot) -> Result<Id, CheckError> {
    graph.repository_named(&connection.id, name).ok_or_else(|| {
        CheckError::Forbidden(format!(
            "repository `{name}` is not known on connection `{}`",
            connection.id
        ))
    })
}

/// Refuses a repository outside the scope.
pub fn repository_within(
    holder: &str,
    scope: &Scope,
    repository: &Id,
    graph: &Snapshot,
) -> Result<(), CheckError> {
    let called = graph.find(repository).and_then(|node| graph.full_name(node));
    if scope.has_repository(repository, called.as_deref()) {
        return Ok(());
    }
    refused(format!("{holder} may not ask about this repository"))
}

fn refused(why: String) -> Result<(), CheckError> {
    Err(CheckError::Forbidden(why))
}
