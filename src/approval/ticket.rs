//! One ticket, and every step it can take.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use crate::approval::Binding;
use crate::decision::Grant;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::finding::Demand;
use crate::words;

words! {
    /// Where a ticket stands. No act leads to an earlier state.
    pub enum State {
        /// It waits for votes.
        Asked = "asked",
        /// Enough voted for it; the grant may be used once until it ends.
        Granted = "granted",
        /// Its grant was used.
        Spent = "spent",
        /// Somebody voted against it.
        Refused = "refused",
        /// Its time ran out, before or after it was granted.
        Expired = "expired",
        /// It was taken back.
        Revoked = "revoked",
    }
}

words! {
    /// A vote.
    pub enum VoteWord {
        /// For it.
        Approve = "approve",
        /// Against it.
        Deny = "deny",
    }
}

/// What one rule asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AskedApproval")]
pub struct Asked {
    /// The rule.
    pub rule: RuleId,
    /// Who must approve, and how far it goes.
    pub demand: Demand,
    /// How many people could.
    pub eligible: u32,
}

/// One vote. The first form knows one voter: the operator's session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vote {
    /// Who: `operator session` today.
    pub by: String,
    /// Which way.
    pub vote: VoteWord,
    /// What they wrote.
    pub reason: String,
    /// When.
    pub at: Time,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ticket {
    /// Its id, UUIDv7; unknown and forbidden ids get the same answer.
    pub id: Uuid,
    /// Where.
    pub connection: ConnectionId,
    /// The decision that opened it.
    pub decision: Uuid,
    /// What it is bound to.
    pub binding: Binding,
    /// What is asked for, rule by rule.
    pub asked: Vec<Asked>,
    /// The sentence for the approver.
    pub reason: String,
    /// What the asker wrote.
    pub asked_because: Option<String>,
    /// SHA-256 of who asked, hex, so that the asker's token may read it.
    pub asker: String,
    /// Where it stands.
    pub state: State,
    /// Why it stands there, one sentence.
    pub why: String,
    /// When it was asked.
    pub asked_at: Time,
    /// When it ends if nobody grants it.
    pub expires_at: Time,
    /// When an unused grant ends.
    pub grant_ends: Option<Time>,
    /// Votes, in order.
    pub votes: Vec<Vote>,
    /// The decision that used the grant.
    pub spent_by: Option<Uuid>,
    /// What waits for it on Bitbucket, as whoever opened it planned it; not looked at here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<serde_json::Value>,
    /// Counts its steps; the store's compare-and-set.
    pub version: u64,
}

/// What can happen to a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody votes.
    Vote(Vote),
    /// Time passes.
    Tick(Time),
    /// A decision uses the grant.
    Spend {
        /// Which decision.
        decision: Uuid,
        /// When.
        at: Time,
    },
    /// It is taken back.
    Revoke {
        /// Why.
        reason: String,
    },
}

/// Why a grant cannot be used for a question. In words of ours: no name and no free text, so that a ledger may keep it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The clock was set, and how long the grant is good is not known.
    #[error("frozen: the gate's clock was set, and no grant counts until it is right again")]
    Frozen,
    /// Another decision used it.
    #[error("spent: its grant was used already")]
    Spent,
    /// It was granted, and its time ran out.
    #[error("expired: its grant was good until {0}")]
    Expired(Time),
    /// It was never granted, or is no more.
    #[error("there is no grant: the ticket is {0}")]
    NotGranted(State),
    /// It was granted for something else.
    #[error("it was approved for another {}", .0.join(", "))]
    Differs(Vec<&'static str>),
}

/// Why an act was not possible. The ticket stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has ended.
    #[error("the ticket is {0} already")]
    Over(State),
    /// There is no grant to use.
    #[error("the ticket is not granted: it is {0}")]
    NotGranted(State),
    /// Its time ran out.
    #[error("the ticket's time ran out at {0}")]
    TooLate(Time),
    /// The same voter again.
    #[error("`{0}` has voted already, and the demand is for different people")]
    VotedAlready(String),
    /// Nothing pins what would be approved.
    #[error("the commit is not known, so there is nothing definite to approve")]
    NoCommit,
}

impl Ticket {
    /// The next form of the ticket, or why not. A tick that changes nothing gives the same ticket.
    pub fn step(&self, act: Act) -> Result<Self, Refusal> {
        match (self.state, act) {
            (State::Asked | State::Granted, Act::Tick(now)) => Ok(self.aged(now)),
            (State::Spent | State::Refused | State::Expired | State::Revoked, Act::Tick(_)) => {
                Ok(self.clone())
            }
            (State::Asked, Act::Vote(vote)) => self.voted(vote),
            (State::Granted, Act::Spend { decision, at }) => self.spent(decision, at),
            (State::Asked, Act::Spend { .. }) => Err(Refusal::NotGranted(self.state)),
            (State::Asked | State::Granted, Act::Revoke { reason }) => {
                Ok(self.moved(State::Revoked, format!("It was taken back: {reason}")))
            }
            (state, Act::Vote(_) | Act::Spend { .. } | Act::Revoke { .. }) => {
                Err(Refusal::Over(state))
            }
        }
    }

