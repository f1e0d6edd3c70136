//! What anyone who has the link may see: verdict, rule titles, reasons, remedies and group names. Never people, paths,
//! facts, or names of what it is about: the link travels through logs, chats and statuses.
//!
//! [`Notice`] is that selection, made in one place and shown as a page or as JSON. It is built from the record's own
//! fields one by one, so that a new field of a record is not shown until somebody adds it here.

mod page;

use serde::Serialize;

use crate::approval::State;
use crate::approval::Ticket;
use crate::decision::Because;
use crate::decision::Binds;
use crate::decision::Brake;
use crate::decision::Effect;
use crate::decision::Outcome;
use crate::decision::Record;
use crate::decision::doorbell;
use crate::decision::narrative::Narrative;
use crate::decision::plan::Softener;
use crate::decision::record::Public;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::Verdict;

pub use page::decision_page;
pub use page::ticket_page;

/// What anyone may see of a decision.
#[derive(Clone, Debug, Serialize)]
pub struct Notice {
    /// Id of the decision.
    pub decision: String,
    /// When it was made, RFC 3339.
    pub at: String,
    /// What the rules say.
    pub verdict: Verdict,
    /// What the caller must do.
    pub effect: Effect,
    /// How far it reaches.
    pub binds: Binds,
    /// The same in plain words.
    pub reach: &'static str,
    /// No rule answers this kind of event.
    pub uncovered: bool,
    /// What it comes down to, in a few words.
    pub headline: &'static str,
    /// The sentence that goes first.
    pub reason: String,
    /// What softened the effect.
    pub because: Vec<String>,
    /// Rules that spoke, strictest first.
    pub rules: Vec<RuleNotice>,
    /// How many rules looked and found nothing.
    pub silent: usize,
    /// Who can approve: groups, and how many people.
    pub who: Vec<String>,
    /// What the rules advise.
    pub remedies: Vec<String>,
    /// The ticket, if one was opened.
    pub ticket: Option<TicketNotice>,
    /// Whether the gate is paused as it is read, whatever it was then.
    #[serde(skip)]
    pub brake: Brake,
}

/// What anyone may see of a rule that spoke.
#[derive(Clone, Debug, Serialize)]
pub struct RuleNotice {
    /// Its id.
    pub rule: RuleId,
    /// Its title.
    pub title: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The strictest it found.
    pub verdict: Verdict,
    /// Its reasons.
    pub reasons: Vec<String>,
}

/// What anyone may see of a ticket.
#[derive(Clone, Debug, Serialize)]
pub struct TicketNotice {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// The same in plain words.
    pub said: &'static str,
    /// How many approvals are missing.
    pub missing: u32,
    /// When it ends if nobody approves.
    pub expires_at: Time,
    /// When an unused approval ends.
    pub grant_ends: Option<Time>,
    /// Who is asked: groups, and how many people.
    pub asked: Vec<String>,
}

impl Notice {
    /// What anyone may see of this decision, and of its ticket as it is now.
    pub fn of(record: &Record, story: &Narrative, ticket: Option<&Ticket>) -> Self {
        let public = &record.public;
        let ticket = ticket.map(TicketNotice::of);
        Self {
            decision: public.decision.to_string(),
            at: public.at.to_string(),
            verdict: public.verdict,
            effect: public.effect,
            binds: public.binds,
            reach: public.reach(),
            uncovered: public.uncovered,
            headline: headline(record, ticket.as_ref()),
            reason: doorbell::reason(record),
            because: public.because.iter().map(softened).collect(),
            rules: rules(record, story),
            silent: public.rules.iter().filter(|asked| asked.verdict.is_none()).count(),
            who: record.told.kept().map(|told| told.approvers.clone()).unwrap_or_default(),
            remedies: remedies(record, story),
            ticket,
            brake: Brake::Off,
        }
    }

    /// The same, as it is read under a brake.
    #[must_use]
    pub fn under(self, brake: Brake) -> Self {
        Self { brake, ..self }
    }

    /// Whether looking again may show something new.
    pub fn moves(&self) -> bool {
        self.ticket.as_ref().is_some_and(|ticket| ticket.state == State::Asked)
    }
}

impl TicketNotice {
    fn of(ticket: &Ticket) -> Self {
        Self {
            id: ticket.id.to_string(),
            state: ticket.state,
            said: said(ticket.state),
            missing: ticket.missing(),
            expires_at: ticket.expires_at,
            grant_ends: ticket.grant_ends,
            asked: ticket.asked.iter().map(group).collect(),
        }
    }
}

