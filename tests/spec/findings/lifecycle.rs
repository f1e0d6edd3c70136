//! What becomes of a finding, over any sequence of looks, words and days: held against a model that knows only the rules
//! of the game.

use std::time::Duration;

use portcullis::graph::Time;
use portcullis::policy::RuleId;
use portcullis::policy::bundle::Severity;
use portcullis::posture::Acceptance;
use portcullis::posture::Gap;
use portcullis::posture::Kept;
use portcullis::posture::Outcome;
use portcullis::posture::Owner;
use portcullis::posture::Reason;
use portcullis::posture::Seen;
use portcullis::posture::State;
use portcullis::posture::Subject;
use portcullis::posture::kept::Deed;
use portcullis::posture::kept::Fact;
use portcullis::posture::kept::MAX_STEPS;
use portcullis::posture::lifecycle::Hold;
use portcullis::posture::lifecycle::News;
use portcullis::posture::lifecycle::Next;
use portcullis::posture::lifecycle::Presence;
use portcullis::posture::lifecycle::Refused;
use portcullis::posture::lifecycle::accept;
use portcullis::posture::lifecycle::acknowledge;
use portcullis::posture::lifecycle::expire;
use portcullis::posture::lifecycle::next;
use proptest::prelude::*;
use serde_json::json;

const DAY: Duration = Duration::from_hours(24);

fn at(days: u32) -> Time {
    Time::from_millis(1_795_284_300_000).plus(DAY * days)
}

fn subject() -> Subject {
    let id = "acme/repository/1".parse().unwrap();
    Subject {
        kind: "repository".to_owned(),
        place: Some(id),
        id: "acme/repository/1".parse().unwrap(),
        name: "acme/site".to_owned(),
        class: None,
    }
}

/// What is seen: an outcome, how bad, and the value of the fact it rests on; `days` only stands in the words.
fn seen(outcome: Outcome, severity: Severity, fact: u8, days: u32) -> Seen {
    let fails = outcome == Outcome::Fail;
    let reason = || Reason {
        text: format!("It is {fact}, and has been for {days} days."),
        proof: vec!["repository.visibility".to_owned(), "repository.idle_days".to_owned()],
    };
    let facts = || {
        vec![
            Fact { path: "repository.visibility".to_owned(), value: json!(fact) },
            Fact { path: "repository.idle_days".to_owned(), value: json!(days) },
        ]
    };
    let gap = Gap { path: "repository.visibility".to_owned(), why: "no scope".to_owned() };
    Seen {
        rule: RuleId::told("posture/public"),
        subject: subject(),
        presence: Presence::There,
        severity,
        outcome,
        reasons: fails.then(reason).into_iter().collect(),
        unknown: (outcome == Outcome::Unknown).then_some(gap).into_iter().collect(),
        facts: if fails { facts() } else { Vec::new() },
        as_of: at(days),
        owner: Owner {
            id: None,
            name: "security".to_owned(),
            sure: "unknown".to_owned(),
            why: "nothing names an owner".to_owned(),
        },
    }
}

fn fails(fact: u8, days: u32) -> Seen {
    seen(Outcome::Fail, Severity::High, fact, days)
}

fn told(outcome: Outcome, days: u32) -> Seen {
    seen(outcome, Severity::High, 0, days)
}

fn kept(next: Next) -> Kept {
    match next.hold {
        Hold::Keep(kept) => *kept,
        other => panic!("{other:?} is not kept"),
    }
}

fn found() -> Kept {
    kept(next(None, fails(1, 0), at(0)))
}

fn until(days: u32) -> Acceptance {
    Acceptance { by: "Mia".to_owned(), because: "on purpose".to_owned(), until: at(days) }
}

#[test]
fn a_failure_is_new_news_and_a_step() {
    let first = next(None, fails(1, 0), at(0));
    assert_eq!(first.news, News::Failure);
    assert_eq!(first.steps.iter().map(|step| step.deed).collect::<Vec<_>>(), [Deed::Found]);
    let kept = kept(first);
    assert_eq!((kept.state, kept.outcome), (State::New, Outcome::Fail));
    assert_eq!((kept.first_seen, kept.last_seen, kept.since), (at(0), at(0), at(0)));
}

