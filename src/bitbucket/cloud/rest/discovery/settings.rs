//! What a place is set to: restrictions, the branching model, environments, variables (never a value), runners, access
//! keys and webhooks (never an address).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::Deserialize;
use sha2::Digest;
use sha2::Sha256;

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::cloud::rest::discovery::people;
use crate::bitbucket::cloud::rest::discovery::people::NamedGroup;
use crate::bitbucket::cloud::rest::discovery::text_or_none;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::scribe::unless_over;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

type List<T> = Result<Vec<T>, FetchError>;

/// The attributes that the branching model tells.
pub(super) const MODEL: &[&str] = &[
    "model_development",
    "model_production",
    "model_feature",
    "model_bugfix",
    "model_release",
    "model_hotfix",
];

#[derive(Deserialize)]
pub(super) struct Restriction {
    id: u64,
    kind: String,
    branch_match_kind: Option<String>,
    pattern: Option<String>,
    branch_type: Option<String>,
    value: Option<u64>,
    #[serde(default)]
    users: Vec<Account>,
    #[serde(default)]
    groups: Vec<NamedGroup>,
}

#[derive(Deserialize)]
pub(super) struct Override {
    override_settings: Overridden,
}

#[derive(Deserialize)]
struct Overridden {
    branch_restrictions: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Model {
    development: Option<ModelBranch>,
    production: Option<ModelBranch>,
    #[serde(default)]
    branch_types: Vec<Family>,
}

#[derive(Deserialize)]
struct ModelBranch {
    name: Option<String>,
    branch: Option<Branch>,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
}

#[derive(Deserialize)]
struct Family {
    kind: String,
    prefix: String,
}

#[derive(Deserialize)]
pub(super) struct Environment {
    pub(super) uuid: String,
    name: String,
    slug: Option<String>,
    rank: Option<u64>,
    #[serde(rename = "environment_type")]
    tier: Option<Named>,
    restrictions: Option<Restricted>,
    lock: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Restricted {
    admin_only: Option<bool>,
}

/// No field for the value.
#[derive(Deserialize)]
pub(super) struct Variable {
    uuid: String,
    key: String,
    secured: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Runner {
    uuid: String,
    name: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    state: Option<RunnerState>,
}

#[derive(Deserialize)]
struct RunnerState {
    status: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Key {
    id: u64,
    #[serde(rename = "key")]
    text: String,
    label: Option<String>,
    added_on: Option<String>,
    /// Null for one that was never used.
    last_used: Option<String>,
    owner: Option<Account>,
    created_by: Option<Account>,
}

#[derive(Deserialize)]
pub(super) struct Hook {
    uuid: String,
    url: String,
    active: Option<bool>,
    #[serde(default)]
    events: Vec<String>,
    secret_set: Option<bool>,
    skip_cert_verification: Option<bool>,
}

impl Cloud {
    pub(super) async fn workspace_settings(
        &self,
        scribe: &mut Scribe,
        top: &Id,
    ) -> Result<(), FetchError> {
        let path = ["pipelines-config", "variables"];
        let variables = self.crawl(&path, "the workspace's variables").await;
        write_variables(scribe, top, unless_over(variables)?);
        let path = ["pipelines-config", "runners"];
        let runners = self.crawl(&path, "the workspace's runners").await;
        write_runners(scribe, top, unless_over(runners)?);
        let hooks = self.crawl(&["hooks"], "the workspace's webhooks").await;
        write_hooks(scribe, top, unless_over(hooks)?);
        Ok(())
    }
}

/// Adds the branching model, and whether the repository left its project's rules.
pub(super) fn model(node: Node, model: Option<&Model>, overrides: Option<&Override>) -> Node {
    let left = overrides.and_then(|told| told.override_settings.branch_restrictions);
    let node = match left {
        Some(left) => node.flag("own_restrictions", left),
        None => node,
    };
    let Some(model) = model else { return node };
    let name = |branch: Option<&ModelBranch>| {
        let branch = branch?;
        branch.branch.as_ref().map(|branch| branch.name.clone()).or_else(|| branch.name.clone())
    };
    let prefix = |kind: &str| {
        let mut families = model.branch_types.iter();
        families.find(|family| family.kind == kind).map(|family| family.prefix.as_str())
    };
    node.with("model_development", text_or_none(name(model.development.as_ref()).as_deref()))
        .with("model_production", text_or_none(name(model.production.as_ref()).as_deref()))
        .with("model_feature", text_or_none(prefix("feature")))
        .with("model_bugfix", text_or_none(prefix("bugfix")))
        .with("model_release", text_or_none(prefix("release")))
        .with("model_hotfix", text_or_none(prefix("hotfix")))
}

pub(super) fn write_restrictions(scribe: &mut Scribe, place: &Id, list: List<Restriction>) {
    let source = "branch-restrictions";
    for rule in scribe.rows(place, "restrictions", list) {
        let Some(id) = scribe.id(Kind::Restriction, &rule.id.to_string()) else { continue };
        let by_model = rule.branch_match_kind.as_deref() == Some("branching_model");
        let pattern = rule.pattern.as_deref().filter(|_| !by_model);
        let mut node = Node::new(id.clone(), &rule.kind)
            .text("kind", &rule.kind)
            .text("match", if by_model { "branching_model" } else { "glob" })
            .with("pattern", text_or_none(pattern))
            .with("branch_type", text_or_none(rule.branch_type.as_deref().filter(|_| by_model)));
        node = node.with("value", rule.value.map_or(Value::Nothing, Value::Whole));
        scribe.node(node);
        scribe.join(&id, Relation::Restricts, place, source);
        for user in &rule.users {
            if let Some(user) = people::person(scribe, user) {
                scribe.join(&user, Relation::Exempt, &id, source);
            }
        }
        for group in &rule.groups {
            if let Some(group) = people::named_group(scribe, group) {
                scribe.join(&group, Relation::Exempt, &id, source);
            }
        }
    }
}

pub(super) fn write_environments(
    scribe: &mut Scribe,
    place: &Id,
    list: List<(Environment, List<Variable>)>,
) {
    for (environment, variables) in scribe.rows(place, "environments", list) {
        let Some(id) = scribe.id(Kind::Environment, &environment.uuid) else { continue };
        scribe.node(environment_node(id.clone(), &environment));
        scribe.join(place, Relation::DeploysTo, &id, "environments");
        write_variables(scribe, &id, variables);
    }
}

fn environment_node(id: Id, told: &Environment) -> Node {
    let mut node = Node::new(id, &told.name);
    if let Some(slug) = &told.slug {
        node = node.text("slug", slug);
    }
    if let Some(rank) = told.rank {
        node = node.whole("rank", rank);
    }
    if let Some(admin_only) = told.restrictions.as_ref().and_then(|told| told.admin_only) {
        node = node.flag("admin_only", admin_only);
    }
    if let Some(lock) = told.lock.as_ref().and_then(|lock| lock.name.as_deref()) {
        node = node.flag("locked", lock != "OPEN");
    }
    match told.tier.as_ref().and_then(|told| told.name.as_deref()) {
        Some("Test") => node.text("tier", "test"),
        Some("Staging") => node.text("tier", "staging"),
        Some("Production") => node.text("tier", "production"),
        Some(_) => node.text("tier", "other"),
        None => node,
    }
}

pub(super) fn write_variables(scribe: &mut Scribe, place: &Id, list: List<Variable>) {
    for variable in scribe.rows(place, "variables", list) {
        let Some(id) = scribe.id(Kind::Variable, &variable.uuid) else { continue };
        let mut node = Node::new(id.clone(), &variable.key);
        if let Some(secured) = variable.secured {
            node = node.flag("secured", secured);
        }
        scribe.node(node);
        scribe.join(&id, Relation::In, place, "variables");
    }
}

pub(super) fn write_runners(scribe: &mut Scribe, place: &Id, list: List<Runner>) {
    for runner in scribe.rows(place, "runners", list) {
        let Some(id) = scribe.id(Kind::Runner, &runner.uuid) else { continue };
        let name = runner.name.as_deref().unwrap_or("runner");
        let mut node = Node::new(id.clone(), name).with("labels", Value::List(runner.labels));
        if let Some(status) = runner.state.and_then(|state| state.status) {
            node = node.flag("active", status != "DISABLED").text("state", &status);
        }
        scribe.node(node);
        scribe.join(place, Relation::RunsOn, &id, "runners");
    }
}

/// Access keys read and clone; they never push.
pub(super) fn write_keys(scribe: &mut Scribe, place: &Id, list: List<Key>) {
    for key in scribe.rows(place, "keys", list) {
        let Some(id) = scribe.id(Kind::Key, &key.id.to_string()) else { continue };
        let name = key.label.as_deref().filter(|label| !label.is_empty()).unwrap_or("access key");
        let mut node = Node::new(id.clone(), name)
            .text("kind", "access key")
            .with("last_used_at", instant(key.last_used.as_deref()));
        if let Some(fingerprint) = fingerprint(&key.text) {
            node = node.text("fingerprint", &fingerprint);
        }
        if let Some(added) = &key.added_on {
            node = node.with("created_at", instant(Some(added)));
        }
        scribe.node(node);
        scribe.join(&id, Relation::Read, place, "deploy-keys");
        let owner = key.owner.or(key.created_by);
        if let Some(owner) = owner.and_then(|owner| people::person(scribe, &owner)) {
            scribe.join(&owner, Relation::Holds, &id, "deploy-keys");
        }
    }
}

/// An instant, or none.
pub(super) fn instant(text: Option<&str>) -> Value {
    let time = text.and_then(|text| text.parse::<Time>().ok());
    time.map_or(Value::Nothing, |time| Value::Text(time.to_string()))
}

/// As `ssh-keygen` shows it: SHA-256 of the key itself, whatever its comment.
fn fingerprint(key: &str) -> Option<String> {
    let blob = STANDARD.decode(key.split_whitespace().nth(1)?).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))))
}

pub(super) fn write_hooks(scribe: &mut Scribe, place: &Id, list: List<Hook>) {
    for hook in scribe.rows(place, "hooks", list) {
        let Some(id) = scribe.id(Kind::Hook, &hook.uuid) else { continue };
        let url = url::Url::parse(&hook.url).ok();
        let host = url.as_ref().and_then(url::Url::host_str);
        let node = Node::new(id.clone(), host.unwrap_or("webhook"))
            .with("events", Value::List(hook.events));
        let mut node = scribe.host(node, host);
        for (name, flag) in [
            ("active", hook.active),
            ("secret_set", hook.secret_set),
            ("tls_verified", hook.skip_cert_verification.map(|skipped| !skipped)),
        ] {
            if let Some(flag) = flag {
                node = node.flag(name, flag);
            }
        }
        scribe.node(node);
        scribe.join(&id, Relation::In, place, "hooks");
    }
}
