//! What is kept of evidence: sealed, forgotten at its end, without whoever is erased.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::posture::evidence::piece::Content;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::Head;
use portcullis::posture::evidence::piece::Piece;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::store::Reading;
use portcullis::store::Role;
use portcullis::store::Settings;
use portcullis::store::Store;
use portcullis::store::Until;
use uuid::Uuid;

use super::day;
use super::reading;

const HOUR: Duration = Duration::from_hours(1);

async fn open(folder: &Path) -> Store {
    let seal = Arc::new(Seal::new(&Secret::new([7; 32]), None));
    let (path, origin) = (folder.join("portcullis.db"), "gate.test/ledger".to_owned());
    Store::open(Settings { path, seal, origin, role: Role::Serve }).await.unwrap()
}

fn piece(text: &str, until: Time) -> Piece {
    let content = reading(EvidenceKind::UserDirectory, text.as_bytes(), &[]).unwrap().content;
    let kind = EvidenceKind::UserDirectory;
    let head = Head {
        id: Uuid::now_v7(),
        connection: "acme".parse().unwrap(),
        kind,
        coverage: kind.coverage(),
        as_of: day(),
        brought: day(),
        until,
        sha256: "00".repeat(32),
        bytes: 9,
        rows: content.rows(),
        file: "Janes-very-own-list.csv".to_owned(),
        by: "Officer-Of-The-Watch".to_owned(),
        reason: "Because-Of-Something".to_owned(),
        withdrawn: None,
    };
    Piece { head, content: Some(content), erased: BTreeSet::new() }
}

/// Whether these bytes stand in any file of the store but where entries keep their sealed parts in the open.
fn holds(folder: &Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}

const LIST: &str = "name,email,has 2sv\nJane Forgotten,jane@acme.example,yes\nJohn Kept,john@acme.example,no\n,nick@acme.example,no\n";

#[tokio::test]
async fn a_piece_comes_back_as_it_was_and_its_people_stand_nowhere_in_the_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let piece = piece(LIST, day().plus(HOUR));
    store.keep_evidence(&piece).await.unwrap();
    store.close().await;
    let store = open(folder.path()).await;
    let kept = store.evidence().await.unwrap();
    assert_eq!(kept[0].piece, piece);
    for name in ["Jane Forgotten", "jane@acme.example", "John Kept"] {
        assert!(!holds(folder.path(), name), "{name} stands in the open");
    }
}

#[tokio::test]
async fn what_a_piece_said_goes_at_its_end_and_the_piece_with_the_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    store.keep_evidence(&piece(LIST, day().plus(HOUR))).await.unwrap();
    let until = |before: Time| Until { bodies: before, sealed: before };
    store.sweep(until(day()), day()).await.unwrap();
    assert!(store.evidence().await.unwrap()[0].piece.content.is_some(), "it counts");
    let swept = store.sweep(until(day()), day().plus(2 * HOUR)).await.unwrap();
    assert_eq!(swept.evidence, 1);
    let kept = store.evidence().await.unwrap();
    assert!(kept[0].piece.content.is_none() && kept[0].piece.head.rows == 3, "that it was stays");
    let swept = store.sweep(until(day().plus(2 * HOUR)), day().plus(3 * HOUR)).await.unwrap();
    assert_eq!(swept.evidence, 1);
    assert!(store.evidence().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_erased_person_is_taken_out_by_id_address_or_name() {
    let world = r#"{"version":1,"connection":{"id":"acme","product":"cloud"},"as_of":"2026-11-20T17:00:00Z","nodes":[
        {"id":"acme/user/1","name":"Jane  forgotten"},{"id":"acme/user/2","name":"Other","email":"NICK@acme.example"},
        {"id":"acme/user/3","name":"Nobody"}],"edges":[]}"#;
    let world = World::read(world.as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let read = Reading { world: &world, revision: 1, at: day() };
    store.learn(read, |_| Vec::new()).await.unwrap();
    store.keep_evidence(&piece(LIST, day().plus(HOUR))).await.unwrap();
    let left = async |who: &str| {
        store.erase_mentions(who, day(), "an officer").await.unwrap();
        let kept = store.evidence().await.unwrap().remove(0).piece;
        let people = kept.content.iter().flat_map(Content::people);
        let people: Vec<_> = people.map(|who| who.email.clone().unwrap()).collect();
        (people, kept.erased.len())
    };
    let (people, erased) = left("acme/user/3").await;
    assert_eq!((people.len(), erased), (3, 0), "nobody of the list");
    let (people, erased) = left("acme/user/1").await;
    assert_eq!(people, ["john@acme.example", "nick@acme.example"]);
    assert_eq!(erased, 1);
    let (people, erased) = left("acme/user/2").await;
    assert_eq!(people, ["john@acme.example"]);
    assert_eq!(erased, 2);
}
