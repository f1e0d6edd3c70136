//! What an approval is bound to: one byte differs, no grant, and the member is named.

use portcullis::approval::Binding;
use portcullis::approval::Unfit;
use portcullis::approval::binding::facts;
use portcullis::event::EventKind;
use portcullis::graph::fact::Wanted;
use portcullis::policy::Input;
use portcullis::policy::RuleId;
use portcullis::policy::example;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use super::after;
use super::binding;
use super::granted;

/// Members of the input that no approval rests on.
const FREE: [&str; 7] =
    ["event", "now", "claimed", "graph", "caller", "pipeline.id", "pipeline.step"];

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// By hand: members in the order of their UTF-16 code units, no spaces.
const CANONICAL: &str = concat!(
    r#"{"action":"deploy","bundle":"1111111111111111111111111111111111111111111111111111111111111111","#,
    r#""commit":"8d3c1f0e5b7a49c2d6e8f1029384756aabbccdde","connection":"acme-cloud","#,
    r#""environment":"acme-cloud/environment/77","#,
    r#""facts":"2222222222222222222222222222222222222222222222222222222222222222","#,
    r#""ref":"refs/heads/main","repository":"acme-cloud/repository/0b1c","#,
    r#""rules":["deploy/production-needs-approval"],"#,
    r#""script_sha256":"9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f9f","#,
    r#""v":1,"variables":["AWS_PROD_KEY","NPM_TOKEN"]}"#,
);

#[test]
fn the_digest_is_of_rfc_8785_json() {
    assert_eq!(hex::encode(binding().digest()), hex::encode(sha256(CANONICAL)));
}

#[test]
fn unknown_members_are_null() {
    let bare = Binding {
        repository: None,
        reference: None,
        commit: None,
        environment: None,
        variables: Vec::new(),
        script_sha256: None,
        rules: Vec::new(),
        bundle: "b".to_owned(),
        facts: "f".to_owned(),
        ..binding()
    };
    let by_hand = concat!(
        r#"{"action":"deploy","bundle":"b","commit":null,"connection":"acme-cloud","environment":null,"#,
        r#""facts":"f","ref":null,"repository":null,"rules":[],"script_sha256":null,"v":1,"variables":[]}"#
    );
    assert_eq!(hex::encode(bare.digest()), hex::encode(sha256(by_hand)));
}

#[test]
fn each_member_that_differs_is_named_and_no_other() {
    type Change = fn(&mut Binding);
    let changes: [(&str, Change); 12] = [
        ("v", |b| b.v = 2),
        ("connection", |b| b.connection = "acme-dc".to_owned()),
        ("action", |b| b.action = "publish".to_owned()),
        ("repository", |b| b.repository = None),
        ("ref", |b| b.reference = Some("refs/heads/mаin".to_owned())),
        ("commit", |b| b.commit = Some("8d3c1f0e5b7a49c2d6e8f1029384756aabbccddf".to_owned())),
        ("environment", |b| b.environment = Some("acme-cloud/environment/78".to_owned())),
        ("variables", |b| b.variables.push("REGION".to_owned())),
        ("script_sha256", |b| b.script_sha256 = None),
        ("bundle", |b| b.bundle.push('0')),
        ("rules", |b| b.rules.push(RuleId::told("ref/deploy-from-protected"))),
        ("facts", |b| b.facts = "23".repeat(32)),
    ];
    let members = serde_json::to_value(binding()).unwrap();
    assert_eq!(changes.len(), members.as_object().unwrap().len(), "every member is tried");
    for (member, change) in changes {
        let mut asked = binding();
        change(&mut asked);
        let refused = granted().grant_for_binding(&asked, after(61));
        assert_eq!(refused, Err(Unfit::Differs(vec![member])));
        assert_eq!(
            refused.unwrap_err().to_string(),
            format!("it was approved for another {member}")
        );
        assert_ne!(asked.digest(), binding().digest(), "{member}");
    }
    assert!(granted().grant_for_binding(&binding(), after(61)).is_ok());
}

#[test]
fn several_that_differ_are_all_named() {
    let asked = Binding { commit: Some("1".repeat(40)), facts: "33".repeat(32), ..binding() };
    let refused = granted().grant_for_binding(&asked, after(61)).unwrap_err();
    assert_eq!(refused.to_string(), "it was approved for another commit, facts");
}

fn document(kind: EventKind) -> Value {
    serde_json::from_slice(example::example(kind).unwrap().page(&Wanted::all()).json()).unwrap()
}

fn facts_of(document: &Value) -> String {
    facts(&Input::from_json(document.to_string().as_bytes(), &[]).unwrap())
}

