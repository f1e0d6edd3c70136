//! What is news about a failure: each number and each time that a rule can rest on is weighed in one table, and what only
//! grows, ages or is used tells nobody a second time.

use std::collections::BTreeSet;

use portcullis::graph::Time;
use portcullis::graph::fact::Shape;
use portcullis::policy::RuleId;
use portcullis::policy::SubjectKind;
use portcullis::policy::bundle::Severity;
use portcullis::policy::subject::SubjectDocument;
use portcullis::posture::Kept;
use portcullis::posture::Outcome;
use portcullis::posture::Owner;
use portcullis::posture::Reason;
use portcullis::posture::Seen;
use portcullis::posture::Subject;
use portcullis::posture::kept::Fact;
use portcullis::posture::lifecycle::Hold;
use portcullis::posture::lifecycle::News;
use portcullis::posture::lifecycle::Presence;
use portcullis::posture::lifecycle::next;
use portcullis::posture::news::WEIGHED;
use serde_json::Value;
use serde_json::json;

use super::stand::NOW;

/// A failure for one reason that rests on these facts.
fn fails(facts: &[(&str, Value)]) -> Seen {
    let id = || "acme/repository/1".parse().unwrap();
    let reason = Reason {
        text: "It is wrong.".to_owned(),
        proof: facts.iter().map(|(path, _)| (*path).to_owned()).collect(),
    };
    let fact =
        |(path, value): &(&str, Value)| Fact { path: (*path).to_owned(), value: value.clone() };
    Seen {
        rule: RuleId::told("posture/any"),
        subject: Subject {
            kind: "repository".to_owned(),
            id: id(),
            name: "acme/site".to_owned(),
            place: Some(id()),
            class: None,
        },
        presence: Presence::There,
        severity: Severity::High,
        outcome: Outcome::Fail,
        reasons: vec![reason],
        unknown: Vec::new(),
        facts: facts.iter().map(fact).collect(),
        as_of: NOW,
        owner: Owner {
            id: None,
            name: "security".to_owned(),
            sure: "unknown".to_owned(),
            why: "nothing names an owner".to_owned(),
        },
    }
}

fn found(seen: Seen) -> Kept {
    let Hold::Keep(kept) = next(None, seen, NOW).hold else { panic!("it is not kept") };
    *kept
}

fn later() -> Time {
    NOW.plus(std::time::Duration::from_hours(24))
}

/// Whether the second look at a failure is news.
fn is_news(before: Seen, after: Seen) -> bool {
    next(Some(&found(before)), after, later()).news == News::Failure
}

/// The paths of numbers and times in a document.
fn numbers(path: &str, shape: &Shape, found: &mut BTreeSet<String>) {
    match shape {
        Shape::Whole | Shape::Instant => {
            found.insert(path.to_owned());
        }
        Shape::List(of) => numbers(path, of, found),
        Shape::Record(fields) => {
            for field in fields {
                let dot = if path.is_empty() { "" } else { "." };
                numbers(&format!("{path}{dot}{}", field.name), &field.shape, found);
            }
        }
        Shape::Text | Shape::Word(_) | Shape::Flag | Shape::Free => {}
    }
}

#[test]
fn every_number_and_time_of_every_document_is_weighed_once() {
    let mut there = BTreeSet::new();
    for kind in SubjectKind::ALL {
        numbers("", &SubjectDocument::shape(*kind), &mut there);
    }
    let mut weighed: Vec<String> = WEIGHED.iter().map(|(path, _)| (*path).to_owned()).collect();
    weighed.sort();
    assert_eq!(weighed, there.into_iter().collect::<Vec<_>>());
}

#[test]
fn what_an_older_version_told_is_not_told_again() {
    let facts = [("repository.visibility", json!("public"))];
    let mut kept = found(fails(&facts));
    kept.told = Some("a digest of another making".to_owned());
    assert_eq!(next(Some(&kept), fails(&facts), later()).news, News::None);
    let other = [("repository.visibility", json!("private"))];
    assert_eq!(next(Some(&kept), fails(&other), later()).news, News::Failure);
}

