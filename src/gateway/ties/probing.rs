//! What a credential can, found out by asking, and what stays unknown without what it lacks.

use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::bitbucket::Client;
use crate::bitbucket::FetchError;
use crate::bitbucket::scopes;
use crate::bitbucket::scopes::Edition;
use crate::bitbucket::scopes::Profile;
use crate::bitbucket::scopes::Scope;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::ties::AT_ONCE;
use crate::gateway::ties::CALL;
use crate::gateway::ties::TieError;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::words;

words! {
    /// What became of trying a scope.
    pub enum ScopeState {
        /// It is there.
        Works = "works",
        /// Bitbucket says that it is missing.
        Missing = "missing",
        /// Bitbucket says no, and not why: the role behind the credential, mostly.
        Refused = "refused",
        /// It could not be tried.
        Unknown = "unknown",
    }
}

/// A scope, what it is for, and whether it is there.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ScopeSeen {
    /// Cloud: the scope of a consumer or access token; Data Center: the permission.
    pub scope: &'static str,
    /// Cloud: the same of an API token.
    pub granular: Vec<String>,
    /// What Bitbucket grants with it.
    pub grants: &'static str,
    /// The facts it feeds: unknown without it.
    pub feeds: &'static [&'static str],
    /// The smallest profile it belongs to.
    pub profile: Profile,
    /// Whether it is there.
    pub state: ScopeState,
    /// Bitbucket's answer, where it is not.
    pub why: Option<String>,
    /// Facts of the last discovery that are unknown because Bitbucket named this scope.
    pub unknown_facts: usize,
}

/// A plan, and what does not bind on it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlanSeen {
    /// `premium`, `not premium`, or `unknown`.
    pub plan: &'static str,
    /// Where that is from.
    pub how: &'static str,
    /// What does not bind.
    pub does_not_bind: Vec<&'static str>,
}

/// What was found out about a Bitbucket and a credential.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Probed {
    /// What it is called there: the workspace, or the host.
    pub name: String,
    /// Id of the identity behind the credential; none: it has none, or it is not told.
    pub acts_as: Option<String>,
    /// Data Center: its version, and whether this program was tried with it.
    pub version: Option<String>,
    /// Every scope.
    pub scopes: Vec<ScopeSeen>,
    /// Scopes that this credential has and the profile does not need.
    pub more_than_needed: Vec<&'static str>,
    /// Which role is needed for what.
    pub roles: Vec<&'static str>,
    /// The plan.
    pub plan: PlanSeen,
}

const CLOUD_ROLES: &[&str] = &[
    "to register the workspace's webhook: workspace administrator, with the scope `webhook`",
    "to read branch restrictions, grants and access keys: administrator of each repository, with `repository:admin`",
    "to read everything else: member of the workspace",
];

const DATACENTER_ROLES: &[&str] = &[
    "to register webhooks: PROJECT_ADMIN on each project, or REPO_ADMIN on each repository",
    "to read grants and restrictions: PROJECT_ADMIN on each project",
    "to read who administers the server: ADMIN, which an HTTP access token never carries",
    "to read repositories and post build statuses: REPO_READ",
];

/// What needs a Premium plan of Cloud.
const PREMIUM_ONLY: &[&str] = &[
    "merge checks are only advice: a pull request can be merged although they fail",
    "an environment that only administrators may deploy to is not enforced",
    "a required build does not hold a merge back",
];

/// Why the plan is unknown.
const NO_PLAN: &str =
    "Cloud's API does not tell the plan: say it with `--plan`, or it counts as the weaker one";

