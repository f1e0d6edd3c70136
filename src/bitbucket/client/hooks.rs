//! Webhooks of our own: where one hangs, what it shall tell, how it stands at Bitbucket. Nobody else's is ever written.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;

use crate::graph::Product;
use crate::graph::Time;
use crate::secret::Secret;

/// What a hook of ours is called there.
pub(crate) const NAME: &str = "Portcullis";

/// Events we have words for. `issue:*` is never asked for: issues are no business of a gate.
const CLOUD: [&str; 26] = [
    "repo:push",
    "repo:fork",
    "repo:updated",
    "repo:transfer",
    "repo:imported",
    "repo:created",
    "repo:deleted",
    "repo:commit_comment_created",
    "repo:commit_status_created",
    "repo:commit_status_updated",
    "pullrequest:created",
    "pullrequest:updated",
    "pullrequest:push",
    "pullrequest:approved",
    "pullrequest:unapproved",
    "pullrequest:changes_request_created",
    "pullrequest:changes_request_removed",
    "pullrequest:fulfilled",
    "pullrequest:rejected",
    "pullrequest:comment_created",
    "pullrequest:comment_updated",
    "pullrequest:comment_deleted",
    "pullrequest:comment_resolved",
    "pullrequest:comment_reopened",
    "project:updated",
    "pipeline:span_created",
];

/// The same of Data Center. No endpoint tells which it offers, so all are asked for; those it names as unknown are left
/// out the next time.
const DATACENTER: [&str; 22] = [
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
    "pr:to_ref_updated",
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

/// A key that only projects of Data Center take.
const PROJECT_ONLY: &str = "project:modified";

/// Where a webhook hangs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookPlace {
    /// Cloud: the workspace, with all repositories that are there and will be.
    Workspace,
    /// Data Center: a project, by key, with all its repositories.
    Project(String),
    /// One repository. Cloud: its braced UUID; Data Center: `KEY/slug`.
    Repository(String),
}

/// Something a webhook could hang on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Where.
    pub place: HookPlace,
    /// Key of its project.
    pub project: String,
    /// What people call it: `acme/billing`, `PAY/ledger`, or a project's key.
    pub name: String,
}

/// What a webhook shall be.
#[derive(Clone, Copy, Debug)]
pub struct HookWish<'a> {
    /// Where it delivers to.
    pub url: &'a str,
    /// What it tells.
    pub events: &'a [String],
    /// What it signs with.
    pub secret: &'a Secret<String>,
}

/// A webhook that was made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeHook {
    /// Its id there.
    pub native: String,
    /// What it tells: those of the wish that this Bitbucket has.
    pub events: Vec<String>,
}

/// A webhook as it stands there; its secret is not read.
#[derive(Clone, PartialEq, Eq)]
pub struct SeenHook {
    /// Its id there.
    pub native: String,
    /// Where it delivers to: holds the id of a hook of ours, which nobody may guess.
    pub url: String,
    /// Whether it is switched on, if told.
    pub active: Option<bool>,
    /// What it tells.
    pub events: Vec<String>,
    /// Whether it signs, if told.
    pub secret_set: Option<bool>,
    /// Whether it looks at our certificate, if told.
    pub verifies_tls: Option<bool>,
}

impl fmt::Debug for SeenHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeenHook({}, …)", self.native)
    }
}

/// What became of the last delivery, as Data Center remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastDelivery {
    /// Whether it was taken.
    pub taken: bool,
    /// When it ended, if told.
    pub at: Option<Time>,
}

/// Everything we have words for, at this place.
pub fn wanted(product: Product, place: &HookPlace) -> Vec<String> {
    let owned = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>();
    match (product, place) {
        (Product::Cloud, _) => owned(&CLOUD),
        (Product::DataCenter, HookPlace::Project(_)) => {
            let mut keys = owned(&DATACENTER);
            keys.push(PROJECT_ONLY.to_owned());
            keys
        }
        (Product::DataCenter, HookPlace::Workspace | HookPlace::Repository(_)) => {
            owned(&DATACENTER)
        }
    }
}

/// The scope of Bitbucket Cloud that a subscription to this event takes, beside `webhook`.
pub fn family_scope(event: &str) -> &'static str {
    match event.split_once(':').map_or(event, |(family, _)| family) {
        "pullrequest" => "pullrequest",
        "pipeline" => "pipeline",
        "project" => "project",
        _ => "repository",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_are_never_asked_for() {
        for product in [Product::Cloud, Product::DataCenter] {
            let all = wanted(product, &HookPlace::Project("PAY".to_owned()));
            assert!(all.iter().all(|key| !key.starts_with("issue")), "{all:?}");
        }
    }

    #[test]
    fn a_seen_hook_does_not_show_where_it_delivers_to() {
        let hook = SeenHook {
            native: "7".to_owned(),
            url: "https://gate/hooks/unguessable".to_owned(),
            active: None,
            events: Vec::new(),
            secret_set: None,
            verifies_tls: None,
        };
        assert!(!format!("{hook:?}").contains("unguessable"));
    }
}
