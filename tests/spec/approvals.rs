//! A ticket's life: total, monotone, bound to exactly what was seen, spent once; and an approval that nobody can give
//! is a Block that says so.

mod approvers;
mod bound;

pub use approvers::connection;

use std::time::Duration;

use portcullis::approval::Act;
use portcullis::approval::Asked;
use portcullis::approval::Binding;
use portcullis::approval::Refusal;
use portcullis::approval::State;
use portcullis::approval::Ticket;
use portcullis::approval::Unfit;
use portcullis::approval::Vote;
use portcullis::approval::VoteWord;
use portcullis::graph::Time;
use portcullis::policy::Demand;
use portcullis::policy::RuleId;
use portcullis::policy::demand::of_an_operator;
use uuid::Uuid;

/// 2026-11-21 18:05:00 UTC.
const NOW: Time = Time::from_millis(1_795_284_300_000);

/// How long the ticket waits, and how long its grant is good: different, so that neither is taken for the other.
const WAITS: Duration = Duration::from_hours(4);
const GOOD_FOR: Duration = Duration::from_mins(30);

/// Rank of a state: no act leads to a lower one.
const fn rank(state: State) -> u8 {
    match state {
        State::Asked => 0,
        State::Granted => 1,
        State::Spent | State::Refused | State::Expired | State::Revoked => 2,
    }
}

fn demand(count: u32) -> Demand {
    Demand { count, expires_in: WAITS.as_secs(), grant_for: GOOD_FOR.as_secs(), ..of_an_operator() }
}

fn binding() -> Binding {
    Binding {
        v: 1,
        connection: "acme-cloud".to_owned(),
        action: "deploy".to_owned(),
        repository: Some("acme-cloud/repository/0b1c".to_owned()),
        reference: Some("refs/heads/main".to_owned()),
        commit: Some("8d3c1f0e5b7a49c2d6e8f1029384756aabbccdde".to_owned()),
        environment: Some("acme-cloud/environment/77".to_owned()),
        variables: vec!["AWS_PROD_KEY".to_owned(), "NPM_TOKEN".to_owned()],
        script_sha256: Some("9f".repeat(32)),
        bundle: "11".repeat(32),
        rules: vec![RuleId::told("deploy/production-needs-approval")],
        facts: "22".repeat(32),
    }
}

fn asked(count: u32) -> Ticket {
    let binding = binding();
    Ticket {
        id: Uuid::from_u128(7),
        connection: "acme-cloud".parse().unwrap(),
        decision: Uuid::from_u128(8),
        asked: vec![Asked { rule: binding.rules[0].clone(), demand: demand(count), eligible: 4 }],
        binding,
        reason: "Deploying to production needs one approval.".to_owned(),
        asked_because: None,
        asker: "33".repeat(32),
        state: State::Asked,
        why: "Nobody has voted yet.".to_owned(),
        asked_at: NOW,
        expires_at: NOW.plus(WAITS),
        grant_ends: None,
        votes: Vec::new(),
        spent_by: None,
        waiting: None,
        version: 1,
    }
}

fn vote_of(by: &str, vote: VoteWord, at: Time) -> Act {
    Act::Vote(Vote { by: by.to_owned(), vote, reason: "looked at it".to_owned(), at })
}

fn yes(at: Time) -> Act {
    vote_of("operator session", VoteWord::Approve, at)
}

fn spend(at: Time) -> Act {
    Act::Spend { decision: Uuid::from_u128(99), at }
}

fn after(seconds: u64) -> Time {
    NOW.plus(Duration::from_secs(seconds))
}

fn granted() -> Ticket {
    asked(1).step(yes(after(60))).unwrap()
}

