//! What could not be seen, as records: connections and lists that were not read, changes too many to decide one by one, and changes that
//! no webhook told.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::event::EventKind;
use crate::gateway::reconcile::MAX_CHANGES;
use crate::gateway::reconcile::MAX_EARLIER;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::reconcile::Part;
use crate::graph::world::Unknown;
use crate::ledger::Kind;
use crate::store::Moment;
use crate::store::NewEntry;

/// Gaps that one entry lists with their reasons; all are counted.
const MAX_LISTED: usize = 200;

/// Ids that one entry names; all are counted.
const MAX_NAMED: usize = 50;

/// The gaps that a reading has and the one before had not: none, or one entry that counts them by field and lists the
/// first under seal, since what they are about may be named in an id.
pub(in crate::gateway) fn unread(before: Option<&World>, after: &World, at: Time) -> Vec<NewEntry> {
    let key = |unknown: &Unknown| (unknown.about.clone(), unknown.field.clone());
    let parts =
        |world: &World| world.unknown.iter().map(key).collect::<std::collections::BTreeSet<_>>();
    let (old, new) = (before.map(parts).unwrap_or_default(), parts(after));
    let opened: Vec<&Unknown> =
        after.unknown.iter().filter(|unknown| !old.contains(&key(unknown))).collect();
    let closed = old.difference(&new).count();
    if opened.is_empty() && closed == 0 {
        return Vec::new();
    }
    let mut fields: BTreeMap<&str, u64> = BTreeMap::new();
    for unknown in &opened {
        *fields.entry(&unknown.field).or_default() += 1;
    }
    let listed: Vec<&Unknown> = opened.iter().copied().take(MAX_LISTED).collect();
    let body = json!({
        "what": "unread", "opened": opened.len(), "closed": closed, "fields": fields,
    });
    let list = serde_json::to_vec(&listed).unwrap_or_default();
    vec![NewEntry {
        sealed: vec![("list".to_owned(), list)],
        ..entry(&after.connection.id, at, body)
    }]
}

/// A connection could not be read at all, by a word of ours; or, without one, it can be read again.
pub(in crate::gateway) fn blind(
    connection: &ConnectionId,
    why: Option<&'static str>,
    at: Time,
) -> NewEntry {
    let what = if why.is_some() { "not read at all" } else { "read again" };
    entry(connection, at, json!({ "what": what, "why": why }))
}

/// More changed at once than is decided one by one.
pub(super) fn flood(moment: &Moment, kinds: impl Iterator<Item = EventKind>, at: Time) -> NewEntry {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind.as_str()).or_default() += 1;
    }
    let body = json!({
        "what": "too many changes", "changes": counts.values().sum::<u64>(), "limit": MAX_CHANGES,
        "kinds": counts, "as_of": moment.as_of.to_string(),
    });
    entry(&moment.connection, at, body)
}

/// Lists that can be read again, but opened at more different moments than are looked back to: what changed in them
/// meanwhile is neither decided nor told, and this says so. None: there are none.
pub(super) fn unlooked(moment: &Moment, parts: &BTreeSet<Part>, at: Time) -> Option<NewEntry> {
    let mut fields: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, field) in parts {
        *fields.entry(field).or_default() += 1;
    }
    let body = json!({
        "what": "changes not looked for", "lists": parts.len(), "fields": fields,
        "limit": MAX_EARLIER, "as_of": moment.as_of.to_string(),
    });
    let listed: Vec<(&str, &str)> =
        parts.iter().take(MAX_LISTED).map(|(about, field)| (about.as_str(), &**field)).collect();
    let list = serde_json::to_vec(&listed).unwrap_or_default();
    (!parts.is_empty()).then(|| NewEntry {
        sealed: vec![("list".to_owned(), list)],
        ..entry(&moment.connection, at, body)
    })
}

/// What was kept of a reading cannot be read or built, so that what changed with it is never decided. The reason is
/// sealed: it may quote an id.
pub(super) fn undecidable(moment: &Moment, why: &str, at: Time) -> NewEntry {
    let body = json!({ "what": "changes not decidable", "as_of": moment.as_of.to_string() });
    NewEntry {
        sealed: vec![("why".to_owned(), why.as_bytes().to_vec())],
        ..entry(&moment.connection, at, body)
    }
}

/// Changes of repositories that a webhook should have told and none did.
pub(super) fn no_webhook(
    connection: &ConnectionId,
    untold: &BTreeMap<EventKind, Vec<Id>>,
    at: Time,
) -> NewEntry {
    let counts: BTreeMap<&str, usize> =
        untold.iter().map(|(kind, ids)| (kind.as_str(), ids.len())).collect();
    let named: Vec<String> =
        untold.values().flatten().take(MAX_NAMED).map(ToString::to_string).collect();
    let body = json!({ "what": "no webhook told", "events": counts, "repositories": named });
    entry(connection, at, body)
}

fn entry(connection: &ConnectionId, at: Time, body: Value) -> NewEntry {
    let body = match body {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    NewEntry {
        connection: Some(connection.clone()),
        body,
        ..NewEntry::new(Kind::Gap, at, connection.to_string())
    }
}
