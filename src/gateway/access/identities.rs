//! Every identity that is no person, as an answer: whose, what it can do at most, last use, age, when it is due, and who
//! may change it.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::access::GraphAsOf;
use crate::gateway::access::Named;
use crate::gateway::access::as_of;
use crate::gateway::access::named;
use crate::graph::Admins;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Reach;
use crate::graph::Snapshot;
use crate::graph::Sureness;
use crate::graph::Time;

/// A day, milliseconds.
const DAY: u64 = 86_400_000;

/// Most names of those who may change an identity: beyond that a count says more.
const MAX_CHANGERS: usize = 20;

/// Which identities are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Only of this kind: a kind of the graph, or `service-account`.
    pub kind: Option<String>,
    /// Only those whose owner nothing names.
    pub unowned: bool,
    /// Only those not used for so many days.
    pub unused_days: Option<u64>,
    /// Only those that end, or are due for rotation, within so many days.
    pub expiring_days: Option<u64>,
    /// Keys, tokens and credentials without an end are due so many days after they were made.
    pub rotate_days: u64,
}

/// The kinds that can be asked for.
pub const KINDS: &[&str] =
    &["app", "token", "key", "runner", "hook", "agent", "credential", "service-account"];

/// Identities that are no people.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Identities {
    /// By kind and id.
    pub identities: Vec<Identity>,
    /// Those of whom it cannot be told whether they were asked for: their last use or end is unknown.
    pub maybe: Vec<Identity>,
    /// The time that ages and ends are measured against.
    pub now: Time,
    /// What it was read from.
    pub graph: GraphAsOf,
}

/// One of them. A time that is `null` is known to be none (never used, no end) unless `unknown` names it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Identity {
    /// Which.
    #[serde(flatten)]
    pub who: Named,
    /// Its kind, or `service-account`.
    pub kind: String,
    /// Whether it is switched on; left out by Bitbucket counts as yes.
    pub active: bool,
    /// Whose it is.
    pub owner: Owner,
    /// The person it works for.
    pub acts_for: Option<Named>,
    /// The most it can do, in words.
    pub most: String,
    /// The strongest level it holds anywhere.
    pub level: Level,
    /// What the person it works for can do at most, in words.
    pub principal_most: Option<String>,
    /// When it was used last.
    pub last_used: Option<Time>,
    /// When it was made.
    pub created: Option<Time>,
    /// Days since then.
    pub age_days: Option<u64>,
    /// When it ends.
    pub expires: Option<Time>,
    /// When it should be replaced: its end, or some days after it was made. Null: nothing to replace.
    pub rotation_due: Option<Time>,
    /// Who may change or remove it, at most twenty names.
    pub changed_by: Vec<Named>,
    /// How many may.
    pub changers: u64,
    /// Why of what is not known: by the member's name.
    pub unknown: BTreeMap<String, String>,
}

/// Whose something is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Owner {
    /// The owners; empty where nothing tells.
    pub who: Vec<Named>,
    /// How sure.
    pub sure: Sureness,
    /// What it follows from, or why it is not known.
    pub why: String,
}

/// The identities that are wished for.
pub fn identities(graph: &Snapshot, wish: &Wish, now: Time) -> Identities {
    let mut admins = Admins::new();
    let (mut sure, mut maybe) = (Vec::new(), Vec::new());
    for node in graph.machines() {
        let identity = identity(graph, node, (wish.rotate_days, now), &mut admins);
        match wished(&identity, wish, now) {
            Some(true) => sure.push(identity),
            Some(false) => {}
            None => maybe.push(identity),
        }
    }
    Identities { identities: sure, maybe, now, graph: as_of(graph) }
}

/// Whether an identity is asked for; none where that cannot be told.
fn wished(identity: &Identity, wish: &Wish, now: Time) -> Option<bool> {
    let kind = wish.kind.as_ref().is_none_or(|kind| *kind == identity.kind);
    let owner = !wish.unowned || identity.owner.who.is_empty();
    if !kind || !owner {
        return Some(false);
    }
    let unused = wish.unused_days.map_or(Some(true), |days| {
        let since = match (identity.last_used, identity.unknown.contains_key("last_used")) {
            (_, true) => return None,
            (Some(used), false) => used,
            // Never used: as old as it is.
            (None, false) => identity.created?,
        };
        Some(now.since(since) >= days.saturating_mul(DAY))
    });
    let expiring = wish.expiring_days.map_or(Some(true), |days| {
        let due = [("expires", identity.expires), ("rotation_due", identity.rotation_due)];
        let soon = |time: &Time| time.since(now) <= days.saturating_mul(DAY);
        if due.iter().filter_map(|(_, time)| time.as_ref()).any(soon) {
            return Some(true);
        }
        let untold = due.iter().any(|(name, _)| identity.unknown.contains_key(*name));
        if untold { None } else { Some(false) }
    });
    match (unused, expiring) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, _) | (_, None) => None,
    }
}

