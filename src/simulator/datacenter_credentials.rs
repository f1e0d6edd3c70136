//! Data Center's lists of HTTP access tokens and of users' SSH keys. One reads one's own; administrators read those of all,
//! and an HTTP token never is one.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Reply;
use crate::simulator::answer::dc_page;
use crate::simulator::cloud_json::with;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcLevel;
use crate::simulator::datacenter::GlobalLevel;
use crate::simulator::datacenter::HttpToken;
use crate::simulator::datacenter::TokenHome;
use crate::simulator::datacenter_json as shape;
use crate::simulator::datacenter_rest::DcAsk;
use crate::simulator::datacenter_rest::missing;
use crate::simulator::datacenter_rest::project_key;

/// `ssh/latest/keys?user=slug`; without one, the caller's own.
pub(crate) fn ssh_keys(dc: &DataCenter, ask: &DcAsk<'_>, rest: &[&str]) -> Reply {
    if ask.request.method != "GET" || rest != ["keys"] {
        return Err(missing());
    }
    let own = ask.by.known()?.to_owned();
    let name = match ask.request.param("user") {
        Some(slug) => person(dc, ask, slug)?,
        None => own,
    };
    let keys = dc.ssh_keys.iter().filter(|(user, _)| *user == name);
    dc_page(ask.request, keys.map(|(_, key)| Some(shape::ssh_key(key))).collect())
}

/// `access-tokens/latest/users/{slug}`, `…/projects/{key}`, `…/projects/{key}/repos/{slug}`.
pub(crate) fn tokens(dc: &DataCenter, ask: &DcAsk<'_>, rest: &[&str]) -> Reply {
    let home = match (ask.request.method.as_str(), rest) {
        ("GET", ["users", slug]) => TokenHome::User(person(dc, ask, slug)?),
        ("GET", ["projects", key]) => {
            TokenHome::Project(ask.by.project(dc, project_key(dc, key), true)?.key.clone())
        }
        ("GET", ["projects", key, "repos", slug]) => {
            let found = ask.by.repository(dc, (project_key(dc, key), slug), DcLevel::Admin)?;
            TokenHome::Repository(format!("{}/{}", found.project, found.slug))
        }
        _ => return Err(missing()),
    };
    let listed = dc.tokens.iter().filter(|token| token.home == home);
    dc_page(ask.request, listed.map(|token| Some(told(token))).collect())
}

/// The login name of a user whose credentials the caller may read.
fn person(dc: &DataCenter, ask: &DcAsk<'_>, slug: &str) -> Result<String, Answer> {
    let own = ask.by.known()?;
    let found = dc.users.iter().find(|user| user.slug == slug);
    if found.is_none_or(|user| user.name != own) {
        ask.by.global(dc, GlobalLevel::Admin)?;
    }
    found.map(|user| user.name.clone()).ok_or_else(missing)
}

fn told(token: &HttpToken) -> Value {
    let mut value = json!({
        "id": token.id, "name": token.name, "permissions": token.permissions,
        "createdDate": token.created.as_millisecond(),
    });
    if let Some(used) = token.last_used {
        value = with(value, json!({"lastAuthenticated": used.as_millisecond()}));
    }
    match token.expires {
        Some(end) => with(value, json!({"expiryDate": end.as_millisecond()})),
        None => value,
    }
}
