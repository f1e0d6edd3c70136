//! What was kept long enough is forgotten by the gate itself, the ledger says how much, and nobody waits for it.

use std::time::Duration;

use portcullis::ledger::Entry;
use portcullis::ledger::Kind;
use portcullis::store::REPEATED_WITHIN;
use portcullis::store::Store;
use portcullis::store::Swept;
use serde_json::Value;
use serde_json::json;

use super::doors::house::CLOUD_HOOK;
use super::doors::house::House;
use super::doors::house::SECRET;
use super::doors::house::json_of;
use super::rig::until;

/// What the house keeps: bodies and sealed parts for a day.
const DAY: Duration = Duration::from_hours(24);

/// The ledger's entries that tell of sweeps.
async fn told(store: &Store) -> Vec<Value> {
    let mut told = Vec::new();
    for index in 0..store.head().await.unwrap().size {
        let entry = store.entry(index).await.unwrap().unwrap().entry;
        let entry = Entry::from_bytes(&entry).unwrap();
        if entry.kind == Kind::Admin && entry.body["what"] == "retention" {
            assert!(entry.sealed.is_empty());
            told.push(Value::Object(entry.body));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sweep_that_removed_anything_is_an_entry_and_no_other_is() {
    let house = House::open().await;
    let store = &house.gateway.store;
    // One that nobody can read, and a question that is decided.
    let sent =
        house.hook(CLOUD_HOOK, "repo:push", "{\"a\":1,\"a\":2}", SECRET).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let delivery = json_of(sent).await["delivery"].as_str().unwrap().to_owned();
    let token = house.token().await;
    let asked = house.check(&token, "publish").await;
    until("a dead letter", async || {
        let letters = house.gateway.dead_letters(10).await.unwrap();
        letters.iter().any(|letter| letter.id.to_string() == delivery).then_some(())
    })
    .await;
    let decision = asked["decision"].as_str().unwrap().parse().unwrap();
    assert_eq!(house.gateway.sweep().await.unwrap(), Swept::default(), "all of it is young");
    assert_eq!(told(store).await, Vec::<Value>::new());

    house.gateway.clock.advance(DAY + Duration::from_mins(1));
    let swept = house.gateway.sweep().await.unwrap();
    assert_eq!((swept.bodies, swept.repetitions, swept.dead_letters), (1, 0, 0), "{swept:?}");
    assert!(swept.sealed >= 1);
    let record = store.decision(decision).await.unwrap().unwrap();
    assert!(matches!(record.names, portcullis::decision::record::Part::Erased(_)));
    let entry = json!({
        "what": "retention", "bodies": 1, "sealed": swept.sealed, "repetitions": 0, "dead_letters": 0, "actions": 0,
        "notices": 0, "history": 0, "evidence": 0,
    });
    assert_eq!(told(store).await, std::slice::from_ref(&entry));
    assert_eq!(house.gateway.sweep().await.unwrap(), Swept::default());
    assert_eq!(told(store).await, [entry], "a sweep of nothing says nothing");

    // A repetition is noticed for thirty days, then nothing of the delivery is left.
    let again =
        house.hook(CLOUD_HOOK, "repo:push", "{\"a\":1,\"a\":2}", SECRET).send().await.unwrap();
    assert_eq!(again.status(), 200, "a duplicate, its body gone or not");
    house.gateway.clock.advance(REPEATED_WITHIN);
    let swept = house.gateway.sweep().await.unwrap();
    assert_eq!((swept.bodies, swept.dead_letters), (0, 1), "{swept:?}");
    assert_eq!(told(store).await.len(), 2);
    let again =
        house.hook(CLOUD_HOOK, "repo:push", "{\"a\":1,\"a\":2}", SECRET).send().await.unwrap();
    assert_eq!(again.status(), 202);
    house.close().await;
}
