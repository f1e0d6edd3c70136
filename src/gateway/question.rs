//! The check: somebody asks before they act. The same road as a webhook, while the caller waits, under a deadline.
//!
//! What the body says is a claim and stays one; who asks is known by a token. A question that was answered is answered
//! the same way while that decision stands, so retries and waiting are safe.

mod answer;
mod asker;
mod body;
mod flight;
pub mod told;

use std::sync::Arc;
use std::time::Duration;

use sha2::Digest;
use sha2::Sha256;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::approval::State;
use crate::approval::Ticket;
use crate::bitbucket::StepState;
use crate::decision::Brake;
use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::record::Asked;
use crate::decision::record::Surface;
use crate::event::EventKind;
use crate::event::Facts;
use crate::event::caller::TokenDoor;
use crate::gateway::Active;
use crate::gateway::Gateway;
use crate::gateway::approvers;
use crate::gateway::gather;
use crate::gateway::meters::Station;
use crate::gateway::names;
use crate::gateway::road::Judged;
use crate::gateway::road::Matter;
use crate::gateway::road::Offered;
use crate::gateway::road::RUN;
use crate::gateway::road::STEP_IS_REAL;
use crate::gateway::spans;
use crate::gateway::status;
use crate::gateway::tickets;
use crate::graph::Known;
use crate::policy::Document;
use crate::policy::Input;
use crate::policy::input::Caller;
use crate::store::RecordError;
use crate::store::Recording;
use crate::store::StoreError;

pub use answer::Answer;
pub use answer::GraphAnswer;
pub use asker::Asker;
pub use asker::Proven;
pub use body::Question;
pub use body::is_action;
pub use flight::Flights;

/// How long a check may take, below Bitbucket's own patience of 10 s.
pub const DEADLINE: Duration = Duration::from_secs(8);

/// How long an answer to another CI stands: whether its job still runs cannot be read anywhere.
const STANDS_FOR_OTHERS: Duration = Duration::from_mins(1);

/// Why a check has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The question cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The token proves nothing.
    #[error("{0}")]
    Unknown(String),
    /// The token proves somebody else, or the question contradicts it.
    #[error("{0}")]
    Forbidden(String),
    /// The step has ended: its token is being used again.
    #[error("replayed: the step is `{0}`, not in progress, so its token asks too late")]
    Replayed(String),
    /// Nothing could be decided or recorded.
    #[error("{0}")]
    Unavailable(String),
}

impl From<StoreError> for CheckError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(format!("the decision cannot be recorded: {error}"))
    }
}

impl Gateway {
    /// Answers a check within [`DEADLINE`].
    pub async fn check(&self, token: &str, body: &[u8]) -> Result<Answer, CheckError> {
        let question = Question::read(body).map_err(CheckError::Malformed)?;
        // Boxed: the road is one large future, and a thread's stack is small.
        let answered =
            tokio::time::timeout(DEADLINE, Box::pin(self.answered(token, &question))).await;
        answered.unwrap_or_else(|_| {
            Err(CheckError::Unavailable("no answer could be found in time".to_owned()))
        })
    }

    async fn answered(&self, token: &str, question: &Question) -> Result<Answer, CheckError> {
        let asker = self.asker(token).await?;
        asker.opens(TokenDoor::Check)?;
        asker.agrees_with(question, &self.graph.load())?;
        let key = key(&asker, question);
        let _one_at_a_time = self.questions.alone(key).await;
        if let Some(answer) = self.standing(key, &asker, question).await? {
            return Ok(answer);
        }
        self.decided(&asker, question, key).await
    }

    /// The answer given before, while it stands.
    async fn standing(
        &self,
        key: [u8; 32],
        asker: &Asker,
        question: &Question,
    ) -> Result<Option<Answer>, CheckError> {
        let Some(record) = self.stood(key).await? else { return Ok(None) };
        if !self.governed_alike(&record) {
            return Ok(None);
        }
        let age = self.clock.now().since(record.public.at);
        if !asker.is_step() && u128::from(age) > STANDS_FOR_OTHERS.as_millis() {
            return Ok(None);
        }
        let ticket = match record.public.ticket {
            Some(id) => self.store.ticket(id).await?,
            None => None,
        };
        if ticket
            .as_ref()
            .is_some_and(|ticket| matches!(ticket.state, State::Granted | State::Spent))
        {
            return Ok(None);
        }
        if record.public.effect == Effect::Proceed && question.action != RUN {
            self.still_running(asker).await?;
        }
        Ok(Some(self.answer(&record, ticket).await?))
    }

