//! What pages, the API and programs may read: decisions with their stories, tickets, dead letters, tokens. Everything comes from records the road made; nothing is worked out anew here.

mod scope;

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::approval::State;
use crate::approval::Ticket;
use crate::decision::Record;
use crate::decision::narrative;
use crate::decision::narrative::Narrative;
use crate::decision::pause::By;
use crate::event::caller::TokenDoor;
use crate::gateway::Gateway;
use crate::gateway::question::Answer;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::LookupError;
use crate::graph::Snapshot;
use crate::ledger::Kind;
use crate::policy::Rule;
pub use crate::store::DeadLetter;
pub use crate::store::Filter;
pub use crate::store::Hearing;
use crate::store::NewEntry;
pub use crate::store::Page;
pub use crate::store::Replay;
pub use crate::store::ServiceToken;
pub use crate::store::StoreError;
use crate::store::Tell;
use crate::store::TicketFilter;

/// Most rows a page of answers holds.
pub const MAX_ROWS: usize = 200;

/// Walks of [`LOOK`](crate::store::LOOK) rows that one page is looked for in: 200,000 rows, some 0.2 s. Without an end,
/// one rare search would read as long as the record is.
pub const MOST_WALKS: usize = 10;

/// A record with its story.
#[derive(Debug)]
pub struct Told {
    /// What is kept.
    pub record: Record,
    /// The same as a story.
    pub story: Narrative,
    /// Who was told of it, and how that went.
    pub hearings: Vec<Hearing>,
}

/// A service token, just made. It is shown this once.
#[derive(Debug)]
pub struct NewToken {
    /// What is kept of it.
    pub row: ServiceToken,
    /// The token itself.
    pub token: crate::secret::Secret<String>,
}

/// What a new service token may do.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(example = json!({"name": "jenkins-payments", "connection": "acme-dc", "repositories": ["acme-dc/repository/6"], "actions": ["deploy"], "expires_in": 7_776_000}))]
#[serde(deny_unknown_fields)]
pub struct TokenWish {
    /// What it is for.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// The connection it speaks for.
    pub connection: ConnectionId,
    /// Repositories it may ask about: `PROJECT/SLUG`, with `*` for any run of characters, or an id; none: all.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// Actions it may ask about; none: all.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Environments it may name, so that the token proves them; none: it proves none.
    #[serde(default)]
    pub environments: Vec<String>,
    /// What it opens; left out: `check` alone.
    #[serde(default = "check_alone")]
    #[schemars(length(min = 1, max = 10))]
    pub doors: Vec<TokenDoor>,
    /// How long it is good for, seconds; at most 366 days.
    #[schemars(range(min = 1, max = 31_622_400))]
    pub expires_in: u64,
}

