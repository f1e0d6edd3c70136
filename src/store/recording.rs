//! Recording: a decision, its ledger entry and everything that follows from it, in one transaction.
//!
//! The ledger entry is the record: its body is [`Public`], its sealed parts are
//! `input` (the document the rules saw), `people` (names) and `told` (what the rules said). The table of decisions
//! only helps to find it.

use rusqlite::Connection;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use crate::approval::Act;
use crate::approval::Ticket;
use crate::decision::Outcome;
use crate::decision::Record;
use crate::decision::record::Part;
use crate::decision::record::Public;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::secret::Seal;
use crate::store::NewAction;
use crate::store::NewEntry;
use crate::store::NewNotice;
use crate::store::Store;
use crate::store::StoreError;
use crate::store::deliveries;
use crate::store::log;
use crate::store::log::Prepared;
use crate::store::notices;
use crate::store::notices::SealedNotice;
use crate::store::outbox;
use crate::store::outbox::SealedAction;
use crate::store::recent::Noted;
use crate::store::recent::Of;
use crate::store::row;
use crate::store::search;
use crate::store::tickets;
use crate::store::writer::Desk;

/// The sealed part that holds the input document.
pub(super) const INPUT: &str = "input";
/// The sealed part that holds names.
pub(super) const PEOPLE: &str = "people";
/// The sealed part that holds what the rules said.
pub(super) const TOLD: &str = "told";

/// A decision to be recorded, and everything that becomes true with it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The decision. Its `public` half holds no names, no ref names and no ids made of them.
    pub record: Record,
    /// The delivery this finishes: set on the last event of a delivery, left out on those before it.
    pub done: Option<Uuid>,
    /// Hash of kind, subject, from and to: one event through two hooks is decided once.
    pub event_key: Option<[u8; 32]>,
    /// What is to be done on Bitbucket.
    pub actions: Vec<NewAction>,
    /// Who is to be told of it.
    pub notices: Vec<NewNotice>,
    /// The ticket it opens.
    pub open: Option<Ticket>,
    /// The grants it uses up: ticket and the version it was read at.
    pub spend: Vec<(Uuid, u64)>,
    /// The key of a check's question: from now on this decision stands for it.
    pub question: Option<[u8; 32]>,
    /// Ids of the people the sealed parts speak of.
    pub mentions: Vec<String>,
    /// Whatever else the ledger should say.
    pub extra_entries: Vec<NewEntry>,
}

impl Recording {
    /// A decision from which nothing follows.
    pub fn of(record: Record) -> Self {
        Self {
            record,
            done: None,
            event_key: None,
            actions: Vec::new(),
            notices: Vec::new(),
            open: None,
            spend: Vec::new(),
            question: None,
            mentions: Vec::new(),
            extra_entries: Vec::new(),
        }
    }
}

/// A recorded decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The index of its ledger entry.
    pub entry_index: u64,
}

/// Why a decision was not recorded. Nothing of it stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The store failed; with it every decision of the same call.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The same event came through another hook and was decided.
    #[error("this event was decided before, by decision {0}")]
    DecidedBefore(Uuid),
    /// The delivery is finished already: somebody else's lease was the valid one.
    #[error("delivery {0} is finished already")]
    DeliveryDone(Uuid),
    /// A grant it rests on was used, ended or changed meanwhile.
    #[error("the grant of ticket {0} is gone: it was used, ended or changed meanwhile")]
    GrantGone(Uuid),
    /// The ticket it opens is there already.
    #[error("ticket {0} is there already")]
    TicketExists(Uuid),
}

/// Who is told that a decision is on the disk: the place after its entry.
#[derive(Debug, Default)]
pub(super) struct News(watch::Sender<u64>);

impl News {
    fn tell(&self, written: Result<Recorded, RecordError>) -> Result<Recorded, RecordError> {
        if let Ok(Recorded { entry_index }) = written {
            self.0.send_if_modified(|next| {
                let is_newer = *next <= entry_index;
                *next = (*next).max(entry_index + 1);
                is_newer
            });
        }
        written
    }
}