/// `release-managers (4 people)`; people who are named by id are not named here.
fn group(asked: &crate::approval::Asked) -> String {
    let group = asked.demand.from.group.as_deref().unwrap_or("named people");
    let people = if asked.eligible == 1 { "person" } else { "people" };
    format!("{group} ({} {people})", asked.eligible)
}

/// The ticket's own `why` may name who voted, so the public words are made from its state.
const fn said(state: State) -> &'static str {
    match state {
        State::Asked => "It waits for an approval.",
        State::Granted => "It was approved. The approval is good for one use.",
        State::Spent => "It was approved, and the approval has been used.",
        State::Refused => "It was refused.",
        State::Expired => "Its time ran out.",
        State::Revoked => "It was taken back.",
    }
}

fn headline(record: &Record, ticket: Option<&TicketNotice>) -> &'static str {
    let public = &record.public;
    match (public.effect, ticket.map(|ticket| ticket.state)) {
        (Effect::Wait, Some(State::Granted)) => "Approved: run it again",
        (Effect::Wait, Some(State::Spent)) => "Approved and used",
        (Effect::Wait, Some(State::Refused)) => "The approval was refused",
        (Effect::Wait, Some(State::Expired)) => "Nobody approved it in time",
        (Effect::Wait, Some(State::Revoked)) => "The approval was taken back",
        (Effect::Wait, Some(State::Asked) | None) if public.binds == Binds::After => {
            "It needed an approval, and has happened"
        }
        (Effect::Wait, Some(State::Asked) | None) => "Waiting for an approval",
        (Effect::Stop, _) if public.binds == Binds::After => "It should not have happened",
        (Effect::Stop, _) if public.binds == Binds::Signals => "It should not go on",
        (Effect::Stop, _) => "Stopped",
        (Effect::Proceed, _) => let_pass(public),
    }
}

/// Nothing was let pass that had happened before we heard of it.
fn let_pass(public: &Public) -> &'static str {
    let is_softened = public.effect < Effect::from(public.verdict);
    match (public.binds, public.verdict) {
        (Binds::Prevents | Binds::Gates | Binds::Signals, _) if public.is_paused() => {
            "Let pass, because the gate was paused"
        }
        (Binds::After, _) if is_softened => "A rule objects, without effect",
        (Binds::After, Verdict::Alert) => "It happened, and somebody should know",
        (Binds::After, _) => "Nothing speaks against it",
        (Binds::Prevents | Binds::Gates | Binds::Signals, _) if is_softened => {
            "Let pass, although a rule objects"
        }
        (Binds::Prevents | Binds::Gates | Binds::Signals, Verdict::Alert) => {
            "Let pass, with an alert"
        }
        (Binds::Prevents | Binds::Gates | Binds::Signals, _) => "Let pass",
    }
}

/// Texts of waivers are written by people about people, and a pause's may be: that there is one is enough.
fn softened(because: &Because) -> String {
    match because.kind {
        Softener::Shadow => because.text.clone(),
        Softener::Waiver => "A waiver covers it.".to_owned(),
        Softener::Pause => "The gate is paused.".to_owned(),
    }
}

fn rules(record: &Record, story: &Narrative) -> Vec<RuleNotice> {
    let title = |rule: &RuleId| {
        let told = story.rules.iter().find(|told| told.rule == rule.as_str());
        told.map_or_else(|| rule.to_string(), |told| told.title.clone())
    };
    let spoke = record.public.rules.iter().filter_map(|asked| Some((asked, asked.verdict?)));
    let mut rules: Vec<RuleNotice> = spoke
        .map(|(asked, verdict)| RuleNotice {
            rule: asked.rule.clone(),
            title: title(&asked.rule),
            outcome: asked.outcome,
            verdict,
            reasons: reasons(record, &asked.rule),
        })
        .collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.verdict));
    rules
}

fn reasons(record: &Record, rule: &RuleId) -> Vec<String> {
    let findings = record.told.kept().into_iter().flat_map(|told| &told.findings);
    let mut reasons: Vec<String> =
        findings.filter(|finding| finding.rule == *rule).map(doorbell::reason_of).collect();
    reasons.dedup();
    reasons
}

/// The story's remedies without those that say whom to ask: that is a part of its own here.
fn remedies(record: &Record, story: &Narrative) -> Vec<String> {
    let who = record.told.kept().map(|told| told.approvers.len()).unwrap_or_default();
    let mut remedies: Vec<String> = story.remedies.iter().skip(who).cloned().collect();
    remedies.dedup();
    remedies
}
