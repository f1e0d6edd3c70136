//! Another sealing key: afterwards everything opens with the new one and nothing with the old, whenever it was cut short.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use portcullis::approval::State;
use portcullis::ledger::Entry;
use portcullis::ledger::Kind;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::store::After;
use portcullis::store::KeptConnection;
use portcullis::store::NewAction;
use portcullis::store::OpenError;
use portcullis::store::Recording;
use portcullis::store::ServiceToken;
use portcullis::store::Settings;
use portcullis::store::Store;
use portcullis::store::TicketFilter;
use portcullis::store::When;
use rusqlite::Connection;
use uuid::Uuid;

use super::HOOK;
use super::OTHER_HOOK;
use super::Place;
use super::at;
use super::connections::add;
use super::decision_of;
use super::delivery;
use super::learn;
use super::seal;
use super::ticket;
use super::world_of;

/// A seal under the key of one byte that opens what another one sealed, too.
fn both(new: u8, old: u8) -> Arc<Seal> {
    Arc::new(Seal::new(&Secret::new([new; 32]), Some(&Secret::new([old; 32]))))
}

async fn open_with(place: &Place, seal: Arc<Seal>) -> Result<Store, OpenError> {
    Store::open(Settings { seal, ..place.settings() }).await
}

/// Something of every kind that is sealed.
async fn filled(store: &Store) -> Uuid {
    for number in 0..30 {
        let body: &'static [u8] = Box::leak(format!("{{\"n\":{number}}}").into_bytes().into());
        store.keep(delivery(HOOK, body, at(0))).await.unwrap();
    }
    let dead = delivery(OTHER_HOOK, b"no json", at(0));
    let letter = dead.id;
    store.keep(dead).await.unwrap();
    store.dead_letter(letter, "nobody can read it", at(1)).await.unwrap();
    let mut recording = Recording::of(decision_of("Jo", at(2)));
    recording.open = Some(ticket(recording.record.public.decision, State::Asked));
    recording.actions = vec![NewAction {
        key: "one".to_owned(),
        connection: "acme-cloud".parse().unwrap(),
        kind: "commit-status".to_owned(),
        subject: "s".to_owned(),
        slot: None,
        payload: b"{}".to_vec(),
    }];
    assert!(store.record(vec![recording]).await[0].is_ok());
    let due = store.due_actions(9, at(3), Duration::from_secs(1)).await.unwrap();
    store.action_failed(due[0].id, "no answer", After::Retry(at(9_000)), at(3)).await.unwrap();
    store.keep_key("ledger", &Secret::new(b"the-signing-key".to_vec())).await.unwrap();
    learn(store, &world_of("Jo"), 3, at(3)).await.unwrap();
    let token = ServiceToken {
        id: Uuid::now_v7(),
        name: "ci".to_owned(),
        connection: "acme-cloud".parse().unwrap(),
        repositories: Vec::new(),
        environments: Vec::new(),
        actions: Vec::new(),
        doors: Vec::new(),
        created: at(3),
        expires: at(9),
        revoked: None,
    };
    store.add_token(&token, [9; 32], "operator").await.unwrap();
    let kept = KeptConnection {
        id: "made-here".parse().unwrap(),
        bytes: Secret::new(b"all of a connection".to_vec()),
    };
    assert!(add(store, &kept).await);
    assert!(store.keep_consent(&kept.id, &Secret::new(b"refresh".to_vec())).await.unwrap());
    super::audit::filled(store).await;
    store
        .keep_crawl(&"acme-cloud".parse().unwrap(), (at(3), at(3)), vec![([5; 32], b"[]".to_vec())])
        .await
        .unwrap();
    letter
}

/// Reads something of every kind that is sealed.
async fn all_is_read(store: &Store, later: i64) {
    let claimed = store.claim(1, at(later * 100_000), Duration::from_secs(1)).await.unwrap();
    assert!(claimed[0].body.starts_with(b"{\"n\":"));
    assert_eq!(store.dead_letters(None, 9).await.unwrap()[0].why, "nobody can read it");
    assert_eq!(store.tickets(TicketFilter::default(), None, 9).await.unwrap().len(), 1);
    let due = store.due_actions(9, at(later * 100_000), Duration::from_secs(1)).await.unwrap();
    assert_eq!(due[0].payload, b"{}");
    assert_eq!(store.key("ledger").await.unwrap().unwrap().expose(), b"the-signing-key");
    assert_eq!(store.worlds().await.unwrap()[0].read().unwrap(), world_of("Jo"));
    let past = store.past(&"acme-cloud".parse().unwrap(), When::True(at(3))).await.unwrap();
    assert_eq!(past.unwrap().world.write(), world_of("Jo").write());
    assert_eq!(store.tokens().await.unwrap()[0].name, "ci");
    let made = store.connections().await.unwrap();
    assert_eq!(made[0].bytes.expose(), b"all of a connection");
    assert_eq!(store.consent(&made[0].id).await.unwrap().unwrap().expose(), b"refresh");
    super::audit::is_read(store).await;
    let cut =
        store.cut_short(&"acme-cloud".parse().unwrap(), (at(0), at(0))).await.unwrap().unwrap();
    assert_eq!(cut.answers, [([5; 32], b"[]".to_vec())]);
}

