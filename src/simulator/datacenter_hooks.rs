//! Which Data Center hooks hear of an event, and the body they get.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::simulator::answer::Here;
use crate::simulator::cloud_json::with;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcHook;
use crate::simulator::datacenter::DcRepository;
use crate::simulator::datacenter_json as shape;
use crate::simulator::datacenter_json::Dates;
use crate::simulator::delivery::Outcome;
use crate::simulator::delivery::Outgoing;
use crate::simulator::delivery::Sender;
use crate::simulator::git::Moved;
use crate::simulator::git::short;

/// How many commits a push body lists.
const LISTED_COMMITS: usize = 5;

/// Event keys a live server takes, at both levels. `project:modified` is for projects only; `pr:to_ref_updated` and
/// `pr:reviewer:changes_requested` are documented and refused.
pub(crate) const KEYS: [&str; 21] = [
    "repo:refs_changed",
    "repo:modified",
    "repo:forked",
    "repo:comment:added",
    "repo:comment:edited",
    "repo:comment:deleted",
    "repo:secret_detected",
    "mirror:repo_synchronized",
    "pr:opened",
    "pr:from_ref_updated",
    "pr:modified",
    "pr:reviewer:updated",
    "pr:reviewer:approved",
    "pr:reviewer:unapproved",
    "pr:reviewer:needs_work",
    "pr:merged",
    "pr:declined",
    "pr:deleted",
    "pr:comment:added",
    "pr:comment:edited",
    "pr:comment:deleted",
];

/// One webhook for each active hook of repository and project that subscribed.
pub(crate) fn outgoing(
    dc: &DataCenter,
    here: &Here,
    found: &DcRepository,
    event: &str,
    extra: Value,
) -> Vec<Outgoing> {
    let envelope = json!({"eventKey": event, "date": shape::envelope_date(here.now)});
    let body = with(envelope, extra).to_string().into_bytes();
    let project = dc.project(&found.project).into_iter().flat_map(|home| &home.hooks);
    let wants = |hook: &&DcHook| hook.active && hook.events.iter().any(|wanted| wanted == event);
    found
        .hooks
        .iter()
        .chain(project)
        .filter(wants)
        .map(|hook| send(hook, event, &body, hook.secret.clone()))
        .collect()
}

/// An empty webhook through the hook of this number, wherever it is.
pub(crate) fn through(dc: &DataCenter, hook: &str) -> Option<Outgoing> {
    find(dc, hook).map(|one| send(one, "", &[], one.secret.clone()))
}

/// The hook of this number, of whichever project or repository.
pub(crate) fn find<'a>(dc: &'a DataCenter, hook: &str) -> Option<&'a DcHook> {
    let projects = dc.projects.iter().flat_map(|project| &project.hooks);
    let mut all = dc.repositories.iter().flat_map(|found| &found.hooks).chain(projects);
    all.find(|one| one.id.to_string() == hook)
}

impl DataCenter {
    /// Keeps what became of a hook's last delivery.
    pub(crate) fn remember(&mut self, hook: &str, last: (Timestamp, Outcome)) {
        let projects = self.projects.iter_mut().flat_map(|project| &mut project.hooks);
        let all = self.repositories.iter_mut().flat_map(|found| &mut found.hooks).chain(projects);
        for one in all.filter(|one| one.id.to_string() == hook) {
            one.last = Some(last);
        }
    }
}

/// The ping of "Test connection": never signed, even when there is a secret.
pub(crate) fn ping(hook: &DcHook) -> Outgoing {
    send(hook, "diagnostics:ping", json!({"test": true}).to_string().as_bytes(), None)
}

fn send(hook: &DcHook, event: &str, body: &[u8], secret: Option<String>) -> Outgoing {
    Outgoing {
        sender: Sender::DataCenter,
        hook: hook.id.to_string(),
        url: hook.url.clone(),
        event: event.to_owned(),
        body: body.to_vec(),
        secret,
        verify_tls: hook.verify_tls,
    }
}

/// The body of a push: every ref that moved; commits of a single ref that was not deleted.
pub(crate) fn push(dc: &DataCenter, found: &DcRepository, moved: &[Moved]) -> Value {
    let dates = Dates::of(dc.release);
    let mut body = json!({"repository": shape::repository(dc, found), "changes": changes(moved)});
    if let [Moved { new: Some(new), fresh, .. }] = moved {
        let listed = fresh.iter().take(LISTED_COMMITS).filter_map(|hash| found.git.commit(hash));
        let commits: Vec<Value> = listed.map(|commit| shape::commit(dc, commit, dates)).collect();
        let tip = found.git.commit(new).map(|commit| shape::commit(dc, commit, dates));
        body = with(body, json!({"commits": commits, "toCommit": tip}));
    }
    body
}

/// The `changes` list; 40 zeros stand for a ref that is not there.
pub(crate) fn changes(moved: &[Moved]) -> Vec<Value> {
    let hash =
        |commit: &Option<String>| commit.clone().unwrap_or_else(|| shape::NO_COMMIT.to_owned());
    moved
        .iter()
        .map(|one| {
            let kind = match (&one.old, &one.new) {
                (None, _) => "ADD",
                (_, None) => "DELETE",
                _ => "UPDATE",
            };
            let place = if one.reference.starts_with("refs/tags/") { "TAG" } else { "BRANCH" };
            json!({
                "ref": {"id": one.reference, "displayId": short(&one.reference), "type": place},
                "refId": one.reference, "fromHash": hash(&one.old), "toHash": hash(&one.new), "type": kind,
            })
        })
        .collect()
}
