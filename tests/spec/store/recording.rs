//! A decision and all that follows from it become true together, or not at all.

use std::time::Duration;

use portcullis::approval::State;
use portcullis::decision::Effect;
use portcullis::decision::Mode;
use portcullis::decision::impact::Rules;
use portcullis::decision::plan::ModeSetting;
use portcullis::decision::record::Part;
use portcullis::graph::Time;
use portcullis::ledger::Kind;
use portcullis::ledger::Since;
use portcullis::ledger::VerifierKey;
use portcullis::ledger::verify;
use portcullis::ledger::verify_consistency;
use portcullis::ledger::verify_inclusion;
use portcullis::policy::Bundle;
use portcullis::policy::Verdict;
use portcullis::secret::SigningKey;
use portcullis::store::After;
use portcullis::store::Filter;
use portcullis::store::Governed;
use portcullis::store::Kept;
use portcullis::store::NewAction;
use portcullis::store::NewEntry;
use portcullis::store::RecordError;
use portcullis::store::Recorded;
use portcullis::store::Recording;
use portcullis::store::ServiceToken;
use portcullis::store::Store;
use portcullis::store::StoreError;
use portcullis::store::TicketError;
use portcullis::store::TicketFilter;
use portcullis::store::TicketNote;
use serde_json::Map;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::Mutex;
use uuid::Uuid;

use super::HOOK;
use super::Place;
use super::allowed;
use super::at;
use super::decision_of;
use super::delivery;
use super::learn;
use super::seal;
use super::sql;
use super::ticket;
use super::world_of;

const LEASE: Duration = Duration::from_secs(30);

async fn record(store: &Store, recording: Recording) -> Result<Recorded, RecordError> {
    store.record(vec![recording]).await.pop().unwrap()
}

fn action(key: &str, slot: Option<&str>) -> NewAction {
    NewAction {
        key: key.to_owned(),
        connection: "acme-cloud".parse().unwrap(),
        kind: "commit-status".to_owned(),
        subject: "the-subject".to_owned(),
        slot: slot.map(str::to_owned),
        payload: format!("{{\"for\":\"{key}\"}}").into_bytes(),
    }
}

fn note(at: Time) -> TicketNote {
    TicketNote { at, body: Map::new(), sealed: Vec::new(), mentions: Vec::new() }
}

async fn size(store: &Store) -> u64 {
    store.head().await.unwrap().size
}

