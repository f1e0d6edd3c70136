//! Every write site on a disk that is full: each says so, nothing of it stays, and each goes through afterwards.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use portcullis::approval::Act;
use portcullis::approval::State;
use portcullis::decision::Mode;
use portcullis::decision::plan::ModeSetting;
use portcullis::ledger::Kind;
use portcullis::ledger::VerifierKey;
use portcullis::policy::Bundle;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::store::ActionId;
use portcullis::store::After;
use portcullis::store::Governed;
use portcullis::store::NewAction;
use portcullis::store::NewEntry;
use portcullis::store::Recording;
use portcullis::store::Role;
use portcullis::store::ServiceToken;
use portcullis::store::Settings;
use portcullis::store::Store;
use portcullis::store::StoreError;
use portcullis::store::TicketNote;
use portcullis::store::Until;
use uuid::Uuid;

use crate::spec::rig::Disk;

use super::HOOK;
use super::OTHER_HOOK;
use super::Place;
use super::at;
use super::decision_of;
use super::delivery;
use super::learn;
use super::seal;
use super::ticket;
use super::world_of;

const LEASE: Duration = Duration::from_secs(30);
const BY: &str = "operator session";

/// What the write sites write to: everything that has to be there before.
struct Standing {
    waiting: [Uuid; 3],
    dead: Uuid,
    actions: Vec<ActionId>,
    ticket: portcullis::approval::Ticket,
    token: Uuid,
    key: Arc<SigningKey>,
}

fn token(name: &str) -> ServiceToken {
    ServiceToken {
        id: Uuid::now_v7(),
        name: name.to_owned(),
        connection: "acme-cloud".parse().unwrap(),
        repositories: Vec::new(),
        actions: Vec::new(),
        environments: Vec::new(),
        doors: Vec::new(),
        created: at(0),
        expires: at(1_000),
        revoked: None,
    }
}

fn action(key: &str) -> NewAction {
    NewAction {
        key: key.to_owned(),
        connection: "acme-cloud".parse().unwrap(),
        kind: "commit-status".to_owned(),
        subject: "it".to_owned(),
        slot: None,
        payload: b"{}".to_vec(),
    }
}

async fn prepare(store: &Store) -> Standing {
    let mut ids = Vec::new();
    for (hook, body) in [(HOOK, &b"1"[..]), (HOOK, b"2"), (HOOK, b"3"), (OTHER_HOOK, b"4")] {
        let new = delivery(hook, body, at(0));
        ids.push(new.id);
        store.keep(new).await.unwrap();
    }
    store.dead_letter(ids[3], "nobody can read it", at(1)).await.unwrap();
    let mut recording = Recording::of(decision_of("Jane", at(0)));
    let asked = ticket(recording.record.public.decision, State::Asked);
    recording.open = Some(asked.clone());
    recording.mentions = vec!["acme-cloud/user/jane".to_owned()];
    recording.actions = ["one", "two", "three"].map(action).into();
    assert!(store.record(vec![recording]).await[0].is_ok());
    let due = store.due_actions(2, at(1), LEASE).await.unwrap();
    let old = token("old");
    store.add_token(&old, [1; 32], BY).await.unwrap();
    Standing {
        waiting: [ids[0], ids[1], ids[2]],
        dead: ids[3],
        actions: due.into_iter().map(|action| action.id).collect(),
        ticket: asked,
        token: old.id,
        key: Arc::new(SigningKey::generate().unwrap()),
    }
}

fn said<T, E: Display>(done: Result<T, E>) -> Option<String> {
    done.err().map(|error| error.to_string())
}

