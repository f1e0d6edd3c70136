//! What becomes of a finding: new, acknowledged, accepted *because … until …*, fixed, regressed.
//!
//! One function from what is kept, a new judgement and the time to what is kept next, what happened, and whether there is
//! news. Unknown never fixes anything: a failure whose facts are gone stays what it was. It keeps nothing and tells
//! nobody: who does, does both in one transaction.

use std::time::Duration;

use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;
use crate::posture::Acceptance;
use crate::posture::Gap;
use crate::posture::Outcome;
use crate::posture::Owner;
use crate::posture::Reason;
use crate::posture::State;
use crate::posture::Subject;
use crate::posture::kept::Deed;
use crate::posture::kept::Fact;
use crate::posture::kept::Kept;
use crate::posture::kept::Step;
use crate::posture::news::digest;

/// Longest reason of an acceptance, characters: it stands in the record for as long as names do.
pub const MAX_BECAUSE: usize = 500;

/// The longest that a finding is accepted. Longer, and nobody who accepted it may still be there when it matters.
pub const LONGEST_ACCEPTED: Duration = Duration::from_hours(24 * 366);

/// What was seen of one rule and one subject now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The rule.
    pub rule: RuleId,
    /// What it is about.
    pub subject: Subject,
    /// Whether that is still there.
    pub presence: Presence,
    /// How bad it is here.
    pub severity: Severity,
    /// What the rule says.
    pub outcome: Outcome,
    /// Why it fails.
    pub reasons: Vec<Reason>,
    /// What could not be learned.
    pub unknown: Vec<Gap>,
    /// What the reasons rest on.
    pub facts: Vec<Fact>,
    /// When those facts were true.
    pub as_of: Time,
    /// Whose it is; of what passes, nobody asks.
    pub owner: Owner,
}

/// Whether a subject is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    There,
    /// It is gone, and with it what was wrong with it.
    Gone,
}

/// What to do with what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nothing is kept, and nothing is to be.
    Nothing,
    /// It stays as it is.
    Same,
    /// This is kept from now on.
    Keep(Box<Kept>),
    /// It is kept no longer: it was never more than unknown, and is settled.
    Forget,
}

/// Whether somebody is to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing that was not told.
    None,
    /// It fails in a way that was not told before.
    Failure,
}

/// What follows from a judgement or from what somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// What is kept.
    pub hold: Hold,
    /// What happened, in order: an entry of the ledger each.
    pub steps: Vec<Step>,
    /// Whether it is news.
    pub news: News,
}

/// Why a finding cannot be acknowledged or accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is fixed.
    #[error("this finding is fixed: there is nothing to {0}")]
    Fixed(&'static str),
    /// It never failed.
    #[error(
        "this finding never failed, it cannot be told: settle what is unknown instead (`portcullis findings explain`)"
    )]
    NeverFailed,
    /// It is accepted.
    #[error("this finding is accepted until {0}: that says more than having seen it")]
    Accepted(Time),
    /// No reason.
    #[error("accepting needs a reason: whoever reads the record must understand it")]
    NoReason,
    /// Too much of it.
    #[error("the reason is longer than {MAX_BECAUSE} characters")]
    LongReason,
    /// The end has passed already.
    #[error("`until` is {0}, which has passed: name a time to come")]
    Past(Time),
    /// The end is too far.
    #[error("`until` is {0}: a finding is accepted for at most 366 days, and then looked at again")]
    TooLong(Time),
}

/// What follows from a new judgement.
pub fn next(kept: Option<&Kept>, new: Seen, now: Time) -> Next {
    let Some(before) = kept else { return first(new, now) };
    let (base, mut steps) = lapsed(before.clone(), now);
    // Worked out anew too: what was told stays told where a newer version weighs facts in another way.
    let again = base.told.as_ref().map(|_| digest(base.severity, &base.reasons, &base.facts));
    let told = [base.told.clone(), again];
    let (kept, step) = match (new.outcome, base.failed) {
        (Outcome::Pass, false) => {
            return Next { hold: Hold::Forget, steps: Vec::new(), news: News::None };
        }
        (Outcome::Pass, true) => passed(base, new, now),
        (Outcome::Fail, _) => failed(base, new, now),
        (Outcome::Unknown, _) => (untold(base, new), None),
    };
    let is_news = kept.outcome == Outcome::Fail && !told.contains(&kept.told);
    let news = if is_news { News::Failure } else { News::None };
    let kept = match step {
        Some(step) => {
            steps.push(step.clone());
            kept.stepped(step)
        }
        None => kept,
    };
    if kept == *before {
        return Next { hold: Hold::Same, steps, news };
    }
    Next { hold: Hold::Keep(Box::new(Kept { last_seen: now, ..kept })), steps, news }
}