#[test]
fn what_grows_ages_or_is_used_is_told_once() {
    let key = |used: &str| json!([{"id": "acme/key/1", "name": "deploy", "last_used_at": used}]);
    let hand = |age: u64, idle: Value| json!([{"id": "acme/key/1", "name": "laptop", "age_days": age, "idle_days": idle}]);
    let group = |share: u64| json!([{"name": "developers", "people": share * 2, "share": share}]);
    let exempt = |people: u64| json!([{"id": "acme/group/1", "name": "dev", "people": people}]);
    let moves = [
        ("repository.live_keys", key("2026-11-01T00:00:00.000Z"), key("2026-11-20T00:00:00.000Z")),
        ("identity.credentials", hand(400, json!(null)), hand(401, json!(0))),
        ("repository.writers.groups", group(50), group(51)),
        ("repository.writers.share", json!(50), json!(51)),
        ("repository.default_branch.exempt", exempt(3), exempt(4)),
        ("repository.merges.unreviewed", json!(2), json!(3)),
        ("repository.merges.looked_at", json!(19), json!(20)),
        ("repository.idle_days", json!(400), json!(401)),
        ("credential.age_days", json!(400), json!(401)),
        ("credential.repositories", json!(3), json!(4)),
        ("credential.last_used_at", json!(null), json!("2026-11-20T00:00:00.000Z")),
        ("identity.left.repositories", json!(3), json!(2)),
        ("runner.repositories", json!(40), json!(41)),
        ("runner.people", json!(30), json!(31)),
        ("runner.projects", json!(4), json!(5)),
        ("variable.people", json!(18), json!(19)),
    ];
    for (path, before, after) in moves {
        let lasting = ("runner.name", json!("metal"));
        let seen = |value: Value| fails(&[(path, value), lasting.clone()]);
        assert!(!is_news(seen(before.clone()), seen(after)), "{path} merely moves");
        let other = fails(&[(path, before.clone()), ("runner.name", json!("other"))]);
        assert!(is_news(seen(before), other), "another fact beside {path}");
    }
}

#[test]
fn what_does_not_move_by_itself_is_news() {
    let key =
        |name: &str| json!({"id": format!("acme/key/{name}"), "name": name, "last_used_at": null});
    let news = [
        ("repository.live_keys", json!([key("a")]), json!([key("a"), key("b")])),
        ("credential.expires_at", json!(null), json!("2026-12-01T00:00:00.000Z")),
        ("credential.level", json!("read"), json!("write")),
        ("runner.public_repositories", json!([]), json!(["acme/site"])),
        ("identity.left.at", json!("2026-10-01T00:00:00.000Z"), json!("2026-10-02T00:00:00.000Z")),
    ];
    for (path, before, after) in news {
        assert!(is_news(fails(&[(path, before)]), fails(&[(path, after)])), "{path}");
    }
}

#[test]
fn one_reason_more_is_news_even_where_all_it_rests_on_merely_moves() {
    let setting = ("repository.default_branch.review_required", json!(false));
    let merges = ("repository.merges.unreviewed", json!(3));
    let before = fails(std::slice::from_ref(&setting));
    let mut after = fails(std::slice::from_ref(&setting));
    let more = fails(std::slice::from_ref(&merges));
    after.reasons.extend(more.reasons);
    after.facts.extend(more.facts);
    assert!(is_news(before, after.clone()));
    let mut further = after.clone();
    further.facts.last_mut().unwrap().value = json!(4);
    assert!(!is_news(after, further), "one merge more");

    // Two keys of one list, each for a reason of its own.
    let hands = (
        "identity.credentials",
        json!([{"name": "a", "age_days": 400}, {"name": "b", "age_days": 365}]),
    );
    let one = fails(std::slice::from_ref(&hands));
    let mut two = fails(&[hands]);
    two.reasons.push(two.reasons[0].clone());
    assert!(is_news(one, two), "the second key is too old now");
}
