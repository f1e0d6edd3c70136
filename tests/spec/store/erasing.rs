//! An erased person is in no text a finding can hold and in no entry of one, others and words that only look alike stay,
//! and a scan that runs meanwhile does not write them back.

use std::num::NonZeroUsize;
use std::sync::Arc;

use portcullis::graph::Id;
use portcullis::graph::World;
use portcullis::ledger::Since;
use portcullis::ledger::VerifierKey;
use portcullis::ledger::verify;
use portcullis::policy::RuleId;
use portcullis::policy::bundle::Severity;
use portcullis::posture::Acceptance;
use portcullis::posture::Gap;
use portcullis::posture::Kept;
use portcullis::posture::Outcome;
use portcullis::posture::Owner;
use portcullis::posture::Reason;
use portcullis::posture::State;
use portcullis::posture::Subject;
use portcullis::posture::kept::Deed;
use portcullis::posture::kept::Fact;
use portcullis::posture::kept::Step;
use portcullis::secret::SigningKey;
use portcullis::store::FindingFilter;
use portcullis::store::FindingMove;
use portcullis::store::Reading;
use portcullis::store::Stays;
use portcullis::store::Store;
use rusqlite::types::ValueRef;

use super::Place;
use super::at;
use super::recording::export;

const ANN: &str = "acme-cloud/user/ann-77";

/// What she goes by.
const HERS: [&str; 4] = [ANN, "Ann", "ann@acme.example", "Ann Of Old"];

/// What only looks alike, and others.
const NOT_HERS: [&str; 4] =
    ["Annual", "jo.ann@acme.example", "acme-cloud/user/ann-771", "Ann-Marie"];

const WORLDS: [&str; 2] = ["Ann Of Old", "Ann"];

fn world(name: &str) -> World {
    let text = format!(
        r#"{{"version":1,"connection":{{"id":"acme-cloud","product":"cloud"}},"as_of":"2026-11-20T17:00:00Z",
        "nodes":[{{"id":"{ANN}","name":"{name}","email":"ann@acme.example"}}],"edges":[]}}"#
    );
    World::read(text.as_bytes()).unwrap()
}

/// A finding that says a word wherever a finding can say one.
fn saying(word: &str, number: usize) -> FindingMove {
    let said = |what: &str| format!("{what} {word}.");
    let step = |deed, state| Step {
        at: at(1),
        deed,
        state,
        by: Some(word.to_owned()),
        because: Some(said("asked by")),
        until: None,
    };
    let steps = vec![step(Deed::Found, State::New), step(Deed::Accepted, State::Accepted)];
    let kept = Kept {
        rule: RuleId::told("posture/bad"),
        subject: Subject {
            kind: "credential".to_owned(),
            id: format!("acme-cloud/credential/{number}").parse().unwrap(),
            name: format!("{word}'s laptop"),
            place: None,
            class: None,
        },
        severity: Severity::High,
        outcome: Outcome::Fail,
        state: State::Accepted,
        reasons: vec![Reason { text: said("held by"), proof: Vec::new() }],
        unknown: vec![Gap { path: "credential.used".to_owned(), why: said("hidden from") }],
        facts: vec![Fact { path: "credential.holders".to_owned(), value: vec![word].into() }],
        as_of: at(0),
        owner: Owner {
            id: None,
            name: word.to_owned(),
            sure: "inferred".to_owned(),
            why: said("made by"),
        },
        first_seen: at(1),
        last_seen: at(1),
        since: at(1),
        failed: true,
        accepted: Some(Acceptance {
            by: word.to_owned(),
            because: said("agreed with"),
            until: at(900),
        }),
        was: Some(State::New),
        told: None,
        steps: steps.clone(),
    };
    FindingMove { kept, stays: Stays::Kept, steps, notices: Vec::new() }
}

async fn planted(store: &Store) {
    for (number, name) in (1..).zip(WORLDS) {
        let reading = Reading { world: &world(name), revision: number, at: at(0) };
        store.learn(reading, |_| Vec::new()).await.unwrap();
    }
    let words = HERS.iter().chain(&NOT_HERS).enumerate();
    let moves = words.map(|(number, word)| saying(word, number)).collect();
    store.keep_findings(moves, at(1)).await.unwrap();
}

