//! Who is calling Cloud, and whether their scopes and levels are enough: 401, 403 and 404 as Cloud tells them apart.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::ToSpan;
use serde_json::json;
use uuid::Uuid;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Here;
use crate::simulator::answer::Reply;
use crate::simulator::answer::Request;
use crate::simulator::answer::cloud_error;
use crate::simulator::cloud::CloudCredential;
use crate::simulator::cloud::Consent;
use crate::simulator::cloud::CredentialKind;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Role;
use crate::simulator::cloud::Workspace;
use crate::simulator::company::Company;
use crate::simulator::company::fresh_secret;
use crate::simulator::oracle::cloud_effective;

/// Scopes one endpoint asks for: classic ones of consumers and access tokens, granular ones of API tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scopes {
    pub(crate) classic: &'static [&'static str],
    pub(crate) granular: &'static [&'static str],
}

const fn scopes(classic: &'static [&'static str], granular: &'static [&'static str]) -> Scopes {
    Scopes { classic, granular }
}

pub(crate) const USER: Scopes = scopes(&["account"], &["read:user"]);
pub(crate) const WORKSPACE: Scopes = scopes(&[], &["read:workspace"]);
pub(crate) const ACCOUNT: Scopes = scopes(&["account"], &["read:workspace"]);
pub(crate) const GROUPS: Scopes = scopes(&["account"], &["read:workspace"]);
pub(crate) const ALL_PERMISSIONS: Scopes = scopes(&["account"], &["read:repository"]);
pub(crate) const PROJECT: Scopes = scopes(&["project"], &["read:project"]);
pub(crate) const PROJECT_ADMIN: Scopes = scopes(&["project:admin"], &["read:project"]);
pub(crate) const REPOSITORY: Scopes = scopes(&["repository"], &["read:repository"]);
pub(crate) const GRANTS: Scopes = scopes(&["repository:admin"], &["read:repository"]);
pub(crate) const RESTRICTIONS: Scopes = scopes(&["repository:admin"], &["admin:repository"]);
pub(crate) const KEYS: Scopes = scopes(&["repository", "repository:admin"], &["admin:repository"]);
pub(crate) const HOOKS: Scopes = scopes(&["webhook"], &["read:webhook"]);
pub(crate) const HOOKS_WRITE: Scopes = scopes(&["webhook"], &["read:webhook", "write:webhook"]);
pub(crate) const HOOKS_DELETE: Scopes = scopes(&["webhook"], &["delete:webhook"]);
pub(crate) const PULLS: Scopes = scopes(&["pullrequest"], &["read:pullrequest"]);
pub(crate) const PIPELINES: Scopes = scopes(&["pipeline"], &["read:pipeline"]);
pub(crate) const STOP: Scopes = scopes(&["pipeline:write"], &["write:pipeline"]);
pub(crate) const RUNNERS: Scopes = scopes(&["runner"], &["read:runner"]);

/// The credential a request shows. None for an anonymous one; a credential that is not good is 401, never anonymous.
pub(crate) fn credential(
    company: &Company,
    request: &Request,
    now: Timestamp,
) -> Result<Option<CloudCredential>, Answer> {
    let Some(header) = request.authorization.as_deref() else { return Ok(None) };
    let bad = || cloud_error(401, "Token is invalid, expired, or not supported for this endpoint.");
    let good = |found: &&CloudCredential| found.expires.is_none_or(|end| now < end);
    let found = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => company
            .credentials
            .iter()
            .find(|known| known.kind != CredentialKind::ApiToken && known.token == token),
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => basic(company, pair),
        _ => None,
    };
    found.filter(good).cloned().map(Some).ok_or_else(bad)
}

/// API tokens log in with the owner's e-mail address, not with a user name.
fn basic<'a>(company: &'a Company, pair: &str) -> Option<&'a CloudCredential> {
    let decoded = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
    let (email, token) = decoded.split_once(':')?;
    let found = company
        .credentials
        .iter()
        .find(|known| known.kind == CredentialKind::ApiToken && known.token == token)?;
    let mut people =
        company.workspaces.iter().filter_map(|workspace| workspace.person(found.owner));
    people.any(|person| person.email == email).then_some(found)
}

