//! What goes back: the decision, and the record's own words for it.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::decision::Because;
use crate::decision::Effect;
use crate::decision::Record;
use crate::gateway::question::CheckError;
use crate::gateway::question::GraphAnswer;
use crate::policy::Verdict;

/// The answer to one evaluation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenDecision")]
pub struct Answer {
    /// Whether the subject may. True exactly where the effect is `proceed`.
    pub decision: bool,
    /// Why.
    pub context: Context,
}

/// Why a decision is as it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "AuthzenContext")]
pub enum Context {
    /// It was decided and recorded.
    Decided(Box<Decided>),
    /// This one of several could not be asked; nothing was decided.
    Failed(Failed),
}

/// A decision in the record's words.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenReasons")]
pub struct Decided {
    /// The decision's id in the record.
    pub id: Uuid,
    /// What the rules say.
    pub verdict: Verdict,
    /// What follows from it here; `decision` is true for `proceed` alone.
    pub effect: Effect,
    /// Why the effect is milder than the verdict.
    pub because: Vec<Because>,
    /// One sentence.
    pub reason: String,
    /// No rule answers this kind of question.
    pub uncovered: bool,
    /// Link to the story.
    pub narrative: String,
    /// What the facts were read from.
    pub graph: GraphAnswer,
}

/// Why one evaluation of several has no decision.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenFailed")]
pub struct Failed {
    /// What is wrong with it.
    pub error: Failure,
}

/// What is wrong, as a single evaluation would have been refused.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenFailure")]
pub struct Failure {
    /// The HTTP status that it would have had alone.
    pub status: u16,
    /// One sentence.
    pub message: String,
}

/// The answers to several evaluations.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuthzenDecisions")]
pub struct Answers {
    /// In the order of the questions; fewer, where the semantic ends at the first of a kind.
    pub evaluations: Vec<Answer>,
}

/// The answer of the door for several: to several, or to the one that stood at the top.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "AuthzenEvaluated")]
pub enum Evaluated {
    /// To several.
    Many(Answers),
    /// To one.
    One(Answer),
}

impl Answer {
    /// The answer a record gives.
    pub fn of(record: &Record, public_url: &str) -> Self {
        let public = &record.public;
        Self {
            decision: public.effect == Effect::Proceed,
            context: Context::Decided(Box::new(Decided {
                id: public.decision,
                verdict: public.verdict,
                effect: public.effect,
                because: public.because.clone(),
                reason: record.reason(),
                uncovered: public.uncovered,
                narrative: format!("{public_url}/d/{}", public.decision),
                graph: GraphAnswer { revision: public.graph_revision, age_ms: public.graph_age_ms },
            })),
        }
    }

    /// The answer to one of several that cannot be asked. Where nothing can be asked at all, that is the error of all.
    pub fn failed(error: CheckError) -> Result<Self, CheckError> {
        let status = match &error {
            CheckError::Malformed(_) => 400,
            CheckError::Forbidden(_) | CheckError::Replayed(_) => 403,
            CheckError::Unknown(_) | CheckError::Unavailable(_) => return Err(error),
        };
        let error = Failure { status, message: error.to_string() };
        Ok(Self { decision: false, context: Context::Failed(Failed { error }) })
    }
}