/// One ticket in each state.
fn one_in(state: State) -> Ticket {
    let ticket = match state {
        State::Asked => Ok(asked(1)),
        State::Granted => Ok(granted()),
        State::Spent => granted().step(spend(after(61))),
        State::Refused => asked(1).step(vote_of("operator session", VoteWord::Deny, after(60))),
        State::Expired => asked(1).step(Act::Tick(NOW.plus(WAITS))),
        State::Revoked => asked(1).step(Act::Revoke { reason: "mistake".to_owned() }),
    };
    let ticket = ticket.unwrap();
    assert_eq!(ticket.state, state);
    ticket
}

/// Times around every edge there is.
fn times() -> Vec<Time> {
    let edges = [NOW, NOW.plus(WAITS), after(60).plus(GOOD_FOR), NOW.plus(WAITS).plus(GOOD_FOR)];
    let around = |edge: Time| [-1, 0, 1].map(|by| Time::from_millis(edge.millis() + by));
    let far = [Time::from_millis(i64::MIN), Time::from_millis(0), Time::from_millis(i64::MAX)];
    edges.into_iter().flat_map(around).chain(far).collect()
}

fn acts() -> Vec<Act> {
    let at = |time: Time| {
        [
            yes(time),
            vote_of("operator session", VoteWord::Deny, time),
            vote_of("somebody else", VoteWord::Approve, time),
            Act::Tick(time),
            spend(time),
        ]
    };
    let revoke = Act::Revoke { reason: "the release was called off".to_owned() };
    times().into_iter().flat_map(at).chain([revoke]).collect()
}

#[test]
fn every_act_in_every_state_is_answered_and_none_leads_back() {
    let mut open = State::ALL.iter().map(|state| one_in(*state)).collect::<Vec<_>>();
    open.push(asked(2).step(yes(after(60))).unwrap());
    let mut steps = 0;
    // Three acts deep: by then every path has ended.
    for depth in 0..3 {
        let mut next = Vec::new();
        for ticket in &open {
            for act in acts() {
                steps += 1;
                let Ok(stepped) = ticket.step(act.clone()) else { continue };
                check_step(ticket, &act, &stepped);
                if stepped.state != ticket.state && depth < 2 {
                    next.push(stepped);
                }
            }
        }
        open = next;
    }
    assert!(steps > 1_000, "{steps}");
}

fn check_step(before: &Ticket, act: &Act, after: &Ticket) {
    let (from, to) = (rank(before.state), rank(after.state));
    assert!(to > from || after.state == before.state, "{before:?} {act:?} {after:?}");
    if from == 2 {
        assert_eq!(after, before, "an ended ticket stays as it is");
    }
    let changed = after != before;
    assert_eq!(after.version, before.version + u64::from(changed), "{act:?}");
    assert!(after.votes.starts_with(&before.votes), "no vote is lost");
    assert_eq!((&after.binding, after.expires_at), (&before.binding, before.expires_at));
    if before.grant_ends.is_some() {
        assert_eq!(after.grant_ends, before.grant_ends, "the window neither shrinks nor grows");
    }
    assert_eq!(after.grant_ends.is_some(), to > 0 && granted_once(after), "{act:?}");
    assert_eq!(after.spent_by.is_some(), after.state == State::Spent);
    assert!(!after.why.is_empty() && after.why.ends_with('.') || after.state == State::Revoked);
}

fn granted_once(ticket: &Ticket) -> bool {
    let approvals = ticket.votes.iter().filter(|vote| vote.vote == VoteWord::Approve).count();
    approvals == ticket.asked[0].demand.count as usize
        && ticket.votes.iter().all(|vote| vote.vote == VoteWord::Approve)
}

#[test]
fn asked_then_granted_then_spent_once() {
    let granted = granted();
    assert_eq!((granted.state, granted.missing(), granted.version), (State::Granted, 0, 2));
    assert_eq!(granted.why, "Approved by operator session.");
    let spent = granted.step(spend(after(90))).unwrap();
    assert_eq!((spent.state, spent.spent_by), (State::Spent, Some(Uuid::from_u128(99))));
    assert_eq!(spent.step(spend(after(91))), Err(Refusal::Over(State::Spent)));
    assert_eq!(spent.grant_for_binding(&binding(), after(91)), Err(Unfit::Spent));
}

