//! What Data Center tells of repositories and projects: old and new side by side, forks, detected secrets.

use serde::Deserialize;

use crate::bitbucket::datacenter::webhook::Reader;
use crate::bitbucket::datacenter::webhook::noun::Repository;
use crate::bitbucket::told;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::Thing;
use crate::graph::Known;

/// Where a secret was found. The line and path are not looked at.
#[derive(Deserialize)]
pub struct SecretLocation<'a> {
    #[serde(borrow)]
    repository: Option<Repository<'a>>,
}

impl<'a> SecretLocation<'a> {
    /// The repository it was found in.
    pub fn repository(&self) -> Option<&Repository<'a>> {
        self.repository.as_ref()
    }
}

/// A repository or project as it was and as it is.
pub fn modified(reader: &Reader<'_, '_>, kind: EventKind) -> Event {
    let mut facts = reader.facts();
    let thing = |side: &Option<Repository<'_>>| match side {
        Some(side) if kind == EventKind::ProjectUpdated => {
            Known::Value(side.project_thing(reader.connection))
        }
        Some(side) => Known::Value(side.thing(reader.connection)),
        None => Known::Nothing,
    };
    facts.before = thing(&reader.body.old);
    facts.after = thing(&reader.body.new);
    if kind == EventKind::ProjectUpdated
        && let Some(resource) = facts.resource.value_mut()
    {
        resource.repository = Known::Nothing;
    }
    told::event(kind, reader.at(), facts)
}

/// `repository` is the fork. It lies on the same server, so never outside.
pub fn forked(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    let Some(fork) = &reader.body.repository else {
        return told::event(EventKind::RepositoryForked, reader.at(), facts);
    };
    if let Some(resource) = facts.resource.value_mut() {
        resource.repository = match fork.origin() {
            Some(origin) => Known::Value(origin.told(reader.connection)),
            None => Known::unknown("the body does not name what was forked"),
        };
    }
    let outside = Known::Value(false);
    facts.after = Known::Value(Thing { outside, ..fork.thing(reader.connection) });
    told::event(EventKind::RepositoryForked, reader.at(), facts)
}