/// What every finding and every part of the ledger says, and whatever else no seal hides: the whole database as whoever
/// has its key reads it.
async fn all_that_is_said(place: &Place, store: &Store) -> Vec<String> {
    let filter = FindingFilter { limit: 100, now: at(10), ..FindingFilter::default() };
    let page = store.findings(filter).await.unwrap().unwrap();
    let mut said: Vec<String> =
        page.findings.iter().map(|kept| serde_json::to_string(kept).unwrap()).collect();
    let db = rusqlite::Connection::open(place.path()).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let mut tables = db.prepare(tables).unwrap();
    let names = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    for table in names.map(Result::unwrap) {
        let mut query = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = query.column_count();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let text = |column| match row.get_ref(column).unwrap() {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    Some(String::from_utf8_lossy(bytes).into_owned())
                }
                ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
            };
            said.extend((0..columns).filter_map(text));
        }
    }
    said
}

/// How many places a word stands in, whole: what looks alike does not count, nor the entry that says whom it erased.
fn places(said: &[String], word: &str) -> usize {
    let mut said: Vec<String> = said.to_vec();
    for other in HERS.iter().chain(&NOT_HERS).filter(|other| **other != word) {
        if other.contains(word) {
            for text in &mut said {
                *text = text.replace(other, "");
            }
        }
    }
    said.iter().filter(|text| text.contains(word) && !text.contains("sealed parts erased")).count()
}

#[tokio::test]
async fn an_erased_person_is_in_no_text_of_a_finding_and_in_no_entry_of_one() {
    let place = Place::new();
    let store = place.open().await;
    planted(&store).await;
    let key = Arc::new(SigningKey::generate().unwrap());
    let name = VerifierKey::new(store.origin(), key.public_key()).unwrap();
    let signer = key.clone();
    let before = store.checkpoint(&name, at(2), move |text| signer.sign(text)).await.unwrap();
    let said = all_that_is_said(&place, &store).await;
    for word in HERS.iter().chain(&NOT_HERS) {
        assert!(places(&said, word) >= 3, "{word} stands in a finding and its entries before");
    }
    let others: Vec<usize> = NOT_HERS.iter().map(|word| places(&said, word)).collect();

    let erased = store.erase_mentions(ANN, at(3), "operator session").await.unwrap();
    assert_eq!(erased, 8, "two entries for each of her names");
    let said = all_that_is_said(&place, &store).await;
    for word in HERS {
        let left = said.iter().find(|text| places(std::slice::from_ref(text), word) > 0);
        assert_eq!(left, None, "{word} is left");
    }
    let kept: Vec<usize> = NOT_HERS.iter().map(|word| places(&said, word)).collect();
    assert_eq!(kept, others, "what only looks alike stays");

    let signer = key.clone();
    store.checkpoint(&name, at(4), move |text| signer.sign(text)).await.unwrap();
    let files = export(&store).await;
    let read = |path: &str| Ok(files.get(path).cloned());
    let report = verify(read, &name, Since::Checkpoint(&before), NonZeroUsize::MIN);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert_eq!(report.sealed.erased, 8 * 3, "subject, who and why");
}

#[tokio::test]
async fn what_others_decided_stays_where_only_the_rule_spoke_of_her() {
    let place = Place::new();
    let store = place.open().await;
    planted(&store).await;
    let mut one = saying("Mia", 40);
    one.kept.reasons = vec![Reason { text: "Ann can merge.".to_owned(), proof: Vec::new() }];
    store.keep_findings(vec![one.clone()], at(2)).await.unwrap();
    store.erase_mentions(ANN, at(3), "operator session").await.unwrap();
    let kept = store.finding(&one.kept.id()).await.unwrap().unwrap();
    assert_eq!((kept.accepted, kept.steps), (one.kept.accepted, one.kept.steps));
    assert_eq!(kept.owner, one.kept.owner);
    assert_eq!(kept.reasons[0].text, "(erased)");
}

#[tokio::test]
async fn a_scan_that_runs_meanwhile_does_not_write_her_back() {
    let place = Place::new();
    let store = place.open().await;
    planted(&store).await;
    let subject: Id = "acme-cloud/credential/1".parse().unwrap();
    let alone = store.moving_findings().await;
    let stale = store.findings_about(&[subject]).await.unwrap().remove(0);
    let scan = async {
        // Each question lets the erasure go on as far as it may.
        for _ in 0..200 {
            let kept = store.finding(&stale.id()).await.unwrap().unwrap();
            assert_eq!(kept, stale, "the erasure waits for whoever moves findings");
        }
        let one = FindingMove {
            kept: stale.clone(),
            stays: Stays::Kept,
            steps: Vec::new(),
            notices: Vec::new(),
        };
        store.keep_findings(vec![one], at(3)).await.unwrap();
        drop(alone);
    };
    let erasing = store.erase_mentions(ANN, at(4), "operator session");
    let (erased, ()) = tokio::join!(erasing, scan);
    erased.unwrap();
    let kept = serde_json::to_string(&store.finding(&stale.id()).await.unwrap()).unwrap();
    assert!(!kept.contains("Ann"), "{kept}");
}
