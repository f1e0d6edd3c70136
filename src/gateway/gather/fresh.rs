//! How old facts may be: what a rule's `fresh` demands, and what Bitbucket told to have changed since it was read.
//!
//! A graph older than a rule allows is not used. What can be had by one call each (this person in this repository, this
//! environment) is read again while the caller waits; what is not read again is unknown. A fact that was read before the
//! last event known to have changed it is unknown whatever its age.

use std::time::Duration;

use crate::bitbucket;
use crate::bitbucket::FetchError;
use crate::decision::narrative::duration;
use crate::event::EventKind;
use crate::event::Visibility;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::gather::CALL;
use crate::gateway::names;
use crate::gateway::road::Matter;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::fact::Wanted;

/// Repositories remembered as changed. Each is forgotten once it was read again; more are changed in no half hour.
const MAX_STIRRED: u64 = 50_000;

/// How long one is remembered at most: longer than any reading takes.
const REMEMBERED: Duration = Duration::from_hours(48);

/// Kinds that say that a repository is another one than it was read.
pub const STIRRING: &[EventKind] =
    &[EventKind::RepositoryUpdated, EventKind::RepositoryTransferred, EventKind::RepositoryDeleted];

/// The event keys under which Bitbucket tells so: Cloud's, then Data Center's.
const KEYS: &[&str] = &["repo:updated", "repo:transfer", "repo:deleted", "repo:modified"];

/// Why a level is not known although it was read again.
const UNGRANTED: &str = "nothing is granted to this person here now, and whether everybody may read it was not read again";

/// What Bitbucket told to have changed, and when it told that last.
#[derive(Debug)]
pub struct Stirred(moka::sync::Cache<Id, Told>);

/// What was told last of one repository: events are decided in any order, and a lesser one takes nothing back.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    settings: Option<(EventKind, Time)>,
    everything: Option<(EventKind, Time)>,
}

impl Default for Stirred {
    fn default() -> Self {
        Self(
            moka::sync::Cache::builder().max_capacity(MAX_STIRRED).time_to_live(REMEMBERED).build(),
        )
    }
}

impl Stirred {
    /// An event told that this repository changed.
    pub fn stir(&self, repository: &Id, kind: EventKind, at: Time) {
        if !STIRRING.contains(&kind) {
            return;
        }
        self.0.entry_by_ref(repository).and_upsert_with(|before| {
            let mut told = before.map(moka::Entry::into_value).unwrap_or_default();
            // A repository that moved has other people; one whose settings changed has the same.
            let same_people = kind == EventKind::RepositoryUpdated;
            let last = if same_people { &mut told.settings } else { &mut told.everything };
            if last.is_none_or(|(_, before)| before < at) {
                *last = Some((kind, at));
            }
            told
        });
    }

    /// Why what was read at `as_of` of this repository is not what holds now, if anything told so since.
    pub fn since(&self, repository: &Id, as_of: Time) -> Option<Stale> {
        let told = self.0.get(repository)?;
        let since = |last: Option<(EventKind, Time)>| {
            let (kind, at) = last.filter(|(_, at)| *at >= as_of)?;
            Some(Why::said(format!(
                "Bitbucket told at {at} that it changed (`{kind}`), and it was not read again since"
            )))
        };
        let everything = since(told.everything).map(Stale::Everything);
        everything.or_else(|| since(told.settings).map(Stale::Settings))
    }
}

impl Gateway {
    /// What a delivery that was taken tells to have changed. It counts from its answer on, and not only once it is
    /// decided. Cost: other deliveries are not looked into; what cannot be read is told when it is to be decided.
    pub(in crate::gateway) fn hear_of_change(
        &self,
        connection: &Connection,
        (key, body): (&str, &[u8]),
        at: Time,
    ) {
        if !KEYS.contains(&key) {
            return;
        }
        let Ok(reading) = bitbucket::read(connection.product, &connection.id, key, body) else {
            return;
        };
        for event in &reading.events {
            if let Some(repository) = names::repository_id(&event.facts) {
                self.stirred.stir(repository, event.kind, at);
            }
        }
    }
}

/// What is not known of a place any more, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stale {
    /// Its own settings: name, who can see it, default branch.
    Settings(Why),
    /// All that was read of it.
    Everything(Why),
}

/// Why a graph of this age is not used, milliseconds.
pub fn too_old(limit: Duration, age: u64) -> Option<Why> {
    let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    (age > limit).then(|| {
        let (age, limit) = (duration(age), duration(limit));
        Why::said(format!("the graph is {age} old, and a rule takes facts of at most {limit}"))
    })
}