    /// Whether the gate still takes rules as it did then. A decision does not outlive the pause it was made in, nor the
    /// modes: what was stopped before a pause is asked anew in it, and what was let pass in it is asked anew after it.
    fn governed_alike(&self, record: &Record) -> bool {
        let public = &record.public;
        let brake = self.brake(self.clock.now());
        let (softened, held) = (public.is_paused(), public.effect != Effect::Proceed);
        let same_pause = match brake {
            Brake::Off => !softened,
            Brake::On { .. } => !held,
        };
        let modes = self.modes.load();
        let class = if modes.classes(&public.connection).is_empty() {
            Known::Nothing
        } else {
            self.class_of_id(public.repository.as_deref())
        };
        let same = |asked: &Asked| {
            asked.rule.as_str() == STEP_IS_REAL
                || modes.at(&public.connection, &class, &asked.rule) == asked.mode
        };
        same_pause && public.rules.iter().all(same)
    }

    /// The decision that stands for a question: from the record when it is asked for again, and then from memory.
    async fn stood(&self, key: [u8; 32]) -> Result<Option<Arc<Record>>, CheckError> {
        if !self.store.may_have_asked(&key) {
            return Ok(None);
        }
        if let Some(record) = self.stood.get(&key) {
            return Ok(Some(record));
        }
        let Some((decision, _)) = self.store.standing(key).await? else { return Ok(None) };
        let Some(record) = self.store.decision(decision).await?.map(Arc::new) else {
            return Ok(None);
        };
        self.stood.insert(key, Arc::clone(&record));
        Ok(Some(record))
    }

    async fn still_running(&self, asker: &Asker) -> Result<(), CheckError> {
        match gather::step(self, asker).await {
            Some(Ok(step)) if step.state != StepState::InProgress => {
                Err(CheckError::Replayed(step.state.to_string()))
            }
            Some(Ok(_)) | None => Ok(()),
            Some(Err(error)) => Err(CheckError::Unavailable(error.to_string())),
        }
    }

    async fn decided(
        &self,
        asker: &Asker,
        question: &Question,
        key: [u8; 32],
    ) -> Result<Answer, CheckError> {
        let mut matter = self.matter(asker, question);
        gather::caller(self, &mut matter, asker, question).await;
        if let Some(state) = &matter.replayed {
            return Err(CheckError::Replayed(state.clone()));
        }
        let offer = async |matter: &Matter,
                           input: &Input,
                           active: &Active,
                           wanted: &[approvers::Wanted]| {
            if wanted.is_empty() {
                return Offered::default();
            }
            let binding = tickets::binding(matter, input, active, wanted, &question.variables);
            self.offered(&matter.connection.id, &binding, matter.at).await
        };
        let judged = Box::pin(self.judge(matter, offer)).await;
        let (recording, ticket) = self.recording(judged, asker, question, key);
        let record = Arc::clone(&recording.record);
        let (acts, tells) = (!recording.actions.is_empty(), !recording.notices.is_empty());
        let began = Instant::now();
        let storing = self.store.record(vec![recording]);
        let recorded = storing.instrument(spans::station(Station::Record)).await.pop();
        self.meters.took(Station::Record, began);
        match recorded {
            Some(Ok(_)) => {
                self.meters.decided(&record.public);
                self.traces.decided(&record.public);
                // Only what was asked for again is at hand, and then this is what stands from now on.
                if self.stood.contains_key(&key) {
                    self.stood.insert(key, Arc::clone(&record));
                }
                if acts {
                    self.outbox_bell.notify_one();
                }
                if tells {
                    self.courier_bell.notify_one();
                }
                self.answer(&record, ticket).await
            }
            Some(Err(RecordError::GrantGone(_))) => Err(CheckError::Unavailable(
                "the approval was used by another step at this moment: ask again".to_owned(),
            )),
            Some(Err(error)) => {
                Err(CheckError::Unavailable(format!("the decision cannot be recorded: {error}")))
            }
            None => Err(CheckError::Unavailable("the decision cannot be recorded".to_owned())),
        }
    }

