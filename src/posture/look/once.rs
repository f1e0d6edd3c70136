//! What many subjects share, worked out once a scan when the first one asks: no answer about one subject may cost places
//! times people.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;

use crate::graph::Admins;
use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Sizes;
use crate::graph::Time;
use crate::graph::Why;
use crate::posture::look::Ground;
use crate::posture::look::owner::Owners;
use crate::posture::look::those;
use crate::posture::unseen::credentials_untold;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What is worked out once.
#[derive(Default)]
pub(super) struct Once {
    admins: Mutex<Admins>,
    served: Mutex<HashMap<NodeNo, Arc<Served>>>,
    sizes: OnceLock<Sizes>,
    hooks: OnceLock<Hooks>,
    homeless: OnceLock<BTreeMap<ConnectionId, Why>>,
}

/// Who alone looks after which webhooks.
#[derive(Default)]
struct Hooks {
    alone: HashMap<NodeNo, Vec<NodeNo>>,
    /// Of whom it is unknown whether they alone look after some.
    perhaps: HashMap<NodeNo, Why>,
    /// Where that is unknown of everybody.
    untold: HashMap<ConnectionId, Why>,
}

/// The repositories whose steps reach what is set on a place, and who may write to them.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// The repositories whose pipelines are on.
    pub(super) repositories: Listed,
    /// How many projects they are in; at least so many where there may be more and several are known.
    pub(super) projects: Known<u64>,
    /// How many people can have a step of their own run there.
    pub(super) people: Known<u64>,
}

impl Served {
    /// From a place that nobody knows.
    pub(super) fn nowhere() -> Self {
        let repositories = Listed { nodes: Vec::new(), unknown: Some(Why::NOT_TOLD) };
        Self { repositories, projects: Known::default(), people: Known::default() }
    }

    /// How many repositories; at least so many where there may be more and several are known.
    pub(super) fn count(&self) -> Known<u64> {
        several(self.repositories.nodes.len(), self.repositories.unknown.clone())
    }
}

/// A count. What there may be beside takes nothing from several; one or none is only known where nothing is unknown.
fn several(count: usize, unknown: Option<Why>) -> Known<u64> {
    match unknown {
        Some(why) if count < 2 => Known::Unknown(why),
        Some(_) | None => Known::Value(u64::try_from(count).unwrap_or(u64::MAX)),
    }
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

    /// The webhooks that this person is known to look after alone, and why there may be more.
    pub(super) fn hooks_of(&self, person: NodeNo) -> (Vec<NodeNo>, Option<Why>) {
        let hooks = self.once.hooks.get_or_init(|| self.hooks());
        let connection = self.graph.node(person).map(|node| node.id.connection());
        let untold = || hooks.untold.get(&connection?);
        let unknown = hooks.perhaps.get(&person).or_else(untold).cloned();
        let unknown = unknown.or_else(|| self.graph.may_have_hooks(person));
        (hooks.alone.get(&person).cloned().unwrap_or_default(), unknown)
    }

    fn hooks(&self) -> Hooks {
        let mut hooks = Hooks::default();
        for hook in self.graph.all(Kind::Hook) {
            let owners = Owners::of(self, hook);
            let connection = self.graph.node(hook).map(|node| node.id.connection());
            match (owners.people(), owners.more(), connection) {
                ([alone], None, _) => hooks.alone.entry(*alone).or_default().push(hook),
                ([perhaps], Some(why), _) => {
                    hooks.perhaps.entry(*perhaps).or_insert_with(|| why.clone());
                }
                ([], Some(why), Some(connection)) => {
                    hooks.untold.entry(connection).or_insert_with(|| why.clone());
                }
                ([] | [_, _, ..], _, _) => {}
            }
        }
        hooks
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
        let repositories = those(self.inside(place), |one| graph.flag(one, "pipelines"));
        let (mut projects, mut homeless) = (HashSet::new(), repositories.unknown.clone());
        let (mut people, mut unlisted) = (HashSet::new(), repositories.unknown.clone());
        for repository in &repositories.nodes {
            if let Some(project) = graph.project_of(*repository) {
                projects.insert(project);
            } else {
                let why = graph.why_unknown(*repository, "project").cloned();
                homeless = homeless.or(why).or(Some(Why::NOT_TOLD));
            }
            let listed = graph.who_can(Level::Write, *repository).listed;
            unlisted = unlisted.or(listed.unknown);
            people.extend(graph.active_people(listed.nodes));
        }
        let people = match unlisted {
            Some(why) => Known::Unknown(why),
            None => Known::Value(u64::try_from(people.len()).unwrap_or(u64::MAX)),
        };
        Served { projects: several(projects.len(), homeless), repositories, people }
    }

    /// The repositories in a place, itself included, and why there may be more.
    fn inside(&self, place: NodeNo) -> Listed {
        let graph = self.graph;
        let Some(told) = graph.node(place) else { return Served::nowhere().repositories };
        let (kind, connection) = (told.id.kind(), told.id.connection());
        let unknown = if kind == Kind::Repository {
            None
        } else if kind == Kind::Workspace {
            let mut projects = graph.all_of(&connection, Kind::Project);
            let unread = projects.find_map(|one| graph.why_unknown(one, "repositories"));
            graph.why_unknown(place, "projects").or(unread)
        } else {
            graph.why_unknown(place, "repositories").or(self.homeless(&connection))
        };
        Listed { nodes: graph.repositories_at(place), unknown: unknown.cloned() }
    }

    /// Why a repository of this connection may be in any of its projects, if there is such a one.
    fn homeless(&self, connection: &ConnectionId) -> Option<&Why> {
        let homeless = self.once.homeless.get_or_init(|| {
            let all = self.graph.all(Kind::Repository).filter_map(|one| {
                let why = self.graph.why_unknown(one, "project")?;
                Some((self.graph.node(one)?.id.connection(), why.clone()))
            });
            all.collect()
        });
        homeless.get(connection)
    }
}
