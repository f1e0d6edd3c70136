//! A delivery is kept once, handed out in order, and ends done or dead, never lost.

use std::time::Duration;

use portcullis::event::delivery::HookId;
use portcullis::graph::Time;
use portcullis::store::Claimed;
use portcullis::store::Kept;
use portcullis::store::NewDelivery;
use portcullis::store::REPEATED_WITHIN;
use portcullis::store::Replay;
use portcullis::store::Store;
use portcullis::store::Swept;
use portcullis::store::Until;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use super::HOOK;
use super::OTHER_HOOK;
use super::Place;
use super::at;
use super::delivery;

const LEASE: Duration = Duration::from_secs(30);

async fn claim(store: &Store, limit: usize, now: Time) -> Vec<Claimed> {
    store.claim(limit, now, LEASE).await.unwrap()
}

async fn keep(store: &Store, hook: &str, body: &'static [u8]) -> Uuid {
    match store.keep(delivery(hook, body, at(0))).await.unwrap() {
        Kept::New(id) => id,
        Kept::Duplicate(id) => panic!("{id} is a duplicate"),
    }
}

#[tokio::test]
async fn the_same_body_through_the_same_hook_is_kept_once() {
    let place = Place::new();
    let store = place.open().await;
    let first = keep(&store, HOOK, b"{}").await;
    let again = store.keep(delivery(HOOK, b"{}", at(1))).await.unwrap();
    assert_eq!(again, Kept::Duplicate(first));
    let late = at(0).plus(REPEATED_WITHIN);
    let other_key =
        NewDelivery { key: "pullrequest:created".to_owned(), ..delivery(HOOK, b"{}", at(2)) };
    assert_eq!(store.keep(other_key).await.unwrap(), Kept::Duplicate(first));
    keep(&store, OTHER_HOOK, b"{}").await;
    keep(&store, HOOK, b"{ }").await;
    assert!(matches!(store.keep(delivery(HOOK, b"{}", late)).await.unwrap(), Kept::New(_)));
}

