//! What opens, what does not, and what is said then.

use std::os::unix::fs::PermissionsExt as _;

use portcullis::graph::Time;
use portcullis::ledger::Kind;
use portcullis::secret::Secret;
use portcullis::store::NewEntry;
use portcullis::store::OpenError;
use portcullis::store::Role;
use portcullis::store::SCHEMA;
use portcullis::store::Settings;
use portcullis::store::Store;
use portcullis::store::StoreError;
use portcullis::store::path_of;
use uuid::Uuid;

use super::Place;
use super::at;
use super::seal;
use super::sql;

async fn refused(place: &Place) -> String {
    place.try_open().await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_new_store_opens_and_opens_again() {
    let place = Place::new();
    let store = place.open().await;
    let instance = store.instance();
    store.set_meta("colour", b"green").await.unwrap();
    store.close().await;
    let schema = schema_of(&place);

    let again = place.open().await;
    assert_eq!(again.instance(), instance);
    assert_eq!(again.meta("colour").await.unwrap().as_deref(), Some(&b"green"[..]));
    assert_eq!(again.meta("shape").await.unwrap(), None);
    again.close().await;
    assert_eq!(schema_of(&place), schema, "opening twice migrates once");
}

fn schema_of(place: &Place) -> (i64, Vec<String>) {
    let db = rusqlite::Connection::open(place.path()).unwrap();
    let version = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let mut tables = db.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").unwrap();
    let tables = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    (version, tables)
}

#[tokio::test]
async fn a_newer_store_is_refused_by_its_number() {
    let place = Place::new();
    place.open().await.close().await;
    sql(&place.path(), "PRAGMA user_version = 7");
    assert_eq!(
        refused(&place).await,
        format!(
            "this store was written by a newer portcullis (schema 7; this program knows up to {SCHEMA}): use that version or restore a backup"
        )
    );
    let read = Store::open_read_only(&place.path()).await.unwrap_err();
    assert!(matches!(read, OpenError::Newer { found: 7, known: SCHEMA }), "{read}");
}

#[tokio::test]
async fn what_is_not_a_store_says_so() {
    let place = Place::new();
    std::fs::write(place.path(), "just a letter, and long enough to be read as a header".repeat(9))
        .unwrap();
    assert!(refused(&place).await.contains("is not a store of portcullis"));

    let other = Place::new();
    sql(&other.path(), "CREATE TABLE theirs (x)");
    assert!(refused(&other).await.contains("is not a store of portcullis"));

    let none = Place::new();
    let read = Store::open_read_only(&none.path()).await.unwrap_err().to_string();
    assert!(read.contains("cannot be opened"), "{read}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_says_so() {
    let place = Place::new();
    let settings = Settings { path: place.path().join("deeper"), ..place.settings() };
    let error = Store::open(settings).await.unwrap_err().to_string();
    assert!(error.contains("cannot be opened") && error.contains("check the folder"), "{error}");
}

#[tokio::test]
async fn only_one_process_writes_and_others_may_read() {
    let place = Place::new();
    let store = place.open().await;
    store.set_meta("colour", b"green").await.unwrap();
    assert!(refused(&place).await.contains("another portcullis is using the store"));

    let reader = Store::open_read_only(&place.path()).await.unwrap();
    assert_eq!(reader.meta("colour").await.unwrap().as_deref(), Some(&b"green"[..]));
    assert_eq!(reader.set_meta("colour", b"red").await, Err(StoreError::ReadOnly));
    store.set_meta("colour", b"blue").await.unwrap();
    assert_eq!(reader.meta("colour").await.unwrap().as_deref(), Some(&b"blue"[..]));
    reader.close().await;
    store.close().await;
    place.open().await.close().await;
}

#[tokio::test]
async fn its_files_are_for_its_own_user() {
    let place = Place::new();
    let store = place.open().await;
    store.set_meta("colour", b"green").await.unwrap();
    let files: Vec<_> = std::fs::read_dir(place.folder.path()).unwrap().collect();
    assert_eq!(files.len(), 4, "the store, its log, the log's index, the lock");
    for file in files {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let place = Place::new();
    let store = place.open().await;
    store.close().await;
    assert_eq!(store.set_meta("a", b"b").await, Err(StoreError::Closed));
    assert_eq!(store.meta("a").await, Err(StoreError::Closed));
    store.close().await;
}

#[tokio::test]
async fn another_key_or_another_role_is_refused() {
    let place = Place::new();
    place.open().await.close().await;
    let key = Store::open(Settings { seal: seal(8), ..place.settings() }).await.unwrap_err();
    assert!(matches!(key, OpenError::WrongKey { .. }), "{key}");
    let role = Store::open(Settings { role: Role::Demo, ..place.settings() }).await.unwrap_err();
    assert!(role.to_string().contains("belongs to `serve`"), "{role}");
}

#[tokio::test]
async fn keys_are_kept_sealed() {
    let place = Place::new();
    let store = place.open().await;
    let key = Secret::new(b"a-very-private-signing-key".to_vec());
    store.keep_key("ledger", &key).await.unwrap();
    let kept = store.key("ledger").await.unwrap().unwrap();
    assert_eq!(kept.expose(), key.expose());
    assert!(store.key("other").await.unwrap().is_none());
    assert!(!place.holds("a-very-private-signing-key"));
    let blind = Store::open_read_only(&place.path()).await.unwrap();
    assert_eq!(blind.key("ledger").await.unwrap_err(), StoreError::NoKey);
    let seeing = Store::open_read_only_sealed(&place.path(), seal(7)).await.unwrap();
    assert!(seeing.key("ledger").await.unwrap().is_some());
}

#[tokio::test]
async fn time_never_runs_back() {
    let place = Place::new();
    let store = place.open().await;
    assert_eq!(store.stamp(at(5_000)), at(5_000));
    assert_eq!(store.stamp(at(1_000)), at(5_000));
    store.append(vec![NewEntry::new(Kind::Admin, at(5_000), "a".to_owned())]).await.unwrap();
    store.append(vec![NewEntry::new(Kind::Admin, at(10), "b".to_owned())]).await.unwrap();
    let second = store.entry(1).await.unwrap().unwrap();
    let second = portcullis::ledger::Entry::from_bytes(&second.entry).unwrap();
    assert_eq!(second.at.as_millis(), at(5_000).millis(), "recorded at the last one's time");
    store.close().await;
    let again = place.open().await;
    assert_eq!(again.highest_stamp(), at(5_000), "remembered over a restart");
    assert_eq!(again.stamp(Time::from_millis(0)), at(5_000));
}

#[tokio::test]
async fn a_record_changed_from_outside_is_noticed_at_start() {
    let damages = [
        "DELETE FROM entry WHERE idx = (SELECT max(idx) FROM entry)",
        "UPDATE entry SET bytes = CAST('x' AS BLOB) WHERE idx = 4",
        "UPDATE node SET hash = zeroblob(32) WHERE place = (SELECT max(place) FROM node)",
    ];
    for damage in damages {
        let place = Place::new();
        let store = place.open().await;
        let entry = || NewEntry::new(Kind::Admin, at(0), Uuid::now_v7().to_string());
        store.append((0..5).map(|_| entry()).collect()).await.unwrap();
        store.close().await;
        place.open().await.close().await;
        sql(&place.path(), damage);
        let said = refused(&place).await;
        assert!(said.contains("was changed from outside"), "{damage}: {said}");
    }
}

#[test]
fn an_address_names_a_file() {
    assert_eq!(path_of("sqlite:a/b.db").unwrap().to_str(), Some("a/b.db"));
    for wrong in ["sqlite:", "postgres://x", "portcullis.db"] {
        assert!(path_of(wrong).unwrap_err().to_string().contains("`sqlite:`"), "{wrong}");
    }
}
