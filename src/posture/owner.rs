//! Whose a finding is, and how sure that is.
//!
//! In this order: what a configuration or Bitbucket says; the account itself; who leads the project; the only one who
//! administers just this place, or of several the one who was signed in last; who made it; else the security contact of
//! its connection, so that no finding is nobody's without somebody hearing of it.

use crate::graph::Admins;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Sureness;
use crate::graph::Time;
use crate::posture::Held;
use crate::posture::Owner;
use crate::posture::evidence::Person;

/// Attributes by which a place names who made it.
const CREATORS: &[&str] = &["creator", "created_by"];

/// The attribute by which a project names who leads it.
const LEAD: &str = "lead";

/// What is known beside the graph.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'g> {
    /// What people brought.
    pub held: &'g Held,
    /// The channel that a configuration names as owner of a project or repository.
    pub named: Option<&'g str>,
    /// The channel that is the security contact of the connection.
    pub contact: Option<&'g str>,
}

/// Whose a finding about this node is.
pub fn infer(graph: &Snapshot, node: NodeNo, ground: &Ground<'_>, admins: &mut Admins) -> Owner {
    let configured = ground.named.map(|channel| Owner {
        id: None,
        name: channel.to_owned(),
        sure: Sureness::Told.as_str().to_owned(),
        why: "the configuration names this channel as its owner".to_owned(),
    });
    configured
        .or_else(|| of_itself(graph, node, admins))
        .or_else(|| of_place(graph, node, ground, admins))
        .unwrap_or_else(|| nobody(ground.contact))
}

/// Whose it is where nothing of the graph can be asked: the subject is gone, or the graph is another one by now.
pub fn nobody(contact: Option<&str>) -> Owner {
    let (name, why) = contact.map_or_else(
        || {
            (
                "nobody".to_owned(),
                "nothing names an owner, and the connection has no security contact",
            )
        },
        |channel| {
            (
                channel.to_owned(),
                "nothing names an owner, so it is the connection's security contact's",
            )
        },
    );
    Owner { id: None, name, sure: Sureness::Unknown.as_str().to_owned(), why: why.to_owned() }
}

fn kind(graph: &Snapshot, node: NodeNo) -> Option<Kind> {
    graph.node(node).map(|node| node.id.kind())
}

fn person(graph: &Snapshot, node: NodeNo, sure: Sureness, why: String) -> Owner {
    Owner {
        id: graph.node(node).map(|node| node.id.clone()),
        name: graph.name(node).to_owned(),
        sure: sure.as_str().to_owned(),
        why,
    }
}

/// Of what is somebody's: an account, or what is in somebody's hands.
fn of_itself(graph: &Snapshot, node: NodeNo, admins: &mut Admins) -> Option<Owner> {
    let kind = kind(graph, node)?;
    if kind == Kind::User && !graph.is_service(node) {
        return Some(person(graph, node, Sureness::Told, "it is their own account".to_owned()));
    }
    if is_place(kind) || matches!(kind, Kind::Group | Kind::Variable | Kind::Restriction) {
        return None;
    }
    let changers = graph.changers_among(node, admins);
    let owned = graph.ownership(node, &changers);
    let first = owned.owners.first()?;
    Some(person(graph, *first, owned.sure, owned.why))
}

const fn is_place(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Workspace | Kind::Project | Kind::Repository | Kind::Ref | Kind::Environment
    )
}

/// Of a place, or of what lives in one.
fn of_place(
    graph: &Snapshot,
    node: NodeNo,
    ground: &Ground<'_>,
    admins: &mut Admins,
) -> Option<Owner> {
    let place = graph.home_of(node)?;
    leads(graph, place)
        .or_else(|| administers(graph, place, ground.held, admins))
        .or_else(|| made(graph, place))
}

/// Whose personal project it is, or who leads the project.
fn leads(graph: &Snapshot, place: NodeNo) -> Option<Owner> {
    let project =
        if kind(graph, place)? == Kind::Repository { graph.project_of(place)? } else { place };
    let owners = graph.led_to(project, Relation::Owner);
    let is_project = kind(graph, project) == Some(Kind::Project);
    let personal = owners.iter().find(|id| id.kind() == Kind::User).filter(|_| is_project);
    if let Some(owner) = personal.and_then(|id| graph.find(id)) {
        let why = "it is in their personal project".to_owned();
        return Some(person(graph, owner, Sureness::Told, why));
    }
    let lead = named(graph, project, LEAD)?;
    let why = format!("they lead {}", graph.called(project));
    Some(person(graph, lead, Sureness::Told, why))
}

/// Who is named by an attribute: an id.
fn named(graph: &Snapshot, node: NodeNo, attribute: &str) -> Option<NodeNo> {
    let text = graph.text(node, attribute).value().copied()?;
    graph.find(&text.parse::<Id>().ok()?)
}

/// The only one who administers just this place; of several, who was signed in last, if that is known of them all.
fn administers(graph: &Snapshot, place: NodeNo, held: &Held, admins: &mut Admins) -> Option<Owner> {
    let listed: &Listed =
        admins.entry(place).or_insert_with(|| graph.who_can(Level::Admin, place).listed);
    if listed.unknown.is_some() {
        return None;
    }
    let local: Vec<NodeNo> = graph.local(listed).collect();
    let called = graph.called(place);
    match local.as_slice() {
        [] => None,
        [only] => {
            let why = format!("nobody else administers just {called}");
            Some(person(graph, *only, Sureness::Inferred, why))
        }
        [_, _, ..] => {
            let seen: Option<Vec<(Time, NodeNo)>> =
                local.iter().map(|who| Some((last_seen(graph, *who, held)?, *who))).collect();
            let (_, newest) = seen?.into_iter().max()?;
            let why = format!(
                "of the {} who administer just {called}, they were signed in last",
                local.len()
            );
            Some(person(graph, newest, Sureness::Inferred, why))
        }
    }
}

/// When somebody was signed in last; never counts as before everything.
fn last_seen(graph: &Snapshot, who: NodeNo, held: &Held) -> Option<Time> {
    let node = graph.node(who)?;
    let email = graph.text(who, "email").value().copied();
    let asked = Person { id: &node.id, email, name: node.name.as_deref() };
    match held.last_login(asked) {
        Known::Value(at) => Some(at),
        Known::Nothing => Some(Time::from_millis(i64::MIN)),
        Known::Unknown(_) => None,
    }
}

/// Who made it.
fn made(graph: &Snapshot, place: NodeNo) -> Option<Owner> {
    let creator = CREATORS.iter().find_map(|attribute| named(graph, place, attribute))?;
    let why = format!("they made {}", graph.called(place));
    Some(person(graph, creator, Sureness::Inferred, why))
}
