//! What holds until it is replaced: bundles by revision, worlds by connection, modes. What changes how the gate
//! behaves is written with its ledger entry.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::decision::Mode;
use crate::decision::plan::ModeSetting;
use crate::graph;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::graph::world::Packed;
use crate::graph::world::is_packed;
use crate::ledger::Kind;
use crate::policy::Bundle;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::row;

/// A kept world: the graph of one connection as it was last learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// Its revision.
    pub revision: u64,
    /// When it was kept.
    pub at: Time,
    bytes: Vec<u8>,
}

impl World {
    /// What was learned, its edges by number: to build a graph from.
    pub fn packed(&self) -> Result<Packed, StoreError> {
        if is_packed(&self.bytes) {
            return row::known(Packed::open(&self.bytes));
        }
        // Kept by a version that kept world files.
        let bytes = row::known(row::known(graph::World::read(&self.bytes))?.pack())?;
        row::known(Packed::open(&bytes))
    }

    /// What was learned.
    pub fn read(&self) -> Result<graph::World, StoreError> {
        self.packed().map(Packed::into_world)
    }
}

/// A change of how the gate behaves, as its entry tells it.
#[derive(Clone, Debug, Default)]
pub struct Governed {
    /// When.
    pub at: Time,
    /// Who wanted it; sealed.
    pub by: String,
    /// Why, if they said so; sealed.
    pub reason: String,
    /// What they were shown before: counts and times, in the open.
    pub shown: Map<String, Value>,
}

impl Store {
    /// Keeps a bundle under its revision and records that it is in force from now on. `why` is a word of ours.
    pub async fn keep_bundle(
        &self,
        bundle: &Bundle,
        at: Time,
        why: &str,
    ) -> Result<(), StoreError> {
        let revision = bundle.revision.clone();
        let bytes =
            serde_json::to_vec(bundle).map_err(|error| StoreError::Fault(error.to_string()))?;
        let sealed = self.seal()?.seal(&bundle_purpose(&revision), &bytes)?;
        let entry = NewEntry {
            body: row::members(json!({
                "outcome": "activated", "why": why, "rules": bundle.rules.len(),
            })),
            ..NewEntry::new(Kind::Bundle, at, revision.clone())
        };
        let entry = entry.prepare()?;
        self.write(move |desk| {
            desk.db
                .prepare_cached(
                    "INSERT INTO bundle (revision, at, bundle_sealed) VALUES (?1, ?2, ?3)
                     ON CONFLICT (revision) DO NOTHING",
                )?
                .execute((revision, at.millis(), sealed))?;
            log::append(desk, entry).map(drop)
        })
        .await
    }

    /// The bundle of this revision.
    pub async fn bundle(&self, revision: &str) -> Result<Option<Bundle>, StoreError> {
        let name = revision.to_owned();
        let sealed = self
            .ask(move |db| {
                let sql = "SELECT bundle_sealed FROM bundle WHERE revision = ?1";
                let found = db.prepare_cached(sql)?.query_row([name], |row| row.get(0));
                Ok(found.optional()?)
            })
            .await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let sealed: Vec<u8> = sealed;
        let bytes = self.seal()?.open(&bundle_purpose(revision), &sealed)?;
        row::known(serde_json::from_slice(&bytes)).map(Some)
    }

    /// What was last learned of a connection.
    pub async fn world(&self, connection: &ConnectionId) -> Result<Option<World>, StoreError> {
        let name = connection.clone();
        let found = self
            .ask(move |db| {
                let sql = "SELECT revision, world_sealed, at FROM world WHERE connection = ?1";
                let found = db.prepare_cached(sql)?.query_row([name.as_str()], |row| {
                    Ok(World {
                        revision: row::unsigned(row.get(0)?),
                        bytes: row.get(1)?,
                        at: Time::from_millis(row.get(2)?),
                    })
                });
                Ok(found.optional()?)
            })
            .await?;
        let Some(world) = found else { return Ok(None) };
        let bytes = self.seal()?.open(&world_purpose(connection), &world.bytes)?;
        Ok(Some(World { bytes, ..world }))
    }

