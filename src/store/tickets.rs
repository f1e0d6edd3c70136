//! Tickets: kept sealed (their texts name people), found by a few columns, changed only by compare-and-set.
//!
//! What may happen to a ticket is [`Ticket::step`]'s matter; here a step is written only over the version it was made
//! from, and never without its ledger entry.

use rusqlite::Connection;
use rusqlite::OptionalExtension as _;
use serde_json::Map;
use serde_json::Value;
use uuid::Uuid;

use crate::approval::State;
use crate::approval::Ticket;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::secret::Seal;
use crate::store::NewAction;
use crate::store::NewEntry;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::log;
use crate::store::outbox;
use crate::store::row;

/// Tickets on a page.
const MAX_PAGE: usize = 200;

/// Tickets of one deed that are looked at for a grant. Older ones have ended.
pub const MAX_NEAR: usize = 20;

/// Tickets whose time ran out, in one look.
const MAX_DUE: usize = 500;

/// Which tickets to list. What is left out does not matter.
#[derive(Clone, Debug, Default)]
pub struct TicketFilter {
    /// Of this connection.
    pub connection: Option<ConnectionId>,
    /// In this state.
    pub state: Option<State>,
}

/// What is to be said in the ledger about a step, beside the ticket's id, state, version and decision.
#[derive(Clone, Debug)]
pub struct TicketNote {
    /// When.
    pub at: Time,
    /// Words of ours, ids and hashes.
    pub body: Map<String, Value>,
    /// Names and free text, by part name.
    pub sealed: Vec<(String, Vec<u8>)>,
    /// Ids of the people the parts speak of.
    pub mentions: Vec<String>,
}

/// Why a step was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Somebody else was first: read the ticket again.
    #[error("ticket {0} was changed meanwhile: look at it again")]
    Conflict(Uuid),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// A ticket.
    pub async fn ticket(&self, id: Uuid) -> Result<Option<Ticket>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| find(db, &seal, id)).await
    }

    /// Tickets, newest first, at most 200; `before` is the place of the last one seen. Each with its place.
    pub async fn tickets(
        &self,
        filter: TicketFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Ticket)>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| list(db, &seal, &filter, before, limit.min(MAX_PAGE))).await
    }

    /// The newest tickets (at most 20) for the same deed: those whose binding is near, whatever their state.
    pub async fn tickets_near(
        &self,
        connection: &ConnectionId,
        action: &str,
        repository: Option<&str>,
        environment: Option<&str>,
    ) -> Result<Vec<Ticket>, StoreError> {
        let seal = self.seal()?.clone();
        let place = (
            connection.as_str().to_owned(),
            action.to_owned(),
            repository.map(str::to_owned),
            environment.map(str::to_owned),
            row::signed(MAX_NEAR as u64),
        );
        self.ask(move |db| {
            let mut query = db.prepare_cached(
                "SELECT id, ticket_sealed FROM ticket
                 WHERE connection = ?1 AND action = ?2 AND repository IS ?3 AND environment IS ?4
                 ORDER BY seq DESC LIMIT ?5",
            )?;
            let mut rows = query.query(place)?;
            let mut near = Vec::new();
            while let Some(row) = rows.next()? {
                near.push(opened(&seal, row::uuid(row, 0)?, &row.get::<_, Vec<u8>>(1)?)?);
            }
            Ok(near)
        })
        .await
    }

    /// Keeps a ticket's step over the version it was made from, with its ledger entry and the actions that follow.
    pub async fn save_ticket(
        &self,
        old_version: u64,
        ticket: &Ticket,
        note: TicketNote,
        actions: Vec<NewAction>,
    ) -> Result<(), TicketError> {
        let sealed = seal(ticket, self.seal()?)?;
        let at = note.at;
        let actions = actions.into_iter().map(|action| outbox::seal(action, self.seal()?));
        let actions: Vec<_> = actions.collect::<Result<_, _>>()?;
        let entry = NewEntry {
            sealed: note.sealed,
            mentions: note.mentions,
            ..entry(ticket, note.at, note.body)
        };
        let prepared = entry.prepare()?;
        let (ticket, id) = (ticket.clone(), ticket.id);
        let saved = self.write(move |desk| {
            let saved = replace(desk.db, old_version, &ticket, &sealed)?;
            if saved {
                log::append(desk, prepared)?;
                for action in actions {
                    outbox::enqueue(desk.db, action, ticket.decision, at)?;
                }
            }
            Ok(saved)
        });
        if saved.await? { Ok(()) } else { Err(TicketError::Conflict(id)) }
    }

    /// Tickets that time alone moves on at `now`, at most 500.
    pub async fn due_tickets(&self, now: Time) -> Result<Vec<Ticket>, StoreError> {
        let seal = self.seal()?.clone();
        self.ask(move |db| {
            let mut query = db.prepare_cached(
                "SELECT id, ticket_sealed FROM ticket WHERE ends <= ?1 ORDER BY ends LIMIT ?2",
            )?;
            let mut rows = query.query((now.millis(), row::signed(MAX_DUE as u64)))?;
            let mut due = Vec::new();
            while let Some(row) = rows.next()? {
                due.push(opened(&seal, row::uuid(row, 0)?, &row.get::<_, Vec<u8>>(1)?)?);
            }
            Ok(due)
        })
        .await
    }
}

