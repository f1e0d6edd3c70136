//! Notices stand with what they tell of: both are there or neither, no file holds what they say, and they are forgotten
//! with the names.

use std::time::Duration;

use portcullis::store::After;
use portcullis::store::NewMessage;
use portcullis::store::NewNotice;
use portcullis::store::Recording;
use portcullis::store::Store;
use portcullis::store::Tell;
use portcullis::store::Tells;
use portcullis::store::Until;
use uuid::Uuid;

use super::Place;
use super::at;
use super::decision_of;

const DAY: i64 = 24 * 60 * 60 * 1_000;

fn notice(channel: &str, about: Uuid, causes: &[&str], now: i64) -> NewNotice {
    NewNotice {
        channel: channel.to_owned(),
        about,
        causes: causes.iter().map(|cause| (*cause).to_owned()).collect(),
        tell: Tell::Now,
        held_since: at(now - DAY),
        item: b"Said-To-Somebody".to_vec(),
    }
}

fn telling(causes: &[&str], now: i64, event: Option<u8>) -> Recording {
    let record = decision_of("Jo", at(now));
    let notices = vec![notice("security", record.public.decision, causes, now)];
    Recording { notices, event_key: event.map(|byte| [byte; 32]), ..Recording::of(record) }
}

async fn waiting(store: &Store) -> Vec<Uuid> {
    let untold = store.untold_of("security").await.unwrap();
    assert!(untold.iter().all(|one| one.item == b"Said-To-Somebody"));
    untold.into_iter().map(|one| one.about).collect()
}

/// The number under which the newest notice waits.
async fn newest(store: &Store) -> u64 {
    store.untold_of("security").await.unwrap().last().unwrap().number
}

fn message(tells: Tells) -> NewMessage {
    NewMessage {
        id: Uuid::now_v7(),
        channel: "security".to_owned(),
        kind: "decision.block",
        body: b"Sent-To-Somebody".to_vec(),
        tells,
    }
}

#[tokio::test]
async fn a_notice_is_there_with_its_decision_or_not_at_all_and_in_no_file() {
    let place = Place::new();
    let store = place.open().await;
    let first = telling(&["a"], 1, Some(1));
    let decision = first.record.public.decision;
    let doubled = telling(&["b"], 2, Some(1));
    let results = store.record(vec![first, doubled]).await;
    assert!(results[0].is_ok() && results[1].is_err(), "the same event through two hooks");
    assert_eq!(waiting(&store).await, [decision], "what was refused is told to nobody");
    store.close().await;
    let store = place.open().await;
    assert_eq!(waiting(&store).await, [decision], "also after a restart");
    let number = newest(&store).await;
    assert!(store.add_message(message(Tells::One(number)), at(3)).await.unwrap());
    assert!(!store.add_message(message(Tells::One(number)), at(4)).await.unwrap(), "told once");
    assert!(waiting(&store).await.is_empty());
    let due = store.due_messages(at(4)).await.unwrap();
    assert_eq!((due.len(), due[0].body.as_slice()), (1, &b"Sent-To-Somebody"[..]));
    assert!(!place.holds("Said-To-Somebody") && !place.holds("Sent-To-Somebody"));
    store.close().await;
}