    fn moved(&self, state: State, why: String) -> Self {
        Self { state, why, version: self.version + 1, ..self.clone() }
    }

    fn ends(&self) -> Time {
        self.grant_ends.unwrap_or(self.expires_at)
    }

    fn aged(&self, now: Time) -> Self {
        match self.state {
            State::Asked if now >= self.expires_at => self
                .moved(State::Expired, format!("Nobody approved it before {}.", self.expires_at)),
            State::Granted if now >= self.ends() => self.moved(
                State::Expired,
                format!("It was granted but not used before {}.", self.ends()),
            ),
            State::Asked
            | State::Granted
            | State::Spent
            | State::Refused
            | State::Expired
            | State::Revoked => self.clone(),
        }
    }

    fn voted(&self, vote: Vote) -> Result<Self, Refusal> {
        if vote.at >= self.expires_at {
            return Err(Refusal::TooLate(self.expires_at));
        }
        // One person counts once, whatever they say the second time.
        if self.votes.iter().any(|cast| cast.by == vote.by) {
            return Err(Refusal::VotedAlready(vote.by));
        }
        if vote.vote == VoteWord::Deny {
            let why = format!("{} refused it.", vote.by);
            return Ok(self.with(vote).moved(State::Refused, why));
        }
        if self.binding.commit.is_none() {
            return Err(Refusal::NoCommit);
        }
        let at = vote.at;
        let next = self.with(vote);
        if next.missing() > 0 {
            return Ok(next.moved(State::Asked, still_missing(next.missing())));
        }
        let granted = next.moved(State::Granted, format!("Approved by {}.", next.voters()));
        Ok(Self { grant_ends: Some(at.plus(granted.grant_for())), ..granted })
    }

    fn with(&self, vote: Vote) -> Self {
        let mut next = self.clone();
        next.votes.push(vote);
        next
    }

    /// How many approvals are still missing.
    pub fn missing(&self) -> u32 {
        let cast = self.votes.iter().filter(|vote| vote.vote == VoteWord::Approve).count();
        let needed = self.asked.iter().map(|asked| asked.demand.count).max().unwrap_or(1);
        needed.saturating_sub(u32::try_from(cast).unwrap_or(u32::MAX))
    }

    fn voters(&self) -> String {
        self.votes.iter().map(|vote| vote.by.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The shortest time any demand allows the grant.
    fn grant_for(&self) -> Duration {
        let seconds = self.asked.iter().map(|asked| asked.demand.grant_for).min().unwrap_or(0);
        Duration::from_secs(seconds)
    }

    fn spent(&self, decision: Uuid, at: Time) -> Result<Self, Refusal> {
        if at >= self.ends() {
            return Err(Refusal::TooLate(self.ends()));
        }
        let spent = self.moved(State::Spent, format!("Its grant was used by decision {decision}."));
        Ok(Self { spent_by: Some(decision), ..spent })
    }

    /// The grant, if it is in force at `now` for exactly this binding; else why not.
    pub fn grant_for_binding(&self, binding: &Binding, now: Time) -> Result<Grant, Unfit> {
        match (self.state, self.grant_ends) {
            (State::Granted, Some(ends)) if now < ends => {}
            (State::Granted | State::Expired, Some(ends)) => return Err(Unfit::Expired(ends)),
            (State::Spent, _) => return Err(Unfit::Spent),
            (State::Asked | State::Refused | State::Revoked, _)
            | (State::Granted | State::Expired, None) => {
                return Err(Unfit::NotGranted(self.state));
            }
        }
        let differing = self.binding.differs_from(binding);
        if !differing.is_empty() {
            return Err(Unfit::Differs(differing));
        }
        if binding.commit.is_none() {
            return Err(Unfit::NotGranted(self.state));
        }
        Ok(Grant { ticket: self.id, rules: self.rules() })
    }

    /// The rules whose demand it meets.
    pub fn rules(&self) -> BTreeSet<RuleId> {
        self.asked.iter().map(|asked| asked.rule.clone()).collect()
    }
}

fn still_missing(count: u32) -> String {
    match count {
        1 => "One more approval is needed, from somebody else.".to_owned(),
        more => format!("{more} more approvals are needed, each from somebody else."),
    }
}
