//! Service tokens: what each may do, and the hash that finds it. The token itself is never here.

use rusqlite::OptionalExtension as _;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::secret::Seal;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::row;

/// A service token, without the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceToken {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// The connection it is for.
    pub connection: ConnectionId,
    /// Repositories it may ask about: `PROJECT/SLUG`, with `*`, or an id; empty: all of the connection.
    pub repositories: Vec<String>,
    /// Actions it may ask about; empty: all.
    pub actions: Vec<String>,
    /// Environments it may name; empty: it proves none.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Doors it opens, such as `check`, `data`, `authzen`.
    pub doors: Vec<String>,
    /// When it was made.
    pub created: Time,
    /// When it ends.
    pub expires: Time,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Time>,
}

impl Store {
    /// Keeps a token by its SHA-256, and records who made it.
    pub async fn add_token(
        &self,
        token: &ServiceToken,
        hash: [u8; 32],
        by: &str,
    ) -> Result<(), StoreError> {
        let sealed = seal(token, self.seal()?)?;
        let entry = entry(token, "service token added", token.created, by).prepare()?;
        let id = token.id;
        self.write(move |desk| {
            desk.db
                .prepare_cached("INSERT INTO token (id, hash, token_sealed) VALUES (?1, ?2, ?3)")?
                .execute((id.as_bytes(), hash, sealed))?;
            log::append(desk, entry).map(drop)
        })
        .await
    }

    /// Every token, oldest first, also those that ended.
    pub async fn tokens(&self) -> Result<Vec<ServiceToken>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let mut query =
                db.prepare_cached("SELECT id, revoked, token_sealed FROM token ORDER BY id")?;
            let rows = query.query_map([], |row| {
                Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?, row.get::<_, Vec<u8>>(2)?))
            })?;
            rows.map(|row| row.map_err(StoreError::from).and_then(|row| opened(&seal, row)))
                .collect()
        })
        .await
    }

    /// The token of this SHA-256, also one that ended: what that means is the caller's to judge.
    pub async fn token_by_hash(&self, hash: [u8; 32]) -> Result<Option<ServiceToken>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let sql = "SELECT id, revoked, token_sealed FROM token WHERE hash = ?1";
            let found = db.prepare_cached(sql)?.query_row([hash], |row| {
                Ok((Uuid::from_bytes(row.get(0)?), row.get(1)?, row.get::<_, Vec<u8>>(2)?))
            });
            found.optional()?.map(|row| opened(&seal, row)).transpose()
        })
        .await
    }

    /// Takes a token back and records who did; false if there is none in force.
    pub async fn revoke_token(&self, id: Uuid, now: Time, by: &str) -> Result<bool, StoreError> {
        let Some(token) = self.tokens().await?.into_iter().find(|token| token.id == id) else {
            return Ok(false);
        };
        let entry = entry(&token, "service token revoked", now, by).prepare()?;
        self.write(move |desk| {
            let sql = "UPDATE token SET revoked = ?2 WHERE id = ?1 AND revoked IS NULL";
            let revoked = desk.db.prepare_cached(sql)?.execute((id.as_bytes(), now.millis()))? == 1;
            if revoked {
                log::append(desk, entry)?;
            }
            Ok(revoked)
        })
        .await
    }
}

pub(super) fn purpose(id: Uuid) -> String {
    format!("token {id}")
}

fn seal(token: &ServiceToken, seal: &Seal) -> Result<Vec<u8>, StoreError> {
    let bytes = serde_json::to_vec(token).map_err(|error| StoreError::Fault(error.to_string()))?;
    Ok(seal.seal(&purpose(token.id), &bytes)?)
}

fn opened(
    seal: &Seal,
    (id, revoked, sealed): (Uuid, Option<i64>, Vec<u8>),
) -> Result<ServiceToken, StoreError> {
    let bytes = seal.open(&purpose(id), &sealed)?;
    let token: ServiceToken = row::known(serde_json::from_slice(&bytes))?;
    Ok(ServiceToken { revoked: revoked.map(Time::from_millis), ..token })
}

/// The ledger's entry. What the token may is sealed: names of repositories and environments stand in it.
fn entry(token: &ServiceToken, what: &str, at: Time, by: &str) -> NewEntry {
    let scope = json!({
        "name": token.name, "repositories": token.repositories, "actions": token.actions,
        "environments": token.environments,
    });
    NewEntry {
        connection: Some(token.connection.clone()),
        body: row::members(json!({ "what": what, "expires": token.expires })),
        sealed: vec![
            ("by".to_owned(), by.as_bytes().to_vec()),
            ("scope".to_owned(), scope.to_string().into_bytes()),
        ],
        ..NewEntry::new(Kind::Admin, at, token.id.to_string())
    }
}