#[tokio::test]
async fn a_duplicate_stays_one_over_a_restart() {
    let place = Place::new();
    let store = place.open().await;
    let first = keep(&store, HOOK, b"{}").await;
    store.close().await;
    let again = place.open().await.keep(delivery(HOOK, b"{}", at(1))).await.unwrap();
    assert_eq!(again, Kept::Duplicate(first));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once_are_all_on_the_disk() {
    let place = Place::new();
    let store = place.open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..1_000_u32 {
        let store = store.clone();
        tasks.spawn(async move {
            let body = number.to_be_bytes();
            let kept = store
                .keep(NewDelivery {
                    body: &body,
                    digest: Sha256::digest(body).into(),
                    ..delivery(HOOK, b"", at(0))
                })
                .await;
            matches!(kept, Ok(Kept::New(_)))
        });
    }
    assert!(tasks.join_all().await.into_iter().all(|new| new));
    // Another process reads what was acknowledged, while the writer is still there.
    let reader = Store::open_read_only(&place.path()).await.unwrap();
    assert_eq!(reader.waiting().await.unwrap(), 1_000);
}

#[tokio::test]
async fn what_is_claimed_is_what_was_kept() {
    let place = Place::new();
    let store = place.open().await;
    let id = keep(&store, HOOK, b"{\"push\":1}").await;
    let claimed = claim(&store, 10, at(5)).await;
    let [one] = claimed.as_slice() else { panic!("{claimed:?}") };
    assert_eq!((one.id, one.body.as_slice()), (id, &b"{\"push\":1}"[..]));
    assert_eq!(one.hook, HOOK.parse::<HookId>().unwrap());
    assert_eq!((one.received, one.tries), (at(0), 1));
    assert_eq!(one.digest, <[u8; 32]>::from(Sha256::digest(b"{\"push\":1}")));
}

#[tokio::test]
async fn a_hook_keeps_its_order() {
    let place = Place::new();
    let store = place.open().await;
    let (a, b) = (keep(&store, HOOK, b"a").await, keep(&store, HOOK, b"b").await);
    let other = keep(&store, OTHER_HOOK, b"a").await;
    let c = keep(&store, HOOK, b"c").await;
    let ids = |claims: &[Claimed]| claims.iter().map(|one| one.id).collect::<Vec<_>>();

    assert_eq!(ids(&claim(&store, 1, at(0)).await), [a]);
    assert_eq!(ids(&claim(&store, 9, at(0)).await), [other], "the first hook waits for `a`");
    assert_eq!(claim(&store, 9, at(0)).await, [], "everything is held");

    store.give_back(a, "not now", at(100)).await.unwrap();
    assert_eq!(claim(&store, 9, at(50)).await, [], "`b` does not overtake `a`");
    assert_eq!(ids(&claim(&store, 9, at(100)).await), [a, b, c], "together and in order");

    store.finish_without_decision(a, "ours", at(101)).await.unwrap();
    assert_eq!(claim(&store, 9, at(102)).await, [], "`b` and `c` are still held");
    let expired = at(100).plus(LEASE);
    let again = claim(&store, 9, expired).await;
    assert_eq!(ids(&again), [b, other, c], "leases end");
    assert_eq!(again.iter().map(|one| one.tries).collect::<Vec<_>>(), [2, 2, 2]);
}

#[tokio::test]
async fn a_restart_ends_every_lease() {
    let place = Place::new();
    let store = place.open().await;
    let id = keep(&store, HOOK, b"a").await;
    assert_eq!(claim(&store, 9, at(0)).await.len(), 1);
    store.close().await;
    let store = place.open().await;
    assert_eq!(claim(&store, 9, at(1)).await[0].id, id);
}

#[tokio::test]
async fn a_dead_letter_says_why_and_can_be_tried_again() {
    let place = Place::new();
    let store = place.open().await;
    let id = keep(&store, HOOK, b"not json").await;
    let next = keep(&store, HOOK, b"{}").await;
    claim(&store, 1, at(1)).await;
    store.dead_letter(id, "not JSON at `not`", at(2)).await.unwrap();
    assert_eq!(claim(&store, 9, at(3)).await[0].id, next, "the hook goes on");

    let letters = store.dead_letters(None, 10).await.unwrap();
    assert_eq!((letters.len(), letters[0].id), (1, id));
    assert_eq!((letters[0].why.as_str(), letters[0].died), ("not JSON at `not`", at(2)));
    assert_eq!(store.dead_letters(Some(letters[0].place), 10).await.unwrap(), []);
    assert_eq!(store.head().await.unwrap().size, 1, "the ledger says it was not seen");

    assert_eq!(store.replay(next, "operator session", at(4)).await.unwrap(), Replay::NotDead);
    assert_eq!(store.replay(id, "operator session", at(4)).await.unwrap(), Replay::Waiting);
    store.finish_without_decision(next, "ours", at(5)).await.unwrap();
    assert_eq!(claim(&store, 9, at(6)).await[0].body, b"not json");
    assert_eq!(store.dead_letters(None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn bodies_are_never_written_plain_and_are_forgotten_in_time() {
    let place = Place::new();
    let store = place.open().await;
    let id = keep(&store, HOOK, b"the-body-of-a-push").await;
    let waiting = keep(&store, OTHER_HOOK, b"the-body-of-another").await;
    store.dead_letter(id, "why-quotes-the-body", at(1)).await.unwrap();
    assert!(!place.holds("the-body-of-a-push") && !place.holds("why-quotes-the-body"));
    assert!(place.holds(HOOK), "what is not sealed can be found this way");

    let until = |bodies| Until { bodies, sealed: Time::from_millis(0) };
    let none = store.sweep(until(at(0)), at(2)).await.unwrap();
    assert_eq!(none, Swept::default(), "not old enough");
    let one = store.sweep(until(at(1)), at(2)).await.unwrap();
    assert_eq!(one, Swept { bodies: 1, ..Swept::default() }, "but not what waits");
    assert_eq!(store.replay(id, "operator session", at(3)).await.unwrap(), Replay::Forgotten);
    assert_eq!(claim(&store, 9, at(3)).await[0].id, waiting);
    let again = store.keep(delivery(HOOK, b"the-body-of-a-push", at(4))).await.unwrap();
    assert_eq!(again, Kept::Duplicate(id), "the hash stays");
}