fn identity(
    graph: &Snapshot,
    node: NodeNo,
    (rotate_days, now): (u64, Time),
    admins: &mut Admins,
) -> Identity {
    let mut unknown = BTreeMap::new();
    let kind = kind(graph, node);
    let mut time = |member: &str, attribute: &str| match graph.instant(node, attribute) {
        Known::Value(time) => Some(time),
        Known::Nothing => None,
        Known::Unknown(why) => {
            unknown.insert(member.to_owned(), why.as_str().to_owned());
            None
        }
    };
    let last_used = time("last_used", "last_used_at");
    let created = time("created", "created_at");
    let expires = time("expires", "expires_at");
    let rotates = matches!(kind, "key" | "token" | "credential");
    let due = |made: Time| made.plus(Duration::from_secs(rotate_days.saturating_mul(DAY / 1_000)));
    let rotation_due = expires.or_else(|| created.filter(|_| rotates).map(due));
    if rotates && rotation_due.is_none() {
        let why = "neither its end nor when it was made is known".to_owned();
        unknown.insert("rotation_due".to_owned(), why);
    }
    let changers = graph.changers_among(node, admins);
    if let Some(why) = &changers.unknown {
        unknown.insert("changed_by".to_owned(), why.as_str().to_owned());
    }
    let owner = graph.ownership(node, &changers);
    let principal = match graph.principal(node) {
        Known::Value(person) => Some(person),
        Known::Nothing => None,
        Known::Unknown(why) => {
            unknown.insert("acts_for".to_owned(), why.as_str().to_owned());
            None
        }
    };
    let reach = graph.reach(node);
    let level = reach.first().map_or(Level::None, |reach| reach.level);
    Identity {
        who: named(graph, node),
        kind: kind.to_owned(),
        active: graph.flag(node, "active") != Known::Value(false),
        owner: Owner {
            who: owner.owners.iter().map(|owner| named(graph, *owner)).collect(),
            sure: owner.sure,
            why: owner.why,
        },
        acts_for: principal.map(|person| named(graph, person)),
        most: most(graph, node, &reach),
        level,
        principal_most: principal.map(|person| told(graph, &graph.reach(person))),
        last_used,
        created,
        age_days: created.map(|created| now.since(created) / DAY),
        expires,
        rotation_due,
        changed_by: changers
            .nodes
            .iter()
            .take(MAX_CHANGERS)
            .map(|who| named(graph, *who))
            .collect(),
        changers: changers.nodes.len() as u64,
        unknown,
    }
}

fn kind(graph: &Snapshot, node: NodeNo) -> &'static str {
    let kind = graph.node(node).map_or(Kind::Credential, |node| node.id.kind());
    if kind == Kind::User { "service-account" } else { kind.as_str() }
}

/// The most an identity can do, in words.
pub fn most_of(graph: &Snapshot, node: NodeNo) -> String {
    most(graph, node, &graph.reach(node))
}

/// The most it can do: a hook hears, a runner runs, all others hold levels.
fn most(graph: &Snapshot, node: NodeNo, reach: &[Reach]) -> String {
    let kind = graph.node(node).map(|node| node.id.kind());
    let places = || {
        let names: Vec<String> =
            graph.places_of(node).iter().map(|place| graph.called(*place)).collect();
        counted(&names)
    };
    match kind {
        Some(Kind::Hook) => format!("hears of {}", places()),
        Some(Kind::Runner) => format!("runs builds of {}", places()),
        Some(_) | None => told(graph, reach),
    }
}

fn told(graph: &Snapshot, reach: &[Reach]) -> String {
    let Some(first) = reach.first() else { return "nothing by a grant of its own".to_owned() };
    let strongest: Vec<String> = reach
        .iter()
        .take_while(|reach| reach.level == first.level)
        .map(|reach| graph.called(reach.place))
        .collect();
    let weaker = reach.len() - strongest.len();
    let rest = if weaker > 0 { format!(", less on {weaker} more") } else { String::new() };
    format!("{} on {}{rest}", first.level, counted(&strongest))
}

/// Names, the first of many.
fn counted(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}
