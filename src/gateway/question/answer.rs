//! The answer to a check, exactly as the contract pins it. `effect` is the only member a program acts on.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::approval::State;
use crate::approval::Ticket;
use crate::decision::Because;
use crate::decision::Binds;
use crate::decision::Effect;
use crate::decision::Outcome;
use crate::decision::Record;
use crate::decision::record::Asked;
use crate::graph::Time;
use crate::policy::Bundle;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::policy::finding::Controls;

/// The answer to a check.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "CheckAnswer")]
pub struct Answer {
    /// What the rules say.
    #[schemars(with = "Verdict")]
    pub verdict: &'static str,
    /// What the caller must do.
    #[schemars(with = "Effect")]
    pub effect: &'static str,
    /// Why the effect is milder than the verdict.
    pub because: Vec<Because>,
    /// How far the verdict reaches.
    #[schemars(with = "Binds")]
    pub binds: &'static str,
    /// The decision's id.
    #[schemars(with = "Uuid")]
    pub decision: String,
    /// One sentence.
    pub reason: String,
    /// No rule answers this kind of question.
    pub uncovered: bool,
    /// Every rule that was asked.
    pub rules: Vec<RuleAnswer>,
    /// The ticket that waits.
    pub ticket: Option<TicketAnswer>,
    /// A grant token; later.
    pub grant: Option<String>,
    /// Tickets whose grants were used for it.
    #[schemars(with = "Vec<Uuid>")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub satisfied_by: Vec<String>,
    /// Grants that looked as if they fitted, and why they did not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_grants: Vec<RefusedAnswer>,
    /// What the caller can do.
    pub remedies: Vec<Remedy>,
    /// What the facts were read from.
    pub graph: GraphAnswer,
    /// Link to the story.
    pub narrative: String,
}

/// One rule that was asked.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RuleAnswer {
    /// Its id.
    pub rule: RuleId,
    /// One of the four words.
    #[schemars(with = "Outcome")]
    pub outcome: &'static str,
    /// The strictest it found.
    #[schemars(with = "Option<Verdict>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<&'static str>,
    /// Its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Controls it supports.
    #[serde(skip_serializing_if = "Controls::is_empty")]
    pub controls: Controls,
}

/// The ticket that waits.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TicketAnswer {
    /// Its id.
    #[schemars(with = "Uuid")]
    pub id: String,
    /// Where people look at it.
    pub url: String,
    /// When it ends.
    #[schemars(with = "Time")]
    pub expires_at: String,
    /// Where it stands.
    #[schemars(with = "State")]
    pub state: &'static str,
    /// Why it stands there.
    pub why: String,
}

/// A grant that was not used.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RefusedAnswer {
    /// The ticket.
    #[schemars(with = "Uuid")]
    pub ticket: String,
    /// Why.
    pub why: String,
}

/// Something the caller can do.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Remedy {
    /// One sentence.
    pub text: String,
    /// Whether the gate made sure that it would help.
    pub verified: bool,
}

/// What the facts were read from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GraphAnswer {
    /// Revision of the graph.
    pub revision: u64,
    /// Its age, milliseconds; null where there was no graph.
    pub age_ms: Option<u64>,
}

impl Answer {
    /// The answer a record gives.
    pub fn of(
        record: &Record,
        bundle: Option<&Bundle>,
        ticket: Option<&Ticket>,
        public_url: &str,
    ) -> Self {
        let public = &record.public;
        Self {
            verdict: public.verdict.as_str(),
            effect: public.effect.as_str(),
            because: public.because.clone(),
            binds: public.binds.as_str(),
            decision: public.decision.to_string(),
            reason: record.reason(),
            uncovered: public.uncovered,
            rules: public.rules.iter().map(|asked| rule(record, asked, bundle)).collect(),
            ticket: ticket.map(|ticket| TicketAnswer {
                id: ticket.id.to_string(),
                url: format!("{public_url}/t/{}", ticket.id),
                expires_at: ticket.expires_at.to_string(),
                state: ticket.state.as_str(),
                why: ticket.why.clone(),
            }),
            grant: None,
            satisfied_by: public.satisfied_by.iter().map(ToString::to_string).collect(),
            refused_grants: public
                .refused_grants
                .iter()
                .map(|refused| RefusedAnswer {
                    ticket: refused.ticket.to_string(),
                    why: refused.why.clone(),
                })
                .collect(),
            remedies: remedies(record, bundle),
            graph: GraphAnswer { revision: public.graph_revision, age_ms: public.graph_age_ms },
            narrative: format!("{public_url}/d/{}", public.decision),
        }
    }
}

fn rule(record: &Record, asked: &Asked, bundle: Option<&Bundle>) -> RuleAnswer {
    let findings = record.told.kept().into_iter().flat_map(|told| &told.findings);
    let strictest =
        findings.filter(|finding| finding.rule == asked.rule).max_by_key(|finding| finding.verdict);
    // Controls of a rule that found nothing would only make the answer long.
    let told = bundle.filter(|_| asked.verdict.is_some());
    let controls = told.and_then(|bundle| bundle.rule(&asked.rule)).map(|rule| &rule.controls);
    RuleAnswer {
        rule: asked.rule.clone(),
        outcome: asked.outcome.as_str(),
        verdict: asked.verdict.map(Verdict::as_str),
        reason: strictest.map(|finding| finding.reason.clone()),
        controls: controls.cloned().unwrap_or_default(),
    }
}

fn remedies(record: &Record, bundle: Option<&Bundle>) -> Vec<Remedy> {
    let told = record.told.kept();
    let approvers = told.into_iter().flat_map(|told| &told.approvers);
    let ask = approvers.map(|who| Remedy { text: format!("Ask {who}"), verified: true });
    let spoke = record.public.rules.iter().filter(|asked| asked.verdict > Some(Verdict::Alert));
    let rules = spoke.filter_map(|asked| bundle.and_then(|bundle| bundle.rule(&asked.rule)));
    let texts = rules.flat_map(|rule| rule.remedies.iter().cloned());
    ask.chain(texts.map(|text| Remedy { text, verified: false })).collect()
}
