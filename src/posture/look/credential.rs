//! A key, token, password or app as posture rules see it.

use std::collections::BTreeSet;

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Span;
use crate::graph::Why;
use crate::policy::subject::credential::Credential;
use crate::posture::look::Ground;
use crate::posture::look::environment;
use crate::posture::look::found;
use crate::posture::look::id;
use crate::posture::look::owner;
use crate::posture::look::owner::Owners;
use crate::posture::look::those;

/// Days after which one that may write is said not to be used.
const IDLE: u64 = 180;

const USED_FOR_WHAT: Why =
    Why::fixed("Bitbucket tells when it was last used, and not what for: ask who works with it");

/// Most repositories of production that a document names: one is enough for a finding.
const MAX_NAMED: usize = 2_000;

/// Whose rights a credential has, and how far it reaches by them.
struct Behind {
    /// Whether it acts for one person, with that person's rights.
    personal: Known<bool>,
    span: Span,
}

impl Behind {
    /// Of a credential. What is granted something itself has no person's rights.
    fn of(ground: &Ground<'_>, node: NodeNo) -> Self {
        let graph = ground.graph;
        let own = graph.span(node, ground.sizes());
        let person =
            if own.level > Level::None { Known::Nothing } else { person_behind(graph, node, &own) };
        match person {
            Known::Value(person) => {
                let span = capped(graph, node, graph.span(person, ground.sizes()));
                Self { personal: Known::Value(true), span }
            }
            Known::Nothing => Self { personal: Known::Value(false), span: own },
            Known::Unknown(why) => {
                let span = Span { unknown: Some(why.clone()), ..own };
                Self { personal: Known::Unknown(why), span }
            }
        }
    }
}

/// Whether what is in somebody's hands is his own: it has his rights, or is a token that was granted nothing itself.
pub(super) fn is_own(ground: &Ground<'_>, held: NodeNo) -> Known<bool> {
    let Behind { personal, span } = Behind::of(ground, held);
    match ground.graph.node(held).map(|node| node.id.kind()) {
        Some(Kind::Token) if personal == Known::Value(false) => {
            span.may(Level::Read).map(|granted| !granted)
        }
        Some(Kind::Key | Kind::Token) => personal,
        Some(_) | None => Known::Value(false),
    }
}

pub(super) fn look(ground: &Ground<'_>, node: NodeNo) -> Credential {
    let graph = ground.graph;
    let Behind { personal, span } = Behind::of(ground, node);
    let kind = graph.node(node).map_or("", |node| node.id.kind().as_str());
    let owners = Owners::of(ground, node);
    let (created, used) = (graph.instant(node, "created_at"), graph.instant(node, "last_used_at"));
    Credential {
        id: id(graph, node),
        name: Known::Value(graph.name(node).to_owned()),
        kind: Known::Value(kind.to_owned()),
        what: Known::Value(what(graph, node)),
        active: owner::active(graph, node),
        age_days: ground.days_since(&created),
        wider_than_used: wider(&span, &ground.days_since(&used)),
        idle_days: ground.days_since(&used),
        created_at: created,
        last_used_at: used,
        expires_at: graph.instant(node, "expires_at"),
        level: span.least(),
        repositories: span.least_repositories(),
        production: match &personal {
            Known::Value(true) => Known::Value(Vec::new()),
            Known::Value(false) | Known::Nothing => production(graph, node, &span),
            Known::Unknown(why) => Known::Unknown(why.clone()),
        },
        personal,
        owners: owners.named(graph),
        owners_left: owners.left(ground),
    }
}

/// One that only reads could do no less. Of one that is in use nothing tells what for.
fn wider(span: &Span, idle_days: &Known<u64>) -> Known<bool> {
    match (span.may(Level::Write), idle_days) {
        (Known::Value(false) | Known::Nothing, _) => Known::Value(false),
        (Known::Unknown(why), _) => Known::Unknown(why),
        (Known::Value(true), Known::Unknown(why)) => Known::Unknown(why.clone()),
        (Known::Value(true), Known::Nothing) => Known::Value(true),
        (Known::Value(true), Known::Value(days)) if *days > IDLE => Known::Value(true),
        (Known::Value(true), Known::Value(_)) => Known::Unknown(USED_FOR_WHAT),
    }
}