/// How many sealed values stand under each key.
fn under(place: &Place) -> BTreeMap<String, usize> {
    let db = Connection::open(place.path()).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut query = db.prepare(sql).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut columns = texts(
        "SELECT 'SELECT ' || c.name || ' AS sealed FROM ' || t.name
         FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
         WHERE t.type = 'table' AND c.name LIKE '%\\_sealed' ESCAPE '\\'",
    );
    columns.push("SELECT value AS sealed FROM meta WHERE name LIKE 'key%'".to_owned());
    let mut found = BTreeMap::new();
    for column in columns {
        let ids = "SELECT lower(hex(substr(sealed, 2, 4)))";
        for id in texts(&format!("{ids} FROM ({column}) WHERE sealed IS NOT NULL")) {
            *found.entry(id).or_default() += 1;
        }
    }
    found
}

#[tokio::test]
async fn after_a_change_of_keys_everything_opens_with_the_new_one_alone() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store).await;
    assert_eq!(store.reseal(at(4)).await.unwrap().rows, 0, "it is the current key's");
    store.close().await;
    let [old, new] = [7, 8].map(|byte| seal(byte).current().to_string());
    let sealed = under(&place);
    assert!(sealed.keys().eq([&old]), "{sealed:?}");

    let store = open_with(&place, both(8, 7)).await.unwrap();
    all_is_read(&store, 1).await;
    let done = store.reseal(at(5)).await.unwrap();
    assert!(done.rows >= 39 && done.broken == 0, "{done:?}");
    all_is_read(&store, 2).await;
    assert_eq!(store.reseal(at(6)).await.unwrap().rows, 0, "once");
    let size = store.head().await.unwrap().size;
    let mut told = Vec::new();
    for index in 0..size {
        let entry = store.entry(index).await.unwrap().unwrap();
        let entry = Entry::from_bytes(&entry.entry).unwrap();
        if entry.kind == Kind::Key {
            told.push((
                entry.body["what"].clone(),
                entry.body["from"].clone(),
                entry.body["to"].clone(),
            ));
        }
    }
    let told: Vec<String> =
        told.iter().map(|(what, from, to)| format!("{what} {from} {to}")).collect();
    assert_eq!(
        told,
        [
            format!("\"sealing key change begun\" \"{old}\" \"{new}\""),
            format!("\"sealing key changed\" \"{old}\" \"{new}\""),
        ]
    );
    store.close().await;
    assert!(under(&place).keys().eq([&new]));

    let store = open_with(&place, seal(8)).await.unwrap();
    all_is_read(&store, 3).await;
    store.close().await;
    let wrong = open_with(&place, seal(7)).await.unwrap_err();
    let said = wrong.to_string();
    assert!(said.contains(&format!("sealed with key `{new}`")) && said.contains(&old), "{said}");
}

#[tokio::test]
async fn a_change_that_was_cut_short_names_the_key_that_is_missing_and_goes_on_with_both() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store).await;
    store.close().await;
    // The world cannot be written: the change stops in the middle.
    let stop = "CREATE TRIGGER stop BEFORE UPDATE ON world BEGIN SELECT raise(ABORT, 'here'); END";
    super::sql(&place.path(), stop);
    let store = open_with(&place, both(8, 7)).await.unwrap();
    store.reseal(at(5)).await.unwrap_err();
    all_is_read(&store, 4).await;
    store.close().await;
    let [old, new] = [7, 8].map(|byte| seal(byte).current().to_string());
    let keys: Vec<String> = under(&place).into_keys().collect();
    assert!(keys.len() == 2 && keys.contains(&old) && keys.contains(&new), "some under each");
    for (given, missing) in [(7, &new), (8, &old)] {
        let said = open_with(&place, seal(given)).await.unwrap_err().to_string();
        assert!(said.contains(&format!("key `{missing}`")) && said.contains("old_key"), "{said}");
    }
    super::sql(&place.path(), "DROP TRIGGER stop");
    let store = open_with(&place, both(8, 7)).await.unwrap();
    store.reseal(at(6)).await.unwrap();
    store.close().await;
    assert!(under(&place).keys().eq([&new]));
    all_is_read(&open_with(&place, seal(8)).await.unwrap(), 5).await;
}

#[tokio::test]
async fn what_was_broken_before_stays_as_it_is_and_is_counted() {
    let place = Place::new();
    let store = place.open().await;
    filled(&store).await;
    store.close().await;
    super::sql(
        &place.path(),
        "UPDATE body SET body_sealed = CAST(substr(body_sealed, 1, 40) || 'xxxxxxxxxxxxxxxxxxxx' AS BLOB) WHERE seq = 2",
    );
    let store = open_with(&place, both(8, 7)).await.unwrap();
    assert_eq!(store.reseal(at(5)).await.unwrap().broken, 1);
    store.close().await;
    open_with(&place, seal(8)).await.unwrap();
}
