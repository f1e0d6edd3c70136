//! Evidence that people brought: kept with the entry that tells of it, until it is withdrawn or has ended. Everything
//! personal is sealed: who brought it, its file's name, and the people it names. The file itself is never here.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::attribute::Value;
use crate::ledger::Kind;
use crate::posture::evidence::folded;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::Head;
use crate::posture::evidence::piece::Named;
use crate::posture::evidence::piece::Piece;
use crate::secret::Seal;
use crate::store::NewEntry;
use crate::store::NewNotice;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::Swept;
use crate::store::log;
use crate::store::notices;
use crate::store::retention;
use crate::store::row;

/// A piece as it is kept, with what was said of its end so far.
#[derive(Clone, Debug)]
pub struct KeptEvidence {
    /// The piece.
    pub piece: Piece,
    /// Of what somebody was reminded.
    pub reminded: Reminded,
}

/// Of what somebody was reminded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reminded {
    /// Of nothing.
    Nothing,
    /// Of the end to come.
    Coming,
    /// Of the end.
    Ended,
}

/// What is sealed of what a piece says.
#[derive(Serialize, Deserialize)]
struct Says {
    content: Content,
    #[serde(default)]
    erased: BTreeSet<String>,
}

impl Store {
    /// Keeps a piece, with its entry.
    pub async fn keep_evidence(&self, piece: &Piece) -> Result<(), StoreError> {
        let seal = self.seal()?;
        let head = &piece.head;
        let head_sealed = seal.seal(&purpose(head.id), &written(head)?)?;
        let content_sealed = sealed_content(piece, seal)?;
        let entry = entry(head, "evidence brought", head.brought, (&head.by, &head.reason));
        let entry = entry.prepare()?;
        let (id, connection, until) = (head.id, head.connection.clone(), head.until.millis());
        self.write(move |desk| {
            desk.db
                .prepare_cached(
                    "INSERT INTO evidence (id, connection, until, reminded, head_sealed, content_sealed)
                     VALUES (?1, ?2, ?3, 0, ?4, ?5)",
                )?
                .execute((id.as_bytes(), connection.as_str(), until, head_sealed, content_sealed))?;
            log::append(desk, entry).map(drop)
        })
        .await
    }

    /// Every piece there is, in the order they were brought, also those that were withdrawn or have ended.
    pub async fn evidence(&self) -> Result<Vec<KeptEvidence>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let mut query = db.prepare_cached(
                "SELECT id, withdrawn, reminded, head_sealed, content_sealed FROM evidence ORDER BY seq",
            )?;
            let mut rows = query.query([])?;
            let mut kept = Vec::new();
            while let Some(row) = rows.next()? {
                kept.push(opened(row, &seal)?);
            }
            Ok(kept)
        })
        .await
    }

    /// Withdraws a piece: what it says goes, that it was there stays. False if there is none that could be.
    pub async fn withdraw_evidence(
        &self,
        head: &Head,
        now: Time,
        (by, reason): (&str, &str),
    ) -> Result<bool, StoreError> {
        let entry = entry(head, "evidence withdrawn", now, (by, reason)).prepare()?;
        let id = head.id;
        let gone = self
            .write(move |desk| {
                let sql = "UPDATE evidence SET withdrawn = ?2, content_sealed = NULL
                           WHERE id = ?1 AND withdrawn IS NULL";
                let gone = desk.db.prepare_cached(sql)?.execute((id.as_bytes(), now.millis()))?;
                if gone == 1 {
                    log::append(desk, entry)?;
                }
                Ok(gone == 1)
            })
            .await?;
        self.owe_emptying();
        self.leave_nothing_owed().await?;
        Ok(gone)
    }

    /// Takes down that somebody was reminded, with the notices; of an end also its entry. Returns whether anything was
    /// told anew.
    pub async fn remind_of_evidence(
        &self,
        head: &Head,
        of: Reminded,
        (told, now): (Vec<NewNotice>, Time),
    ) -> Result<bool, StoreError> {
        let seal = self.seal()?;
        let told = told.into_iter().map(|notice| notices::seal(notice, seal));
        let told = told.collect::<Result<Vec<_>, _>>()?;
        let entry = (of == Reminded::Ended)
            .then(|| entry(head, "evidence ended", now, ("time", "")).prepare())
            .transpose()?;
        let id = head.id;
        self.write(move |desk| {
            let sql = "UPDATE evidence SET reminded = ?2
                       WHERE id = ?1 AND reminded < ?2 AND withdrawn IS NULL";
            if desk.db.prepare_cached(sql)?.execute((id.as_bytes(), number(of)))? == 0 {
                return Ok(false);
            }
            for notice in told {
                notices::add(desk.db, notice, now)?;
            }
            if let Some(entry) = entry {
                log::append(desk, entry)?;
            }
            Ok(true)
        })
        .await
    }

    /// What pieces said that have ended goes at once, what is known of them with the names of decisions.
    pub(in crate::store) async fn forget_evidence(
        &self,
        before: Time,
        now: Time,
    ) -> Result<(), StoreError> {
        let (before, now) = (before.millis(), now.millis());
        self.write(move |desk| {
            let says = "UPDATE evidence SET content_sealed = NULL
                        WHERE content_sealed IS NOT NULL AND until <= ?1";
            let rows = "DELETE FROM evidence WHERE max(until, coalesce(withdrawn, until)) < ?1";
            let evidence = desk.db.prepare_cached(says)?.execute([now])?
                + desk.db.prepare_cached(rows)?.execute([before])?;
            retention::count(desk.db, &Swept { evidence: evidence as u64, ..Swept::default() })
        })
        .await
    }

    /// Takes a person out of every piece; how many named him. Whom he is, the kept graph of his connection tells.
    pub(in crate::store) async fn erase_from_evidence(
        &self,
        identity: &str,
    ) -> Result<u64, StoreError> {
        let Ok(id) = identity.parse::<Id>() else { return Ok(0) };
        let connection = id.connection();
        let kept = self.world(&connection).await?;
        let names = Names::of(&id, kept.and_then(|kept| kept.read().ok()).as_ref());
        let (seal, connection) = (self.seal()?.clone(), connection.as_str().to_owned());
        self.write(move |desk| {
            let mut count = 0;
            for mut piece in kept_of(desk.db, &connection, &seal)? {
                let Some(content) = &mut piece.content else { continue };
                if content.without(|who| names.are_of(who)) {
                    piece.erased.insert(id.to_string());
                    let sealed = sealed_content(&piece, &seal)?;
                    let sql = "UPDATE evidence SET content_sealed = ?2 WHERE id = ?1";
                    desk.db.prepare_cached(sql)?.execute((piece.head.id.as_bytes(), sealed))?;
                    count += 1;
                }
            }
            Ok(count)
        })
        .await
    }
}

