//! Who looks after a thing: whom Bitbucket names; else the person it acts for; else those who administer just where it
//! is, those who administer everything left aside; of a whole workspace, its administrators.

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Sureness;
use crate::graph::Why;
use crate::policy::subject::credential::Owner;
use crate::posture::evidence::Person;
use crate::posture::look::Ground;
use crate::posture::look::id;

/// Most owners that a document names: more look after nothing in particular.
const MAX_OWNERS: usize = 20;

/// Those who look after a thing; nothing for nobody.
pub(super) struct Owners {
    people: Known<Vec<NodeNo>>,
    /// Why others may look after it too; none: these are all.
    more: Option<Why>,
    sure: Sureness,
}

impl Owners {
    /// Of a thing. Who administers a place is worked out once for all that is there.
    pub(super) fn of(ground: &Ground<'_>, thing: NodeNo) -> Self {
        let graph = ground.graph;
        if let Some(told) = graph.named_ownership(thing) {
            return Self { people: Known::Value(told.owners), more: None, sure: told.sure };
        }
        let changers = ground.changers(thing);
        let mut places = graph.places_of(thing).into_iter();
        let everywhere = places.any(|place| is_workspace(graph, place));
        let mut people = graph.active_people(changers.nodes);
        people.retain(|person| everywhere || !graph.administers_all(*person));
        let more = changers.unknown;
        // Where not all is known, whoever seems to administer just this place may administer everything.
        let people = match (&more, people.is_empty()) {
            (Some(why), nobody) if nobody || !everywhere => Known::Unknown(why.clone()),
            (Some(_) | None, false) => Known::Value(people),
            (Some(_) | None, true) => Known::Nothing,
        };
        Self { people, more, sure: Sureness::Inferred }
    }

    /// The people; nobody where nothing tells.
    pub(super) fn people(&self) -> &[NodeNo] {
        self.people.value().map(Vec::as_slice).unwrap_or_default()
    }

    /// Why somebody else may look after it too.
    pub(super) const fn more(&self) -> Option<&Why> {
        self.more.as_ref()
    }

    /// As a document names them.
    pub(super) fn named(&self, graph: &Snapshot) -> Known<Vec<Owner>> {
        let named = |person: &NodeNo| Owner {
            id: id(graph, *person),
            name: Known::Value(graph.name(*person).to_owned()),
            active: active(graph, *person),
            sure: Known::Value(self.sure.as_str().to_owned()),
        };
        self.people.clone().map(|people| people.iter().take(MAX_OWNERS).map(named).collect())
    }

    /// Whether everybody has left: one who has not is enough for a no, and one who is not known may be that one. Somebody
    /// who may be switched off may look after nothing.
    pub(super) fn left(&self, ground: &Ground<'_>) -> Known<bool> {
        let people = match &self.people {
            Known::Value(people) => people,
            Known::Nothing => return Known::Nothing,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        let mut unknown = self.more.clone();
        for person in people {
            match (left(ground, *person), active(ground.graph, *person)) {
                (Known::Value(_), _) => {}
                (Known::Nothing, Known::Value(_) | Known::Nothing) => return Known::Value(false),
                (Known::Unknown(why), _) | (Known::Nothing, Known::Unknown(why)) => {
                    unknown = Some(why);
                }
            }
        }
        unknown.map_or(Known::Value(true), Known::Unknown)
    }
}

fn is_workspace(graph: &Snapshot, place: NodeNo) -> bool {
    graph.node(place).is_some_and(|node| node.id.kind() == Kind::Workspace)
}

/// Whether somebody is switched on. Of most that is never told and counts as yes; where it could not be read, it does not.
pub(super) fn active(graph: &Snapshot, node: NodeNo) -> Known<bool> {
    match graph.why_unknown(node, "active") {
        Some(why) => Known::Unknown(why.clone()),
        None => Known::Value(graph.flag(node, "active") != Known::Value(false)),
    }
}

/// When somebody left, as evidence tells.
pub(super) fn left(ground: &Ground<'_>, person: NodeNo) -> Known<crate::graph::Time> {
    let Some(node) = ground.graph.node(person) else { return Known::default() };
    ground.held.left(as_person(ground.graph, person, &node.id))
}

/// A person, as evidence may name him.
pub(super) fn as_person<'g>(
    graph: &'g Snapshot,
    person: NodeNo,
    id: &'g crate::graph::Id,
) -> Person<'g> {
    let email = graph.text(person, "email").value().copied();
    Person { id, email, name: graph.node(person).and_then(|node| node.name.as_deref()) }
}
