//! Connections made while a gate runs: sealed, because every secret of theirs is in them. What stands in the sealed part is
//! the gateway's to read. An id that was used once is never free again, also after its connection has ended.

use rusqlite::OptionalExtension as _;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::decision::plan::ModeSetting;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::secret::Secret;
use crate::store::Governed;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::evidence;
use crate::store::findings;
use crate::store::log;
use crate::store::meta;
use crate::store::row;
use crate::store::standing;

/// A connection as it is kept.
#[derive(Debug)]
pub struct KeptConnection {
    /// Its id.
    pub id: ConnectionId,
    /// All of it.
    pub bytes: Secret<Vec<u8>>,
}

/// Ids that cannot be given to a connection any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The id.
    pub id: ConnectionId,
    /// When its connection ended.
    pub at: Time,
}

impl Store {
    /// Every connection that has not ended, by id.
    pub async fn connections(&self) -> Result<Vec<KeptConnection>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let sql = "SELECT id, connection_sealed FROM connection
                       WHERE connection_sealed IS NOT NULL ORDER BY id";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let id: ConnectionId = row::parsed(row, 0)?;
                let bytes = seal.open(&purpose(&id), &row.get::<_, Vec<u8>>(1)?)?;
                found.push(KeptConnection { id, bytes: Secret::new(bytes) });
            }
            Ok(found)
        })
        .await
    }

    /// Every connection that has ended, by id.
    pub async fn ended_connections(&self) -> Result<Vec<Ended>, StoreError> {
        self.ask(|db| {
            let sql = "SELECT id, ended FROM connection WHERE ended IS NOT NULL ORDER BY id";
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(Ended { id: row::parsed(row, 0)?, at: Time::from_millis(row.get(1)?) });
            }
            Ok(found)
        })
        .await
    }

    /// Whether an id was used before: by a connection that was kept here, or by one whose graph or modes are.
    pub async fn knew_connection(&self, id: &ConnectionId) -> Result<bool, StoreError> {
        let id = id.clone();
        self.ask(move |db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM connection WHERE id = ?1)
                           OR EXISTS (SELECT 1 FROM world WHERE connection = ?1)
                           OR EXISTS (SELECT 1 FROM mode WHERE connection = ?1)";
            Ok(db.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get(0))?)
        })
        .await
    }

    /// Keeps a new connection and how rules are taken on it, and records who made it; false: its id was used before, and
    /// nothing is kept.
    pub async fn add_connection(
        &self,
        kept: &KeptConnection,
        governed: Governed,
        (mode, set): (&ModeSetting, Governed),
    ) -> Result<bool, StoreError> {
        let sealed = self.seal()?.seal(&purpose(&kept.id), kept.bytes.expose())?;
        let at = governed.at.millis();
        let entry = entry(&kept.id, "connection added", governed).prepare()?;
        let (mode, set) = (mode.clone(), standing::mode_entry(mode, set).prepare()?);
        let id = kept.id.clone();
        self.write(move |desk| {
            let sql = "INSERT INTO connection (id, made, connection_sealed) VALUES (?1, ?2, ?3)
                       ON CONFLICT (id) DO NOTHING";
            let new = desk.db.prepare_cached(sql)?.execute((id.as_str(), at, sealed))? == 1;
            if new {
                standing::put_mode(desk.db, &mode)?;
                log::append(desk, set)?;
                log::append(desk, entry)?;
            }
            Ok(new)
        })
        .await
    }

    /// Keeps a connection as it is now, over what was before; false: there is none, or it has ended. `what` says what
    /// changed, for the record; without it nothing is recorded, as when Bitbucket only told the id of a hook.
    pub async fn change_connection(
        &self,
        kept: &KeptConnection,
        what: Option<&str>,
        governed: Governed,
    ) -> Result<bool, StoreError> {
        let sealed = self.seal()?.seal(&purpose(&kept.id), kept.bytes.expose())?;
        let entry = what.map(|what| entry(&kept.id, what, governed).prepare()).transpose()?;
        let id = kept.id.clone();
        let changed = self
            .write(move |desk| {
                let sql = "UPDATE connection SET connection_sealed = ?2
                           WHERE id = ?1 AND connection_sealed IS NOT NULL";
                let changed = desk.db.prepare_cached(sql)?.execute((id.as_str(), sealed))? == 1;
                if changed && let Some(entry) = entry {
                    log::append(desk, entry)?;
                }
                Ok(changed)
            })
            .await?;
        // A secret that has ended must not stand in the file in its old sealed form either.
        self.owe_emptying();
        self.leave_nothing_owed().await?;
        Ok(changed)
    }

    /// Ends a connection: what was sealed of it and its graph are erased, the id stays taken; false: there is none.
    pub async fn end_connection(
        &self,
        id: &ConnectionId,
        governed: Governed,
    ) -> Result<bool, StoreError> {
        let at = governed.at.millis();
        let (name, entry) = (id.clone(), entry(id, "connection ended", governed).prepare()?);
        let ended = self
            .write(move |desk| {
                let sql = "UPDATE connection SET connection_sealed = NULL, ended = ?2
                           WHERE id = ?1 AND connection_sealed IS NOT NULL";
                let ended = desk.db.prepare_cached(sql)?.execute((name.as_str(), at))? == 1;
                if ended {
                    let sql = "DELETE FROM world WHERE connection = ?1";
                    desk.db.prepare_cached(sql)?.execute([name.as_str()])?;
                    meta::drop_key(desk.db, &consent_name(&name))?;
                    evidence::forget_of(desk.db, &name)?;
                    findings::forget::end(desk.db, &name)?;
                    log::append(desk, entry)?;
                }
                Ok(ended)
            })
            .await?;
        self.owe_emptying();
        self.leave_nothing_owed().await?;
        Ok(ended)
    }

    /// Records something that was done with a connection and changes nothing that is kept of it.
    pub async fn note_connection(
        &self,
        id: &ConnectionId,
        what: &str,
        governed: Governed,
    ) -> Result<(), StoreError> {
        self.append(vec![entry(id, what, governed)]).await.map(drop)
    }

    /// The newest refresh token of a person's consent.
    pub async fn consent(&self, id: &ConnectionId) -> Result<Option<Secret<Vec<u8>>>, StoreError> {
        self.key(&consent_name(id)).await
    }

    /// Keeps the newest refresh token, over the one before, which was spent; false: the connection has ended, and nothing
    /// is kept of it.
    pub async fn keep_consent(
        &self,
        id: &ConnectionId,
        refresh: &Secret<Vec<u8>>,
    ) -> Result<bool, StoreError> {
        let place = format!("{}{}", meta::SECRETS, consent_name(id));
        let sealed = self.seal()?.seal(&place, refresh.expose())?;
        let id = id.clone();
        self.write(move |desk| {
            let sql =
                "SELECT EXISTS (SELECT 1 FROM connection WHERE id = ?1 AND ended IS NOT NULL)";
            let ended: bool =
                desk.db.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get(0))?;
            if !ended {
                meta::put(desk.db, &place, &sealed)?;
            }
            Ok(!ended)
        })
        .await
    }

    /// Forgets every consent without a connection: one that ended while its token was renewed, or that a crash kept from
    /// coming about. How many.
    pub async fn drop_stray_consents(&self) -> Result<usize, StoreError> {
        let dropped = self
            .write(|desk| {
                let sql = "DELETE FROM meta WHERE substr(name, 1, length(?1)) = ?1
                           AND substr(name, length(?1) + 1) NOT IN (
                             SELECT id FROM connection WHERE connection_sealed IS NOT NULL)";
                let begin = format!("{}{CONSENT}", meta::SECRETS);
                Ok(desk.db.prepare_cached(sql)?.execute([begin])?)
            })
            .await?;
        if dropped > 0 {
            self.owe_emptying();
            self.leave_nothing_owed().await?;
        }
        Ok(dropped)
    }

    /// Forgets a consent whose connection did not come about.
    pub async fn drop_consent(&self, id: &ConnectionId) -> Result<(), StoreError> {
        let name = consent_name(id);
        self.write(move |desk| meta::drop_key(desk.db, &name)).await
    }

    /// When a connection was made, if it was made here.
    pub async fn connection_made(&self, id: &ConnectionId) -> Result<Option<Time>, StoreError> {
        let id = id.clone();
        self.ask(move |db| {
            let sql = "SELECT made FROM connection WHERE id = ?1";
            let found = db.prepare_cached(sql)?.query_row([id.as_str()], |row| row.get(0));
            Ok(found.optional()?.map(Time::from_millis))
        })
        .await
    }
}

/// How names of kept consents begin.
const CONSENT: &str = "consent ";

fn consent_name(id: &ConnectionId) -> String {
    format!("{CONSENT}{id}")
}

pub(super) fn purpose(id: &ConnectionId) -> String {
    format!("connection {id}")
}

/// Words of ours, counts and times in the open; who and why are sealed beside it.
fn entry(id: &ConnectionId, what: &str, governed: Governed) -> NewEntry {
    let mut body: Map<String, Value> = row::members(json!({ "what": what }));
    body.extend(governed.shown);
    let mut sealed = vec![("by".to_owned(), governed.by.into_bytes())];
    if !governed.reason.is_empty() {
        sealed.push(("reason".to_owned(), governed.reason.into_bytes()));
    }
    NewEntry {
        connection: Some(id.clone()),
        body,
        sealed,
        ..NewEntry::new(Kind::Admin, governed.at, id.as_str().to_owned())
    }
}