#[test]
fn what_passes_from_the_start_is_not_kept() {
    assert_eq!(next(None, told(Outcome::Pass, 0), at(0)).hold, Hold::Nothing);
}

#[test]
fn what_was_never_more_than_unknown_is_no_news_and_forgotten_when_it_passes() {
    let first = next(None, told(Outcome::Unknown, 0), at(0));
    assert_eq!((first.news, first.steps.len()), (News::None, 0));
    let kept = kept(first);
    assert_eq!((kept.outcome, kept.failed), (Outcome::Unknown, false));
    assert_eq!(next(Some(&kept), told(Outcome::Pass, 1), at(1)).hold, Hold::Forget);
    let failed = next(Some(&kept), fails(1, 2), at(2));
    assert_eq!(failed.news, News::Failure, "it is found now");
    assert_eq!(self::kept(failed).first_seen, at(2));
    assert_eq!(accept(&kept, until(9), at(1)), Err(Refused::NeverFailed));
}

#[test]
fn a_day_more_in_the_words_is_no_news_and_another_fact_is() {
    let kept = found();
    let older = next(Some(&kept), fails(1, 7), at(7));
    assert_eq!((older.news, older.steps.len()), (News::None, 0));
    let changed = next(Some(&self::kept(older)), fails(2, 8), at(8));
    assert_eq!(changed.news, News::Failure);
    assert_eq!(changed.steps.len(), 0, "its state is the same");
    let worse = Seen { severity: Severity::Critical, ..fails(2, 9) };
    assert_eq!(next(Some(&self::kept(changed)), worse, at(9)).news, News::Failure);
}

#[test]
fn the_same_look_twice_writes_nothing() {
    let kept = found();
    let again = next(Some(&kept), fails(1, 0), at(1));
    assert_eq!((again.hold, again.news), (Hold::Same, News::None));
}

#[test]
fn unknown_fixes_nothing_and_keeps_what_was_said_last() {
    let unknown = next(Some(&found()), told(Outcome::Unknown, 1), at(1));
    assert_eq!((unknown.news, unknown.steps.len()), (News::None, 0));
    let unknown = kept(unknown);
    assert_eq!((unknown.outcome, unknown.state), (Outcome::Unknown, State::New));
    assert_eq!(unknown.reasons, found().reasons, "what was said last stays");
    let back = next(Some(&unknown), fails(1, 2), at(2));
    assert_eq!((back.news, back.steps.len()), (News::None, 0), "it is what it was");
}

#[test]
fn fixed_and_failing_again_is_regressed_and_news() {
    let fixed = next(Some(&found()), told(Outcome::Pass, 1), at(1));
    assert_eq!(fixed.steps[0].deed, Deed::Fixed);
    let fixed = kept(fixed);
    assert_eq!((fixed.state, fixed.since), (State::Fixed, at(1)));
    let unknown = kept(next(Some(&fixed), told(Outcome::Unknown, 2), at(2)));
    assert_eq!(unknown.state, State::Fixed, "unknown breaks nothing either");
    let again = next(Some(&unknown), fails(1, 3), at(3));
    assert_eq!((again.news, again.steps[0].deed), (News::Failure, Deed::Regressed));
    let again = kept(again);
    assert_eq!((again.state, again.first_seen, again.since), (State::Regressed, at(0), at(3)));
}

#[test]
fn what_is_gone_is_fixed_and_says_so() {
    let gone = Seen { presence: Presence::Gone, ..told(Outcome::Pass, 1) };
    assert_eq!(next(Some(&found()), gone, at(1)).steps[0].deed, Deed::Gone);
}

