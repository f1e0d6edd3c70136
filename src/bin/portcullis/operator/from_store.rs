//! The same answers from a store opened read-only, beside a running gateway or without one.

use portcullis::approval::State;
use portcullis::decision::Record;
use portcullis::decision::narrative;
use portcullis::gateway::telling::heard;
use portcullis::store::Store;
use portcullis::store::TicketFilter;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::cli::DecisionFilter;
use crate::decision::Paging;
use crate::decision::filter_for;
use crate::decision::query;
use crate::serve::read_only;

/// What is read.
pub enum Reading<'a> {
    /// Decisions.
    Decisions(&'a DecisionFilter, &'a Paging),
    /// One decision.
    Decision(&'a str),
    /// Tickets in a state.
    Tickets(Option<&'a str>),
    /// One ticket.
    Ticket(&'a str),
    /// Bodies that could not be read.
    DeadLetters,
    /// Service tokens.
    Tokens,
}

impl Reading<'_> {
    /// The same as a request to a gateway: path below `/api/v1` and query.
    pub fn request(&self) -> (String, Vec<(&'static str, String)>) {
        match self {
            Self::Decisions(filter, paging) => ("decisions".to_owned(), query(filter, paging)),
            Self::Decision(id) => (format!("decisions/{id}"), Vec::new()),
            Self::Tickets(state) => {
                ("tickets".to_owned(), vec![("state", state.unwrap_or_default().to_owned())])
            }
            Self::Ticket(id) => (format!("tickets/{id}"), Vec::new()),
            Self::DeadLetters => ("dead-letters".to_owned(), Vec::new()),
            Self::Tokens => ("tokens".to_owned(), Vec::new()),
        }
    }
}

/// Reads it from a store.
pub async fn read(address: &str, what: Reading<'_>) -> Result<Value, String> {
    let store = read_only(address).await?;
    let found = match what {
        Reading::Decisions(filter, paging) => decisions(&store, filter, paging).await?,
        Reading::Decision(id) => decision(&store, id).await?,
        Reading::Tickets(state) => tickets(&store, state).await?,
        Reading::Ticket(id) => {
            let ticket = store.ticket(uuid(id)?).await.map_err(|error| error.to_string())?;
            json!(ticket.ok_or_else(|| format!("there is no ticket `{id}` in {address}"))?)
        }
        Reading::DeadLetters => {
            let letters = store.dead_letters(None, 200).await.map_err(|error| error.to_string())?;
            let rows: Vec<Value> = letters
                .iter()
                .map(|letter| json!({"id": letter.id, "connection": letter.connection, "key": letter.key, "received": letter.received, "why": letter.why}))
                .collect();
            json!({"dead_letters": rows})
        }
        Reading::Tokens => {
            json!({"tokens": store.tokens().await.map_err(|error| error.to_string())?})
        }
    };
    store.close().await;
    Ok(found)
}

fn uuid(id: &str) -> Result<Uuid, String> {
    id.parse().map_err(|_| format!("`{id}` is not an id: it looks like 0192f3c4-…"))
}

fn word<T>(
    name: &str,
    told: Option<&str>,
    (read, all): (impl Fn(&str) -> Option<T>, &[&str]),
) -> Result<Option<T>, String> {
    let refused = |text| format!("`{text}` is no {name}: use one of {}", all.join(", "));
    told.map(|text| read(text).ok_or_else(|| refused(text))).transpose()
}

async fn decisions(
    store: &Store,
    filter: &DecisionFilter,
    paging: &Paging,
) -> Result<Value, String> {
    let wanted = filter_for(store, filter, paging.until.as_deref()).await?;
    let page = store
        .decisions(wanted, paging.before, paging.limit as usize)
        .await
        .map_err(|error| error.to_string())?;
    let rows: Vec<Value> = page.items.iter().map(Record::row).collect();
    Ok(json!({"decisions": rows, "next": page.next}))
}

async fn decision(store: &Store, id: &str) -> Result<Value, String> {
    let record = store.decision(uuid(id)?).await.map_err(|error| error.to_string())?;
    let record = record.ok_or_else(|| format!("there is no decision `{id}` here"))?;
    let bundle = store.bundle(&record.public.bundle).await.map_err(|error| error.to_string())?;
    let mut told = narrative::tell(&record, bundle.as_ref());
    let hearings =
        store.hearings(record.public.decision).await.map_err(|error| error.to_string())?;
    told.heard = hearings.iter().map(heard).collect();
    Ok(json!({
        "decision": record.public,
        "narrative": told,
        "notices": hearings,
        "text": narrative::plain(&told),
        "markdown": narrative::markdown(&told),
    }))
}

async fn tickets(store: &Store, state: Option<&str>) -> Result<Value, String> {
    let state = word("ticket state", state, (State::from_text, State::TEXTS))?;
    let filter = TicketFilter { state, ..TicketFilter::default() };
    let found = store.tickets(filter, None, 200).await.map_err(|error| error.to_string())?;
    let rows: Vec<_> = found.into_iter().map(|(_, ticket)| ticket).collect();
    Ok(json!({"tickets": rows}))
}
