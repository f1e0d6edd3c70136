//! A copy is whole, for its own user alone, and holds nothing that was erased.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use portcullis::ledger::Kind;
use portcullis::store::CopyError;
use portcullis::store::Go;
use portcullis::store::Mark;
use portcullis::store::NewEntry;
use portcullis::store::Progress;
use portcullis::store::Recording;
use portcullis::store::Restoring;
use portcullis::store::Store;

use super::HOOK;
use super::Place;
use super::at;
use super::contains;
use super::decision_of;
use super::delivery;
use super::seal;

async fn copied(store: &Store, to: &Path) -> Mark {
    store.backup(to, |_| Go::On).await.unwrap()
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An entry with a part of this size.
fn entry(bytes: usize) -> NewEntry {
    let sealed = vec![("blob".to_owned(), vec![b'x'; bytes])];
    NewEntry { sealed, ..NewEntry::new(Kind::Admin, at(0), "test".to_owned()) }
}

#[tokio::test]
async fn a_copy_is_one_file_for_its_own_user_and_says_what_it_holds() {
    let place = Place::new();
    let store = place.open().await;
    let empty = copied(&store, &place.folder.path().join("empty.db")).await;
    assert_eq!((empty.head.size, empty.last_delivery, empty.signed), (0, None, None));

    let new = delivery(HOOK, b"{}", at(7));
    let id = new.id;
    store.keep(new).await.unwrap();
    store.append(vec![entry(9_000_000)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::<Progress>::new()));
    let ears = told.clone();
    let heard = move |progress| {
        ears.lock().unwrap().push(progress);
        Go::On
    };
    let mark = store.backup(&file, heard).await.unwrap();
    assert_eq!(mark.head, store.head().await.unwrap());
    assert_eq!(mark.last_delivery, Some((id, at(7))));
    assert_eq!(mark.bytes, std::fs::metadata(&file).unwrap().len());
    let told = told.lock().unwrap().clone();
    assert!(told.len() >= 3, "a step is 4 MiB: {told:?}");
    assert!(told.is_sorted_by_key(|progress| progress.done));
    assert!(told.last().is_some_and(|last| last.done == last.total));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files(folder.path()), ["copy.db"], "no log is needed beside it");

    let read = Store::open_read_only_sealed(&file, seal(7)).await.unwrap();
    assert_eq!(read.head().await.unwrap(), mark.head);
    read.close().await;
    assert_eq!(files(folder.path()), ["copy.db"], "not even to read it");
}

#[tokio::test]
async fn what_was_erased_is_not_in_a_copy() {
    let place = Place::new();
    let store = place.open().await;
    for (who, name) in
        [("acme-cloud/user/jane", "Jane-Forgotten"), ("acme-cloud/user/john", "John-Unchanged")]
    {
        let mentions = vec![who.to_owned()];
        let recording = Recording { mentions, ..Recording::of(decision_of(name, at(0))) };
        assert!(store.record(vec![recording]).await.iter().all(Result::is_ok));
    }
    let holds = |file: &Path, name: &str| contains(&std::fs::read(file).unwrap(), name.as_bytes());
    let [before, after] = ["before.db", "after.db"].map(|name| place.folder.path().join(name));
    copied(&store, &before).await;
    assert!(holds(&before, "Jane-Forgotten"), "it stands there before");
    // A reader keeps the erased bytes in the write-ahead log: the log does not come along.
    let db = rusqlite::Connection::open(place.path()).unwrap();
    let old = db.unchecked_transaction().unwrap();
    old.query_row("SELECT count(*) FROM entry", [], |row| row.get::<_, i64>(0)).unwrap();
    let eraser = store.clone();
    let erasing = tokio::task::JoinSet::from_iter([async move {
        eraser.erase_mentions("acme-cloud/user/jane", at(1), "operator session").await
    }]);
    while store.head().await.unwrap().size < 3 {
        tokio::task::yield_now().await;
    }
    assert!(place.holds("Jane-Forgotten"), "the log still has it");
    copied(&store, &after).await;
    assert!(!holds(&after, "Jane-Forgotten") && holds(&after, "John-Unchanged"));
    drop(old);
    assert_eq!(erasing.join_all().await, [Ok(1)], "and the log is cut when the reader is gone");
    std::fs::remove_file(before).unwrap();
    assert!(!place.holds("Jane-Forgotten"));
}

#[tokio::test]
async fn a_copy_that_is_stopped_or_has_no_room_leaves_nothing() {
    let place = Place::new();
    let store = place.open().await;
    store.append(vec![entry(9_000_000)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    let stopped = store.backup(&file, |_| Go::Back).await.unwrap_err();
    assert!(matches!(stopped, CopyError::Stopped), "{stopped}");
    assert_eq!(files(folder.path()), Vec::<String>::new());

    let nowhere = folder.path().join("deeper/copy.db");
    let said = store.backup(&nowhere, |_| Go::On).await.unwrap_err().to_string();
    assert!(said.contains("cannot be written") && said.contains("check the folder"), "{said}");

    std::fs::write(folder.path().join("copy.db.unfinished"), "").unwrap();
    let said = store.backup(&file, |_| Go::On).await.unwrap_err().to_string();
    assert!(said.contains("copy.db.unfinished` is what is left of a copy"), "{said}");
}

#[tokio::test]
async fn what_takes_the_place_meanwhile_stays() {
    let place = Place::new();
    let store = place.open().await;
    store.append(vec![entry(10)]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (backup, back) = (folder.path().join("backup.db"), folder.path().join("back.db"));
    copied(&store, &backup).await;
    let restoring = Restoring::begin(&backup, &back, Some(seal(7)), |_| Go::On).await.unwrap();
    assert_eq!(restoring.mark().head, store.head().await.unwrap());
    std::fs::write(&back, "somebody was faster").unwrap();
    let said = restoring.finish().unwrap_err().to_string();
    assert!(said.contains("back.db` is there already"), "{said}");
    assert_eq!(std::fs::read(&back).unwrap(), b"somebody was faster");
    assert_eq!(files(folder.path()), ["back.db", "backup.db"]);

    std::fs::remove_file(&back).unwrap();
    std::fs::write(folder.path().join("back.db-wal"), "of another store").unwrap();
    let said = Restoring::begin(&backup, &back, None, |_| Go::On).await.unwrap_err().to_string();
    assert!(said.contains("back.db-wal` is there already"), "{said}");
}
