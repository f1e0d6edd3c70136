//! A story is told from what is kept, the same each time; what was erased is said to be, and nothing of it shows.

use std::sync::Arc;

use portcullis::decision::Record;
use portcullis::decision::narrative::Narrative;
use portcullis::decision::record::Part;
use portcullis::decision::record::Public;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::store::Recording;
use portcullis::store::Role;
use portcullis::store::Settings;
use portcullis::store::Store;

use super::Forms;
use super::NOW;
use super::told;
use super::waiting;

fn same(one: &Record, other: &Record) {
    let (one, other) = (Forms::of(one), Forms::of(other));
    for ((form, one), (_, other)) in one.all().into_iter().zip(other.all()) {
        assert_eq!(one, other, "{form}");
    }
}

#[test]
fn a_story_is_told_identically_twice() {
    same(&waiting(), &waiting());
    let record = waiting();
    same(&record, &record.clone());
}

fn again<T: serde::Serialize + serde::de::DeserializeOwned>(part: &Part<T>) -> Part<T> {
    serde_json::from_slice(&serde_json::to_vec(part).unwrap()).unwrap()
}

#[test]
fn a_record_tells_the_same_after_serde() {
    let record = waiting();
    let public: Public =
        serde_json::from_slice(&serde_json::to_vec(&record.public).unwrap()).unwrap();
    assert_eq!(public, record.public);
    let read = Record {
        public,
        input: again(&record.input),
        names: again(&record.names),
        told: again(&record.told),
    };
    same(&read, &record);
}

async fn store(folder: &tempfile::TempDir) -> Store {
    let settings = Settings {
        path: folder.path().join("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
        origin: "gate.example.com/portcullis".to_owned(),
        role: Role::Serve,
    };
    Store::open(settings).await.unwrap()
}

#[tokio::test]
async fn a_record_tells_the_same_from_the_store_and_once_a_person_is_erased() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder).await;
    let record = waiting();
    let recording = Recording {
        mentions: vec!["acme-cloud/user/1".to_owned()],
        ..Recording::of(record.clone())
    };
    store.record(vec![recording]).await.pop().unwrap().unwrap();
    let read = store.decision(record.public.decision).await.unwrap().unwrap();
    same(&read, &record);

    let later = NOW.plus(std::time::Duration::from_hours(24));
    assert_eq!(store.erase_mentions("acme-cloud/user/1", later, "operator").await.unwrap(), 1);
    let erased = store.decision(record.public.decision).await.unwrap().unwrap();
    for (form, text) in Forms::of(&erased).all() {
        assert!(text.contains("erased on 2026-11-22"), "{form}: {text}");
        assert!(!text.contains("Ana"), "{form}: {text}");
    }
}

/// Everything foreign in the parts, told by part.
const IN_NAMES: [&str; 8] = [
    "Ana Ferreira",
    "acme/shop",
    "refs/heads/main",
    "production-eu",
    "#41",
    "hotfix",
    "developers",
    "SHOP",
];
const IN_TOLD: [&str; 3] = ["Production is guarded", "release-managers (4", "the token lacks"];
const IN_INPUT: [&str; 2] = ["\"production\"", "the token lacks"];

fn erased(parts: [bool; 3]) -> (Record, String) {
    let at = NOW;
    let mut record = waiting();
    let [names, told, input] = parts;
    if names {
        record.names = Part::Erased(at);
    }
    if told {
        record.told = Part::Erased(at);
    }
    if input {
        record.input = Part::Erased(at);
    }
    (record, format!("erased on {at}"))
}

fn check(record: &Record, gone: &[&str], mark: &str) -> Narrative {
    let forms = Forms::of(record);
    for (form, text) in forms.all() {
        for word in gone {
            assert!(!text.contains(word), "{form} still says `{word}`:\n{text}");
        }
    }
    for (form, text) in forms.all().into_iter().take(3) {
        assert!(text.contains(mark), "{form} says that it was erased:\n{text}");
    }
    told(record)
}

#[test]
fn erased_names_are_said_to_be() {
    let (record, mark) = erased([true, false, false]);
    // The input is a part of its own, and quotes what the rules saw.
    let story =
        check(&record, &["Ana Ferreira", "acme/shop", "#41", "hotfix", "developers"], &mark);
    assert!(story.changed.is_empty());
    assert!(
        story.about.iter().any(|(label, text)| *label == "who and where" && text.contains(&mark))
    );
    assert!(record.row().actor.is_none());
}

#[test]
fn erased_words_are_said_to_be() {
    let (record, mark) = erased([false, true, false]);
    let story = check(&record, &IN_TOLD[..2], &mark);
    assert_eq!(story.reason, format!("({mark})"));
    assert_eq!(story.rules[0].reasons, [format!("({mark})")], "the rule that spoke");
    assert_eq!(story.rules[1].reasons, [] as [String; 0], "the other had none");
    assert!(story.unknown.is_empty());
}

#[test]
fn an_erased_input_is_said_to_be() {
    let (record, mark) = erased([false, false, true]);
    let story = check(&record, &IN_INPUT[..1], &mark);
    for (path, value) in story.rules.iter().flat_map(|rule| &rule.facts) {
        assert_eq!(value, &format!("({mark})"), "{path}");
    }
}

#[test]
fn a_record_without_parts_still_tells_what_was_decided() {
    let (record, mark) = erased([true, true, true]);
    let gone: Vec<&str> = [&IN_NAMES[..], &IN_TOLD, &IN_INPUT].concat();
    let story = check(&record, &gone, &mark);
    assert_eq!((story.verdict, story.effect, story.binds), ("approve", "wait", "prevents"));
    assert_eq!(story.rules[0].rule, super::RULE);
    assert!(!story.controls.is_empty() && !story.rules[0].title.is_empty());
    let (kept, _) = erased([false; 3]);
    assert_eq!(told(&kept).proof, story.proof, "ids and hashes stay");
}
