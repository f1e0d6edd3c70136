//! Since when something was possible, and which change made it so.
//!
//! Only the part of the history that the question hangs on is read, and looked at again at each moment that changed it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::gateway::Gateway;
use crate::gateway::access::Unanswered;
use crate::gateway::audit::told::who;
use crate::gateway::history::NoPast;
use crate::gateway::history::shifts::line;
use crate::graph::BuildError;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::audit::FoundChange;
use crate::graph::audit::Names;
use crate::graph::compare;
use crate::graph::world::Connection;
use crate::store::KeptChange;
use crate::store::KeptLine;
use crate::store::Line;
use crate::store::Moment;
use crate::store::StoreError;

/// Moments looked at for one question; the newest.
const MAX_LOOKS: usize = 5_000;

/// Why nothing is told: Bitbucket has no event that says who changed a permission.
const NO_ACTOR: &str = "Bitbucket does not tell who changed this: it was found by reading";

/// Since when something was possible.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccessSince")]
pub struct Since {
    /// Id of the identity.
    pub identity: String,
    /// Its name.
    pub name: Option<String>,
    /// The level that was asked for.
    pub action: String,
    /// Id of the resource.
    pub resource: String,
    /// Its name.
    pub resource_name: Option<String>,
    /// Since when anything is known of it.
    pub known_since: Time,
    /// The first time it was possible; null: it never was, as far as is known.
    pub first: Option<Period>,
    /// Every period of one answer, oldest first.
    pub periods: Vec<Period>,
}

/// A time during which the answer was the same.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccessPeriod")]
pub struct Period {
    /// Whether it was possible; null: that cannot be told.
    pub can: Option<bool>,
    /// The level that what was known gives.
    pub level: Level,
    /// The first reading that said so.
    pub from: Time,
    /// The last reading before that, which said otherwise: it changed between the two. Null: it is so since anything is
    /// known.
    pub not_at: Option<Time>,
    /// The last reading that said so; null: it is so now.
    pub until: Option<Time>,
    /// What changed it, a line each.
    pub by: Vec<String>,
    /// Id of who changed it.
    pub actor: Option<String>,
    /// Why nobody is named.
    pub actor_unknown: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoSince {
    /// The question itself.
    #[error(transparent)]
    Question(#[from] Unanswered),
    /// The past is told of levels alone.
    #[error(
        "since when `{0}` was possible is not told: use one of read, write, create, admin, owner"
    )]
    Level(String),
    /// There is no history.
    #[error(transparent)]
    Past(#[from] NoPast),
}

impl From<LookupError> for NoSince {
    fn from(error: LookupError) -> Self {
        Self::Question(Unanswered::Lookup(error))
    }
}

impl From<StoreError> for NoSince {
    fn from(error: StoreError) -> Self {
        Self::Past(NoPast::Store(error))
    }
}

/// A question with the history it hangs on.
struct Story {
    who: Id,
    place: Id,
    wanted: Level,
    head: Connection,
    moments: Vec<Moment>,
    lines: Vec<Line>,
}

impl Gateway {
    /// Since when an identity could do something to a resource, and what made it so. Names are read as they are now; what
    /// is gone is asked for by its id.
    pub async fn access_since(
        &self,
        identity: &str,
        action: &str,
        resource: &str,
    ) -> Result<Since, NoSince> {
        let wanted = Level::from_text(action)
            .filter(|level| *level > Level::None)
            .ok_or_else(|| NoSince::Level(action.chars().take(40).collect()))?;
        let graph = self.graph.load_full();
        let place = id_of(resource, || graph.resolve(resource), &graph)?;
        let beside = place.connection();
        let who = id_of(identity, || graph.resolve_in(&beside, identity), &graph)?;
        let connection = place.connection();
        let moments = self.store.moments(&connection).await?;
        let Some(known_since) = moments.first().map(|moment| moment.as_of) else {
            return Err(NoPast::Nothing.into());
        };
        let lines = self.store.between(&who, &place).await?;
        let configured = self.connections.get(&connection).map(|one| one.product);
        let (Some(lines), Some(product)) = (lines, configured) else {
            return Err(LookupError::Unknown(format!("{who}` or `{place}")).into());
        };
        let head = Connection { id: connection, product, name: None };
        let called = |id: &Id| {
            let node = graph.find(id)?;
            graph.node(node).and_then(|node| node.name.clone())
        };
        let (name, resource_name) = (called(&who), called(&place));
        let (identity, resource) = (who.to_string(), place.to_string());
        let story = Story { who, place, wanted, head, moments, lines };
        let told = spawn_blocking(move || periods(&story).map(|periods| (periods, story))).await;
        let (periods, story) = told.map_err(|_| NoPast::Ending)?.map_err(NoPast::Build)?;
        let periods = self.with_actors(&story, periods).await?;
        Ok(Since {
            identity,
            name,
            action: action.to_owned(),
            resource,
            resource_name,
            known_since,
            first: periods.iter().find(|period| period.can == Some(true)).cloned(),
            periods,
        })
    }
}

impl Gateway {
    /// The periods, with who began each, as far as audit logs tell.
    async fn with_actors(
        &self,
        story: &Story,
        periods: Vec<(Period, i64)>,
    ) -> Result<Vec<Period>, StoreError> {
        let moments = periods.iter().map(|(_, moment)| *moment).collect();
        let explained = self.store.explained(&story.head.id, moments).await?;
        let names = Names::of(&story.head.id, &self.graph.load());
        let told = |(mut period, moment): (Period, i64)| {
            let mut lines: Vec<KeptLine> = Vec::new();
            for (change, by) in &explained {
                if change.moment == moment && hangs_on(story, change) {
                    lines.extend(by.iter().cloned());
                }
            }
            if !lines.is_empty() && period.actor_unknown.is_some() {
                let (actor, unknown) = who(&names, &lines);
                (period.actor, period.actor_unknown) = (actor.map(|id| id.to_string()), unknown);
            }
            period
        };
        Ok(periods.into_iter().map(told).collect())
    }
}

/// Whether a change is one of those that the question hangs on: a statement about its thing began or ended with it.
fn hangs_on(story: &Story, kept: &KeptChange) -> bool {
    let FoundChange { thing, on, .. } = &kept.change;
    story.lines.iter().any(|line| {
        let moved = line.since == kept.moment || line.until == Some(kept.moment);
        let same = on.as_ref().is_none_or(|on| line.statement.what == on.as_str());
        moved && same && line.statement.about == thing.as_str()
    })
}

/// The id of what is named; an id that is not in the graph any more is taken as it is.
fn id_of(
    text: &str,
    named: impl FnOnce() -> Result<NodeNo, LookupError>,
    graph: &Snapshot,
) -> Result<Id, LookupError> {
    if let Ok(id) = text.parse::<Id>() {
        return Ok(id);
    }
    let found = graph.node(named()?).map(|node| node.id.clone());
    found.ok_or_else(|| LookupError::Unknown(text.chars().take(120).collect()))
}

/// Every period, with the moment that began it.
fn periods(story: &Story) -> Result<Vec<(Period, i64)>, BuildError> {
    let mut periods: Vec<(Period, i64)> = Vec::new();
    let mut last: Option<Snapshot> = None;
    for moment in looks(story) {
        let graph = graph_of(story, moment)?;
        let (can, level) = answer(story, &graph);
        let same = periods.last().is_some_and(|(last, _)| (last.can, last.level) == (can, level));
        if !same {
            let not_at = before(story, moment).map(|before| before.confirmed);
            if let (Some((open, _)), Some(not_at)) = (periods.last_mut(), not_at) {
                open.until = Some(not_at);
            }
            let by = last.as_ref().map(|last| lines_of(story, last, &graph)).unwrap_or_default();
            let changed = last.is_some();
            let period = Period {
                can,
                level,
                from: moment.as_of,
                not_at: not_at.filter(|_| changed),
                until: None,
                by,
                actor: None,
                actor_unknown: changed.then(|| NO_ACTOR.to_owned()),
            };
            periods.push((period, moment.no));
        }
        last = Some(graph);
    }
    Ok(periods)
}

/// The moments that changed anything the question hangs on, and the first of all.
fn looks(story: &Story) -> Vec<&Moment> {
    let mut changed: BTreeSet<i64> = BTreeSet::new();
    for line in &story.lines {
        changed.insert(line.since);
        changed.extend(line.until);
    }
    let first = story.moments.first().map(|moment| moment.no);
    let looks = story
        .moments
        .iter()
        .filter(|moment| Some(moment.no) == first || changed.contains(&moment.no));
    let looks: Vec<&Moment> = looks.collect();
    looks.get(looks.len().saturating_sub(MAX_LOOKS)..).unwrap_or_default().to_vec()
}

fn before<'s>(story: &'s Story, moment: &Moment) -> Option<&'s Moment> {
    story.moments.iter().rev().find(|earlier| earlier.no < moment.no)
}

