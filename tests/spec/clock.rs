//! The machine's clock is set, stands, jumps by years: no grant lives longer than it was granted by either clock, and
//! the ledger's times run back only after the entry that says so.

use std::time::Duration;

use portcullis::approval::Binding;
use portcullis::approval::State;
use portcullis::approval::Ticket;
use portcullis::gateway::clock::Clock;
use portcullis::gateway::clock::Turn;
use portcullis::graph::Time;
use portcullis::ledger::Entry;
use portcullis::ledger::Kind;
use portcullis::store::TicketNote;
use serde_json::Map;
use serde_json::json;

use super::doors::house::House;
use super::rig::run;
use super::rig::until;

/// 2026-11-20T17:00:00Z.
const START: Time = Time::from_millis(1_795_194_000_000);

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const YEAR: i64 = 8_766 * HOUR;

/// What happens to the machine's clock, and when: seconds since the grant, milliseconds it is set by.
type Happening = (&'static str, &'static [(i64, i64)]);

/// A clock that stands for a second is set by a second to the past, every second.
static STANDS: [(i64, i64); 1_800] = {
    let mut all = [(0, -SECOND); 1_800];
    let (mut at, mut second) = (0, 60);
    while at < all.len() {
        all[at] = (second, -SECOND);
        at += 1;
        second += 1;
    }
    all
};

static HAPPENINGS: [Happening; 12] = [
    ("nothing", &[]),
    ("an hour ahead", &[(60, HOUR)]),
    ("an hour back", &[(60, -HOUR)]),
    ("ten years ahead", &[(60, 10 * YEAR)]),
    ("ten years back", &[(60, -10 * YEAR)]),
    ("a leap second", &[(60, -SECOND)]),
    ("it stands for half an hour", &STANDS),
    ("an hour ahead and set right after ten minutes", &[(60, HOUR), (660, -HOUR)]),
    ("an hour back and set right after ten minutes", &[(60, -HOUR), (660, HOUR)]),
    ("an hour ahead, taken for right, and then back", &[(60, HOUR), (1_200, -HOUR)]),
    (
        "back again and again",
        &[(60, -2 * MINUTE), (300, -2 * MINUTE), (600, -2 * MINUTE), (1_300, -2 * MINUTE)],
    ),
    ("ten years ahead and at once back", &[(60, 10 * YEAR), (61, -10 * YEAR)]),
];

/// How long a grant is good, minutes.
const LENGTHS: [i64; 4] = [1, 10, 30, 240];

/// 48 cases, second by second for five hours: as long as a grant counts, neither clock says that its time is over.
#[test]
fn no_grant_lives_longer_than_by_the_stricter_clock() {
    let mut cases = 0;
    for (name, happens) in HAPPENINGS {
        for minutes in LENGTHS {
            let lived = lived(happens, minutes * MINUTE);
            assert!(lived <= minutes * 60, "{name}, {minutes} minutes: it lived {lived} s");
            if name == "nothing" || name == "a leap second" {
                assert!(lived >= minutes * 60 - 1, "{name}, {minutes} minutes: only {lived} s");
            }
            cases += 1;
        }
    }
    assert!(cases >= 40);
}

/// For how many seconds of the steady clock a grant of that length counts. Panics if it counts when the machine's own
/// clock says that its time is over.
fn lived(happens: &[(i64, i64)], length: i64) -> i64 {
    let clock = Clock::by_hand(START);
    let ends = clock.now().plus(Duration::from_millis(length.unsigned_abs()));
    let (mut wall, mut revoked, mut lived) = (0, false, 0);
    for second in 0..5 * 3_600 {
        for (_, by) in happens.iter().filter(|(at, _)| *at == second) {
            clock.jump(*by);
            wall += by;
        }
        if let Some(Turn::Stayed(ahead)) = clock.look() {
            // As the gateway does: what is in force ends before the time is set back, and a small step waits for that.
            let in_force = !revoked && clock.now() < ends;
            if ahead.is_zero() || ahead > Duration::from_mins(1) || !in_force {
                revoked |= !ahead.is_zero();
                clock.settle();
            }
        }
        if !revoked && !clock.is_frozen() && clock.now() < ends {
            assert!(second * SECOND + wall < length, "the wall clock says that it is over");
            lived = second;
        }
        clock.advance(Duration::from_secs(1));
    }
    lived
}

#[test]
fn the_time_that_is_given_goes_back_only_where_a_new_time_is_taken_for_right() {
    for (name, happens) in HAPPENINGS {
        let clock = Clock::by_hand(START);
        let mut last = clock.now();
        for second in 0..3_600 {
            happens.iter().filter(|(at, _)| *at == second).for_each(|(_, by)| clock.jump(*by));
            if let Some(Turn::Stayed(_)) = clock.look() {
                last = clock.settle();
            }
            let now = clock.now();
            assert!(now >= last, "{name}, second {second}");
            last = now;
            clock.advance(Duration::from_secs(1));
        }
    }
}