    fn matter(&self, asker: &Asker, question: &Question) -> Box<Matter> {
        let connection = asker.connection();
        let caller = Caller { kind: Known::Value(asker.kind()), id: Known::Value(asker.id()) };
        let now = self.clock.now();
        let document = Document {
            kind: EventKind::PipelineStep,
            connection: connection.id.clone(),
            product: connection.product,
            action: question.action.clone(),
            now: Known::Value(now),
            caller: Known::Value(caller),
            facts: Facts::default(),
            claimed: Known::Value(question.claimed()),
            graph: Known::Nothing,
        };
        Box::new(Matter {
            document,
            connection: Arc::clone(connection),
            surface: Surface::Check,
            delivery: None,
            caller: asker.kind(),
            authors: Vec::new(),
            own: Vec::new(),
            ground: gather::GroundFacts::default(),
            unread_step: None,
            replayed: None,
            commit: None,
            at: now,
        })
    }

    /// What is to be recorded: the decision, the ticket it opens or the grant it spends, and the status that follows.
    fn recording(
        &self,
        judged: Judged,
        asker: &Asker,
        question: &Question,
        key: [u8; 32],
    ) -> (Recording, Option<Ticket>) {
        let Judged { matter, input, active, mut record, wanted, offered } = judged;
        let unmet: Vec<_> =
            wanted.into_iter().filter(|one| !record.is_satisfied(&one.asked.rule)).collect();
        let opens = record.public.effect == Effect::Wait;
        let status = status::plan(&matter, &record, &self.public_url);
        let ticket = opens.then(|| {
            let binding = tickets::binding(&matter, &input, &active, &unmet, &question.variables);
            let waiting = status.as_ref().and_then(|status| serde_json::to_value(status).ok());
            Ticket { waiting, ..self.open_ticket(&record, binding, &unmet, asker.hash()) }
        });
        record.public.ticket = ticket.as_ref().map(|ticket| ticket.id);
        record.public.actions = status
            .iter()
            .map(|status| format!("commit status {} is to be posted", status.state))
            .collect();
        let decision = record.public.decision;
        let actions = status
            .iter()
            .filter_map(|status| status::action(&matter.connection.id, decision, status))
            .collect();
        // A grant is spent only by a decision that lets something happen because of it.
        let spends = record.public.effect == Effect::Proceed;
        let spend = if spends { offered.spent_by(&record.public.satisfied_by) } else { Vec::new() };
        let recording = Recording {
            notices: self.notices_of(&matter, &record, &active),
            actions,
            open: ticket.clone(),
            spend,
            question: Some(key),
            mentions: names::mentioned(&matter.document.facts),
            extra_entries: tickets::refusals(&record),
            ..Recording::of(record)
        };
        (recording, ticket)
    }

    /// The answer that a record gives, in the contract's words.
    pub async fn answer(
        &self,
        record: &Record,
        ticket: Option<Ticket>,
    ) -> Result<Answer, CheckError> {
        let bundle = self.bundle(&record.public.bundle).await?;
        Ok(Answer::of(record, bundle.as_deref(), ticket.as_ref(), &self.public_url))
    }
}

/// One question: who asks, in which step and token, and what. A retry has the same key; another run has another.
fn key(asker: &Asker, question: &Question) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text.as_bytes());
    };
    part(asker.connection().id.as_str());
    part(&asker.hash());
    part(&question.action);
    part(question.environment.as_deref().unwrap_or_default());
    question.sorted_variables().iter().for_each(|name| part(name));
    if !asker.is_step() {
        let step = &question.step;
        for claim in [&question.repository, &step.commit, &step.branch, &step.tag] {
            part(claim.as_deref().unwrap_or_default());
        }
    }
    hash.finalize().into()
}