/// Every call that writes, once; with what it said when it failed.
async fn every_write(store: &Store, on: &Standing) -> Vec<(&'static str, Option<String>)> {
    let key = VerifierKey::new(store.origin(), on.key.public_key()).unwrap();
    let signer = Arc::clone(&on.key);
    let expired = on.ticket.step(Act::Tick(at(60_000))).unwrap();
    let note =
        TicketNote { at: at(9), body: serde_json::Map::new(), sealed: vec![], mentions: vec![] };
    let connection = "acme-cloud".parse().unwrap();
    let mode = ModeSetting { connection, rules: "*".into(), mode: Mode::Shadow, class: None };
    let bundle = Bundle {
        revision: "ab".repeat(32),
        rules: Vec::new(),
        people: BTreeMap::new(),
        vocabulary: portcullis::policy::Vocabulary::default(),
    };
    let secret = Secret::new(vec![7; 32]);
    let until = Until { bodies: at(100), sealed: at(100) };
    let entry = NewEntry::new(Kind::Admin, at(9), "it".to_owned());
    let recording = Recording::of(decision_of("Jo", at(9)));
    let governed = Governed { at: at(9), by: BY.to_owned(), ..Governed::default() };
    vec![
        ("keep", said(store.keep(delivery(HOOK, b"5", at(9))).await)),
        ("claim", said(store.claim(9, at(9), LEASE).await)),
        ("give back", said(store.give_back(on.waiting[2], "later", at(9)).await)),
        ("dead letter", said(store.dead_letter(on.waiting[0], "unreadable", at(9)).await)),
        ("finish", said(store.finish_without_decision(on.waiting[1], "ours", at(9)).await)),
        ("replay", said(store.replay(on.dead, BY, at(9)).await)),
        ("record", said(store.record(vec![recording]).await.pop().unwrap())),
        ("due actions", said(store.due_actions(9, at(9), LEASE).await)),
        ("action done", said(store.action_done(on.actions[0], "done", at(9)).await)),
        (
            "action failed",
            said(store.action_failed(on.actions[1], "no", After::GiveUp, at(9)).await),
        ),
        ("ticket", said(store.save_ticket(on.ticket.version, &expired, note, Vec::new()).await)),
        ("append", said(store.append(vec![entry]).await)),
        ("checkpoint", said(store.checkpoint(&key, at(9), move |text| signer.sign(text)).await)),
        ("bundle", said(store.keep_bundle(&bundle, at(9), "start").await)),
        ("world", said(learn(store, &world_of("Jo"), 1, at(9)).await)),
        ("mode", said(store.set_mode(&mode, governed).await)),
        ("fact", said(store.set_meta("colour", b"green").await)),
        ("key", said(store.keep_key("ledger", &secret).await)),
        ("token", said(store.add_token(&token("new"), [2; 32], BY).await)),
        ("revoked token", said(store.revoke_token(on.token, at(9), BY).await)),
        ("erasure", said(store.erase_mentions("acme-cloud/user/jane", at(9), BY).await)),
        ("sweep", said(store.sweep(until, at(200)).await)),
    ]
}

#[tokio::test]
async fn every_write_site_says_that_the_disk_is_full_and_goes_through_when_it_is_not() {
    let place = Place::new();
    let Some(disk) = Disk::mount(place.folder.path(), 8) else { return };
    let store = place.open().await;
    let standing = prepare(&store).await;
    let head = store.head().await.unwrap();
    assert_eq!(store.trouble(), None);

    disk.fill();
    for (site, said) in every_write(&store, &standing).await {
        assert_eq!(said, Some(StoreError::Full.to_string()), "{site}");
    }
    assert_eq!(store.trouble(), Some(StoreError::Full));
    assert_eq!(store.try_again(at(9)).await, Err(StoreError::Full));
    assert_eq!(store.head().await.unwrap(), head, "nothing was counted");
    assert_eq!(store.waiting().await.unwrap(), 3);

    disk.free();
    for (site, said) in every_write(&store, &standing).await {
        assert_eq!(said, None, "{site}");
    }
    assert_eq!(store.trouble(), None);
    store.close().await;
    place.open().await.close().await;
}

#[tokio::test]
async fn what_keeps_it_from_writing_is_known_until_a_write_goes_through() {
    let place = Place::new();
    let Some(disk) = Disk::mount(place.folder.path(), 8) else { return };
    let store = place.open().await;
    disk.fill();
    assert_eq!(store.set_meta("colour", b"green").await, Err(StoreError::Full));
    disk.free();
    assert_eq!(store.claim(9, at(0), LEASE).await, Ok(Vec::new()));
    assert_eq!(store.trouble(), Some(StoreError::Full), "a look for work proves nothing");
    assert_eq!(store.try_again(at(0)).await, Ok(()));
    assert_eq!(store.trouble(), None);
}

#[tokio::test]
async fn a_read_only_disk_is_named_at_the_start() {
    let place = Place::new();
    let Some(_disk) = Disk::mount(place.folder.path(), 8) else { return };
    place.open().await.close().await;
    let mut remount = std::process::Command::new("mount");
    remount.args(["-o", "remount,ro"]).arg(place.folder.path());
    assert!(remount.status().unwrap().success());
    let settings = Settings { seal: seal(7), role: Role::Serve, ..place.settings() };
    let said = Store::open(settings).await.unwrap_err().to_string();
    assert!(said.contains("portcullis.db` cannot be opened"), "{said}");
    assert!(said.contains("Read-only") && said.contains("who may write there"), "{said}");
}

#[tokio::test]
async fn a_backup_to_a_full_disk_leaves_nothing() {
    let (place, elsewhere) = (Place::new(), tempfile::tempdir().unwrap());
    let Some(disk) = Disk::mount(elsewhere.path(), 1) else { return };
    let store = place.open().await;
    let sealed = vec![("blob".to_owned(), vec![b'x'; 3_000_000])];
    let entry = NewEntry { sealed, ..NewEntry::new(Kind::Admin, at(0), "test".to_owned()) };
    store.append(vec![entry]).await.unwrap();
    let to = elsewhere.path().join("backup.db");
    let said = store.backup(&to, |_| portcullis::store::Go::On).await.unwrap_err().to_string();
    assert!(said.contains("cannot be written") && said.contains("its space"), "{said}");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    drop(disk);
}