/// Lets the credential through if it is there and has the scopes.
pub(crate) fn require(
    shown: Option<&CloudCredential>,
    needed: Scopes,
) -> Result<&CloudCredential, Answer> {
    let Some(credential) = shown else {
        return Err(cloud_error(401, "Authentication required to access this resource."));
    };
    let (required, granular) = match credential.kind {
        CredentialKind::ApiToken => (needed.granular, true),
        CredentialKind::OAuth | CredentialKind::AccessToken => (needed.classic, false),
    };
    if required.iter().all(|scope| covers(credential, scope, granular)) {
        return Ok(credential);
    }
    let suffix = if granular { ":bitbucket" } else { "" };
    let required: Vec<String> = required.iter().map(|scope| format!("{scope}{suffix}")).collect();
    Err(Answer::json(
        403,
        &json!({"type": "error", "error": {
            "message": "Your credentials lack one or more required privilege scopes.",
            "detail": {"granted": credential.scopes, "required": required},
        }}),
    ))
}

/// Granular scopes imply nothing. Of the classic ones, writing implies reading and pull requests and projects imply
/// reading repositories; `repository:admin` implies neither reading nor writing.
fn covers(credential: &CloudCredential, wanted: &str, granular: bool) -> bool {
    credential.scopes.iter().any(|held| {
        if granular {
            return held.strip_suffix(":bitbucket").unwrap_or(held) == wanted;
        }
        held == wanted || implied(held).contains(&wanted)
    })
}

fn implied(held: &str) -> &'static [&'static str] {
    match held {
        "repository:write" | "project" | "pullrequest" => &["repository"],
        "pullrequest:write" => &["pullrequest", "repository:write", "repository"],
        "pipeline:write" => &["pipeline"],
        "runner:write" => &["runner"],
        "account:write" => &["account"],
        _ => &[],
    }
}

/// What a credential reaches of a repository: an access token by its own limits, everything else as its owner.
pub(crate) fn level(workspace: &Workspace, repository: &Repository, by: &CloudCredential) -> Level {
    if by.kind != CredentialKind::AccessToken {
        return cloud_effective(workspace, repository, by.owner);
    }
    let here =
        workspace.person(by.owner).is_some() && by.only.is_none_or(|only| only == repository.uuid);
    let holds = |scope: &str| covers(by, scope, false);
    match () {
        () if !here => Level::None,
        () if by.scopes.iter().any(|scope| scope == "repository:admin") => Level::Admin,
        () if holds("repository:write") => Level::Write,
        () => Level::Read,
    }
}

/// The workspace, if the credential belongs to it. Strangers are told 403.
pub(crate) fn enter<'a>(
    company: &'a Company,
    name: &str,
    by: &CloudCredential,
) -> Result<&'a Workspace, Answer> {
    let workspace = company
        .find_workspace(name)
        .ok_or_else(|| cloud_error(404, &format!("No workspace with identifier '{name}'.")))?;
    match workspace.person(by.owner) {
        Some(person) if person.role > Role::Outside || person.is_bot() => Ok(workspace),
        _ => Err(cloud_error(403, "You do not have access to this workspace.")),
    }
}

/// Whether the credential administers the workspace: an owner's, or a workspace access token.
pub(crate) fn owns(workspace: &Workspace, by: &CloudCredential) -> bool {
    let token = by.kind == CredentialKind::AccessToken && by.only.is_none();
    let owner = workspace.person(by.owner).is_some_and(|person| person.role == Role::Owner);
    owner || (token && workspace.person(by.owner).is_some())
}