/// A recording with all costly work done: rendered, salted, sealed.
struct Ready {
    public: Public,
    entry: Prepared,
    done: Option<Uuid>,
    event_key: Option<[u8; 32]>,
    actions: Vec<SealedAction>,
    notices: Vec<SealedNotice>,
    open: Option<(Ticket, Vec<u8>, Prepared)>,
    spend: Vec<(Uuid, u64)>,
    question: Option<[u8; 32]>,
    extra: Vec<Prepared>,
}

impl Ready {
    /// Whether [`write()`] leaves nothing behind when it refuses it: tickets and grants it looks at last.
    fn undoes_itself(&self) -> bool {
        self.open.is_none() && self.spend.is_empty()
    }
}

impl Store {
    /// Records decisions in one transaction, each in a savepoint of its own: one that is refused leaves no trace and
    /// spoils no other. Answers in the order asked.
    pub async fn record(&self, batch: Vec<Recording>) -> Vec<Result<Recorded, RecordError>> {
        let count = batch.len();
        match self.record_all(batch).await {
            Ok(results) => results,
            Err(error) => vec![Err(RecordError::Store(error)); count],
        }
    }

    async fn record_all(
        &self,
        batch: Vec<Recording>,
    ) -> Result<Vec<Result<Recorded, RecordError>>, StoreError> {
        let seal = self.seal()?;
        let questions = batch.iter().filter_map(|recording| recording.question.as_ref());
        questions
            .for_each(|question| self.inner.asked.iter().for_each(|asked| asked.add(question)));
        let mut ready: Vec<Result<Ready, StoreError>> =
            batch.into_iter().map(|recording| prepare(recording, seal)).collect();
        if ready.len() == 1
            && let Some(only) = ready.pop()
        {
            let only = only?;
            let written = if only.undoes_itself() {
                self.write_plain(move |desk| write(desk, only)).await
            } else {
                self.write_plain(move |desk| desk.attempt(|desk| write(desk, only))).await
            };
            return Ok(vec![self.inner.news.tell(written?)]);
        }
        let written = self.write(move |desk| {
            ready
                .into_iter()
                .map(|ready| match ready {
                    Ok(ready) => desk.attempt(|desk| write(desk, ready)),
                    Err(error) => Ok(Err(RecordError::Store(error))),
                })
                .collect::<Result<Vec<_>, _>>()
        });
        let written = written.await?;
        Ok(written.into_iter().map(|written| self.inner.news.tell(written)).collect())
    }

    /// Wakes whoever follows decisions: the number counts up when one is on the disk. Never, if another process writes.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.inner.news.0.subscribe()
    }
}

fn prepare(recording: Recording, seal: &Seal) -> Result<Ready, StoreError> {
    let Recording { record, mut mentions, .. } = recording;
    let public = record.public;
    // By whom decisions are found; as a rule they are mentioned already.
    mentions.extend(public.actor.clone().filter(|actor| !mentions.contains(actor)));
    let sealed = [
        (INPUT, bytes_of(&record.input, |input| Ok(input.get().as_bytes().to_vec()))?),
        (PEOPLE, bytes_of(&record.names, json)?),
        (TOLD, bytes_of(&record.told, json)?),
    ];
    let entry = NewEntry {
        connection: Some(public.connection.clone()),
        body: row::members(serde_json::to_value(&public).map_err(unwritable)?),
        sealed: sealed
            .into_iter()
            .filter_map(|(name, bytes)| bytes.map(|bytes| (name.to_owned(), bytes)))
            .collect(),
        mentions,
        ..NewEntry::new(Kind::Decision, public.at, public.decision.to_string())
    };
    let open = recording.open.map(|ticket| open(ticket, public.at, seal)).transpose()?;
    let actions = recording.actions.into_iter().map(|action| outbox::seal(action, seal));
    let notices = recording.notices.into_iter().map(|notice| notices::seal(notice, seal));
    Ok(Ready {
        entry: entry.prepare()?,
        done: recording.done,
        event_key: recording.event_key,
        actions: actions.collect::<Result<_, _>>()?,
        notices: notices.collect::<Result<_, _>>()?,
        open,
        spend: recording.spend,
        question: recording.question,
        extra: recording
            .extra_entries
            .into_iter()
            .map(NewEntry::prepare)
            .collect::<Result<_, _>>()?,
        public,
    })
}

