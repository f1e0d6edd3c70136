//! A Data Center push, and what a mirror tells after it: each changed ref is one event.

use serde::Deserialize;

use crate::bitbucket::datacenter::webhook::Reader;
use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Change;
use crate::event::ChangeKind;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::RefKind;
use crate::graph::Known;

const NOT_LISTED: &str = "the push was too large for Bitbucket to list its changes";
const FORCE_UNTOLD: &str = "Data Center's webhook does not tell a force push; it is seen by listing the commits left behind";
const CUT_UNTOLD: &str = "Data Center's webhook does not say whether it left commits out";

/// A changed ref. A created one comes from 40 zeros, a deleted one goes to them.
#[derive(Deserialize)]
pub struct RefChange<'a> {
    #[serde(rename = "ref", borrow)]
    reference: Option<Ref<'a>>,
    #[serde(rename = "refId", borrow)]
    ref_id: Option<Text<'a>>,
    #[serde(rename = "fromHash", borrow)]
    from: Option<Text<'a>>,
    #[serde(rename = "toHash", borrow)]
    to: Option<Text<'a>>,
    #[serde(rename = "type", borrow)]
    type_: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Ref<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
}

impl RefChange<'_> {
    fn name(&self) -> Option<&str> {
        self.reference
            .as_ref()
            .and_then(|reference| reference.id.as_deref())
            .or(self.ref_id.as_deref())
    }

    /// The word, or what the two commits say where the word is new to us.
    fn what(&self, from: &Known<String>, to: &Known<String>) -> ChangeKind {
        let word =
            self.type_.as_deref().filter(|word| matches!(*word, "ADD" | "DELETE" | "UPDATE"));
        match (word, from, to) {
            (Some("ADD"), _, _) | (None, Known::Nothing, _) => ChangeKind::Created,
            (Some("DELETE"), _, _) | (None, _, Known::Nothing) => ChangeKind::Deleted,
            (_, _, _) => ChangeKind::Updated,
        }
    }
}

/// One event for each change.
pub fn events(reader: &Reader<'_, '_>) -> Vec<Event> {
    each(reader, |name, what| told::ref_event(name.and_then(ref_kind), what))
}

/// A mirror caught up. The upstream's own event was told before: no rule is asked about the change again.
pub fn synchronized(reader: &Reader<'_, '_>) -> Vec<Event> {
    each(reader, |_, _| EventKind::MirrorSynchronized)
}

fn each(
    reader: &Reader<'_, '_>,
    kind: impl Fn(Option<&str>, ChangeKind) -> EventKind,
) -> Vec<Event> {
    let changes = reader.body.changes.as_deref().unwrap_or_default();
    let mut events: Vec<Event> =
        changes.iter().map(|change| event(reader, change, &kind)).collect();
    if events.is_empty() || reader.body.ref_limit_exceeded == Some(true) {
        let mut facts = reader.facts();
        told::about(&mut facts, Known::unknown(NOT_LISTED));
        facts.change = Known::unknown(NOT_LISTED);
        let kind = kind(Some(told::BRANCHES), ChangeKind::Updated);
        events.push(told::event(kind, reader.at(), facts));
    }
    events
}

fn event(
    reader: &Reader<'_, '_>,
    change: &RefChange<'_>,
    kind: &impl Fn(Option<&str>, ChangeKind) -> EventKind,
) -> Event {
    let (from, to) = (told::commit(change.from.as_deref()).0, told::commit(change.to.as_deref()).0);
    let what = change.what(&from, &to);
    let mut facts = reader.facts();
    told::about(
        &mut facts,
        match change.name() {
            Some(name) => told::reference(name.to_owned()),
            None => Known::unknown("the body does not name the ref"),
        },
    );
    facts.change = Known::Value(Change {
        kind: Known::Value(what),
        from,
        to,
        forced: match what {
            ChangeKind::Created | ChangeKind::Deleted => Known::Value(false),
            ChangeKind::Updated => Known::unknown(FORCE_UNTOLD),
        },
        truncated: Known::unknown(CUT_UNTOLD),
        pull_request: match what {
            ChangeKind::Deleted => Known::Nothing,
            ChangeKind::Created | ChangeKind::Updated => Known::default(),
        },
    });
    told::event(kind(change.name(), what), reader.at(), facts)
}

fn ref_kind(name: &str) -> Option<RefKind> {
    if name.starts_with(told::BRANCHES) {
        Some(RefKind::Branch)
    } else if name.starts_with(told::TAGS) {
        Some(RefKind::Tag)
    } else {
        None
    }
}
