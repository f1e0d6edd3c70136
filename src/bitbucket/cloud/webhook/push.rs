//! A Cloud push: each changed ref is one event.

use serde::Deserialize;

use crate::bitbucket::cloud::webhook::Reader;
use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Change;
use crate::event::ChangeKind;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::RefKind;
use crate::event::Reference;
use crate::graph::Known;

const NOT_LISTED: &str = "the push was too large for Bitbucket to list its changes";

#[derive(Deserialize)]
pub struct Push<'a> {
    #[serde(borrow)]
    changes: Option<Vec<RefChange<'a>>>,
}

/// A null `old` is a created ref, a null `new` a deleted one. A deletion leaves the commits out.
#[derive(Deserialize)]
struct RefChange<'a> {
    #[serde(borrow)]
    old: Option<Ref<'a>>,
    #[serde(borrow)]
    new: Option<Ref<'a>>,
    forced: Option<bool>,
    truncated: Option<bool>,
}

#[derive(Deserialize)]
struct Ref<'a> {
    #[serde(rename = "type", borrow)]
    type_: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    target: Option<Target<'a>>,
}

#[derive(Deserialize)]
struct Target<'a> {
    #[serde(borrow)]
    hash: Option<Text<'a>>,
}

impl Ref<'_> {
    /// Mercurial's names for a branch still stand in old bodies.
    fn kind(&self) -> Option<RefKind> {
        match self.type_.as_deref() {
            Some("branch" | "named_branch" | "bookmark") => Some(RefKind::Branch),
            Some("tag" | "annotated_tag") => Some(RefKind::Tag),
            Some(_) | None => None,
        }
    }

    fn hash(&self) -> Option<&str> {
        self.target.as_ref().and_then(|target| target.hash.as_deref())
    }
}

/// One event for each change; a push that lists none is one event whose ref is unknown.
pub fn events(reader: &Reader<'_, '_>) -> Vec<Event> {
    let changes =
        reader.body.push.as_ref().and_then(|push| push.changes.as_deref()).unwrap_or_default();
    if changes.is_empty() {
        return vec![unlisted(reader)];
    }
    changes.iter().map(|change| event(reader, change)).collect()
}

fn unlisted(reader: &Reader<'_, '_>) -> Event {
    let mut facts = reader.facts();
    told::about(&mut facts, Known::unknown(NOT_LISTED));
    facts.change = Known::unknown(NOT_LISTED);
    told::event(EventKind::Push, None, facts)
}

fn event(reader: &Reader<'_, '_>, change: &RefChange<'_>) -> Event {
    let what = match (&change.old, &change.new) {
        (None, Some(_)) => ChangeKind::Created,
        (Some(_), None) => ChangeKind::Deleted,
        (Some(_), Some(_)) => ChangeKind::Updated,
        (None, None) => return unlisted(reader),
    };
    let mut facts = reader.facts();
    let kind = change.new.as_ref().or(change.old.as_ref()).and_then(Ref::kind);
    told::about(&mut facts, reference(change, kind));
    facts.change = Known::Value(told_change(change, what));
    told::event(told::ref_event(kind, what), None, facts)
}

fn reference(change: &RefChange<'_>, kind: Option<RefKind>) -> Known<Reference> {
    let name = change.new.as_ref().or(change.old.as_ref()).and_then(|r| r.name.as_deref());
    match (name, kind) {
        (Some(name), Some(RefKind::Branch)) => told::reference(format!("{}{name}", told::BRANCHES)),
        (Some(name), Some(RefKind::Tag)) => told::reference(format!("{}{name}", told::TAGS)),
        (Some(_), None) => {
            Known::unknown("the body names a ref that is neither a branch nor a tag")
        }
        (None, _) => Known::unknown("the body does not name the ref"),
    }
}

fn told_change(change: &RefChange<'_>, what: ChangeKind) -> Change {
    let side = |side: &Option<Ref<'_>>| match side {
        None => Known::Nothing,
        Some(side) => told::commit(side.hash()).0,
    };
    let rewritten = match what {
        ChangeKind::Updated => change.forced.map_or_else(Known::default, Known::Value),
        ChangeKind::Created | ChangeKind::Deleted => Known::Value(false),
    };
    Change {
        kind: Known::Value(what),
        from: side(&change.old),
        to: side(&change.new),
        forced: rewritten,
        truncated: match what {
            ChangeKind::Deleted => Known::Value(false),
            ChangeKind::Created | ChangeKind::Updated => Known::or_untold(change.truncated),
        },
        pull_request: match what {
            ChangeKind::Deleted => Known::Nothing,
            ChangeKind::Created | ChangeKind::Updated => Known::default(),
        },
    }
}