/// What somebody goes by.
struct Names {
    ids: [String; 2],
    email: Option<String>,
    called: Vec<String>,
}

impl Names {
    fn of(id: &Id, world: Option<&World>) -> Self {
        let node = world.and_then(|world| world.nodes.iter().find(|node| node.id == *id));
        let told = |name: &str| match node?.attributes.get(name)? {
            Value::Text(text) => Some(text.to_lowercase()),
            Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_) => None,
        };
        let name = node.and_then(|node| node.name.as_deref()).map(folded);
        Self {
            ids: [id.to_string().to_lowercase(), id.native().to_lowercase()],
            email: told("email"),
            called: name.into_iter().chain(told("nickname")).collect(),
        }
    }

    fn are_of(&self, who: &Named) -> bool {
        let id = who.id.as_ref().is_some_and(|id| self.ids.contains(&id.to_lowercase()));
        let email = self.email.is_some() && who.email == self.email;
        let name = who.name.as_deref().is_some_and(|name| self.called.contains(&folded(name)));
        id || email || name
    }
}

pub(super) fn purpose(id: Uuid) -> String {
    format!("evidence {id}")
}

pub(super) fn content_purpose(id: Uuid) -> String {
    format!("evidence content {id}")
}

fn written<T: Serialize>(what: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(what).map_err(|error| StoreError::Fault(error.to_string()))
}

fn sealed_content(piece: &Piece, seal: &Seal) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(content) = &piece.content else { return Ok(None) };
    let says = Says { content: content.clone(), erased: piece.erased.clone() };
    Ok(Some(seal.seal(&content_purpose(piece.head.id), &written(&says)?)?))
}

fn opened(row: &rusqlite::Row<'_>, seal: &Seal) -> Result<KeptEvidence, StoreError> {
    let id = row::uuid(row, 0)?;
    let head = seal.open(&purpose(id), &row.get::<_, Vec<u8>>(3)?)?;
    let head: Head = row::known(serde_json::from_slice(&head))?;
    let withdrawn = row.get::<_, Option<i64>>(1)?.map(Time::from_millis);
    let says = match row.get::<_, Option<Vec<u8>>>(4)? {
        None => None,
        Some(sealed) => {
            let bytes = seal.open(&content_purpose(id), &sealed)?;
            Some(row::known(serde_json::from_slice::<Says>(&bytes))?)
        }
    };
    let (content, erased) = says.map(|says| (says.content, says.erased)).unzip();
    let piece =
        Piece { head: Head { withdrawn, ..head }, content, erased: erased.unwrap_or_default() };
    let reminded = match row.get::<_, i64>(2)? {
        0 => Reminded::Nothing,
        1 => Reminded::Coming,
        _ => Reminded::Ended,
    };
    Ok(KeptEvidence { piece, reminded })
}

fn kept_of(db: &Connection, connection: &str, seal: &Seal) -> Result<Vec<Piece>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT id, withdrawn, reminded, head_sealed, content_sealed FROM evidence
         WHERE connection = ?1 AND content_sealed IS NOT NULL",
    )?;
    let mut rows = query.query([connection])?;
    let mut pieces = Vec::new();
    while let Some(row) = rows.next()? {
        pieces.push(opened(row, seal)?.piece);
    }
    Ok(pieces)
}

const fn number(of: Reminded) -> i64 {
    match of {
        Reminded::Nothing => 0,
        Reminded::Coming => 1,
        Reminded::Ended => 2,
    }
}

/// Hashes, counts, dates and words of ours in the open; who, why and which file are sealed beside them.
fn entry(head: &Head, what: &str, at: Time, (by, reason): (&str, &str)) -> NewEntry {
    let texts = [("by", by), ("reason", reason), ("file", head.file.as_str())];
    let sealed = texts.into_iter().filter(|(_, text)| !text.is_empty());
    NewEntry {
        connection: Some(head.connection.clone()),
        body: row::members(json!({
            "what": what, "evidence": head.kind, "sha256": head.sha256, "bytes": head.bytes,
            "rows": head.rows, "coverage": head.coverage, "as_of": head.as_of, "until": head.until,
        })),
        sealed: sealed.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())).collect(),
        ..NewEntry::new(Kind::Admin, at, head.id.to_string())
    }
}

/// Takes what is known of a connection's evidence away, when it ends for good.
pub(super) fn forget_of(db: &Connection, connection: &ConnectionId) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM evidence WHERE connection = ?1")?
        .execute([connection.as_str()])?;
    Ok(())
}