#[test]
fn facts_do_not_depend_on_the_order_of_keys() {
    let one = r#"{"version":1,"event":{"kind":"push"},"connection":{"id":"acme-cloud","product":"cloud"},
        "action":{"name":"push"},"unknown":[],"resource":{"ref":{"name":"refs/heads/é","protected":true}}}"#;
    let other = r#"{"resource":{"ref":{"protected":true,"name":"refs/heads/\u00e9"}},"unknown":[],
        "action":{"name":"push"},"connection":{"product":"cloud","id":"acme-cloud"},"event":{"kind":"push"},"version":1}"#;
    let by_hand = r#"{"action":{"name":"push"},"connection":{"id":"acme-cloud","product":"cloud"},"resource":{"ref":{"name":"refs/heads/é","protected":true}},"unknown":[],"version":1}"#;
    let read = |text: &str| facts(&Input::from_json(text.as_bytes(), &[]).unwrap());
    assert_eq!(read(one), read(other));
    assert_eq!(read(one), hex::encode(sha256(by_hand)), "by hand");
}

/// Every path to a value that is no object and no list, with a member per step.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| leaves(value, &below(name), found));
        }
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .enumerate()
            .for_each(|(at, value)| leaves(value, &below(&at.to_string()), found)),
        _ => found.push(path.to_owned()),
    }
}

/// Another value in the same place, of the same kind, that the schema takes.
fn another(value: &Value, path: &str) -> Value {
    match value {
        Value::String(_) if path == "event.kind" => json!("tag.created"),
        Value::String(text) if text.parse::<portcullis::graph::Time>().is_ok() => {
            json!("2001-01-01T00:00:00.000Z")
        }
        Value::String(_) | Value::Array(_) => Value::Null,
        Value::Bool(flag) => json!(!flag),
        Value::Number(_) => json!(4_711),
        Value::Null | Value::Object(_) => json!("x"),
    }
}

fn is_free(path: &str) -> bool {
    FREE.iter().any(|free| path == *free || path.starts_with(&format!("{free}.")))
}

fn set(document: &Value, path: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(&format!("/{}", path.replace('.', "/"))).unwrap() = value;
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any one leaf of any example input: only what differs between two runs of the same thing is free.
    #[test]
    fn facts_rest_on_everything_but_what_differs_between_runs(
        kind in proptest::sample::select(EventKind::ALL), at in any::<prop::sample::Index>(),
    ) {
        let document = document(kind);
        let mut paths = Vec::new();
        leaves(&document, "", &mut paths);
        // These two say what the document is, and cannot be anything else.
        paths.retain(|path| path != "version" && path != "unknown");
        let path = &paths[at.index(paths.len())];
        let old = document.pointer(&format!("/{}", path.replace('.', "/"))).unwrap();
        let mut changed = set(&document, path, another(old, path));
        if old.is_null() || matches!(path.as_str(), "connection.id" | "connection.product" | "action.name") {
            changed = replaced(&document, path, old);
        }
        prop_assume!(changed != document);
        let same = facts_of(&changed) == facts_of(&document);
        prop_assert_eq!(same, is_free(path), "{} of {}", path, kind);
    }
}

/// What must stay a text, or is null and may become anything the schema has there: the member is left out instead.
fn replaced(document: &Value, path: &str, old: &Value) -> Value {
    match old {
        Value::Null => {
            let mut changed = document.clone();
            let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
            let above = if above.is_empty() {
                String::new()
            } else {
                format!("/{}", above.replace('.', "/"))
            };
            match changed.pointer_mut(&above).unwrap() {
                Value::Object(members) => {
                    members.remove(name);
                }
                Value::Array(items) => items.clear(),
                _ => {}
            }
            changed
        }
        _ => set(
            document,
            path,
            json!(if path == "connection.product" { "datacenter" } else { "other" }),
        ),
    }
}

#[test]
fn every_free_member_is_tried_on_a_step() {
    let document = document(EventKind::PipelineStep);
    for path in ["pipeline.id", "pipeline.step", "caller.id", "claimed.reason", "graph.age_ms"] {
        let old = document.pointer(&format!("/{}", path.replace('.', "/"))).unwrap();
        let changed = set(&document, path, another(old, path));
        assert_ne!(changed, document);
        assert_eq!(facts_of(&changed), facts_of(&document), "{path}");
    }
    for path in ["pipeline.commit", "pipeline.script_sha256", "pipeline.creator", "actor.level"] {
        let old = document.pointer(&format!("/{}", path.replace('.', "/"))).unwrap();
        let changed = set(&document, path, another(old, path));
        assert_ne!(facts_of(&changed), facts_of(&document), "{path}");
    }
}

#[test]
fn what_became_unknown_is_another_fact() {
    let document = document(EventKind::PipelineStep);
    let mut gone = document.clone();
    gone["resource"]["environment"].as_object_mut().unwrap().remove("tier");
    gone["unknown"] = json!([{"path": "resource.environment.tier", "why": "403"}]);
    assert_ne!(facts_of(&gone), facts_of(&document));
}
