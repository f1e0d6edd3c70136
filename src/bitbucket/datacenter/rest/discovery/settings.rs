//! What a place is set to: restrictions, the branching model, access keys and webhooks (never an address or a secret,
//! which Data Center shows to every administrator).

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::bitbucket::datacenter::matcher;
use crate::bitbucket::datacenter::rest::discovery::List;
use crate::bitbucket::datacenter::rest::discovery::grant;
use crate::bitbucket::datacenter::rest::discovery::people;
use crate::bitbucket::datacenter::rest::discovery::people::User;
use crate::bitbucket::scribe::Scribe;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

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
    #[serde(rename = "type")]
    type_: String,
    scope: Option<Scope>,
    matcher: Matcher,
    #[serde(default)]
    users: Vec<User>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default, rename = "accessKeys")]
    keys: Vec<NamedKey>,
}

#[derive(Deserialize)]
struct Scope {
    #[serde(rename = "type")]
    type_: String,
}

#[derive(Deserialize)]
struct Matcher {
    id: String,
    #[serde(rename = "type")]
    type_: MatcherType,
}

#[derive(Deserialize)]
struct MatcherType {
    id: String,
}

#[derive(Deserialize)]
struct NamedKey {
    key: SshKey,
}

#[derive(Deserialize)]
pub(super) struct Key {
    key: SshKey,
    permission: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SshKey {
    id: u64,
    label: Option<String>,
    fingerprint: Option<String>,
    created_date: Option<Moment>,
    /// Left out for one that was never used.
    last_authenticated: Option<Moment>,
    /// Left out for one without an end.
    expiry_days: Option<i64>,
}

/// Milliseconds, as Data Center's other dates; its documents say a date, or digits in a text. An answer that is another
/// is no reason to lose the key.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Moment {
    Millis(i64),
    Text(String),
    Other(IgnoredAny),
}

impl Moment {
    pub(super) fn time(&self) -> Option<Time> {
        match self {
            Self::Millis(millis) => Some(Time::from_millis(*millis)),
            Self::Text(text) => {
                let millis = text.parse().ok().map(Time::from_millis);
                text.parse().ok().or(millis)
            }
            Self::Other(_) => None,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Hook {
    id: u64,
    url: String,
    active: Option<bool>,
    #[serde(default)]
    events: Vec<String>,
    configuration: Option<Configuration>,
    #[serde(rename = "sslVerificationRequired")]
    verified: Option<bool>,
}

/// Whether there is a secret, not which.
#[derive(Deserialize)]
struct Configuration {
    secret: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Model {
    development: Option<ModelBranch>,
    production: Option<ModelBranch>,
    #[serde(default)]
    types: Vec<Family>,
}

#[derive(Deserialize)]
struct ModelBranch {
    #[serde(rename = "displayId")]
    name: String,
}

#[derive(Deserialize)]
struct Family {
    id: String,
    prefix: String,
}

/// Adds the branching model.
pub(super) fn model(node: Node, model: Option<&Model>) -> Node {
    let Some(model) = model else { return node };
    let text =
        |text: Option<&str>| text.map_or(Value::Nothing, |text| Value::Text(text.to_owned()));
    let prefix = |kind: &str| {
        let mut families = model.types.iter();
        families.find(|family| family.id == kind).map(|family| family.prefix.as_str())
    };
    node.with("model_development", text(model.development.as_ref().map(|one| one.name.as_str())))
        .with("model_production", text(model.production.as_ref().map(|one| one.name.as_str())))
        .with("model_feature", text(prefix("FEATURE")))
        .with("model_bugfix", text(prefix("BUGFIX")))
        .with("model_release", text(prefix("RELEASE")))
        .with("model_hotfix", text(prefix("HOTFIX")))
}

/// Writes the restrictions of this scope: a repository's list tells its project's too, which are written there.
pub(super) fn write_restrictions(
    scribe: &mut Scribe,
    (place, scope): (&Id, &str),
    list: List<Restriction>,
) {
    let source = "branch-permissions";
    for rule in scribe.rows(place, "restrictions", list) {
        let elsewhere = rule.scope.as_ref().is_some_and(|told| told.type_ != scope);
        let Some(id) = scribe.id(Kind::Restriction, &rule.id.to_string()) else { continue };
        if elsewhere {
            continue;
        }
        let found = (rule.matcher.type_.id.as_str(), rule.matcher.id.as_str());
        scribe.node(matcher::node(id.clone(), &rule.type_, found));
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
        for key in &rule.keys {
            if let Some(key) = write_key(scribe, &key.key) {
                scribe.join(&key, Relation::Exempt, &id, source);
            }
        }
    }
}

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// An instant as an attribute; none where it was left out.
pub(super) fn instant(moment: Option<&Moment>) -> Value {
    let time = moment.and_then(Moment::time);
    time.map_or(Value::Nothing, |time| Value::Text(time.to_string()))
}

fn write_key(scribe: &mut Scribe, key: &SshKey) -> Option<Id> {
    key_of(scribe, key, "access key")
}

/// Writes a key of this kind and gives its id.
pub(super) fn key_of(scribe: &mut Scribe, key: &SshKey, kind: &'static str) -> Option<Id> {
    let id = scribe.id(Kind::Key, &key.id.to_string())?;
    let name = key.label.as_deref().filter(|label| !label.is_empty()).unwrap_or(kind);
    let mut node = Node::new(id.clone(), name)
        .text("kind", kind)
        .with("last_used_at", instant(key.last_authenticated.as_ref()));
    let created = key.created_date.as_ref().and_then(Moment::time);
    match (key.expiry_days, created) {
        (None, _) => node = node.with("expires_at", Value::Nothing),
        (Some(days), Some(created)) => {
            let end = created.millis().saturating_add(days.saturating_mul(DAY));
            node = node.text("expires_at", &Time::from_millis(end).to_string());
        }
        (Some(_), None) => {}
    }
    if let Some(fingerprint) = &key.fingerprint {
        node = node.text("fingerprint", fingerprint);
    }
    if let Some(created) = created {
        node = node.text("created_at", &created.to_string());
    }
    scribe.node(node);
    Some(id)
}

pub(super) fn write_keys(scribe: &mut Scribe, place: &Id, list: List<Key>) {
    for key in scribe.rows(place, "keys", list) {
        if let (Some(id), Some(is)) = (write_key(scribe, &key.key), grant(&key.permission)) {
            scribe.join(&id, is, place, "keys");
        }
    }
}

pub(super) fn write_hooks(scribe: &mut Scribe, place: &Id, list: List<Hook>) {
    for hook in scribe.rows(place, "hooks", list) {
        let Some(id) = scribe.id(Kind::Hook, &hook.id.to_string()) else { continue };
        let url = url::Url::parse(&hook.url).ok();
        let host = url.as_ref().and_then(url::Url::host_str);
        let secret = hook.configuration.map(|configuration| configuration.secret.is_some());
        let node = Node::new(id.clone(), host.unwrap_or("webhook"))
            .with("events", Value::List(hook.events));
        let mut node = scribe.host(node, host);
        for (name, flag) in
            [("active", hook.active), ("secret_set", secret), ("tls_verified", hook.verified)]
        {
            if let Some(flag) = flag {
                node = node.flag(name, flag);
            }
        }
        scribe.node(node);
        scribe.join(&id, Relation::In, place, "hooks");
    }
}