/// The product's word for it.
pub(super) fn what(graph: &Snapshot, node: NodeNo) -> String {
    let told = graph.text(node, "kind").value().map(|kind| (*kind).to_owned());
    told.unwrap_or_else(|| graph.node(node).map_or("", |node| node.id.kind().as_str()).to_owned())
}

/// The person whose rights it has; nothing for one with rights of its own. A key in somebody's hands is the holder's own
/// unless Bitbucket calls it the key of a place: where it calls it nothing, a grant that was not read could make it one.
fn person_behind(graph: &Snapshot, node: NodeNo, own: &Span) -> Known<NodeNo> {
    let person = graph.principal(node);
    let is_key = graph.node(node).is_some_and(|node| node.id.kind() == Kind::Key);
    if person != Known::Nothing || !is_key {
        return person;
    }
    let holder = graph.led_to(node, Relation::Holds).into_iter().find_map(|id| graph.find(&id));
    let Some(holder) = holder else { return Known::Nothing };
    match (graph.text(node, "kind"), &own.unknown) {
        (Known::Value("access key"), _) => Known::Nothing,
        (Known::Value(_), _) | (_, None) => Known::Value(holder),
        (Known::Nothing | Known::Unknown(_), Some(why)) => Known::Unknown(why.clone()),
    }
}

/// What a person may do, as far as the token's own permissions let it. Of a token whose permissions could not be read
/// nothing is known to be let.
fn capped(graph: &Snapshot, node: NodeNo, span: Span) -> Span {
    let level = |scope: &String| match scope.rsplit(['_', ':']).next() {
        Some("READ" | "read") => Level::Read,
        Some("WRITE" | "write") => Level::Write,
        Some(_) | None => Level::Admin,
    };
    if let Some(why) = graph.why_unknown(node, "scopes") {
        return Span { level: Level::None, unknown: Some(why.clone()), ..span };
    }
    let scopes = graph.texts(node, "scopes");
    let most = scopes.value().and_then(|scopes| scopes.iter().map(level).max());
    let most = most.unwrap_or(Level::Admin);
    Span { level: span.level.min(most), most: span.most.min(most), ..span }
}

/// The repositories it may write to that go to production. One is enough for a finding; where none is known, it takes all
/// that it may write to, and all that would tell, for there to be none.
fn production(graph: &Snapshot, node: NodeNo, span: &Span) -> Known<Vec<String>> {
    if span.may(Level::Write) == Known::Value(false) {
        return Known::Value(Vec::new());
    }
    let (mut all, mut unknown) = (Vec::new(), span.unknown.clone());
    let places = span.places.iter().flat_map(|place| graph.repositories_at(*place));
    for place in places.collect::<BTreeSet<NodeNo>>() {
        let told = graph.effective(node, place);
        if told.level < Level::Write && (span.most < Level::Write || told.unknown.is_none()) {
            continue;
        }
        match is_production(graph, place) {
            Known::Value(true) if told.level >= Level::Write => all.push(graph.called(place)),
            Known::Value(true) => unknown = unknown.or(told.unknown),
            Known::Value(false) | Known::Nothing => {}
            Known::Unknown(why) => unknown = unknown.or(Some(why)),
        }
        if all.len() >= MAX_NAMED {
            break;
        }
    }
    found(all, unknown)
}

/// Whether a repository deploys to production, or has a branch that its branching model calls so.
fn is_production(graph: &Snapshot, repository: NodeNo) -> Known<bool> {
    let environments = graph.environments_of(repository);
    let live = those(environments, |one| environment::is_production(graph, one));
    if !live.nodes.is_empty() {
        return Known::Value(true);
    }
    match (graph.text(repository, "model_production"), live.unknown) {
        (Known::Value(_), _) => Known::Value(true),
        (Known::Unknown(why), _) | (Known::Nothing, Some(why)) => Known::Unknown(why),
        (Known::Nothing, None) => Known::Value(false),
    }
}