/// What a token opens of which nobody said more.
fn check_alone() -> Vec<TokenDoor> {
    vec![TokenDoor::Check]
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The wish makes no sense.
    #[error("{0}")]
    Wish(String),
    /// No random bytes.
    #[error("no random bytes could be had")]
    Random,
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Longest life of a service token.
const MAX_TOKEN_LIFE: Duration = Duration::from_hours(24 * 366);

/// How telling a channel went, in one line.
pub fn heard(hearing: &Hearing) -> String {
    let channel = &hearing.channel;
    let why = hearing.why.as_deref().unwrap_or("nobody said why");
    let tries = match hearing.tries {
        1 => "one try".to_owned(),
        many => format!("{many} tries"),
    };
    match (hearing.message, hearing.ended, hearing.tell) {
        (None, _, Tell::Now) => format!("{channel}: about to be told"),
        (None, _, Tell::Digest) => format!("{channel}: goes with the daily digest"),
        (None, _, Tell::Held) => format!(
            "{channel}: the same cause was told before, so it is only counted in the daily digest"
        ),
        (Some(_), Some(at), Tell::Now) if hearing.told => {
            format!("{channel}: told at {at}, with {tries}")
        }
        (Some(_), Some(at), Tell::Digest | Tell::Held) if hearing.told => {
            format!("{channel}: told at {at}, with the daily digest")
        }
        (Some(_), Some(at), _) => {
            format!("{channel}: could not be told, given up at {at} after {tries}: {why}")
        }
        (Some(_), None, _) if hearing.tries == 0 => format!("{channel}: being told"),
        (Some(_), None, _) => format!("{channel}: not told yet after {tries}: {why}"),
    }
}

impl Gateway {
    /// One decision with its story.
    pub async fn decision(&self, id: Uuid) -> Result<Option<Told>, StoreError> {
        let Some(record) = self.store.decision(id).await? else { return Ok(None) };
        Ok(Some(self.told(record).await?))
    }

    /// Decisions, newest first; `before` is the cursor of the page before. What is rare is looked for in up to
    /// [`MOST_WALKS`] steps; a page that is not full and has a `next` says that there was more to look at.
    pub async fn decisions(
        &self,
        filter: Filter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, MAX_ROWS);
        let mut page = self.store.decisions(filter.clone(), before, limit).await?;
        for _ in 1..MOST_WALKS {
            if page.items.len() >= limit || page.next.is_none() {
                break;
            }
            let left = limit - page.items.len();
            let more = self.store.decisions(filter.clone(), page.next, left).await?;
            page.items.extend(more.items);
            page.next = more.next;
        }
        Ok(page)
    }

    /// The id that an id or `kind:name` stands for, `among` those of one connection. An id needs no graph that knows it:
    /// whoever is gone is still in the record.
    pub fn id_of(&self, told: &str, among: Option<&ConnectionId>) -> Result<String, LookupError> {
        id_of(&self.graph.load(), told, among)
    }

    /// A record with its story.
    pub async fn told(&self, record: Record) -> Result<Told, StoreError> {
        let bundle = self.bundle(&record.public.bundle).await?;
        let mut story = narrative::tell(&record, bundle.as_deref());
        let hearings = self.store.hearings(record.public.decision).await?;
        story.heard = hearings.iter().map(heard).collect();
        Ok(Told { record, story, hearings })
    }

    /// The answer a check got, from its record and the ticket as it is now.
    pub async fn answer_now(&self, record: &Record) -> Result<Answer, StoreError> {
        let ticket = match record.public.ticket {
            Some(id) => self.store.ticket(id).await?,
            None => None,
        };
        let bundle = self.bundle(&record.public.bundle).await?;
        Ok(Answer::of(record, bundle.as_deref(), ticket.as_ref(), &self.public_url))
    }

    /// One ticket.
    pub async fn ticket(&self, id: Uuid) -> Result<Option<Ticket>, StoreError> {
        self.store.ticket(id).await
    }

    /// Tickets, newest first.
    pub async fn tickets(
        &self,
        state: Option<State>,
        limit: usize,
    ) -> Result<Vec<Ticket>, StoreError> {
        let filter = TicketFilter { state, ..TicketFilter::default() };
        let found = self.store.tickets(filter, None, limit.min(MAX_ROWS)).await?;
        Ok(found.into_iter().map(|(_, ticket)| ticket).collect())
    }

    /// Bodies that could not be read, newest first.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.store.dead_letters(None, limit.min(MAX_ROWS)).await
    }

    /// Sends a dead letter down the road again, if it is one and its body is still kept.
    pub async fn replay(&self, delivery: Uuid, by: &By) -> Result<Replay, StoreError> {
        let found = self.store.replay(delivery, by.as_str(), self.clock.now()).await?;
        self.inbox_bell.notify_one();
        Ok(found)
    }

    /// Service tokens, newest first, without the tokens.
    pub async fn tokens(&self) -> Result<Vec<ServiceToken>, StoreError> {
        self.store.tokens().await
    }

    /// Makes a service token.
    pub async fn new_token(&self, wish: TokenWish, by: &By) -> Result<NewToken, TokenError> {
        let wrong = |why: &str| Err(TokenError::Wish(why.to_owned()));
        if wish.name.trim().is_empty() || wish.name.chars().count() > 100 {
            return wrong(
                "a token needs a name of at most 100 characters, so that people know what to revoke",
            );
        }
        let Some(connection) = self.connections.get(&wish.connection) else {
            return Err(TokenError::Wish(format!("there is no connection `{}`", wish.connection)));
        };
        scope::judge(&wish, &connection, &self.graph.load()).map_err(TokenError::Wish)?;
        let life = Duration::from_secs(wish.expires_in);
        if life.is_zero() || life > MAX_TOKEN_LIFE {
            return wrong("a token must end: give it between one second and 366 days");
        }
        let random = crate::secret::random::<32>().map_err(|_| TokenError::Random)?;
        let token = crate::event::caller::ServiceToken::from_random(&random);
        let now = self.clock.now();
        let row = ServiceToken {
            id: Uuid::now_v7(),
            name: wish.name,
            connection: wish.connection,
            repositories: wish.repositories,
            actions: wish.actions,
            environments: wish.environments,
            doors: wish.doors.iter().map(ToString::to_string).collect(),
            created: now,
            expires: now.plus(life),
            revoked: None,
        };
        self.store.add_token(&row, token.hash(), by.as_str()).await?;
        let token = crate::secret::Secret::new(token.reveal().to_owned());
        Ok(NewToken { row, token })
    }

    /// Ends a service token; false: there is no such token.
    pub async fn revoke_token(&self, id: Uuid, by: &By) -> Result<bool, StoreError> {
        self.store.revoke_token(id, self.clock.now(), by.as_str()).await
    }

    /// Records that a session of the operator's began or ended. Whose it is, nobody knows: the link is the credential.
    pub async fn note_session(&self, what: &'static str) -> Result<(), StoreError> {
        let mut body = serde_json::Map::new();
        body.insert("what".to_owned(), what.into());
        let subject = self.store.instance().to_string();
        let entry = NewEntry { body, ..NewEntry::new(Kind::Admin, self.clock.now(), subject) };
        self.store.append(vec![entry]).await.map(drop)
    }

    /// The newest signed checkpoint of the ledger.
    pub async fn checkpoint(&self) -> Result<Option<String>, StoreError> {
        self.store.latest_checkpoint().await
    }

    /// The text of one of its rules.
    pub fn rule_text(&self, rule: &Rule) -> Option<String> {
        let active = self.policies.current();
        active.files.iter().find(|file| file.path == rule.file).map(|file| file.text.clone())
    }

    /// The active bundle.
    pub fn active_bundle(&self) -> Arc<crate::policy::Bundle> {
        Arc::clone(&self.policies.current().bundle)
    }
}

/// The id that an id or `kind:name` stands for in a graph; of several, the one `among` those of a connection.
pub fn id_of(
    graph: &Snapshot,
    told: &str,
    among: Option<&ConnectionId>,
) -> Result<String, LookupError> {
    if let Ok(id) = told.parse::<Id>() {
        return Ok(id.to_string());
    }
    let unknown = || LookupError::Unknown(told.chars().take(64).collect());
    let node = match among {
        Some(connection) => graph.resolve_in(connection, told)?,
        None => graph.resolve(told)?,
    };
    graph.node(node).map(|node| node.id.to_string()).ok_or_else(unknown)
}