fn open(ticket: Ticket, at: Time, seal: &Seal) -> Result<(Ticket, Vec<u8>, Prepared), StoreError> {
    let sealed = tickets::seal(&ticket, seal)?;
    let entry = tickets::entry(&ticket, at, row::members(json!({}))).prepare()?;
    Ok((ticket, sealed, entry))
}

fn bytes_of<T>(
    part: &Part<T>,
    write: impl FnOnce(&T) -> Result<Vec<u8>, StoreError>,
) -> Result<Option<Vec<u8>>, StoreError> {
    part.kept().map(write).transpose()
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(unwritable)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Fault(format!("a record could not be written as JSON: {error}"))
}

fn write(desk: &mut Desk<'_>, ready: Ready) -> Result<Result<Recorded, RecordError>, StoreError> {
    let Ready { public, entry, done, event_key, actions, notices, open, spend, question, extra } =
        ready;
    let (decision, at) = (public.decision, public.at);
    if let Some(event) = &event_key
        && let Some(before) = desk.recent.find(desk.db, Of::Event, event)?
    {
        return Ok(Err(RecordError::DecidedBefore(before.id)));
    }
    if let Some(delivery) = done
        && !deliveries::finish(desk.db, delivery, None, at)?
    {
        return Ok(Err(RecordError::DeliveryDone(delivery)));
    }
    let noted = Noted { id: decision, at };
    if let Some(event) = event_key {
        desk.recent.note(desk.db, Of::Event, event, noted)?;
    }
    let entry_index = log::append(desk, entry)?;
    index(desk.db, &public, row::signed(entry_index))?;
    for action in actions {
        outbox::enqueue(desk.db, action, decision, at)?;
    }
    for notice in notices {
        notices::add(desk.db, notice, at)?;
    }
    if let Some((ticket, sealed, entry)) = open {
        if !tickets::insert(desk.db, &ticket, &sealed)? {
            return Ok(Err(RecordError::TicketExists(ticket.id)));
        }
        log::append(desk, entry)?;
    }
    for (ticket, version) in spend {
        if !use_up(desk, ticket, version, decision, at)? {
            return Ok(Err(RecordError::GrantGone(ticket)));
        }
    }
    if let Some(question) = question {
        desk.recent.note(desk.db, Of::Question, question, noted)?;
    }
    for entry in extra {
        log::append(desk, entry)?;
    }
    Ok(Ok(Recorded { entry_index }))
}

fn index(db: &Connection, public: &Public, entry: i64) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO decision
         (entry, id, at, connection, event, verdict, effect, repository, uncovered, actor, softened)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute((
        entry,
        public.decision.as_bytes(),
        public.at.millis(),
        public.connection.as_str(),
        public.event.as_str(),
        public.verdict.as_str(),
        public.effect.as_str(),
        &public.repository,
        public.uncovered,
        &public.actor,
        search::softened(public),
    ))?;
    let spoke = |outcome| match outcome {
        Outcome::Matched | Outcome::CouldNotTell => true,
        Outcome::DidNotMatch | Outcome::NotApplicable => false,
    };
    for asked in public.rules.iter().filter(|asked| spoke(asked.outcome)) {
        db.prepare_cached("INSERT OR IGNORE INTO decision_rule (rule, entry) VALUES (?1, ?2)")?
            .execute((asked.rule.as_str(), entry))?;
    }
    Ok(())
}

/// Spends a grant; false unless it is in force and as it was when it was read.
fn use_up(
    desk: &mut Desk<'_>,
    id: Uuid,
    version: u64,
    decision: Uuid,
    at: Time,
) -> Result<bool, StoreError> {
    let Some(ticket) = tickets::find(desk.db, desk.seal, id)? else { return Ok(false) };
    let Ok(spent) = ticket.step(Act::Spend { decision, at }) else { return Ok(false) };
    let sealed = tickets::seal(&spent, desk.seal)?;
    if !tickets::replace(desk.db, version, &spent, &sealed)? {
        return Ok(false);
    }
    let body = row::members(json!({ "spent_by": decision.to_string() }));
    log::append(desk, tickets::entry(&spent, at, body).prepare()?)?;
    Ok(true)
}
