//! Evaluations: one question or several go down the road, are recorded in one transaction, and answered.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::Instrument as _;

use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::record::Surface;
use crate::event::Actor;
use crate::event::EventKind;
use crate::event::Facts;
use crate::event::caller::Scope;
use crate::event::caller::TokenDoor;
use crate::gateway::Gateway;
use crate::gateway::authzen::about::Place;
use crate::gateway::authzen::about::Subject;
use crate::gateway::authzen::about::Thing;
use crate::gateway::authzen::answer::Answer;
use crate::gateway::authzen::answer::Answers;
use crate::gateway::authzen::answer::Evaluated;
use crate::gateway::authzen::body;
use crate::gateway::authzen::body::Entity;
use crate::gateway::authzen::body::Evaluation;
use crate::gateway::authzen::body::Evaluations;
use crate::gateway::authzen::body::Part;
use crate::gateway::authzen::body::Semantic;
use crate::gateway::authzen::demand;
use crate::gateway::authzen::demand::About;
use crate::gateway::connections::Connection;
use crate::gateway::gather;
use crate::gateway::meters::Station;
use crate::gateway::names;
use crate::gateway::question::Asker;
use crate::gateway::question::CheckError;
use crate::gateway::question::DEADLINE;
use crate::gateway::road::Judged;
use crate::gateway::road::Matter;
use crate::gateway::road::Offered;
use crate::gateway::spans;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::LookupError;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::policy::Bundle;
use crate::policy::Document;
use crate::policy::Finding;
use crate::policy::input::Caller;
use crate::policy::input::CallerKind;
use crate::store::Recording;
use crate::store::ServiceToken;

/// Who asks, and the world in which all of one request is answered.
#[derive(Debug)]
pub struct Asking {
    /// The caller's connection.
    pub connection: Arc<Connection>,
    /// Its token.
    pub token: ServiceToken,
    /// What it may ask about.
    pub scope: Scope,
    /// The graph.
    pub graph: Arc<Snapshot>,
    /// The rules.
    pub bundle: Arc<Bundle>,
}

impl Asking {
    /// Looks up where names are meant.
    pub fn place(&self) -> Place<'_> {
        Place {
            graph: &self.graph,
            connection: &self.connection,
            vocabulary: &self.bundle.vocabulary,
        }
    }

    /// Who and what a question is about. Refused: a name that two have, and what the token may not ask about.
    pub fn about(&self, question: &Evaluation) -> Result<About, CheckError> {
        self.allows(&question.action.name)?;
        Ok(About {
            subject: self.subject(&question.subject)?,
            thing: self.thing(&question.resource)?,
        })
    }

    /// Who is meant; that nobody is called so is an answer, that two are is none.
    pub fn subject(&self, said: &Entity) -> Result<Result<Subject, LookupError>, CheckError> {
        unambiguous(self.place().subject(said))
    }

    /// The id of the identity that is meant, on either side of a question; none: it names no identity.
    pub(super) fn identity(&self, said: &Entity) -> Option<String> {
        self.place().subject(said).ok().map(|subject| subject.id.to_string())
    }

    /// What is meant, if it lies within the token's scope.
    pub fn thing(&self, said: &Entity) -> Result<Result<Thing, LookupError>, CheckError> {
        let thing = unambiguous(self.place().thing(said))?;
        if thing.as_ref().is_ok_and(|thing| !self.covers(thing)) {
            return Err(self.outside("this resource"));
        }
        Ok(thing)
    }

    /// Refuses an action outside the token's scope.
    pub fn allows(&self, action: &str) -> Result<(), CheckError> {
        if self.scope.has_action(action) {
            return Ok(());
        }
        Err(self.outside(&format!("`{action}`")))
    }

    /// Whether a resource lies within the token's scope. One that keeps to some repositories or environments knows
    /// nothing beyond them.
    fn covers(&self, thing: &Thing) -> bool {
        let in_repositories = self.scope.repositories.is_none()
            || thing.repository().is_some_and(|id| {
                let called =
                    self.graph.find(id).and_then(|repository| self.graph.full_name(repository));
                self.scope.has_repository(id, called.as_deref())
            });
        let in_environments = self.scope.environments.is_empty()
            || thing
                .environment(&self.graph)
                .is_none_or(|name| self.scope.proves_environment(name));
        in_repositories && in_environments
    }

    fn outside(&self, what: &str) -> CheckError {
        CheckError::Forbidden(format!(
            "the service token `{}` may not ask about {what}",
            self.token.name
        ))
    }
}