/// What follows from time alone: an acceptance that is over. Nothing happens to any other finding.
pub fn expire(kept: &Kept, now: Time) -> Next {
    let (next, steps) = lapsed(kept.clone(), now);
    if steps.is_empty() {
        return Next { hold: Hold::Same, steps, news: News::None };
    }
    let news = if next.outcome == Outcome::Fail { News::Failure } else { News::None };
    Next { hold: Hold::Keep(Box::new(known(next))), steps, news }
}

/// The same, with what it says told: to whoever is told of it, or who speaks of it.
fn known(kept: Kept) -> Kept {
    let fails = kept.outcome == Outcome::Fail;
    let told = fails.then(|| digest(kept.severity, &kept.reasons, &kept.facts));
    Kept { told, ..kept }
}

/// Somebody has seen it. Seen twice changes nothing.
pub fn acknowledge(kept: &Kept, by: &str, because: &str, now: Time) -> Result<Next, Refused> {
    let (base, mut steps) = spoken_of(kept, now);
    may(&base, "acknowledge")?;
    if let Some(accepted) = &base.accepted {
        return Err(Refused::Accepted(accepted.until));
    }
    if because.chars().count() > MAX_BECAUSE {
        return Err(Refused::LongReason);
    }
    if base.state == State::Acknowledged {
        let hold = if steps.is_empty() { Hold::Same } else { Hold::Keep(Box::new(base)) };
        return Ok(Next { hold, steps, news: News::None });
    }
    let step = Step {
        at: now,
        deed: Deed::Acknowledged,
        state: State::Acknowledged,
        by: Some(by.to_owned()),
        because: Some(because.trim().to_owned()).filter(|text| !text.is_empty()),
        until: None,
    };
    steps.push(step.clone());
    let kept = Kept { state: State::Acknowledged, since: now, ..base }.stepped(step);
    Ok(Next { hold: Hold::Keep(Box::new(kept)), steps, news: News::None })
}

/// Somebody lives with it, because of something and until some time; over an earlier acceptance, instead of it.
pub fn accept(kept: &Kept, acceptance: Acceptance, now: Time) -> Result<Next, Refused> {
    let (base, mut steps) = spoken_of(kept, now);
    may(&base, "accept")?;
    let because = acceptance.because.trim().to_owned();
    if because.is_empty() {
        return Err(Refused::NoReason);
    }
    if because.chars().count() > MAX_BECAUSE {
        return Err(Refused::LongReason);
    }
    if acceptance.until <= now {
        return Err(Refused::Past(acceptance.until));
    }
    if acceptance.until > now.plus(LONGEST_ACCEPTED) {
        return Err(Refused::TooLong(acceptance.until));
    }
    let step = Step {
        at: now,
        deed: Deed::Accepted,
        state: State::Accepted,
        by: Some(acceptance.by.clone()),
        because: Some(because.clone()),
        until: Some(acceptance.until),
    };
    steps.push(step.clone());
    let kept = Kept {
        was: base.was.or(Some(base.state)),
        state: State::Accepted,
        since: now,
        accepted: Some(Acceptance { because, ..acceptance }),
        ..base
    };
    Ok(Next { hold: Hold::Keep(Box::new(kept.stepped(step))), steps, news: News::None })
}

/// The same after what time has brought about; whoever speaks of it then need not be told.
fn spoken_of(kept: &Kept, now: Time) -> (Kept, Vec<Step>) {
    let (base, steps) = lapsed(kept.clone(), now);
    if steps.is_empty() { (base, steps) } else { (known(base), steps) }
}

const fn may(kept: &Kept, deed: &'static str) -> Result<(), Refused> {
    match (kept.failed, kept.state) {
        (false, _) => Err(Refused::NeverFailed),
        (true, State::Fixed) => Err(Refused::Fixed(deed)),
        (true, State::New | State::Acknowledged | State::Accepted | State::Regressed) => Ok(()),
    }
}

