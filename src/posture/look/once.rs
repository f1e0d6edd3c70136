//! What many subjects share, worked out once a scan when the first one asks: no answer about one subject may cost places
//! times people.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use crate::graph::Admins;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Sizes;
use crate::graph::Time;
use crate::graph::Why;
use crate::posture::look::Ground;
use crate::posture::look::owner::Owners;
use crate::posture::unseen::credentials_untold;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What is worked out once.
#[derive(Default)]
pub(super) struct Once {
    admins: Mutex<Admins>,
    served: Mutex<HashMap<NodeNo, Arc<Served>>>,
    sizes: OnceLock<Sizes>,
    hooks: OnceLock<HashMap<NodeNo, Vec<NodeNo>>>,
}

/// The repositories whose steps reach what is set on a place, and who may write to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Served {
    /// The repositories whose pipelines are not known to be off.
    pub(super) repositories: Vec<NodeNo>,
    /// How many projects they are in.
    pub(super) projects: u64,
    /// How many people can have a step of their own run there.
    pub(super) people: Known<u64>,
}

impl Ground<'_> {
    /// How many repositories there are in each place.
    pub(super) fn sizes(&self) -> &Sizes {
        self.once.sizes.get_or_init(|| self.graph.sizes())
    }

    /// Who may change or remove a thing.
    pub(super) fn changers(&self, thing: NodeNo) -> Listed {
        let mut admins = self.once.admins.lock().unwrap_or_else(PoisonError::into_inner);
        self.graph.changers_among(thing, &mut admins)
    }

    /// The webhooks that this person alone looks after.
    pub(super) fn hooks_of(&self, person: NodeNo) -> Vec<NodeNo> {
        let hooks = self.once.hooks.get_or_init(|| {
            let mut hooks: HashMap<NodeNo, Vec<NodeNo>> = HashMap::new();
            for hook in self.graph.all(Kind::Hook) {
                if let [alone] = Owners::of(self, hook).people() {
                    hooks.entry(*alone).or_default().push(hook);
                }
            }
            hooks
        });
        hooks.get(&person).cloned().unwrap_or_default()
    }

    /// Why not everything in somebody's hands is known, if it is not.
    pub(super) fn hands_untold(&self, person: NodeNo) -> Option<Why> {
        let own = self.graph.why_unknown(person, "holds").cloned();
        own.or_else(|| credentials_untold(self.graph, self.graph.workspace_of(person)?))
    }

    /// How many days ago that was; nothing for never.
    pub(super) fn days_since(&self, then: &Known<Time>) -> Known<u64> {
        then.clone().map(|then| {
            let days = self.now.millis().saturating_sub(then.millis()).div_euclid(DAY);
            u64::try_from(days).unwrap_or(0)
        })
    }

    /// What is reached from a place: its own repository, or those in it.
    pub(super) fn served(&self, place: NodeNo) -> Arc<Served> {
        let known = {
            let served = self.once.served.lock().unwrap_or_else(PoisonError::into_inner);
            served.get(&place).cloned()
        };
        if let Some(known) = known {
            return known;
        }
        let served = Arc::new(self.serve(place));
        let mut all = self.once.served.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(place, Arc::clone(&served));
        served
    }

    fn serve(&self, place: NodeNo) -> Served {
        let graph = self.graph;
        let kind = graph.node(place).map(|node| node.id.kind());
        let connection = graph.node(place).map(|node| node.id.connection());
        let mut repositories: Vec<NodeNo> = match kind {
            Some(Kind::Repository) => vec![place],
            Some(Kind::Workspace) => graph
                .all(Kind::Repository)
                .filter(|one| graph.node(*one).map(|node| node.id.connection()) == connection)
                .collect(),
            Some(_) | None => {
                let inside = graph.led_to(place, Relation::In).into_iter();
                let inside = inside.filter(|thing| thing.kind() == Kind::Repository);
                inside.filter_map(|thing| graph.find(&thing)).collect()
            }
        };
        repositories.retain(|one| graph.flag(*one, "pipelines") != Known::Value(false));
        let projects: HashSet<_> =
            repositories.iter().filter_map(|one| graph.project_of(*one)).collect();
        let (mut people, mut unknown) = (HashSet::new(), None);
        for repository in &repositories {
            let listed = graph.who_can(Level::Write, *repository).listed;
            unknown = unknown.or(listed.unknown);
            people.extend(graph.active_people(listed.nodes));
        }
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let people = unknown.map_or_else(|| Known::Value(count(people.len())), Known::Unknown);
        Served { projects: count(projects.len()), repositories, people }
    }
}