/// Tries everything with this credential. An error: nothing can be said, as when the credential is refused.
pub(super) async fn probe(
    client: &Client,
    (profile, premium): (Profile, Option<bool>),
) -> Result<Probed, TieError> {
    let workspace = client.workspace(CALL).await?;
    let version = client.version(CALL).await?;
    // Data Center does not refuse a credential that it ignores: an answer that names nobody was given to a stranger.
    let own = client.whoami(CALL).await;
    if client.product() == Product::DataCenter && matches!(own, Ok(None)) {
        return Err(FetchError::Refused { what: "the server", caller_known: false }.into());
    }
    let scopes = scopes_of(client).await;
    let more_than_needed = scopes
        .iter()
        .filter(|seen| seen.state == ScopeState::Works && seen.profile > profile)
        .map(|seen| seen.scope)
        .collect();
    Ok(Probed {
        name: workspace.name,
        acts_as: own.ok().flatten().map(|id| id.to_string()),
        version: version.map(|version| Edition::of(&version).said(&version)),
        scopes,
        more_than_needed,
        roles: match client.product() {
            Product::Cloud => CLOUD_ROLES.to_vec(),
            Product::DataCenter => DATACENTER_ROLES.to_vec(),
        },
        plan: plan(client.product(), premium),
    })
}

/// Every scope of the table, tried.
pub(super) async fn scopes_of(client: &Client) -> Vec<ScopeSeen> {
    let sample = client.sample(CALL).await.unwrap_or_default();
    let sample = &sample;
    let one = |scope: &'static Scope| async move {
        seen(scope, client.probe(scope.probe, sample, CALL).await)
    };
    let tried: Vec<_> = scopes::table(client.product()).iter().map(one).collect();
    futures_util::stream::iter(tried).buffered(AT_ONCE).collect().await
}

fn seen(scope: &'static Scope, answer: Result<(), FetchError>) -> ScopeSeen {
    let state = match &answer {
        Ok(()) => ScopeState::Works,
        Err(FetchError::Forbidden { scopes, .. }) if !scopes.is_empty() => ScopeState::Missing,
        Err(FetchError::Forbidden { .. } | FetchError::Refused { .. }) => ScopeState::Refused,
        Err(_) => ScopeState::Unknown,
    };
    ScopeSeen {
        scope: scope.name,
        granular: scope.granular.iter().map(|name| format!("{name}:bitbucket")).collect(),
        grants: scope.grants,
        feeds: scope.feeds,
        profile: scope.profile,
        state,
        why: answer.err().map(|error| error.to_string()),
        unknown_facts: 0,
    }
}

const fn plan_word(premium: Option<bool>) -> &'static str {
    match premium {
        Some(true) => "premium",
        Some(false) => "not premium",
        None => "unknown",
    }
}

fn plan(product: Product, premium: Option<bool>) -> PlanSeen {
    match (product, premium) {
        (Product::DataCenter, _) => PlanSeen {
            plan: "data center",
            how: "Data Center has one plan",
            does_not_bind: Vec::new(),
        },
        (Product::Cloud, Some(true)) => {
            PlanSeen { plan: plan_word(premium), how: "you said so", does_not_bind: Vec::new() }
        }
        (Product::Cloud, Some(false) | None) => PlanSeen {
            plan: plan_word(premium),
            how: if premium.is_some() { "you said so" } else { NO_PLAN },
            does_not_bind: PREMIUM_ONLY.to_vec(),
        },
    }
}

impl Gateway {
    /// Every scope of a connection, tried now, with what is unknown for the lack of it.
    pub async fn scopes_seen(&self, id: &ConnectionId) -> Result<Vec<ScopeSeen>, TieError> {
        let connection = self.connections.get(id).ok_or_else(|| TieError::None(id.clone()))?;
        let Some(client) = &connection.client else { return Ok(Vec::new()) };
        let mut scopes = scopes_of(client).await;
        self.count_unknown(&connection, &mut scopes);
        Ok(scopes)
    }

    /// Counts, for each scope, the facts of the last discovery that Bitbucket did not tell and named that scope for.
    pub(super) fn count_unknown(&self, connection: &Connection, scopes: &mut [ScopeSeen]) {
        let Some(world) = self.graph.load().world(&connection.id) else { return };
        for seen in scopes {
            let mut names: Vec<String> = seen.granular.clone();
            names.push(seen.scope.to_owned());
            let is_meant = |why: &str| names.iter().any(|name| why.contains(&format!("`{name}`")));
            seen.unknown_facts = world.unknown.iter().filter(|gap| is_meant(&gap.why)).count();
        }
    }
}