/// Reads again what is wanted and can be had alone, because the graph is not used.
pub async fn read_again(graph: &Snapshot, matter: &mut Matter, wanted: &Wanted) {
    let wants = |path: &[&str]| {
        let below = path.iter().try_fold(wanted, |here, part| here.field(part));
        below.is_some()
    };
    let Some(client) = matter.connection.client.clone() else { return };
    let facts = &matter.document.facts;
    let Some(repository) = names::repository_id(facts).cloned() else { return };
    let actor = facts.actor.value().filter(|actor| actor.level.is_unknown());
    let actor = actor.and_then(|actor| actor.id.value().cloned());
    let actor = actor.filter(|id| id.kind() == Kind::User && wants(&["actor", "level"]));
    let environment = facts.resource.value().and_then(|resource| resource.environment.value());
    let environment = environment.and_then(|environment| environment.id.value().cloned());
    let environment = environment.filter(|_| wants(&["resource", "environment"]));
    let level = async {
        match &actor {
            Some(actor) => {
                let node = graph.find(actor);
                let name = node.and_then(|node| graph.text(node, "slug").value().copied());
                Some(client.level(&repository, (actor, name), CALL).await)
            }
            None => None,
        }
    };
    let place = async {
        match &environment {
            Some(environment) => Some(client.environment(&repository, environment, CALL).await),
            None => None,
        }
    };
    let (level, place) = tokio::join!(level, place);
    let facts = &mut matter.document.facts;
    let visibility = facts.resource.value().and_then(|resource| resource.repository.value());
    let visibility = visibility.and_then(|repository| repository.visibility.value());
    let private = visibility == Some(&Visibility::Private);
    match (level, facts.actor.value_mut()) {
        // Only grants are listed: where everybody may read, whoever is not there reads too.
        (Some(Ok(Level::None)), Some(actor)) if !private => {
            actor.level.learn_why(&Why::fixed(UNGRANTED));
        }
        (Some(Ok(level)), Some(actor)) => actor.level.learn(level.into()),
        (Some(Err(error)), Some(actor)) if was_not_asked(&error) => {
            actor.level.learn_why(&error.why());
        }
        (Some(Err(_)) | None, _) | (_, None) => {}
    }
    let environment =
        facts.resource.value_mut().and_then(|resource| resource.environment.value_mut());
    match (place, environment) {
        (Some(Ok(read)), Some(environment)) => {
            environment.name.learn(read.name.into());
            environment.tier.learn(read.tier);
        }
        (Some(Err(error)), Some(environment)) if was_not_asked(&error) => {
            environment.name.learn_why(&error.why());
            environment.tier.learn_why(&error.why());
        }
        (Some(Err(_)) | None, _) | (_, None) => {}
    }
}

/// Whether a scope is why it is not known: that the graph is old would be no reason, since a new one would not tell either.
const fn was_not_asked(error: &FetchError) -> bool {
    matches!(error, FetchError::OutOfScope(_) | FetchError::Unplaced(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_older_than_a_rule_allows_is_not_used_and_says_so() {
        let limit = Duration::from_mins(15);
        assert!(too_old(limit, 15 * 60_000).is_none(), "as old as allowed is allowed");
        let why = too_old(limit, 20 * 60_000).unwrap();
        assert_eq!(
            why.as_str(),
            "the graph is 20 min old, and a rule takes facts of at most 15 min"
        );
    }

    #[test]
    fn what_was_read_before_it_changed_is_not_known_and_what_was_read_after_is() {
        let stirred = Stirred::default();
        let repository: Id = "acme/repository/r".parse().unwrap();
        let at = Time::from_millis;
        assert_eq!(stirred.since(&repository, at(0)), None);
        stirred.stir(&repository, EventKind::Push, at(5_000));
        assert_eq!(stirred.since(&repository, at(0)), None, "a push changes no setting");
        stirred.stir(&repository, EventKind::RepositoryUpdated, at(5_000));
        assert!(matches!(stirred.since(&repository, at(4_999)), Some(Stale::Settings(_))));
        assert!(
            stirred.since(&repository, at(5_000)).is_some(),
            "read at that instant, or before it?"
        );
        assert_eq!(stirred.since(&repository, at(5_001)), None, "it was read again");
        stirred.stir(&repository, EventKind::RepositoryTransferred, at(9_000));
        assert!(matches!(stirred.since(&repository, at(8_000)), Some(Stale::Everything(_))));
    }

    #[test]
    fn an_event_that_is_decided_late_takes_nothing_back() {
        let stirred = Stirred::default();
        let repository: Id = "acme/repository/r".parse().unwrap();
        let at = Time::from_millis;
        stirred.stir(&repository, EventKind::RepositoryUpdated, at(20_000));
        stirred.stir(&repository, EventKind::RepositoryUpdated, at(10_000));
        assert!(
            stirred.since(&repository, at(15_000)).is_some(),
            "the earlier one was decided last, and it was not read since the later one"
        );
        stirred.stir(&repository, EventKind::RepositoryTransferred, at(30_000));
        stirred.stir(&repository, EventKind::RepositoryUpdated, at(40_000));
        assert!(
            matches!(stirred.since(&repository, at(25_000)), Some(Stale::Everything(_))),
            "that its settings changed later does not bring its people back"
        );
        assert!(matches!(stirred.since(&repository, at(35_000)), Some(Stale::Settings(_))));
    }
}