/// A granted ticket, as if somebody had been asked and said yes.
async fn granted(house: &House) -> Ticket {
    let token = house.token().await;
    let asked = house.check(&token, "deploy").await;
    let id = asked["ticket"]["id"].as_str().unwrap().parse().unwrap();
    let store = &house.gateway.store;
    let asked = store.ticket(id).await.unwrap().unwrap();
    let now = house.gateway.clock.now();
    let granted = Ticket {
        binding: Binding { commit: Some("8d3c1f0e".repeat(5)), ..asked.binding.clone() },
        state: State::Granted,
        grant_ends: Some(now.plus(Duration::from_mins(30))),
        version: asked.version + 1,
        ..asked.clone()
    };
    let note = TicketNote { at: now, body: Map::new(), sealed: Vec::new(), mentions: Vec::new() };
    store.save_ticket(asked.version, &granted, note, Vec::new()).await.unwrap();
    granted
}

/// Whether the grant would be taken, and else why not.
async fn offered(house: &House, ticket: &Ticket) -> Result<(), String> {
    let gateway = &house.gateway;
    let offered = gateway.offered(&ticket.connection, &ticket.binding, gateway.clock.now()).await;
    match (&offered.grants[..], &offered.refused[..]) {
        ([grant], _) if grant.ticket == ticket.id => Ok(()),
        ([], [refused]) => Err(refused.why.clone()),
        other => panic!("{other:?}"),
    }
}

/// The entries about the clock, once there are so many; and there are no more.
async fn of_clock(house: &House, count: usize) -> Vec<Entry> {
    until("an entry about the clock", async || {
        let mut all = house.entries(0).await;
        all.retain(|entry| {
            entry.body.get("what") == Some(&json!("clock")) || entry.kind == Kind::Gap
        });
        assert!(all.len() <= count, "{all:?}");
        (all.len() == count).then_some(all)
    })
    .await
}

fn said(entry: &Entry) -> String {
    entry.body["clock"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_freezes_grants_at_once_and_says_so_until_the_clock_is_set_right() {
    let house = House::open().await;
    let gateway = &house.gateway;
    let ticket = granted(&house).await;
    assert_eq!(offered(&house, &ticket).await, Ok(()));
    gateway.clock.jump(-90 * SECOND);
    let why = offered(&house, &ticket).await.unwrap_err();
    assert!(why.starts_with("frozen: "), "{why}");
    let [set] = &of_clock(&house, 1).await[..] else { panic!("said once") };
    assert_eq!(said(set), "set");
    let by = set.body["by_ms"].as_i64().unwrap();
    assert!((-91_000..=-89_000).contains(&by), "{by}");
    assert!(!gateway.readiness().await.ready);

    gateway.clock.jump(90 * SECOND);
    assert_eq!(offered(&house, &ticket).await, Ok(()));
    let [_, righted] = &of_clock(&house, 2).await[..] else { panic!("said once") };
    assert_eq!(said(righted), "right again");
    assert!(gateway.readiness().await.ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_taken_back_ends_every_grant_first_and_marks_the_ledger() {
    let house = House::open().await;
    let gateway = &house.gateway;
    let ticket = granted(&house).await;
    let before = gateway.clock.now();
    gateway.clock.jump(-HOUR);
    of_clock(&house, 1).await;
    gateway.clock.advance(Duration::from_mins(15));
    let [set, back] = &of_clock(&house, 2).await[..] else { panic!("two entries") };
    assert!(gateway.clock.now() < before, "the time was taken back");
    let after = gateway.store.ticket(ticket.id).await.unwrap().unwrap();
    assert_eq!(after.state, State::Revoked);
    assert!(offered(&house, &ticket).await.is_err());
    assert!(gateway.readiness().await.ready);
    assert_eq!((said(set), back.kind), ("set".to_owned(), Kind::Gap));
    assert_eq!((&back.body["why"], &back.body["grants_ended"]), (&json!("clock"), &json!(1)));
    assert!((59 * 60_000..=61 * 60_000).contains(&back.body["back_ms"].as_i64().unwrap()));
    // What comes now is stamped with the new time, and an auditor sees why.
    let next = granted(&house).await;
    assert_eq!(offered(&house, &next).await, Ok(()));
    let all = house.entries(0).await;
    assert!(all.last().unwrap().at < set.at);
    let now = gateway.clock.now();
    // As a gate that serves keeps them: what an auditor verifies with.
    let key = gateway.verifier_key().to_string();
    gateway.store.set_meta("ledger-vkey", key.as_bytes()).await.unwrap();
    let folder = house.close().await;
    std::fs::write(folder.path().join("store.key"), "07".repeat(32)).unwrap();
    let store = format!("sqlite:{}", folder.path().join("portcullis.db").display());
    let verified = run(&["ledger", "verify", "--store", &store]).await;
    assert_eq!(verified.code, 0, "{}", verified.all());
    assert!(now < before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_ahead_that_stays_is_taken_for_right_without_ending_what_is_asked() {
    let house = House::open().await;
    let gateway = &house.gateway;
    gateway.clock.jump(2 * MINUTE);
    of_clock(&house, 1).await;
    let ticket = granted(&house).await;
    assert!(offered(&house, &ticket).await.unwrap_err().starts_with("frozen: "));
    gateway.clock.advance(Duration::from_mins(15));
    let [set, taken] = &of_clock(&house, 2).await[..] else { panic!("two entries") };
    assert_eq!((said(set), said(taken)), ("set".to_owned(), "taken for right".to_owned()));
    assert_eq!(offered(&house, &ticket).await, Ok(()), "nothing was taken back");
}