fn unambiguous<T>(found: Result<T, LookupError>) -> Result<Result<T, LookupError>, CheckError> {
    match found {
        Err(error @ LookupError::Ambiguous { .. }) => Err(CheckError::Malformed(error.to_string())),
        Ok(_) | Err(LookupError::Unknown(_)) => Ok(found),
    }
}

impl Gateway {
    /// Answers one question by AuthZEN.
    pub async fn evaluation(&self, token: &str, bytes: &[u8]) -> Result<Answer, CheckError> {
        let asking = self.asking(token, TokenDoor::Authzen).await?;
        let question: Evaluation = body::read(bytes).map_err(CheckError::Malformed)?;
        question.check().map_err(CheckError::Malformed)?;
        in_time(self.one(&asking, &question)).await
    }

    /// Answers several questions by AuthZEN, or the one that stands at the top.
    pub async fn evaluations(&self, token: &str, bytes: &[u8]) -> Result<Evaluated, CheckError> {
        let asking = self.asking(token, TokenDoor::Authzen).await?;
        let told: Evaluations = body::read(bytes).map_err(CheckError::Malformed)?;
        let (common, semantic, parts) = told.taken_apart().map_err(CheckError::Malformed)?;
        if parts.is_empty() {
            let question = common.over(&Part::default()).map_err(CheckError::Malformed)?;
            return in_time(self.one(&asking, &question)).await.map(Evaluated::One);
        }
        let many = in_time(self.many(&asking, &common, semantic, parts)).await?;
        Ok(Evaluated::Many(Answers { evaluations: many }))
    }

    /// Who asks, if the token opens this door.
    pub(super) async fn asking(&self, token: &str, door: TokenDoor) -> Result<Asking, CheckError> {
        let asker = self.asker(token).await?;
        asker.opens(door)?;
        match asker {
            Asker::Service { connection, token, scope } => Ok(Asking {
                connection,
                token,
                scope,
                graph: self.graph.load_full(),
                bundle: self.active_bundle(),
            }),
            // No such asker opens a door of this kind: said above.
            Asker::Step { .. } | Asker::Ci { .. } => Err(CheckError::Forbidden(format!(
                "this takes a service token with the door `{door}`"
            ))),
        }
    }

    async fn one(&self, asking: &Asking, question: &Evaluation) -> Result<Answer, CheckError> {
        let about = asking.about(question)?;
        let judged = self.weigh_question(asking, question, &about).await;
        let record = self.keep(vec![recording(asking, question, judged)]).await?.pop();
        let record = record
            .ok_or_else(|| CheckError::Unavailable("the decision was not recorded".to_owned()))?;
        Ok(Answer::of(&record, &self.public_url))
    }

    /// One by one, since where to end hangs on each; recorded together, since they were one request.
    async fn many(
        &self,
        asking: &Asking,
        common: &Part,
        semantic: Semantic,
        parts: Vec<Part>,
    ) -> Result<Vec<Answer>, CheckError> {
        let mut recordings = Vec::new();
        // Where a question could not be asked, its answer stands here already.
        let mut answers: Vec<Option<Answer>> = Vec::new();
        for part in parts {
            let asked = part.over(common).map_err(CheckError::Malformed);
            let asked = asked.and_then(|question| Ok((asking.about(&question)?, question)));
            let permitted = match asked {
                Ok((about, question)) => {
                    let judged = self.weigh_question(asking, &question, &about).await;
                    let permitted = judged.record.public.effect == Effect::Proceed;
                    recordings.push(recording(asking, &question, judged));
                    answers.push(None);
                    permitted
                }
                Err(error) => {
                    answers.push(Some(Answer::failed(error)?));
                    false
                }
            };
            let ends = match semantic {
                Semantic::ExecuteAll => false,
                Semantic::DenyOnFirstDeny => !permitted,
                Semantic::PermitOnFirstPermit => permitted,
            };
            if ends {
                break;
            }
        }
        let mut records = self.keep(recordings).await?.into_iter();
        let answer = |told: Option<Answer>| {
            told.or_else(|| records.next().map(|record| Answer::of(&record, &self.public_url)))
        };
        Ok(answers.into_iter().filter_map(answer).collect())
    }

    /// Sends a question down the road. Nothing is recorded.
    pub(super) async fn weigh_question(
        &self,
        asking: &Asking,
        question: &Evaluation,
        about: &About,
    ) -> Judged {
        let own = demand::unmet(&asking.place(), about, &question.action.name);
        let matter = self.about_matter(asking, question, about, own);
        // No grant is looked for: one is bound to a commit, and no commit is spoken of here.
        Box::pin(self.judge(matter, async |_, _, _, _| Offered::default())).await
    }

