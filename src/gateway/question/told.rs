//! What a caller that is no pipeline step says it is about, and how far its token proves it. What is refused is refused
//! here; whether Bitbucket agrees is read back where facts are gathered.

use crate::event::Environment;
use crate::event::caller::CiIdentity;
use crate::event::caller::Scope;
use crate::gateway::connections::Connection;
use crate::gateway::environments;
use crate::gateway::question::CheckError;
use crate::gateway::question::Question;
use crate::gateway::road::RUN;
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
    let proven = match &question.environment {
        None => Known::Nothing,
        Some(name) if scope.proves_environment(name) => Known::Value(name.clone()),
        Some(name) => unproven(name, "make the service token with `--environment` for it"),
    };
    Told {
        environment: environment(connection, graph, &repository, proven),
        repository,
        commit: question.step.commit.clone().ok_or(NO_COMMIT),
        reference: Known::or_nothing(question.reference()),
    }
}

/// What a job of another CI says: its token where that is configured to tell, its body for the rest.
pub fn of_ci(
    connection: &Connection,
    ci: &CiIdentity,
    scope: &Scope,
    question: &Question,
    graph: &Snapshot,
) -> Told {
    let repository = either(&ci.repository, question.repository.as_ref(), NO_REPOSITORY);
    let repository = repository.and_then(|name| {
        let id = graph.repository_named(&connection.id, &name);
        id.ok_or_else(|| Why::said(not_known(connection, &name)))
    });
    let proven = match (&ci.environment, &question.environment) {
        (Known::Nothing, None) => Known::Nothing,
        (Known::Nothing, Some(name)) if scope.proves_environment(name) => {
            Known::Value(name.clone())
        }
        (Known::Nothing, Some(name)) => unproven(
            name,
            "name the claim that holds it in the CI's `claims`, or list it in its `environments`",
        ),
        (told @ (Known::Value(_) | Known::Unknown(_)), _) => told.clone(),
    };
    Told {
        environment: environment(connection, graph, &repository, proven),
        repository,
        commit: either(&ci.commit, question.step.commit.as_ref(), NO_COMMIT).and_then(whole_hash),
        reference: reference(ci, question),
    }
}

const NO_COMMIT: Why = Why::fixed("the question names no commit: give it with `--commit`");

const NO_REPOSITORY: Why =
    Why::fixed("the question names no repository: give it with `--repository`");

/// What the token says, where its CI is configured to say it; else what the body says.
fn either(proven: &Known<String>, claimed: Option<&String>, missing: Why) -> Result<String, Why> {
    match proven {
        Known::Value(told) => Ok(told.clone()),
        Known::Unknown(why) => Err(why.clone()),
        Known::Nothing => claimed.cloned().ok_or(missing),
    }
}

/// A shortened hash, or one that is none, could be read as another commit.
fn whole_hash(text: String) -> Result<String, Why> {
    if text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text);
    }
    Err(Why::said(format!("`{}` is not a full commit hash of 40 hex digits", cut(&text))))
}

/// The full name of the ref. A token's short name does not say whether it is a branch or a tag; the body may.
fn reference(ci: &CiIdentity, question: &Question) -> Known<String> {
    let name = match &ci.reference {
        Known::Nothing => return Known::or_nothing(question.reference()),
        Known::Unknown(why) => return Known::Unknown(why.clone()),
        Known::Value(name) => name,
    };
    if name.starts_with("refs/heads/") || name.starts_with("refs/tags/") {
        return Known::Value(name.clone());
    }
    if name.starts_with("refs/") {
        let why = format!("`{}` is neither a branch nor a tag", cut(name));
        return Known::Unknown(Why::said(why));
    }
    let place = if question.step.tag.as_ref() == Some(name) { "tags" } else { "heads" };
    Known::Value(format!("refs/{place}/{name}"))
}

/// What is known of an environment whose name is proven.
fn environment(
    connection: &Connection,
    graph: &Snapshot,
    repository: &Result<Id, Why>,
    proven: Known<String>,
) -> Known<Environment> {
    match (proven, repository) {
        (Known::Nothing, _) => Known::Nothing,
        (Known::Unknown(why), _) => Known::Unknown(why),
        (Known::Value(_), Err(why)) => Known::Unknown(why.clone()),
        (Known::Value(name), Ok(repository)) => {
            environments::find(connection, graph, repository, &name)
        }
    }
}

/// Not taken for "no environment": the caller does say one, and nobody vouches for it.
fn unproven(name: &str, remedy: &str) -> Known<String> {
    Known::Unknown(Why::said(format!(
        "the question names environment `{}`, and nothing proves it: {remedy}, or name none",
        cut(name)
    )))
}