    /// What was last learned of every connection there ever was.
    pub async fn worlds(&self) -> Result<Vec<World>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let sql =
                "SELECT connection, revision, world_sealed, at FROM world ORDER BY connection";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([])?;
            let mut worlds = Vec::new();
            while let Some(row) = rows.next()? {
                let connection: ConnectionId = row::parsed(row, 0)?;
                worlds.push(World {
                    revision: row::unsigned(row.get(1)?),
                    bytes: seal.open(&world_purpose(&connection), &row.get::<_, Vec<u8>>(2)?)?,
                    at: Time::from_millis(row.get(3)?),
                });
            }
            Ok(worlds)
        })
        .await
    }

    /// Sets how rules are taken on a connection, and records who wanted it, why, and what they were shown.
    pub async fn set_mode(
        &self,
        setting: &ModeSetting,
        governed: Governed,
    ) -> Result<(), StoreError> {
        let entry = mode_entry(setting, governed).prepare()?;
        let setting = setting.clone();
        self.write(move |desk| {
            put_mode(desk.db, &setting)?;
            log::append(desk, entry).map(drop)
        })
        .await
    }

    /// Every setting of how rules are taken.
    pub async fn modes(&self) -> Result<Vec<ModeSetting>, StoreError> {
        self.ask(|db| {
            let mut query = db.prepare_cached(
                "SELECT connection, rules, mode, NULL FROM mode
                 UNION ALL SELECT connection, rules, mode, class FROM class_mode",
            )?;
            let mut rows = query.query([])?;
            let mut settings = Vec::new();
            while let Some(row) = rows.next()? {
                let word: String = row.get(2)?;
                let mode = Mode::from_text(&word).ok_or(StoreError::Unreadable(word))?;
                settings.push(ModeSetting {
                    connection: row::parsed(row, 0)?,
                    rules: row.get(1)?,
                    mode,
                    class: row.get(3)?,
                });
            }
            Ok(settings)
        })
        .await
    }
}

/// Keeps how rules are taken on a connection, over what was before.
pub(super) fn put_mode(db: &Connection, setting: &ModeSetting) -> Result<(), StoreError> {
    let ModeSetting { connection, rules, mode, class } = setting;
    let (connection, mode) = (connection.as_str(), mode.as_str());
    if let Some(class) = class {
        let sql = "INSERT OR REPLACE INTO class_mode (connection, class, rules, mode)
                   VALUES (?1, ?2, ?3, ?4)";
        db.prepare_cached(sql)?.execute((connection, class, rules, mode))?;
    } else {
        let sql = "INSERT OR REPLACE INTO mode (connection, rules, mode) VALUES (?1, ?2, ?3)";
        db.prepare_cached(sql)?.execute((connection, rules, mode))?;
    }
    Ok(())
}

/// Tells of it, with who and why sealed.
pub(super) fn mode_entry(setting: &ModeSetting, governed: Governed) -> NewEntry {
    let mut body = row::members(json!({ "what": "mode", "mode": setting.mode.as_str() }));
    if let Some(class) = &setting.class {
        body.insert("class".to_owned(), class.as_str().into());
    }
    body.extend(governed.shown);
    let mut sealed = vec![("by".to_owned(), governed.by.into_bytes())];
    if !governed.reason.is_empty() {
        sealed.push(("reason".to_owned(), governed.reason.into_bytes()));
    }
    NewEntry {
        connection: Some(setting.connection.clone()),
        body,
        sealed,
        ..NewEntry::new(Kind::Admin, governed.at, setting.rules.clone())
    }
}

/// Keeps what was last learned of a connection, over what was before. Nothing of one that has ended.
pub(super) fn put_world(
    db: &Connection,
    connection: &ConnectionId,
    (revision, at): (u64, Time),
    sealed: &[u8],
) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO world (connection, revision, at, world_sealed)
         SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (
           SELECT 1 FROM connection WHERE id = ?1 AND ended IS NOT NULL)",
    )?
    .execute((connection.as_str(), row::signed(revision), at.millis(), sealed))?;
    Ok(())
}

pub(super) fn bundle_purpose(revision: &str) -> String {
    format!("bundle {revision}")
}

pub(super) fn world_purpose(connection: &ConnectionId) -> String {
    format!("world {connection}")
}