    fn about_matter(
        &self,
        asking: &Asking,
        question: &Evaluation,
        about: &About,
        own: Vec<Finding>,
    ) -> Box<Matter> {
        let now = self.clock.now();
        let id = asking.token.id.to_string();
        let caller = Caller { kind: Known::Value(CallerKind::Service), id: Known::Value(id) };
        let document = Document {
            kind: EventKind::PipelineStep,
            connection: asking.connection.id.clone(),
            product: asking.connection.product,
            action: question.action.name.clone(),
            now: Known::Value(now),
            caller: Known::Value(caller),
            facts: facts(about),
            claimed: Known::Value(question.claimed()),
            graph: Known::Nothing,
        };
        Box::new(Matter {
            document,
            connection: Arc::clone(&asking.connection),
            surface: Surface::Authzen,
            delivery: None,
            caller: CallerKind::Service,
            authors: Vec::new(),
            own,
            unread_step: None,
            replayed: None,
            commit: None,
            ground: gather::GroundFacts::default(),
            at: now,
        })
    }

    /// Records decisions together, and gives them back in their order.
    async fn keep(&self, recordings: Vec<Recording>) -> Result<Vec<Arc<Record>>, CheckError> {
        let records: Vec<_> =
            recordings.iter().map(|recording| Arc::clone(&recording.record)).collect();
        if recordings.is_empty() {
            return Ok(records);
        }
        let began = Instant::now();
        let storing = self.store.record(recordings).instrument(spans::station(Station::Record));
        let recorded = storing.await;
        self.meters.took(Station::Record, began);
        if let Some(error) = recorded.into_iter().find_map(Result::err) {
            return Err(CheckError::Unavailable(format!(
                "the decision cannot be recorded: {error}"
            )));
        }
        for record in &records {
            self.meters.decided(&record.public);
            self.traces.decided(&record.public);
        }
        Ok(records)
    }
}

/// What is known: who was found, and what. Nothing else is spoken of, and that is known.
fn facts(about: &About) -> Facts {
    let actor = match &about.subject {
        Ok(subject) => {
            Known::Value(Actor { id: Known::Value(subject.id.clone()), ..standing(subject, about) })
        }
        Err(error) => Known::Unknown(Why::said(error.to_string())),
    };
    let resource = match &about.thing {
        Ok(thing) => Known::Value(thing.facts()),
        Err(error) => Known::Unknown(Why::said(error.to_string())),
    };
    Facts {
        actor,
        resource,
        change: Known::Nothing,
        pull_request: Known::Nothing,
        pipeline: Known::Nothing,
        comment: Known::Nothing,
        commit_status: Known::Nothing,
        before: Known::Nothing,
        after: Known::Nothing,
    }
}

/// Levels are held on repositories: on anything else there is none to speak of, and a person acts for himself there too.
fn standing(subject: &Subject, about: &About) -> Actor {
    let untold = Actor::default();
    match &about.thing {
        Ok(thing) if thing.repository().is_none() => Actor {
            level: Known::Nothing,
            via: Known::Value(Vec::new()),
            acts_for: match subject.id.kind() {
                Kind::User => Known::Nothing,
                Kind::Group
                | Kind::App
                | Kind::Token
                | Kind::Key
                | Kind::Runner
                | Kind::Agent
                | Kind::Workspace
                | Kind::Project
                | Kind::Repository
                | Kind::Ref
                | Kind::Environment
                | Kind::Variable
                | Kind::Restriction
                | Kind::Hook
                | Kind::Credential => untold.acts_for,
            },
            ..untold
        },
        Ok(_) | Err(_) => untold,
    }
}

/// What is kept. The question stands there as it was asked, so whoever is its resource is mentioned too.
fn recording(asking: &Asking, question: &Evaluation, judged: Judged) -> Recording {
    let mut mentions = names::mentioned(&judged.matter.document.facts);
    for said in [&question.subject, &question.resource] {
        mentions.extend(asking.identity(said).filter(|id| !mentions.contains(id)));
    }
    Recording { mentions, ..Recording::of(judged.record) }
}

/// The answer, or that it did not come in time: nothing was recorded then.
pub(super) async fn in_time<T>(
    answer: impl Future<Output = Result<T, CheckError>>,
) -> Result<T, CheckError> {
    // Boxed: the road is one large future, and a thread's stack is small.
    let answered = tokio::time::timeout(DEADLINE, Box::pin(answer)).await;
    answered.unwrap_or_else(|_| {
        Err(CheckError::Unavailable("no answer could be found in time".to_owned()))
    })
}