#[tokio::test]
async fn a_cause_is_told_to_a_channel_once_and_is_new_to_another_or_after_its_time() {
    let place = Place::new();
    let store = place.open().await;
    let tell = async |causes: &[&str], now: i64| {
        let recording = telling(causes, now, None);
        let about = recording.record.public.decision;
        assert!(store.record(vec![recording]).await[0].is_ok());
        store.hearings(about).await.unwrap()[0].tell
    };
    assert_eq!(tell(&["a"], 0).await, Tell::Now);
    assert_eq!(tell(&["a"], 10).await, Tell::Held);
    assert_eq!(tell(&["a", "b"], 20).await, Tell::Now, "something new is in it");
    assert_eq!(tell(&["b"], 30).await, Tell::Held);
    assert_eq!(tell(&["a"], DAY).await, Tell::Held, "a day after, to the millisecond");
    assert_eq!(tell(&["a"], DAY + 1).await, Tell::Now);
    assert_eq!(tell(&["b"], DAY + 2).await, Tell::Held, "told at 20");
    let other = notice("payments", Uuid::now_v7(), &["a"], DAY + 3);
    assert_eq!(store.add_notices(vec![other], at(DAY + 3)).await.unwrap(), 1, "another channel");
    let (counted, causes) = store.digest_of("security", at(2 * DAY), 1).await.unwrap();
    assert_eq!((counted.len(), counted[0].count, causes), (1, 2, 2), "the most frequent first");
    assert!(store.add_message(message(Tells::Digest(at(2 * DAY))), at(2 * DAY)).await.unwrap());
    assert_eq!(store.digest_of("security", at(3 * DAY), 9).await.unwrap().1, 0);
    store.close().await;
}

#[tokio::test]
async fn one_message_of_a_channel_is_tried_at_a_time_and_a_failure_holds_up_no_other_channel() {
    let place = Place::new();
    let store = place.open().await;
    for (channel, now) in [("security", 1), ("security", 2), ("payments", 3)] {
        let new = notice(channel, Uuid::now_v7(), &[&now.to_string()], now);
        store.add_notices(vec![new], at(now)).await.unwrap();
        let number = store.untold_of(channel).await.unwrap()[0].number;
        let message = NewMessage { channel: channel.to_owned(), ..message(Tells::One(number)) };
        assert!(store.add_message(message, at(now)).await.unwrap());
    }
    let due = store.due_messages(at(10)).await.unwrap();
    let channels: Vec<&str> = due.iter().map(|one| one.channel.as_str()).collect();
    assert_eq!(channels, ["security", "payments"]);
    let retry = After::Retry(at(1_000));
    store.message_failed(due[0].id, "the receiver answered 503", retry, at(10)).await.unwrap();
    let due_now = store.due_messages(at(20)).await.unwrap();
    assert_eq!(due_now.len(), 1, "the second message waits behind the first");
    let again = store.due_messages(at(1_000)).await.unwrap();
    assert_eq!((again[0].id, again[0].tries), (due[0].id, 1));
    let standing = store.channel("security").await.unwrap();
    assert_eq!(standing.why.as_deref(), Some("the receiver answered 503"));
    assert_eq!(standing.waiting, 2);
    store.message_told(due[0].id, at(1_001)).await.unwrap();
    assert_ne!(store.due_messages(at(1_001)).await.unwrap()[0].id, due[0].id);
    store.close().await;
}

#[tokio::test]
async fn notices_go_with_the_names_and_causes_when_they_hold_nothing_back() {
    let place = Place::new();
    let store = place.open().await;
    for (cause, now) in [("a", 0), ("b", 50 * DAY)] {
        assert!(store.record(vec![telling(&[cause], now, None)]).await[0].is_ok());
        let number = newest(&store).await;
        let message = message(Tells::One(number));
        let id = message.id;
        assert!(store.add_message(message, at(now)).await.unwrap());
        store.message_told(id, at(now)).await.unwrap();
    }
    let count = |table: &str| -> i64 {
        let db = rusqlite::Connection::open(place.path()).unwrap();
        db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    let before = at(49 * DAY);
    let until = Until { bodies: before, sealed: before };
    let swept = store.sweep(until, at(60 * DAY)).await.unwrap();
    assert_eq!(swept.notices, 3, "a notice, its message, and a cause of more than 30 days");
    assert_eq!((count("notice"), count("message"), count("cause")), (1, 1, 1));
    let swept = store.sweep(until, at(60 * DAY).plus(Duration::from_secs(1))).await.unwrap();
    assert_eq!(swept.notices, 0);
    store.close().await;
}
