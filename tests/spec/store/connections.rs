//! A connection and its mode begin together, and nothing comes back of one that has ended.

use portcullis::decision::Mode;
use portcullis::decision::plan::ModeSetting;
use portcullis::secret::Secret;
use portcullis::store::Governed;
use portcullis::store::KeptConnection;
use portcullis::store::Store;

use super::Place;

fn kept(id: &str) -> KeptConnection {
    KeptConnection { id: id.parse().unwrap(), bytes: Secret::new(b"all of it".to_vec()) }
}

fn refresh() -> Secret<Vec<u8>> {
    Secret::new(b"refresh".to_vec())
}

/// Keeps a connection in shadow; whether its id was free.
pub async fn add(store: &Store, kept: &KeptConnection) -> bool {
    let mode = ModeSetting {
        connection: kept.id.clone(),
        rules: "*".to_owned(),
        mode: Mode::Shadow,
        class: None,
    };
    let shadow = (&mode, Governed::default());
    store.add_connection(kept, Governed::default(), shadow).await.unwrap()
}

#[tokio::test]
async fn a_connection_and_its_mode_are_kept_together_or_not_at_all() {
    let place = Place::new();
    let store = place.open().await;
    let one = kept("acme-cloud");
    assert!(!store.knew_connection(&one.id).await.unwrap());
    assert!(add(&store, &one).await);
    assert_eq!(store.modes().await.unwrap().len(), 1);
    assert_eq!(store.head().await.unwrap().size, 2, "an entry each");
    let mode = ModeSetting {
        connection: one.id.clone(),
        rules: "*".to_owned(),
        mode: Mode::Enforce,
        class: None,
    };
    let again = store.add_connection(&one, Governed::default(), (&mode, Governed::default())).await;
    assert!(!again.unwrap());
    assert_eq!(store.modes().await.unwrap()[0].mode, Mode::Shadow, "its own mode stays");
    assert_eq!(store.head().await.unwrap().size, 2);
    // A full disk in between: neither of the two rows is there.
    let two = kept("other-cloud");
    super::sql(
        &place.path(),
        "CREATE TRIGGER no BEFORE INSERT ON mode BEGIN SELECT RAISE(ABORT, 'no'); END;",
    );
    let mode = ModeSetting {
        connection: two.id.clone(),
        rules: "*".to_owned(),
        mode: Mode::Shadow,
        class: None,
    };
    let shadow = (&mode, Governed::default());
    assert!(store.add_connection(&two, Governed::default(), shadow).await.is_err());
    super::sql(&place.path(), "DROP TRIGGER no;");
    assert!(!store.knew_connection(&two.id).await.unwrap(), "its id is free");
    assert!(add(&store, &two).await);
}

#[tokio::test]
async fn a_consent_that_is_renewed_after_the_end_is_not_kept() {
    let place = Place::new();
    let store = place.open().await;
    let one = kept("acme-cloud");
    assert!(store.keep_consent(&one.id, &refresh()).await.unwrap(), "before the connection");
    assert!(add(&store, &one).await);
    assert!(store.keep_consent(&one.id, &refresh()).await.unwrap());
    assert!(store.end_connection(&one.id, Governed::default()).await.unwrap());
    assert!(!store.keep_consent(&one.id, &refresh()).await.unwrap());
    assert!(store.consent(&one.id).await.unwrap().is_none());
}

#[tokio::test]
async fn consents_without_a_connection_are_forgotten_and_others_are_not() {
    let place = Place::new();
    let store = place.open().await;
    let one = kept("acme-cloud");
    assert!(add(&store, &one).await);
    let crashed = kept("never-came-about").id;
    for id in [&one.id, &crashed] {
        assert!(store.keep_consent(id, &refresh()).await.unwrap());
    }
    store.keep_key("ledger", &Secret::new(b"the-signing-key".to_vec())).await.unwrap();
    assert_eq!(store.drop_stray_consents().await.unwrap(), 1);
    assert!(store.consent(&crashed).await.unwrap().is_none());
    assert!(store.consent(&one.id).await.unwrap().is_some());
    assert!(store.key("ledger").await.unwrap().is_some());
    assert_eq!(store.drop_stray_consents().await.unwrap(), 0);
}