#[test]
fn a_grant_is_not_there_before_it_is_given() {
    assert_eq!(asked(1).step(spend(after(1))), Err(Refusal::NotGranted(State::Asked)));
    for state in [State::Asked, State::Refused, State::Revoked] {
        let refused = one_in(state).grant_for_binding(&binding(), after(61));
        assert_eq!(refused, Err(Unfit::NotGranted(state)));
    }
    let ran_out = one_in(State::Expired).grant_for_binding(&binding(), after(61));
    assert_eq!(ran_out, Err(Unfit::NotGranted(State::Expired)), "it never was one");
    let grant = granted().grant_for_binding(&binding(), after(61)).unwrap();
    assert_eq!((grant.ticket, grant.rules), (Uuid::from_u128(7), granted().rules()));
}

#[test]
fn the_window_starts_at_the_approval() {
    let late = NOW.plus(WAITS).minus(Duration::from_millis(1));
    for at in [after(0), after(60), late] {
        let granted = asked(1).step(yes(at)).unwrap();
        let ends = at.plus(GOOD_FOR);
        assert_eq!(granted.grant_ends, Some(ends));
        let last = ends.minus(Duration::from_millis(1));
        assert!(granted.grant_for_binding(&binding(), last).is_ok());
        assert_eq!(granted.step(spend(last)).unwrap().state, State::Spent);
        assert_eq!(granted.step(Act::Tick(last)).unwrap(), granted);

        assert_eq!(granted.grant_for_binding(&binding(), ends), Err(Unfit::Expired(ends)));
        assert_eq!(granted.step(spend(ends)), Err(Refusal::TooLate(ends)));
        let expired = granted.step(Act::Tick(ends)).unwrap();
        assert_eq!((expired.state, expired.grant_ends), (State::Expired, Some(ends)));
        assert_eq!(expired.grant_for_binding(&binding(), ends), Err(Unfit::Expired(ends)));
        assert_eq!(expired.step(spend(last)), Err(Refusal::Over(State::Expired)), "no way back");
    }
}

#[test]
fn the_shortest_window_of_all_demands_counts() {
    let mut ticket = asked(1);
    let mut second = ticket.asked[0].clone();
    second.demand.grant_for = 60;
    ticket.asked.push(second);
    assert_eq!(ticket.step(yes(after(5))).unwrap().grant_ends, Some(after(65)));
}

#[test]
fn a_vote_after_the_end_is_refused() {
    let ends = NOW.plus(WAITS);
    assert_eq!(asked(1).step(yes(ends)), Err(Refusal::TooLate(ends)));
    let deny = vote_of("operator session", VoteWord::Deny, ends);
    assert_eq!(asked(1).step(deny), Err(Refusal::TooLate(ends)), "a no comes too late as well");
    assert!(asked(1).step(yes(ends.minus(Duration::from_millis(1)))).is_ok());
    let expired = asked(1).step(Act::Tick(ends)).unwrap();
    assert_eq!(expired.step(yes(after(1))), Err(Refusal::Over(State::Expired)));
    assert!(expired.why.contains(&ends.to_string()), "{}", expired.why);
}

#[test]
fn one_voter_counts_once_and_the_ticket_says_what_is_missing() {
    let half = asked(2).step(yes(after(1))).unwrap();
    assert_eq!((half.state, half.missing(), half.grant_ends), (State::Asked, 1, None));
    assert_eq!(half.why, "One more approval is needed, from somebody else.");
    let again = half.step(yes(after(2))).unwrap_err();
    assert_eq!(again, Refusal::VotedAlready("operator session".to_owned()));
    assert!(again.to_string().contains("different people"));
    let whole = half.step(vote_of("somebody else", VoteWord::Approve, after(3))).unwrap();
    assert_eq!((whole.state, whole.missing()), (State::Granted, 0));
    assert_eq!(whole.grant_ends, Some(after(3).plus(GOOD_FOR)), "from the last approval on");
    let three = asked(3).step(yes(after(1))).unwrap();
    assert_eq!(three.why, "2 more approvals are needed, each from somebody else.");
}