pub(super) fn purpose(id: Uuid) -> String {
    format!("ticket {id}")
}

/// A ticket's bytes for its row.
pub(super) fn seal(ticket: &Ticket, seal: &Seal) -> Result<Vec<u8>, StoreError> {
    let bytes = serde_json::to_vec(ticket).map_err(|error| StoreError::Fault(error.to_string()))?;
    Ok(seal.seal(&purpose(ticket.id), &bytes)?)
}

pub(super) fn opened(seal: &Seal, id: Uuid, sealed: &[u8]) -> Result<Ticket, StoreError> {
    row::known(serde_json::from_slice(&seal.open(&purpose(id), sealed)?))
}

/// What the ledger says of a ticket's present state. Opening and ending are `ticket`; what concerns a grant, `grant`.
pub(super) fn entry(ticket: &Ticket, at: Time, body: Map<String, Value>) -> NewEntry {
    let kind = match ticket.state {
        State::Granted | State::Spent => Kind::Grant,
        State::Asked | State::Refused | State::Expired | State::Revoked => Kind::Ticket,
    };
    let mut all = body;
    all.insert("state".to_owned(), ticket.state.as_str().into());
    all.insert("version".to_owned(), ticket.version.into());
    all.insert("decision".to_owned(), ticket.decision.to_string().into());
    all.insert("binding".to_owned(), hex::encode(ticket.binding.digest()).into());
    NewEntry {
        connection: Some(ticket.connection.clone()),
        body: all,
        ..NewEntry::new(kind, at, ticket.id.to_string())
    }
}

/// When time alone moves it on.
fn ends(ticket: &Ticket) -> Option<i64> {
    match ticket.state {
        State::Asked => Some(ticket.expires_at.millis()),
        State::Granted => Some(ticket.grant_ends.unwrap_or(ticket.expires_at).millis()),
        State::Spent | State::Refused | State::Expired | State::Revoked => None,
    }
}

/// A new ticket; false if there is one of this id.
pub(super) fn insert(db: &Connection, ticket: &Ticket, sealed: &[u8]) -> Result<bool, StoreError> {
    let inserted = db
        .prepare_cached(
            "INSERT INTO ticket (id, version, state, connection, action, repository, environment,
             decision, ends, ticket_sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute((
            ticket.id.as_bytes(),
            row::signed(ticket.version),
            ticket.state.as_str(),
            ticket.connection.as_str(),
            &ticket.binding.action,
            &ticket.binding.repository,
            &ticket.binding.environment,
            ticket.decision.as_bytes(),
            ends(ticket),
            sealed,
        ))?;
    Ok(inserted == 1)
}

/// Writes a ticket over the version `old`; false if that is not the version there is.
pub(super) fn replace(
    db: &Connection,
    old: u64,
    ticket: &Ticket,
    sealed: &[u8],
) -> Result<bool, StoreError> {
    let replaced = db
        .prepare_cached(
            "UPDATE ticket SET version = ?3, state = ?4, ends = ?5, ticket_sealed = ?6
             WHERE id = ?1 AND version = ?2",
        )?
        .execute((
            ticket.id.as_bytes(),
            row::signed(old),
            row::signed(ticket.version),
            ticket.state.as_str(),
            ends(ticket),
            sealed,
        ))?;
    Ok(replaced == 1)
}

pub(super) fn find(db: &Connection, seal: &Seal, id: Uuid) -> Result<Option<Ticket>, StoreError> {
    let sealed: Option<Vec<u8>> = db
        .prepare_cached("SELECT ticket_sealed FROM ticket WHERE id = ?1")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    sealed.map(|sealed| opened(seal, id, &sealed)).transpose()
}

fn list(
    db: &Connection,
    seal: &Seal,
    filter: &TicketFilter,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<(u64, Ticket)>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT seq, id, ticket_sealed FROM ticket
         WHERE seq < ?1 AND (?2 IS NULL OR connection = ?2) AND (?3 IS NULL OR state = ?3)
         ORDER BY seq DESC LIMIT ?4",
    )?;
    let mut rows = query.query((
        before.map_or(i64::MAX, row::signed),
        filter.connection.as_ref().map(ConnectionId::as_str),
        filter.state.map(State::as_str),
        row::signed(limit as u64),
    ))?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let ticket = opened(seal, row::uuid(row, 1)?, &row.get::<_, Vec<u8>>(2)?)?;
        page.push((row::unsigned(row.get(0)?), ticket));
    }
    Ok(page)
}