/// The first judgement of a rule about a subject.
fn first(new: Seen, now: Time) -> Next {
    if new.outcome == Outcome::Pass {
        return Next { hold: Hold::Nothing, steps: Vec::new(), news: News::None };
    }
    let fails = new.outcome == Outcome::Fail;
    let told = fails.then(|| digest(new.severity, &new.reasons, &new.facts));
    let kept = Kept {
        rule: new.rule,
        subject: new.subject,
        severity: new.severity,
        outcome: new.outcome,
        state: State::New,
        reasons: new.reasons,
        unknown: new.unknown,
        facts: new.facts,
        as_of: new.as_of,
        owner: new.owner,
        first_seen: now,
        last_seen: now,
        since: now,
        failed: fails,
        accepted: None,
        was: None,
        told,
        steps: Vec::new(),
    };
    if !fails {
        return Next { hold: Hold::Keep(Box::new(kept)), steps: Vec::new(), news: News::None };
    }
    let step = looked(Deed::Found, State::New, now);
    let hold = Hold::Keep(Box::new(kept.stepped(step.clone())));
    Next { hold, steps: vec![step], news: News::Failure }
}

const fn looked(deed: Deed, state: State, at: Time) -> Step {
    Step { at, deed, state, by: None, because: None, until: None }
}

/// The same without an acceptance that is over; from then on it is news again that it fails.
fn lapsed(kept: Kept, now: Time) -> (Kept, Vec<Step>) {
    if kept.state != State::Accepted || kept.holds(now) {
        return (kept, Vec::new());
    }
    let state = kept.was.unwrap_or(State::Acknowledged);
    let until = kept.accepted.as_ref().map(|accepted| accepted.until);
    let step = Step { until, ..looked(Deed::Lapsed, state, now) };
    let kept = Kept { state, since: now, accepted: None, was: None, told: None, ..kept };
    (kept.stepped(step.clone()), vec![step])
}

fn passed(base: Kept, new: Seen, now: Time) -> (Kept, Option<Step>) {
    let deed = match new.presence {
        Presence::There => Deed::Fixed,
        Presence::Gone => Deed::Gone,
    };
    let was_fixed = base.state == State::Fixed;
    let kept = Kept {
        outcome: Outcome::Pass,
        state: State::Fixed,
        since: if was_fixed { base.since } else { now },
        subject: new.subject,
        reasons: Vec::new(),
        unknown: Vec::new(),
        facts: Vec::new(),
        accepted: None,
        was: None,
        told: None,
        ..base
    };
    (kept, (!was_fixed).then(|| looked(deed, State::Fixed, now)))
}

fn failed(base: Kept, new: Seen, now: Time) -> (Kept, Option<Step>) {
    let told = Some(digest(new.severity, &new.reasons, &new.facts));
    let step = match (base.failed, base.state) {
        (false, _) => Some(looked(Deed::Found, State::New, now)),
        (true, State::Fixed) => Some(looked(Deed::Regressed, State::Regressed, now)),
        (true, State::New | State::Acknowledged | State::Accepted | State::Regressed) => None,
    };
    // Only when something changed do the facts get another time: else every look would write every row.
    let same = base.outcome == Outcome::Fail && base.facts == new.facts;
    let kept = Kept {
        state: step.as_ref().map_or(base.state, |step| step.state),
        since: step.as_ref().map_or(base.since, |step| step.at),
        first_seen: if base.failed { base.first_seen } else { now },
        as_of: if same { base.as_of } else { new.as_of },
        failed: true,
        severity: new.severity,
        outcome: Outcome::Fail,
        subject: new.subject,
        reasons: new.reasons,
        unknown: new.unknown,
        facts: new.facts,
        owner: new.owner,
        told,
        ..base
    };
    (kept, step)
}

/// It cannot be told: what it was, it stays, and what was said of it last stays with it.
fn untold(base: Kept, new: Seen) -> Kept {
    Kept {
        outcome: Outcome::Unknown,
        unknown: new.unknown,
        subject: new.subject,
        owner: new.owner,
        severity: if base.failed { base.severity } else { new.severity },
        ..base
    }
}