#[test]
fn one_no_ends_it() {
    for count in [1, 2] {
        let denied = asked(count).step(vote_of("ana", VoteWord::Deny, after(1))).unwrap();
        assert_eq!((denied.state, denied.why.as_str()), (State::Refused, "ana refused it."));
        assert_eq!(denied.step(yes(after(2))), Err(Refusal::Over(State::Refused)));
    }
    let half = asked(2).step(yes(after(1))).unwrap();
    let denied = half.step(vote_of("ana", VoteWord::Deny, after(2))).unwrap();
    assert_eq!((denied.state, denied.votes.len()), (State::Refused, 2), "both are recorded");
}

#[test]
fn nothing_is_approved_over_an_unknown_commit() {
    let mut ticket = asked(1);
    ticket.binding.commit = None;
    assert_eq!(ticket.step(yes(after(1))), Err(Refusal::NoCommit));
    let denied = ticket.step(vote_of("ana", VoteWord::Deny, after(1))).unwrap();
    assert_eq!(denied.state, State::Refused, "a no needs nothing definite");
    // Were there a granted one all the same, its grant is none.
    let forged = Ticket { binding: ticket.binding.clone(), ..granted() };
    assert!(forged.grant_for_binding(&ticket.binding, after(61)).is_err());
}

#[test]
fn a_ticket_that_is_taken_back_is_over() {
    for ticket in [asked(1), granted()] {
        let back = ticket.step(Act::Revoke { reason: "called off".to_owned() }).unwrap();
        assert_eq!(
            (back.state, back.why.as_str()),
            (State::Revoked, "It was taken back: called off")
        );
        assert_eq!(back.step(yes(after(62))), Err(Refusal::Over(State::Revoked)));
        assert_eq!(back.step(spend(after(62))), Err(Refusal::Over(State::Revoked)));
    }
}

#[test]
fn why_a_grant_is_refused_names_nobody() {
    let ticket = asked(1).step(vote_of("Ana-Maria", VoteWord::Approve, after(60))).unwrap();
    let late = ticket.grant_ends.unwrap();
    let moved = Binding { commit: Some("0".repeat(40)), ..binding() };
    let spent = ticket.step(spend(after(61))).unwrap();
    let back = ticket.step(Act::Revoke { reason: "Ana-Maria asked".to_owned() }).unwrap();
    let whys = [
        ticket.grant_for_binding(&binding(), late),
        ticket.step(Act::Tick(late)).unwrap().grant_for_binding(&binding(), late),
        ticket.grant_for_binding(&moved, after(61)),
        spent.grant_for_binding(&binding(), after(62)),
        back.grant_for_binding(&binding(), after(62)),
    ]
    .map(|unfit| unfit.unwrap_err().to_string());
    let beginnings =
        ["expired", "expired", "it was approved for another commit", "spent", "there is no grant"];
    for (why, beginning) in whys.iter().zip(beginnings) {
        assert!(why.starts_with(beginning), "{why}");
        assert!(!why.contains("Ana-Maria"), "{why}");
    }
}

#[test]
fn a_ticket_that_was_kept_is_the_same_ticket() {
    for state in State::ALL {
        let ticket = one_in(*state);
        let kept = serde_json::to_vec(&ticket).unwrap();
        assert_eq!(serde_json::from_slice::<Ticket>(&kept).unwrap(), ticket);
    }
    assert_eq!(State::TEXTS, ["asked", "granted", "spent", "refused", "expired", "revoked"]);
}