#[tokio::test]
async fn a_decision_is_read_back_as_it_was_made() {
    let place = Place::new();
    let store = place.open().await;
    let made = decision_of("Mallory", at(3));
    let recorded = record(&store, Recording::of(made.clone())).await.unwrap();
    assert_eq!(recorded.entry_index, 0);
    let read = store.decision(made.public.decision).await.unwrap().unwrap();
    assert_eq!(read.public, made.public);
    assert_eq!((&read.names, &read.told), (&made.names, &made.told));
    let (Part::Kept(read), Part::Kept(made)) = (&read.input, &made.input) else { panic!() };
    assert_eq!(read.get(), made.get(), "byte for byte");
    assert!(store.decision(Uuid::now_v7()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_refused_recording_leaves_nothing_and_spoils_no_other() {
    let place = Place::new();
    let store = place.open().await;
    let Kept::New(id) = store.keep(delivery(HOOK, b"{}", at(0))).await.unwrap() else { panic!() };
    let good = |event: u8| Recording {
        event_key: Some([event; 32]),
        question: Some([event; 32]),
        ..Recording::of(decision_of("Jo", at(1)))
    };
    let doomed = Recording {
        done: Some(id),
        actions: vec![action("doomed", None)],
        open: Some(ticket(Uuid::now_v7(), State::Asked)),
        spend: vec![(Uuid::now_v7(), 1)],
        extra_entries: vec![NewEntry::new(Kind::Admin, at(1), "x".to_owned())],
        ..good(2)
    };
    let lost = doomed.record.public.decision;
    let results = store.record(vec![good(1), doomed.clone(), good(3)]).await;
    assert_eq!(results[0], Ok(Recorded { entry_index: 0 }));
    assert_eq!(results[1], Err(RecordError::GrantGone(doomed.spend[0].0)));
    assert_eq!(results[2], Ok(Recorded { entry_index: 1 }));

    assert_eq!(size(&store).await, 2);
    assert!(store.decision(lost).await.unwrap().is_none());
    assert_eq!(store.standing([2; 32]).await.unwrap(), None);
    assert_eq!(store.tickets(TicketFilter::default(), None, 9).await.unwrap(), []);
    assert_eq!(store.due_actions(9, at(2), LEASE).await.unwrap(), []);
    assert_eq!(store.waiting().await.unwrap(), 1, "the delivery is not done");
    // The same without the grant goes through: the key was not used up by the failure.
    record(&store, Recording { spend: Vec::new(), ..doomed }).await.unwrap();
    assert_eq!(store.waiting().await.unwrap(), 0);
    assert_eq!(store.tickets(TicketFilter::default(), None, 9).await.unwrap().len(), 1);
    store.close().await;
    place.open().await;
}

#[tokio::test]
async fn one_event_and_one_delivery_are_decided_once() {
    let place = Place::new();
    let store = place.open().await;
    let Kept::New(id) = store.keep(delivery(HOOK, b"{}", at(0))).await.unwrap() else { panic!() };
    let event = || Recording {
        event_key: Some([7; 32]),
        done: Some(id),
        ..Recording::of(decision_of("Jo", at(1)))
    };
    let first = event();
    record(&store, first.clone()).await.unwrap();
    let again = record(&store, event()).await;
    assert_eq!(again, Err(RecordError::DecidedBefore(first.record.public.decision)));
    let other_event = Recording { event_key: Some([8; 32]), ..event() };
    assert_eq!(record(&store, other_event).await, Err(RecordError::DeliveryDone(id)));
    assert_eq!(size(&store).await, 1);
}

#[tokio::test]
async fn a_question_stands_until_a_newer_answer() {
    let place = Place::new();
    let store = place.open().await;
    let answer =
        |ms| Recording { question: Some([5; 32]), ..Recording::of(decision_of("Jo", at(ms))) };
    let (first, second) = (answer(1), answer(2));
    record(&store, first.clone()).await.unwrap();
    let stands = store.standing([5; 32]).await.unwrap();
    assert_eq!(stands, Some((first.record.public.decision, at(1))));
    record(&store, second.clone()).await.unwrap();
    let stands = store.standing([5; 32]).await.unwrap();
    assert_eq!(stands, Some((second.record.public.decision, at(2))));
    assert_eq!(store.standing([6; 32]).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_spenders_spend_a_grant_once() {
    let place = Place::new();
    let store = place.open().await;
    let mut opening = Recording::of(decision_of("Jo", at(0)));
    let granted = ticket(opening.record.public.decision, State::Granted);
    opening.open = Some(granted.clone());
    record(&store, opening).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (store, spend) = (store.clone(), vec![(granted.id, granted.version)]);
        let recording = Recording { spend, ..Recording::of(decision_of("Jo", at(1))) };
        tasks.spawn(async move {
            let decision = recording.record.public.decision;
            (decision, record(&store, recording).await)
        });
    }
    let results = tasks.join_all().await;
    let won: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).collect();
    assert_eq!(won.len(), 1);
    let lost = results.iter().filter(|(_, r)| *r == Err(RecordError::GrantGone(granted.id)));
    assert_eq!(lost.count(), 99);
    let spent = store.ticket(granted.id).await.unwrap().unwrap();
    assert_eq!((spent.state, spent.spent_by), (State::Spent, Some(won[0].0)));
    assert_eq!(size(&store).await, 4, "two decisions, the grant given and the grant spent");
}

#[tokio::test]
async fn a_grant_that_ended_is_not_spent() {
    let place = Place::new();
    let store = place.open().await;
    let mut opening = Recording::of(decision_of("Jo", at(0)));
    let granted = ticket(opening.record.public.decision, State::Granted);
    opening.open = Some(granted.clone());
    record(&store, opening).await.unwrap();
    let spend = |version, ms| Recording {
        spend: vec![(granted.id, version)],
        ..Recording::of(decision_of("Jo", at(ms)))
    };
    let gone = Err(RecordError::GrantGone(granted.id));
    assert_eq!(record(&store, spend(1, 30_000)).await, gone, "at its end");
    assert_eq!(record(&store, spend(9, 10)).await, gone, "another version");
    record(&store, spend(1, 29_999)).await.unwrap();
}

#[tokio::test]
async fn a_ticket_is_changed_only_from_the_version_read() {
    let place = Place::new();
    let store = place.open().await;
    let mut opening = Recording::of(decision_of("Jo", at(0)));
    let asked = ticket(opening.record.public.decision, State::Asked);
    opening.open = Some(asked.clone());
    record(&store, opening).await.unwrap();
    assert_eq!(store.ticket(asked.id).await.unwrap().as_ref(), Some(&asked));
    let near = store
        .tickets_near(&asked.connection, "deploy", Some("acme-cloud/repository/1"), None)
        .await
        .unwrap();
    assert_eq!(near.as_slice(), std::slice::from_ref(&asked));
    let elsewhere = store.tickets_near(&asked.connection, "deploy", None, None).await.unwrap();
    assert_eq!(elsewhere, []);

    assert_eq!(store.due_tickets(at(59_999)).await.unwrap(), []);
    let due = store.due_tickets(at(60_000)).await.unwrap();
    assert_eq!(due.as_slice(), std::slice::from_ref(&asked));
    let expired = asked.step(portcullis::approval::Act::Tick(at(60_000))).unwrap();
    store.save_ticket(asked.version, &expired, note(at(60_000)), Vec::new()).await.unwrap();
    let again = store.save_ticket(asked.version, &expired, note(at(60_000)), Vec::new()).await;
    assert_eq!(again, Err(TicketError::Conflict(asked.id)));
    assert_eq!(store.due_tickets(at(60_000)).await.unwrap(), []);
    assert_eq!(size(&store).await, 3, "the decision, the ticket and its end, once");
    assert!(!place.holds("Mallory-Reason"), "tickets are sealed");

    let of = |state| TicketFilter { state: Some(state), ..TicketFilter::default() };
    assert_eq!(store.tickets(of(State::Asked), None, 9).await.unwrap(), []);
    assert_eq!(store.tickets(of(State::Expired), None, 9).await.unwrap()[0].1, expired);
}

#[tokio::test]
async fn decisions_are_found_by_what_they_are() {
    let place = Place::new();
    let store = place.open().await;
    let repository = "acme-cloud/repository/2";
    let blocks: Vec<_> = (0..5).map(|ms| Recording::of(decision_of("Jo", at(ms)))).collect();
    assert!(store.record(blocks).await.iter().all(Result::is_ok));
    record(&store, Recording::of(allowed(at(9), repository))).await.unwrap();
    let rule = |name: &str| Filter { rules: Some(Rules::new(name)), ..Filter::default() };
    let cases = [
        (Filter::default(), 6),
        (Filter { verdict: Some(Verdict::Allow), ..Filter::default() }, 1),
        (Filter { verdict: Some(Verdict::Approve), ..Filter::default() }, 0),
        (Filter { effect: Some(Effect::Stop), ..Filter::default() }, 5),
        (Filter { repository: Some(repository.to_owned()), ..Filter::default() }, 1),
        (Filter { connection: Some("acme-cloud".parse().unwrap()), ..Filter::default() }, 6),
        (Filter { connection: Some("other".parse().unwrap()), ..Filter::default() }, 0),
        (Filter { uncovered: Some(true), ..Filter::default() }, 1),
        (Filter { since: Some(at(3)), until: Some(at(9)), ..Filter::default() }, 2),
        (rule("ref/force-push"), 5),
        (rule("ref/deletion"), 0),
    ];
    for (filter, expected) in cases {
        let page = store.decisions(filter.clone(), None, 200).await.unwrap();
        assert_eq!((page.items.len(), page.next), (expected, None), "{filter:?}");
    }
    let counts = store.counts(at(0)).await.unwrap();
    assert_eq!((counts.decisions, counts.uncovered), (6, 1));

    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.decisions(Filter::default(), before, 4).await.unwrap();
        seen.extend(page.items.into_iter().map(|record| record.public.at));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, [at(9), at(4), at(3), at(2), at(1), at(0)], "newest first, each once");
}

#[tokio::test]
async fn an_action_is_carried_out_once_and_the_newest_wins() {
    let place = Place::new();
    let store = place.open().await;
    let with = |actions| Recording { actions, ..Recording::of(decision_of("Jo", at(0))) };
    let due = async |ms| store.due_actions(9, at(ms), LEASE).await.unwrap();
    let same = || vec![action("one", None)];
    record(&store, with(same())).await.unwrap();
    record(&store, with(same())).await.unwrap();
    record(&store, with(vec![action("old", Some("s")), action("new", Some("s"))])).await.unwrap();
    let keys = |due: &[portcullis::store::DueAction]| {
        due.iter().map(|action| action.key.clone()).collect::<Vec<_>>()
    };
    let first = due(1).await;
    assert_eq!(keys(&first), ["one", "new"], "once each, and the old one is superseded");
    assert_eq!(first[0].payload, b"{\"for\":\"one\"}");
    assert_eq!(due(1).await, [], "leased");
    assert!(!place.holds("the-subject"), "what an action says is sealed");

    // A newer write to a slot waits for the one under way.
    record(&store, with(vec![action("newer", Some("s"))])).await.unwrap();
    assert_eq!(due(2).await, []);
    store.action_done(first[1].id, "posted", at(3)).await.unwrap();
    let newer = due(3).await;
    assert_eq!(keys(&newer), ["newer"]);
    store.action_failed(newer[0].id, "503", After::Retry(at(50)), at(4)).await.unwrap();
    assert_eq!(due(49).await, []);
    let again = due(50).await;
    assert_eq!((keys(&again), again[0].tries), (vec!["newer".to_owned()], 2));
    let before = size(&store).await;
    store.action_failed(again[0].id, "404", After::GiveUp, at(51)).await.unwrap();
    store.action_done(again[0].id, "posted", at(52)).await.unwrap();
    assert_eq!(size(&store).await, before + 1, "given up is an entry, and final");
    store.action_done(first[0].id, "posted", at(53)).await.unwrap();
    assert_eq!(store.actions_to_do().await.unwrap(), 0);
}

#[tokio::test]
async fn the_ledger_of_a_store_verifies() {
    let place = Place::new();
    let store = place.open().await;
    let key = SigningKey::generate().unwrap();
    let name = VerifierKey::new(store.origin(), key.public_key()).unwrap();
    let key = Arc::new(key);
    let sign = |now| {
        let key = key.clone();
        store.checkpoint(&name, now, move |text| key.sign(text))
    };
    let decide = async |count: i64| {
        let batch = (0..count).map(|ms| Recording::of(decision_of("Jo", at(ms)))).collect();
        assert!(store.record(batch).await.iter().all(Result::is_ok));
    };
    decide(3).await;
    let early = sign(at(10)).await.unwrap();
    let old = store.head().await.unwrap();
    assert_eq!(sign(at(11)).await.unwrap(), early, "nothing new, nothing signed");
    decide(300).await;
    let late = sign(at(400)).await.unwrap();
    assert_eq!(store.latest_checkpoint().await.unwrap(), Some(late));
    decide(1).await;

    let files = export(&store).await;
    let read = |path: &str| Ok(files.get(path).cloned());
    let report = verify(read, &name, Since::Checkpoint(&early), NonZeroUsize::MIN);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert_eq!(report.checkpoint.unwrap().size, 303);
    let tampered = |path: &str| {
        let mut bytes: Option<Vec<u8>> = files.get(path).cloned();
        if path == "tile/entries/000" {
            bytes.as_mut().unwrap()[40] ^= 1;
        }
        Ok(bytes)
    };
    assert!(verify(tampered, &name, Since::Nothing, NonZeroUsize::MIN).failure.is_some());

    let head = store.head().await.unwrap();
    let leaf = portcullis::ledger::leaf_hash(&store.entry(77).await.unwrap().unwrap().entry);
    let proof = store.inclusion(77, head.size).await.unwrap();
    assert!(verify_inclusion(leaf, 77, head.size, &proof, &head.root));
    assert!(!verify_inclusion(leaf, 78, head.size, &proof, &head.root));
    let proof = store.consistency(old.size, head.size).await.unwrap();
    assert!(verify_consistency((old.size, &old.root), (head.size, &head.root), &proof));
    store.close().await;
    place.open().await;
}

pub(super) async fn export(store: &Store) -> BTreeMap<String, Vec<u8>> {
    let files = Arc::new(Mutex::new(BTreeMap::new()));
    let written = files.clone();
    store
        .export(move |path, bytes| {
            written.lock().unwrap().insert(path.to_owned(), bytes.to_vec());
            Ok(())
        })
        .await
        .unwrap();
    Arc::try_unwrap(files).unwrap().into_inner().unwrap()
}

#[tokio::test]
async fn a_record_too_large_for_an_entry_is_refused_alone() {
    let place = Place::new();
    let store = place.open().await;
    let mut large = decision_of("Jo", at(0));
    large.public.actions = vec!["x".repeat(70_000)];
    let results =
        store.record(vec![Recording::of(large), Recording::of(decision_of("Jo", at(0)))]).await;
    assert!(matches!(results[0], Err(RecordError::Store(StoreError::Entry(_)))));
    assert!(results[1].is_ok());
}

#[tokio::test]
async fn a_world_kept_as_its_file_by_an_older_version_is_read() {
    let place = Place::new();
    let (world, connection) = (world_of("Jo"), "acme-cloud".parse().unwrap());
    let store = place.open().await;
    learn(&store, &world_of("Ada"), 1, at(1)).await.unwrap();
    store.close().await;
    let sealed = seal(7).seal("world acme-cloud", &world.write()).unwrap();
    sql(&place.path(), &format!("UPDATE world SET world_sealed = x'{}'", hex::encode(sealed)));
    let store = place.open().await;
    let kept = store.world(&connection).await.unwrap().unwrap();
    assert_eq!(kept.read().unwrap(), world);
    learn(&store, &world, 2, at(2)).await.unwrap();
    assert_eq!(store.world(&connection).await.unwrap().unwrap().read().unwrap(), world);
    let sealed = seal(7).seal("world acme-cloud", b"packed world 1\nnonsense").unwrap();
    sql(&place.path(), &format!("UPDATE world SET world_sealed = x'{}'", hex::encode(sealed)));
    let broken = store.world(&connection).await.unwrap().unwrap().read().unwrap_err();
    assert!(broken.to_string().contains("this is not a packed world"), "{broken}");
}

#[tokio::test]
async fn what_holds_is_kept_until_it_is_replaced() {
    let place = Place::new();
    let store = place.open().await;
    let bundle = Bundle {
        revision: "ab".repeat(32),
        rules: Vec::new(),
        vocabulary: portcullis::policy::Vocabulary::default(),
        people: BTreeMap::from([("leads".to_owned(), vec!["Secret-Group".to_owned()])]),
    };
    store.keep_bundle(&bundle, at(0), "start").await.unwrap();
    store.keep_bundle(&bundle, at(1), "start").await.unwrap();
    assert_eq!(store.bundle(&bundle.revision).await.unwrap().as_ref(), Some(&bundle));
    assert_eq!(store.bundle("other").await.unwrap(), None);
    assert_eq!(size(&store).await, 2, "each activation is an entry");

    let connection = "acme-cloud".parse().unwrap();
    learn(&store, &world_of("World-Of-Names"), 4, at(2)).await.unwrap();
    let second = world_of("World-Of-Names-2");
    learn(&store, &second, 5, at(3)).await.unwrap();
    let world = store.world(&connection).await.unwrap().unwrap();
    assert_eq!((world.revision, world.at), (5, at(3)));
    assert_eq!(world.read().unwrap(), second);
    assert!(!place.holds("World-Of-Names") && !place.holds("Secret-Group"));

    let setting =
        |mode| ModeSetting { connection: connection.clone(), rules: "*".into(), mode, class: None };
    let governed = |millis| Governed {
        at: at(millis),
        by: "operator session".to_owned(),
        ..Governed::default()
    };
    store.set_mode(&setting(Mode::Shadow), governed(4)).await.unwrap();
    store.set_mode(&setting(Mode::Enforce), governed(5)).await.unwrap();
    assert_eq!(store.modes().await.unwrap(), [setting(Mode::Enforce)]);
    assert_eq!(size(&store).await, 4);
}

#[tokio::test]
async fn a_service_token_is_found_by_its_hash_until_it_is_revoked() {
    let place = Place::new();
    let store = place.open().await;
    let token = ServiceToken {
        id: Uuid::now_v7(),
        name: "jenkins".to_owned(),
        connection: "acme-cloud".parse().unwrap(),
        repositories: Vec::new(),
        actions: vec!["deploy".to_owned()],
        environments: Vec::new(),
        doors: vec!["check".to_owned()],
        created: at(0),
        expires: at(1_000),
        revoked: None,
    };
    store.add_token(&token, [1; 32], "operator session").await.unwrap();
    let twin = ServiceToken { id: Uuid::now_v7(), ..token.clone() };
    assert!(store.add_token(&twin, [1; 32], "operator session").await.is_err(), "one hash, one");
    assert_eq!(store.token_by_hash([1; 32]).await.unwrap().as_ref(), Some(&token));
    assert_eq!(store.token_by_hash([2; 32]).await.unwrap(), None);
    assert!(store.revoke_token(token.id, at(5), "operator session").await.unwrap());
    assert!(!store.revoke_token(token.id, at(6), "operator session").await.unwrap());
    let revoked = ServiceToken { revoked: Some(at(5)), ..token };
    let listed = store.tokens().await.unwrap();
    assert_eq!(listed.as_slice(), std::slice::from_ref(&revoked));
    assert_eq!(store.token_by_hash([1; 32]).await.unwrap(), Some(revoked));
    assert_eq!(size(&store).await, 2);
    let reader = Store::open_read_only_sealed(&place.path(), seal(7)).await.unwrap();
    assert_eq!(reader.tokens().await.unwrap().len(), 1);
}
