//! Tickets in use: opened by a decision that wants an approval, offered as grants to the same question, voted on by the
//! operator's session, and ended by time. The state machine itself is `approval`'s; here it meets the store.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::approval::Act;
use crate::approval::Binding;
use crate::approval::Refusal;
use crate::approval::State;
use crate::approval::Ticket;
use crate::approval::Unfit;
use crate::approval::Vote;
use crate::approval::VoteWord;
use crate::approval::binding;
use crate::bitbucket::StatusState;
use crate::decision::Record;
use crate::decision::record::RefusedGrant;
use crate::event::Facts;
use crate::gateway::Active;
use crate::gateway::Gateway;
use crate::gateway::approvers;
use crate::gateway::names;
use crate::gateway::road::Matter;
use crate::gateway::road::Offered;
use crate::gateway::status;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::policy::Input;
use crate::policy::RuleId;
use crate::store::NewAction;
use crate::store::NewEntry;
use crate::store::StoreError;
use crate::store::TicketError;
use crate::store::TicketNote;

/// How often tickets are looked through for those whose time ran out.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who votes today. The record says so: it is not a person's name.
pub const OPERATOR: &str = "operator session";

/// Why a vote did not count.
#[derive(Debug, thiserror::Error)]
pub enum VoteError {
    /// No such ticket.
    #[error("there is no such ticket")]
    Unknown,
    /// The ticket cannot take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Somebody else moved it at the same moment.
    #[error("the ticket moved at the same moment: look at it again")]
    Moved,
    /// The store cannot keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an approval of this matter would be bound to.
pub fn binding(
    matter: &Matter,
    input: &Input,
    active: &Active,
    wanted: &[approvers::Wanted],
    variables: &[String],
) -> Binding {
    let facts = &matter.document.facts;
    let mut variables = variables.to_vec();
    variables.sort();
    variables.dedup();
    let mut rules: Vec<RuleId> = wanted.iter().map(|one| one.asked.rule.clone()).collect();
    rules.sort();
    rules.dedup();
    Binding {
        v: 1,
        connection: matter.connection.id.to_string(),
        action: matter.document.action.clone(),
        repository: names::repository_id(facts).map(ToString::to_string),
        reference: names::reference(facts).map(ToOwned::to_owned),
        commit: matter.commit.clone().or_else(|| names::commit(facts).map(ToOwned::to_owned)),
        environment: environment(facts),
        variables,
        script_sha256: facts
            .pipeline
            .value()
            .and_then(|pipeline| pipeline.script_sha256.value().cloned()),
        bundle: active.bundle.revision.clone(),
        rules,
        facts: binding::facts(input),
    }
}

fn environment(facts: &Facts) -> Option<String> {
    facts.resource.value()?.environment.value()?.id.value().map(ToString::to_string)
}

impl Gateway {
    /// Grants for this binding: those in force that fit, and for each that nearly does, why it is refused.
    pub async fn offered(
        &self,
        connection: &ConnectionId,
        binding: &Binding,
        now: Time,
    ) -> Offered {
        let mut offered = Offered::default();
        let (repository, environment) =
            (binding.repository.as_deref(), binding.environment.as_deref());
        let near =
            self.store.tickets_near(connection, &binding.action, repository, environment).await;
        let near = near.unwrap_or_else(|error| {
            // Without the store there is no grant; the decision cannot be recorded either, and says so.
            tracing::error!(%error, "grants cannot be read");
            Vec::new()
        });
        let frozen = self.clock.is_frozen();
        for ticket in near {
            let grant = ticket.grant_for_binding(binding, now);
            match grant.and_then(|grant| if frozen { Err(Unfit::Frozen) } else { Ok(grant) }) {
                Ok(grant) => {
                    offered.versions.insert(ticket.id, ticket.version);
                    offered.grants.push(grant);
                }
                Err(why) if looked_fit(&ticket, binding) => {
                    let why = why.to_string();
                    offered.refused.push(RefusedGrant { ticket: ticket.id, why });
                }
                Err(_) => {}
            }
        }
        offered
    }

    /// A ticket for what a record wants approved.
    pub fn open_ticket(
        &self,
        record: &Record,
        binding: Binding,
        wanted: &[approvers::Wanted],
        asker: String,
    ) -> Ticket {
        let expires_in = wanted.iter().map(|one| one.asked.demand.expires_in).min().unwrap_or(0);
        let at = record.public.at;
        Ticket {
            id: Uuid::now_v7(),
            connection: record.public.connection.clone(),
            decision: record.public.decision,
            asked: wanted.iter().map(|one| one.asked.clone()).collect(),
            reason: record.reason(),
            asked_because: record.names.kept().and_then(|names| names.asked_because.clone()),
            asker,
            state: State::Asked,
            why: "Nobody has voted yet.".to_owned(),
            asked_at: at,
            expires_at: at.plus(Duration::from_secs(expires_in)),
            grant_ends: None,
            votes: Vec::new(),
            spent_by: None,
            version: 1,
            waiting: None,
            binding,
        }
    }

