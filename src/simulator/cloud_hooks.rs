//! Which Cloud hooks hear of an event, and the body they get.

use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Here;
use crate::simulator::cloud::Hook;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Workspace;
use crate::simulator::cloud_json as shape;
use crate::simulator::company::braced;
use crate::simulator::delivery::Outgoing;
use crate::simulator::delivery::Sender;
use crate::simulator::git::Moved;

/// How many commits a push body lists for each ref.
const LISTED_COMMITS: usize = 5;

/// One webhook for each active hook of repository and workspace that subscribed to `event`. `extra` is everything of
/// the body but `repository`.
pub(crate) fn outgoing(
    here: &Here,
    home: &Workspace,
    found: &Repository,
    event: &str,
    extra: Value,
) -> Vec<Outgoing> {
    let body = shape::with(json!({"repository": shape::repository(here, home, found)}), extra);
    let body = body.to_string().into_bytes();
    let wants = |hook: &&Hook| hook.active && hook.events.iter().any(|wanted| wanted == event);
    let all = found.hooks.iter().chain(&home.hooks);
    all.filter(wants).map(|hook| send(hook, event, &body)).collect()
}

/// An empty webhook through the hook of this braced UUID, wherever in the workspace it is.
pub(crate) fn through(home: &Workspace, hook: &str) -> Option<Outgoing> {
    let mut all = home.repositories.iter().flat_map(|found| &found.hooks).chain(&home.hooks);
    all.find(|one| braced(one.uuid) == hook).map(|one| send(one, "", &[]))
}

fn send(hook: &Hook, event: &str, body: &[u8]) -> Outgoing {
    Outgoing {
        sender: Sender::Cloud,
        hook: braced(hook.uuid),
        url: hook.url.clone(),
        event: event.to_owned(),
        body: body.to_vec(),
        secret: hook.secret.clone(),
        verify_tls: !hook.skip_cert_verification,
    }
}

/// One entry of `push.changes`.
pub(crate) fn push_change(
    here: &Here,
    home: &Workspace,
    found: &Repository,
    moved: &Moved,
) -> Value {
    let side = |hash: &Option<String>| {
        let hash = hash.as_deref()?;
        Some(shape::reference(here, home, found, &moved.reference, hash))
    };
    let created = moved.old.is_none();
    let change = json!({
        "old": side(&moved.old), "new": side(&moved.new), "created": created,
        "closed": moved.new.is_none(), "forced": moved.forced,
        "truncated": moved.fresh.len() > LISTED_COMMITS,
    });
    if moved.new.is_none() {
        return change;
    }
    let listed = moved.fresh.iter().take(LISTED_COMMITS).filter_map(|hash| found.git.commit(hash));
    let commits: Vec<Value> =
        listed.map(|commit| shape::commit(here, home, found, commit)).collect();
    let url = shape::repository_url(here, home, found);
    let new = moved.new.as_deref().unwrap_or_default();
    let links = json!({
        "commits": shape::link(format!("{url}/commits?include={new}")),
        "html": shape::link(format!("{}/{}/{}/branches/compare/{new}", here.base, home.slug, found.slug)),
        "diff": shape::link(format!("{url}/diff/{new}")),
    });
    shape::with(change, json!({"commits": commits, "links": links}))
}