/// What the question hangs on, as it stood at a moment.
fn graph_of(story: &Story, moment: &Moment) -> Result<Snapshot, BuildError> {
    let stood =
        |line: &&Line| line.since <= moment.no && line.until.is_none_or(|until| until > moment.no);
    let statements = story.lines.iter().filter(stood).map(|line| line.statement.clone());
    let world = World::of_statements(story.head.clone(), moment.as_of, statements);
    let world = world.map_err(|error| BuildError::Node(String::new(), error.to_string()))?;
    Snapshot::build(0, &[world])
}

fn answer(story: &Story, graph: &Snapshot) -> (Option<bool>, Level) {
    match (graph.find(&story.who), graph.find(&story.place)) {
        (Some(who), Some(place)) => {
            let can = match graph.can(who, story.wanted, place) {
                Known::Value(can) => Some(can),
                Known::Nothing | Known::Unknown(_) => None,
            };
            (can, graph.effective(who, place).level)
        }
        (_, place) => {
            // The graph of a moment holds nothing but what the question hangs on: all places in it are the place's own.
            let places =
                [Kind::Project, Kind::Workspace].into_iter().flat_map(|kind| graph.all(kind));
            let places: Vec<Id> =
                places.filter_map(|place| graph.node(place)).map(|node| node.id.clone()).collect();
            let unlisted = graph.unlisted(&story.who, place, places.iter());
            (unlisted.is_none().then_some(false), Level::None)
        }
    }
}

/// What changed the level of the one who is asked about, in words.
fn lines_of(story: &Story, before: &Snapshot, after: &Snapshot) -> Vec<String> {
    let shifts = compare(before, after, Some(&story.place));
    let own = shifts.all.iter().filter(|shift| shift.who.as_ref() == Some(&story.who));
    own.flat_map(|shift| &shift.causes).map(|cause| line(before, after, cause)).collect()
}
