//! What each rule did so far: how often it spoke, whom it held up, whom it would have held up, and what became of the
//! approvals it asked for. A rule that is always approved without a change, or that nobody meets, is worth a second look.
//!
//! Counted from the newest decisions and tickets as they were recorded; nothing is decided again.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::approval::State;
use crate::approval::Ticket;
use crate::decision::Effect;
use crate::decision::Mode;
use crate::decision::Outcome;
use crate::decision::record::Asked;
use crate::decision::record::Public;
use crate::gateway::Gateway;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::store::StoreError;
use crate::store::TicketFilter;

/// How far back is looked: a week has every weekday in it.
pub const WINDOW: Duration = Duration::from_hours(7 * 24);

/// Decisions looked at, some 20 µs each. Without a bound, one look at a busy week would hold a reader for minutes.
pub const MAX_DECISIONS: usize = 5_000;

/// Tickets looked at.
const MAX_TICKETS: usize = 1_000;

/// Tickets read at a time.
const PAGE: usize = 200;

/// What one rule did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Friction {
    /// Decisions in which it was asked and looked.
    pub asked: u64,
    /// Of those, it matched.
    pub matched: u64,
    /// Of those, it could not tell.
    pub could_not_tell: u64,
    /// It was enforced, said Block, and the decision was to stop.
    pub stopped: u64,
    /// It was in shadow, and would have stopped or held up what it now let pass.
    pub would_have: u64,
    /// Approvals it asked for.
    pub approvals: u64,
    /// Of those, given.
    pub granted: u64,
    /// Of those, refused.
    pub refused: u64,
    /// Of those, nobody answered in time, or they were taken back.
    pub lapsed: u64,
}

/// What every rule did, over one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frictions {
    /// By rule; one that is not here was never asked.
    pub rules: BTreeMap<RuleId, Friction>,
    /// Decisions that were looked at.
    pub looked: u64,
    /// There were more than [`MAX_DECISIONS`], or more tickets than are read: the oldest are left out.
    pub more: bool,
}

impl Frictions {
    /// What this rule did.
    pub fn of(&self, rule: &RuleId) -> Friction {
        self.rules.get(rule).copied().unwrap_or_default()
    }

    fn decision(&mut self, public: &Public) {
        self.looked += 1;
        for asked in &public.rules {
            self.rules.entry(asked.rule.clone()).or_default().add(public, asked);
        }
    }

    fn ticket(&mut self, ticket: &Ticket) {
        for rule in ticket.rules() {
            let one = self.rules.entry(rule).or_default();
            one.approvals += 1;
            match ticket.state {
                State::Granted | State::Spent => one.granted += 1,
                State::Refused => one.refused += 1,
                // One that was granted and not used was given all the same.
                State::Expired if ticket.grant_ends.is_some() => one.granted += 1,
                State::Expired | State::Revoked => one.lapsed += 1,
                State::Asked => {}
            }
        }
    }
}

impl Friction {
    fn add(&mut self, public: &Public, asked: &Asked) {
        match asked.outcome {
            Outcome::Matched => self.matched += 1,
            Outcome::CouldNotTell => self.could_not_tell += 1,
            Outcome::DidNotMatch => {}
            Outcome::NotApplicable => return,
        }
        self.asked += 1;
        let weight = match asked.verdict.unwrap_or(Verdict::Allow) {
            Verdict::Approve if public.met.contains(&asked.rule) => Verdict::Allow,
            weight @ (Verdict::Allow | Verdict::Alert | Verdict::Approve | Verdict::Block) => {
                weight
            }
        };
        match (asked.mode, Effect::from(weight)) {
            (Mode::Enforce, Effect::Stop) => {
                self.stopped += u64::from(public.effect == Effect::Stop);
            }
            (Mode::Shadow, Effect::Stop | Effect::Wait) => {
                self.would_have += u64::from(public.effect < Effect::from(weight));
            }
            (Mode::Enforce | Mode::Shadow | Mode::Off, _) => {}
        }
    }
}

impl Gateway {
    /// What every rule did within [`WINDOW`]. Cost: some 0.1 s at most.
    pub async fn frictions(&self) -> Result<Frictions, StoreError> {
        let since = self.clock.now().minus(WINDOW);
        let (found, more) = self
            .store
            .fold_decisions(since, MAX_DECISIONS, Frictions::default(), Frictions::decision)
            .await?;
        self.add_tickets(Frictions { more, ..found }, since).await
    }

    async fn add_tickets(
        &self,
        mut found: Frictions,
        since: Time,
    ) -> Result<Frictions, StoreError> {
        let (mut before, mut seen) = (None, 0);
        while seen < MAX_TICKETS {
            let page = self.store.tickets(TicketFilter::default(), before, PAGE).await?;
            let (is_last, place) = (page.len() < PAGE, page.last().map(|(place, _)| *place));
            for (_, ticket) in &page {
                if ticket.asked_at < since {
                    return Ok(found);
                }
                found.ticket(ticket);
            }
            if is_last {
                return Ok(found);
            }
            (before, seen) = (place, seen + page.len());
        }
        found.more = true;
        Ok(found)
    }
}