/// What a sentence may quote of a foreign text.
fn cut(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

fn not_known(connection: &Connection, name: &str) -> String {
    format!("repository `{}` is not known on connection `{}`", cut(name), connection.id)
}

/// Refuses a job whose body contradicts its token, or that asks about what is outside its scope.
pub fn ci_agrees(
    connection: &Connection,
    ci: &CiIdentity,
    scope: &Scope,
    question: &Question,
    graph: &Snapshot,
) -> Result<(), CheckError> {
    contradictions(ci, question)?;
    let holder = format!("`{}` of CI `{}`", cut(&ci.subject), ci.ci);
    within_scope(&holder, scope, question)?;
    if let Known::Value(name) = &ci.environment {
        environment_within(&holder, scope, name)?;
    }
    let name = match (&ci.repository, &question.repository) {
        (Known::Value(name), _) | (Known::Nothing, Some(name)) => name,
        // Of a mere run nothing has to be known, and then nothing would keep it to its scope.
        (Known::Unknown(why), _) if question.action == RUN && scope.repositories.is_some() => {
            return refused(format!(
                "{holder} may not ask about every repository, and {}",
                why.as_str()
            ));
        }
        // What the token should say and does not is an unknown fact, and the decision says so.
        (Known::Unknown(_), _) => return Ok(()),
        (Known::Nothing, None) => {
            return Err(CheckError::Malformed(
                "this CI's token carries no repository: name it with `repository`, PROJECT/SLUG"
                    .to_owned(),
            ));
        }
    };
    let repository = self::repository(connection, name, graph)?;
    repository_within(&holder, scope, &repository, graph)
}

/// Refuses a body that says something else than its token, with both values.
fn contradictions(ci: &CiIdentity, question: &Question) -> Result<(), CheckError> {
    let step = &question.step;
    let same = |told: &str, claimed: &str| told.eq_ignore_ascii_case(claimed);
    differs("repository", &ci.repository, question.repository.as_deref(), same)?;
    differs("commit", &ci.commit, step.commit.as_deref(), same)?;
    differs("environment", &ci.environment, question.environment.as_deref(), same)?;
    let is_ref = |place: &'static str| {
        move |told: &str, claimed: &str| {
            told == claimed || told.strip_prefix(place) == Some(claimed)
        }
    };
    differs("branch", &ci.reference, step.branch.as_deref(), is_ref("refs/heads/"))?;
    differs("tag", &ci.reference, step.tag.as_deref(), is_ref("refs/tags/"))?;
    // A run is told as the build's number or as its address; each is compared with its like.
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let build = step.build.map(|build| build.to_string());
    differs("build", &ci.run, build.as_deref(), |told, claimed| {
        !is_number(told) || told == claimed
    })?;
    differs("run", &ci.run, step.run.as_deref(), |told, claimed| {
        !told.contains("://") || told == claimed
    })
}

fn differs(
    what: &str,
    told: &Known<String>,
    claimed: Option<&str>,
    same: impl Fn(&str, &str) -> bool,
) -> Result<(), CheckError> {
    match (told, claimed) {
        (Known::Value(told), Some(claimed)) if !same(told, claimed) => refused(format!(
            "the question names {what} `{}`, but the token is for `{}`",
            cut(claimed),
            cut(told)
        )),
        (Known::Value(_) | Known::Nothing | Known::Unknown(_), _) => Ok(()),
    }
}

/// Refuses an action or an environment outside the scope. `holder` is the caller in words.
pub fn within_scope(holder: &str, scope: &Scope, question: &Question) -> Result<(), CheckError> {
    if !scope.has_action(&question.action) {
        return refused(format!("{holder} may not ask about `{}`", question.action));
    }
    question.environment.as_ref().map_or(Ok(()), |name| environment_within(holder, scope, name))
}

fn environment_within(holder: &str, scope: &Scope, name: &str) -> Result<(), CheckError> {
    if scope.environments.is_empty() || scope.proves_environment(name) {
        return Ok(());
    }
    refused(format!(
        "{holder} may not ask about environment `{}`, only about `{}`",
        cut(name),
        scope.environments.join("`, `")
    ))
}

/// The repository that is called so on this connection.
pub fn repository(connection: &Connection, name: &str, graph: &Snapshot) -> Result<Id, CheckError> {
    let id = graph.repository_named(&connection.id, name);
    id.ok_or_else(|| CheckError::Forbidden(not_known(connection, name)))
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
