//! What is erased is in no file, and everything that was proved stays proved.

use std::num::NonZeroUsize;
use std::sync::Arc;

use portcullis::approval::State;
use portcullis::decision::record::Part;
use portcullis::ledger::Since;
use portcullis::ledger::VerifierKey;
use portcullis::ledger::verify;
use portcullis::secret::SigningKey;
use portcullis::store::After;
use portcullis::store::NewAction;
use portcullis::store::Recording;
use portcullis::store::Store;
use portcullis::store::Swept;
use portcullis::store::Until;

use super::Place;
use super::at;
use super::decision_of;
use super::recording::export;
use super::ticket;

const JANE: &str = "acme-cloud/user/jane";
const JOHN: &str = "acme-cloud/user/john";

/// A decision about somebody, whose name stands in the parts, padded so that entries differ in length.
fn about(identity: &str, name: &str, number: i64) -> Recording {
    let padded = format!("{name}-{}", "x".repeat(usize::try_from(number * 37 % 9_000).unwrap()));
    let mentions = vec![identity.to_owned()];
    Recording { mentions, ..Recording::of(decision_of(&padded, at(number))) }
}

async fn record(store: &Store, batch: Vec<Recording>) {
    assert!(store.record(batch).await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn an_erased_person_is_in_no_file_and_every_proof_holds() {
    let place = Place::new();
    let store = place.open().await;
    let (mut janes, mut johns) = (Vec::new(), Vec::new());
    for number in 0..200 {
        let john = about(JOHN, "John-Unchanged", number);
        johns.push(john.record.public.decision);
        let jane = (number % 7 == 0).then(|| about(JANE, "Jane-Forgotten", number));
        janes.extend(jane.iter().map(|jane| jane.record.public.decision));
        record(&store, [john].into_iter().chain(jane).collect()).await;
    }
    let key = Arc::new(SigningKey::generate().unwrap());
    let name = VerifierKey::new(store.origin(), key.public_key()).unwrap();
    let signer = key.clone();
    let note = store.checkpoint(&name, at(999), move |text| signer.sign(text)).await.unwrap();
    assert!(place.holds("Jane-Forgotten"), "it stands there before");

    let count = store.erase_mentions(JANE, at(1_000), "operator session").await.unwrap();
    assert_eq!(count, 29);
    assert!(!place.holds("Jane-Forgotten"), "no file holds it after");
    assert!(place.holds("John-Unchanged"), "others stay");
    let jane = store.decision(janes[3]).await.unwrap().unwrap();
    assert_eq!(jane.names, Part::Erased(at(1_000)));
    assert!(matches!(jane.input, Part::Erased(_)) && matches!(jane.told, Part::Erased(_)));
    assert!(jane.reason().starts_with("(erased on"));
    assert!(store.decision(johns[3]).await.unwrap().unwrap().names.kept().is_some());

    let signer = key.clone();
    store.checkpoint(&name, at(1_001), move |text| signer.sign(text)).await.unwrap();
    let files = export(&store).await;
    let report = verify(
        |path| Ok(files.get(path).cloned()),
        &name,
        Since::Checkpoint(&note),
        NonZeroUsize::MIN,
    );
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert_eq!(report.sealed.erased, 29 * 3);
    assert_eq!(store.erase_mentions(JANE, at(2_000), "operator session").await.unwrap(), 0);
    store.close().await;
    assert!(!place.holds("Jane-Forgotten"), "nor after the store is closed");
    place.open().await;
}

#[tokio::test]
async fn texts_of_tickets_go_with_the_person() {
    let place = Place::new();
    let store = place.open().await;
    let decision = decision_of("Jane-Forgotten", at(0));
    let asked = ticket(decision.public.decision, State::Asked);
    let mentions = vec![JANE.to_owned()];
    let recording = Recording { mentions, open: Some(asked.clone()), ..Recording::of(decision) };
    record(&store, vec![recording]).await;
    store.erase_mentions(JANE, at(1), "operator session").await.unwrap();
    let left = store.ticket(asked.id).await.unwrap().unwrap();
    assert_eq!(left.reason, "(erased)");
    assert_eq!(left.asked_because.as_deref(), Some("(erased)"));
    assert_eq!(left.binding, asked.binding, "what was approved stays what it was");
}

#[tokio::test]
async fn old_parts_are_swept_and_the_young_stay() {
    let place = Place::new();
    let store = place.open().await;
    let name = |number| if number < 1_100 { "Old-Enough" } else { "Still-Young" };
    record(&store, (0..1_200).map(|number| about(JOHN, name(number), number)).collect()).await;
    assert!(place.holds("Old-Enough"));
    let until = Until { bodies: at(0), sealed: at(1_100) };
    let swept = Swept { sealed: 1_100, ..Swept::default() };
    assert_eq!(store.sweep(until, at(5_000)).await.unwrap(), swept);
    assert!(!place.holds("Old-Enough") && place.holds("Still-Young"));
    assert_eq!(store.sweep(until, at(5_001)).await.unwrap(), Swept::default());

    // Rows were deleted, not only emptied; erasing a neighbour afterwards still leaves nothing.
    let db = rusqlite::Connection::open(place.path()).unwrap();
    let rows: i64 = db.query_row("SELECT count(*) FROM sealed", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3 * 1_100, "a hundred entries are gone, a margin of zeros stays");
    drop(db);
    assert_eq!(store.erase_mentions(JOHN, at(5_002), "operator session").await.unwrap(), 100);
    assert!(!place.holds("Still-Young"));
    store.close().await;
    place.open().await;
}

#[tokio::test]
async fn actions_that_ended_a_month_ago_are_forgotten_and_what_is_to_do_stays() {
    let place = Place::new();
    let store = place.open().await;
    let action = |key: &str| NewAction {
        key: key.to_owned(),
        connection: "acme-cloud".parse().unwrap(),
        kind: "commit-status".to_owned(),
        subject: "s".to_owned(),
        slot: None,
        payload: b"{}".to_vec(),
    };
    let actions = ["done", "given up", "to do", "done lately"].map(action).into();
    record(&store, vec![Recording { actions, ..about(JOHN, "John", 1) }]).await;
    let lease = std::time::Duration::from_secs(1);
    let due = store.due_actions(9, at(2), lease).await.unwrap();
    store.action_done(due[0].id, "done", at(3)).await.unwrap();
    store.action_failed(due[1].id, "no", After::GiveUp, at(3)).await.unwrap();
    let month = 30 * 86_400_000;
    store.action_done(due[3].id, "done", at(month)).await.unwrap();
    let until = Until { bodies: at(0), sealed: at(0) };
    assert_eq!(store.sweep(until, at(3 + month)).await.unwrap(), Swept::default(), "not yet");
    let swept = Swept { actions: 2, ..Swept::default() };
    assert_eq!(store.sweep(until, at(4 + month)).await.unwrap(), swept);
    let left = store.due_actions(9, at(4 + month), lease).await.unwrap();
    assert_eq!(left.iter().map(|action| action.key.as_str()).collect::<Vec<_>>(), ["to do"]);
    assert_eq!(
        store.sweep(until, at(5 + 2 * month)).await.unwrap().actions,
        1,
        "and then the last"
    );
}