    /// The operator's session votes.
    pub async fn vote(&self, id: Uuid, word: VoteWord, reason: &str) -> Result<Ticket, VoteError> {
        let ticket = self.store.ticket(id).await?.ok_or(VoteError::Unknown)?;
        let vote = Vote {
            by: OPERATOR.to_owned(),
            vote: word,
            reason: reason.to_owned(),
            at: self.clock.now(),
        };
        let next = ticket.step(Act::Vote(vote))?;
        self.move_ticket(&ticket, next).await
    }

    /// Keeps a ticket's step over the form it was made from, and wakes whoever waits for it.
    pub(in crate::gateway) async fn move_ticket(
        &self,
        before: &Ticket,
        next: Ticket,
    ) -> Result<Ticket, VoteError> {
        let actions = ending(&next).into_iter().collect();
        let note = note(&next, self.clock.now());
        match self.store.save_ticket(before.version, &next, note, actions).await {
            Ok(()) => {}
            Err(TicketError::Conflict(_)) => return Err(VoteError::Moved),
            Err(TicketError::Store(error)) => return Err(error.into()),
        }
        self.ticket_moved.send_replace(next.id);
        self.outbox_bell.notify_one();
        Ok(next)
    }

    /// A ticket as it is, or as it is once something moves it; waits at most `wait`.
    pub async fn ticket_when_moved(
        &self,
        id: Uuid,
        wait: Duration,
    ) -> Result<Option<Ticket>, StoreError> {
        let mut moved = self.ticket_moved.subscribe();
        let until = tokio::time::Instant::now() + wait;
        loop {
            let ticket = self.store.ticket(id).await?;
            let open = ticket.as_ref().is_some_and(|ticket| ticket.state == State::Asked);
            if !open || tokio::time::timeout_at(until, moved.changed()).await.is_err() {
                return Ok(ticket);
            }
        }
    }
}

/// A ticket that is lost turns the status that waited for it into a failure.
fn ending(ticket: &Ticket) -> Option<NewAction> {
    let lost = matches!(ticket.state, State::Refused | State::Expired | State::Revoked);
    let waiting = ticket.waiting.as_ref().filter(|_| lost)?;
    let waiting: status::Status = serde_json::from_value(waiting.clone()).ok()?;
    let text = status::cut(&ticket.why, status::MAX_TEXT_BYTES);
    let failed = status::Status { state: StatusState::Failed, text, ..waiting };
    status::action(&ticket.connection, ticket.decision, &failed)
}

/// The ledger's entry of a ticket's step: ids and words of ours; what voters wrote is sealed.
fn note(ticket: &Ticket, at: Time) -> TicketNote {
    let last = ticket.votes.last();
    let mut body = serde_json::Map::new();
    body.insert("state".to_owned(), ticket.state.as_str().into());
    body.insert("decision".to_owned(), ticket.decision.to_string().into());
    body.insert("version".to_owned(), ticket.version.into());
    if let Some(vote) = last {
        body.insert("vote".to_owned(), vote.vote.as_str().into());
        body.insert("by".to_owned(), vote.by.clone().into());
    }
    let sealed = last.filter(|vote| !vote.reason.is_empty());
    let sealed = sealed
        .map(|vote| ("reason".to_owned(), vote.reason.clone().into_bytes()))
        .into_iter()
        .collect();
    TicketNote { at, body, sealed, mentions: Vec::new() }
}

/// An entry for each grant that looked as if it fitted and was refused.
pub fn refusals(record: &Record) -> Vec<NewEntry> {
    let refused = record.public.refused_grants.iter().map(|refused| {
        let mut body = serde_json::Map::new();
        body.insert("outcome".to_owned(), "refused".into());
        body.insert("why".to_owned(), refused.why.clone().into());
        body.insert("decision".to_owned(), record.public.decision.to_string().into());
        let connection = Some(record.public.connection.clone());
        NewEntry {
            connection,
            body,
            ..NewEntry::new(Kind::Grant, record.public.at, refused.ticket.to_string())
        }
    });
    refused.collect()
}

/// Whether a ticket looked as if it fitted: granted once, and still in force or for this very commit. Older approvals of
/// the same deed are history, and telling them each time would hide the one that matters.
fn looked_fit(ticket: &Ticket, binding: &Binding) -> bool {
    let in_force = ticket.state == State::Granted;
    ticket.grant_ends.is_some() && (in_force || ticket.binding.commit == binding.commit)
}

/// Ends tickets whose time ran out, until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        if let Err(error) = age(&gateway).await {
            tracing::error!(%error, "tickets cannot be looked through");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// Ends every ticket whose time ran out by now.
pub async fn age(gateway: &Gateway) -> Result<(), StoreError> {
    let now = gateway.clock.now();
    for ticket in gateway.store.due_tickets(now).await? {
        let Ok(next) = ticket.step(Act::Tick(now)) else { continue };
        match gateway.move_ticket(&ticket, next).await {
            // Somebody voted at the same moment: the vote stands.
            Ok(_) | Err(VoteError::Moved | VoteError::Unknown | VoteError::Refused(_)) => {}
            Err(VoteError::Store(error)) => return Err(error),
        }
    }
    Ok(())
}