#[test]
fn an_acceptance_ends_by_itself_and_is_as_if_it_had_not_been_said() {
    let seen = kept(acknowledge(&found(), "Mia", "", at(1)).unwrap());
    let accepted = kept(accept(&seen, until(5), at(2)).unwrap());
    assert_eq!(accepted.state, State::Accepted);
    assert!(accepted.is_accepted(at(4)) && !accepted.is_accepted(at(5)));
    assert_eq!(next(Some(&accepted), fails(1, 0), at(3)).hold, Hold::Same);
    let shown = accepted.shown(None, at(5));
    assert_eq!((shown.state, shown.accepted), (State::Acknowledged, None), "before any look");
    let over = expire(&accepted, at(6));
    assert_eq!((over.news, over.steps[0].deed), (News::Failure, Deed::Lapsed));
    let over = kept(over);
    assert_eq!((over.state, over.accepted.as_ref()), (State::Acknowledged, None));
    assert_eq!(next(Some(&over), fails(1, 0), at(7)).news, News::None, "it was told just now");
    let by_look = next(Some(&accepted), fails(1, 0), at(6));
    assert_eq!((by_look.news, by_look.steps[0].deed), (News::Failure, Deed::Lapsed));
    assert_eq!(expire(&accepted, at(4)).hold, Hold::Same, "it still holds");
}

#[test]
fn accepting_needs_a_reason_and_an_end_that_is_not_too_far() {
    let kept = found();
    let said = |because: &str, days| {
        accept(&kept, Acceptance { because: because.to_owned(), ..until(days) }, at(1))
    };
    assert_eq!(said(" ", 9), Err(Refused::NoReason));
    assert_eq!(said(&"x".repeat(501), 9), Err(Refused::LongReason));
    assert_eq!(said("yes", 1), Err(Refused::Past(at(1))));
    assert_eq!(said("yes", 368), Err(Refused::TooLong(at(368))));
    assert!(said("yes", 367).is_ok());
    let fixed = self::kept(next(Some(&kept), told(Outcome::Pass, 1), at(1)));
    assert_eq!(accept(&fixed, until(9), at(2)), Err(Refused::Fixed("accept")));
    assert_eq!(acknowledge(&fixed, "Mia", "", at(2)), Err(Refused::Fixed("acknowledge")));
}

#[test]
fn steps_do_not_grow_without_end_and_the_first_stays() {
    let mut one = found();
    for day in 1..200 {
        let outcome = if day % 2 == 0 { fails(1, day) } else { told(Outcome::Pass, day) };
        one = kept(next(Some(&one), outcome, at(day)));
    }
    assert_eq!(one.steps.len(), MAX_STEPS);
    assert_eq!((one.steps[0].deed, one.steps[0].at), (Deed::Found, at(0)));
    assert_eq!(one.steps.last().unwrap().at, at(199));
}

/// What happens.
#[derive(Clone, Debug)]
enum Act {
    Look(Outcome, u8),
    Acknowledge,
    Accept(u32),
    Expire,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0_u8..3).prop_map(|fact| Act::Look(Outcome::Fail, fact)),
        2 => Just(Act::Look(Outcome::Unknown, 0)),
        2 => Just(Act::Look(Outcome::Pass, 0)),
        1 => Just(Act::Acknowledge),
        2 => (1_u32..10).prop_map(Act::Accept),
        1 => Just(Act::Expire),
    ]
}

/// A finding as the rules of the game know it.
#[derive(Clone, Debug, Default)]
struct Model {
    /// None: nothing is kept. What it was before it was accepted stands beside the end of that.
    state: Option<State>,
    accepted: Option<(State, Time)>,
    failed: bool,
    fails: bool,
    /// What was told since it was last no longer true.
    told: Option<u8>,
    fact: u8,
}

impl Model {
    /// Time alone; whether an acceptance is over.
    fn pass_time(&mut self, now: Time) -> bool {
        let over = self.accepted.filter(|(_, until)| now >= *until);
        if let Some((was, _)) = over {
            (self.state, self.accepted, self.told) = (Some(was), None, None);
        }
        over.is_some()
    }

