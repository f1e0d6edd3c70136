//! From an answer to an outcome: whatever becomes unknown, nothing turns into a pass and no finding is lost.

use portcullis::graph::fact::Wanted;
use portcullis::policy::Answer;
use portcullis::policy::Input;
use portcullis::policy::Limits;
use portcullis::policy::Loaded;
use portcullis::policy::Machine;
use portcullis::policy::Observation;
use portcullis::policy::Prepared;
use portcullis::policy::Rule;
use portcullis::policy::SubjectKind;
use portcullis::policy::bundle::Severity;
use portcullis::policy::shipped;
use portcullis::policy::subject::example;
use portcullis::posture::Judgement;
use portcullis::posture::Outcome;
use portcullis::posture::judge;
use proptest::prelude::*;
use serde_json::Value;

use crate::spec::policies::loaded;

fn all() -> Loaded {
    loaded(&shipped::posture())
}

/// The example of a subject with everything in it, as JSON.
fn full(kind: SubjectKind) -> Value {
    let page = example(kind).unwrap().page(&Wanted::all());
    serde_json::from_slice(page.json()).unwrap()
}

/// Every document that the shipped tests hand to a rule, read from their text, beside the example: facts that fire.
fn documents(rule: &Rule) -> Vec<Value> {
    let kind = rule.stance.as_ref().unwrap().subject;
    let mut all = vec![full(kind)];
    let name = rule.file.replace(".rego", "_test.rego");
    let text = shipped::posture().into_iter().find(|file| file.path == name).unwrap().text;
    for part in text.split("with input as about(").skip(1) {
        let end = part.find(")\n}").unwrap();
        if let Ok(facts) = serde_json::from_str::<Value>(&part[..end]) {
            let mut document = full(kind);
            document[kind.as_str()] = facts;
            all.push(document);
        }
    }
    all
}

fn asked(loaded: &Loaded, at: usize, document: &Value) -> Judgement {
    let rule = &loaded.bundle().rules[at];
    let input = Input::of_subject(document.to_string().as_bytes(), &rule.reads).unwrap();
    let mut machine = Machine::new(loaded, Limits::default()).unwrap();
    let answer = machine.ask(at, &Prepared::new(input.json()).unwrap());
    judge(rule, &input, answer)
}

fn without(value: &mut Value, path: &[&str]) {
    match (value, path) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| without(item, path)),
        (Value::Object(fields), [last]) => {
            fields.remove(*last);
        }
        (Value::Object(fields), [first, rest @ ..]) => {
            if let Some(below) = fields.get_mut(*first) {
                without(below, rest);
            }
        }
        _ => {}
    }
}

fn touches(one: &str, other: &str) -> bool {
    one == other || one.starts_with(&format!("{other}.")) || other.starts_with(&format!("{one}."))
}

/// Of every shipped rule, on every document of its own tests, with each declared fact taken away in turn.
#[test]
fn a_fact_that_becomes_unknown_never_makes_a_pass_and_loses_no_finding_that_does_not_rest_on_it() {
    let loaded = all();
    let mut fired = 0;
    for (at, rule) in loaded.bundle().rules.iter().enumerate() {
        for document in documents(rule) {
            let before = asked(&loaded, at, &document);
            fired += before.reasons.len();
            for path in &rule.reads {
                let mut less = document.clone();
                without(&mut less, &path.split('.').collect::<Vec<_>>());
                let after = asked(&loaded, at, &less);
                let told = format!("{} without {path}: {before:?} became {after:?}", rule.id);
                assert!(after.reasons.len() <= before.reasons.len(), "{told}");
                if less != document {
                    assert_ne!(after.outcome, Outcome::Pass, "{told}");
                }
                for reason in &before.reasons {
                    let rests = reason.proof.iter().any(|proof| touches(proof, path));
                    assert!(rests || after.reasons.iter().any(|r| r.text == reason.text), "{told}");
                }
            }
        }
    }
    assert!(fired > 20, "only {fired} findings were looked at");
}

/// Each rule is hit by a document of its tests, or this file looks at nothing.
#[test]
fn every_shipped_rule_fails_on_one_of_its_documents_and_passes_on_none_that_is_empty() {
    let loaded = all();
    for (at, rule) in loaded.bundle().rules.iter().enumerate() {
        let outcomes: Vec<Outcome> =
            documents(rule).iter().map(|document| asked(&loaded, at, document).outcome).collect();
        assert!(outcomes.contains(&Outcome::Fail), "{}: {outcomes:?}", rule.id);
        let kind = rule.stance.as_ref().unwrap().subject;
        let mut empty = full(kind);
        empty[kind.as_str()] = serde_json::json!({});
        assert_eq!(asked(&loaded, at, &empty).outcome, Outcome::Unknown, "{}", rule.id);
    }
}

fn observation(severity: Option<Severity>) -> Observation {
    Observation {
        reason: "Look.".to_owned(),
        proof: vec!["repository.visibility".to_owned()],
        severity,
    }
}

/// An input in which these of the rule's facts are unknown.
fn lacking(rule: &Rule, gaps: &[bool]) -> Input {
    let mut document = full(rule.stance.as_ref().unwrap().subject);
    for (path, gap) in rule.reads.iter().zip(gaps) {
        if *gap {
            without(&mut document, &path.split('.').collect::<Vec<_>>());
        }
    }
    Input::of_subject(document.to_string().as_bytes(), &rule.reads).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever a rule answers and whatever is unknown.
    #[test]
    fn silence_passes_only_where_all_is_known_and_a_finding_always_fails(
        gaps in prop::collection::vec(any::<bool>(), 8),
        severities in prop::collection::vec(prop::option::of(prop::sample::select(Severity::ALL)), 0..4),
        faulty in any::<bool>(),
    ) {
        static RULES: std::sync::LazyLock<Loaded> = std::sync::LazyLock::new(all);
        for rule in &RULES.bundle().rules {
            let input = lacking(rule, &gaps);
            let said: Vec<_> = severities.iter().map(|severity| observation(*severity)).collect();
            let answer = if faulty {
                Answer::Fault("it took too long".to_owned())
            } else {
                Answer::Observations(said.clone())
            };
            let judged = judge(rule, &input, answer);
            let known = input.unknown().is_empty() && !faulty;
            let expected = match (faulty || said.is_empty(), known) {
                (false, _) => Outcome::Fail,
                (true, true) => Outcome::Pass,
                (true, false) => Outcome::Unknown,
            };
            prop_assert_eq!(judged.outcome, expected);
            prop_assert_eq!(judged.unknown.is_empty(), known);
            prop_assert_eq!(judged.reasons.len(), if faulty { 0 } else { said.len() });
            // Never less bad than the rule is.
            prop_assert!(judged.severity <= rule.severity);
            if expected != Outcome::Fail {
                prop_assert_eq!(judged.severity, rule.severity);
            }
        }
    }
}