/// The repository and the caller's level on it; what they may not see does not exist.
pub(crate) fn reach<'a>(
    company: &'a Company,
    workspace: &str,
    repository: &str,
    by: &CloudCredential,
) -> Result<(&'a Workspace, &'a Repository, Level), Answer> {
    let hidden = || {
        let told = format!(
            "You may not have access to the repository {workspace}/{repository} or it no longer exists in this \
             workspace. If you think this repository exists and you have access, make sure you are authenticated."
        );
        cloud_error(404, &told)
    };
    let home = company.find_workspace(workspace).ok_or_else(hidden)?;
    let found = home.repository(repository).ok_or_else(hidden)?;
    match level(home, found, by) {
        Level::None => Err(hidden()),
        reached @ (Level::Read | Level::Write | Level::Admin) => Ok((home, found, reached)),
    }
}

/// Refuses levels below `needed`.
pub(crate) fn at_least(level: Level, needed: Level) -> Result<(), Answer> {
    if level >= needed {
        return Ok(());
    }
    Err(cloud_error(403, &format!("Access denied. You must have {} access.", needed.word())))
}

/// Spends a code or a refresh token of a consumer: for whom it acts, and the next refresh token.
fn spend(company: &mut Company, consumer: &str, grant: (&str, &str)) -> Option<(Uuid, String)> {
    let of_consumer = |consent: &&mut Consent| consent.consumer == consumer;
    let (kind, shown) = grant;
    let mut all = company.consents.iter_mut().filter(of_consumer);
    let is = |held: &Option<String>| held.as_deref() == Some(shown);
    let found = all.find(|consent| {
        let held = if kind == "code" { &consent.code } else { &consent.refresh };
        is(held) || consent.spent.iter().any(|spent| spent == shown)
    })?;
    if found.spent.iter().any(|spent| spent == shown) {
        // Shown twice: somebody else has it, or has lost it. Nobody acts for them any more.
        (found.code, found.refresh) = (None, None);
        return None;
    }
    let next = fresh_secret();
    found.spent.push(shown.to_owned());
    (found.code, found.refresh) = (None, Some(next.clone()));
    Some((found.person, next))
}

/// `POST /site/oauth2/access_token`: a token of two hours. With `client_credentials` it acts as the consumer's owner;
/// with a code or a refresh token as the person who agreed, and another refresh token comes with it.
pub(crate) fn oauth_token(company: &mut Company, request: &Request, here: &Here) -> Reply {
    let refuse = |status, code: &str, why: &str| {
        Answer::json(status, &json!({"error": code, "error_description": why}))
    };
    let consumer = request
        .authorization
        .as_deref()
        .and_then(|header| header.strip_prefix("Basic "))
        .and_then(|pair| String::from_utf8(STANDARD.decode(pair).ok()?).ok())
        .and_then(|pair| {
            let (key, secret) = pair.split_once(':')?;
            company.consumers.iter().find(|known| known.key == key && known.secret == secret)
        })
        .cloned()
        .ok_or_else(|| {
            refuse(401, "unauthorized_client", "Client credentials missing or not valid.")
        })?;
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    let spent = match field("grant_type") {
        "client_credentials" => None,
        kind @ ("authorization_code" | "refresh_token") => {
            let name = if kind == "refresh_token" { "refresh_token" } else { "code" };
            let given = spend(company, &consumer.key, (name, field(name))).ok_or_else(|| {
                refuse(401, "unauthorized_client", "The code or refresh token is not valid.")
            })?;
            Some(given)
        }
        _ => return Err(refuse(400, "unsupported_grant_type", "Unsupported grant type.")),
    };
    let (owner, refresh) = match spent {
        Some((person, refresh)) => (person, Some(refresh)),
        None => (consumer.owner, None),
    };
    let scopes: Vec<&str> = consumer.scopes.iter().map(String::as_str).collect();
    let mut issued = CloudCredential::new(owner, CredentialKind::OAuth, &scopes);
    issued.expires = here.now.checked_add(2.hours()).ok();
    let joined = scopes.join(" ");
    let token = company.issue(issued);
    let mut answer = json!({
        "access_token": token, "scopes": joined, "expires_in": 7200, "token_type": "bearer",
    });
    if let (Some(refresh), Some(members)) = (refresh, answer.as_object_mut()) {
        members.insert("refresh_token".to_owned(), json!(refresh));
    }
    Answer::ok(&answer)
}