    /// Whether somebody is to be told.
    fn act(&mut self, act: &Act, now: Time) -> bool {
        let lapsed = self.pass_time(now);
        // Who speaks of it knows it, and who is told of its end does too.
        if lapsed && self.fails && !matches!(act, Act::Look(..)) {
            self.told = Some(self.fact);
        }
        match act {
            Act::Look(Outcome::Fail, fact) => {
                self.state = Some(match self.state {
                    Some(State::Fixed) => State::Regressed,
                    Some(state) if self.failed => state,
                    _ => State::New,
                });
                (self.failed, self.fails, self.fact) = (true, true, *fact);
                return self.told.replace(*fact) != Some(*fact);
            }
            Act::Look(Outcome::Unknown, _) => {
                self.fails = false;
                self.state = self.state.or(Some(State::New));
            }
            Act::Look(Outcome::Pass, _) => {
                self.fails = false;
                self.accepted = None;
                self.told = None;
                self.state = self.failed.then_some(State::Fixed);
            }
            Act::Acknowledge => {
                if self.failed && self.state != Some(State::Fixed) && self.accepted.is_none() {
                    self.state = Some(State::Acknowledged);
                }
            }
            Act::Accept(days) => {
                if self.failed && self.state != Some(State::Fixed) {
                    let was = self.accepted.map_or_else(|| self.state.unwrap(), |(was, _)| was);
                    self.accepted = Some((was, now.plus(DAY * *days)));
                    self.state = Some(State::Accepted);
                }
            }
            Act::Expire => return lapsed && self.fails,
        }
        false
    }
}

proptest! {
    #[test]
    fn every_sequence_goes_as_the_model_says(acts in prop::collection::vec((act(), 0_u32..4), 1..60)) {
        let (mut one, mut model, mut day): (Option<Kept>, Model, u32) = (None, Model::default(), 0);
        for (act, days) in acts {
            day += days;
            let now = at(day);
            let before = one.clone();
            let done = match &act {
                Act::Look(outcome, fact) => {
                    Some(next(before.as_ref(), seen(*outcome, Severity::High, *fact, day), now))
                }
                Act::Acknowledge => {
                    before.as_ref().and_then(|kept| acknowledge(kept, "Mia", "", now).ok())
                }
                Act::Accept(days) => before.as_ref().and_then(|kept| {
                    let until = now.plus(DAY * *days);
                    let said = Acceptance { by: "Mia".to_owned(), because: "so".to_owned(), until };
                    accept(kept, said, now).ok()
                }),
                Act::Expire => before.as_ref().map(|kept| expire(kept, now)),
            };
            // What is refused changes nothing, not even what time has brought about.
            let Some(done) = done else { continue };
            let is_news = model.act(&act, now);
            prop_assert_eq!(done.news == News::Failure, is_news, "news of {:?}", act);
            one = match done.hold {
                Hold::Keep(kept) => Some(*kept),
                Hold::Same => before.clone(),
                Hold::Nothing | Hold::Forget => None,
            };
            prop_assert_eq!(one.as_ref().map(|kept| kept.state), model.state, "after {:?}", act);
            let Some(kept) = &one else { continue };
            let shown = kept.shown(None, now);
            prop_assert_eq!(shown.state, kept.state, "nothing is over that was not ended");
            prop_assert_eq!(kept.state == State::Accepted, kept.accepted.is_some());
            prop_assert!(kept.accepted.as_ref().is_none_or(|accepted| now < accepted.until));
            prop_assert!(kept.first_seen <= kept.since && kept.since <= now);
            prop_assert_eq!(kept.outcome == Outcome::Fail, model.fails);
            let was = before.as_ref().map(|kept| (kept.state, kept.failed));
            let moved = was != Some((kept.state, kept.failed)) && kept.failed;
            prop_assert!(!moved || !done.steps.is_empty(), "a change of state is a step");
            if let Some(step) = done.steps.last() {
                prop_assert_eq!((step.state, step.at), (kept.state, now));
                prop_assert_eq!(kept.steps.last(), Some(step));
            }
            if let Act::Look(outcome, fact) = act {
                let again = next(Some(kept), seen(outcome, Severity::High, fact, day), now);
                prop_assert_eq!((again.hold, again.news, again.steps.len()), (Hold::Same, News::None, 0));
            }
        }
    }
}
