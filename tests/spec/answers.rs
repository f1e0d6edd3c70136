//! Answers: what a rule says, what its silence weighs, and that two engines say the same.

use portcullis::event::EventKind;
use portcullis::graph::fact::Gap;
use portcullis::graph::fact::Wanted;
use portcullis::policy::Answer;
use portcullis::policy::Finding;
use portcullis::policy::Input;
use portcullis::policy::InputError;
use portcullis::policy::Limits;
use portcullis::policy::Loaded;
use portcullis::policy::Machine;
use portcullis::policy::Prepared;
use portcullis::policy::SourceFile;
use portcullis::policy::Verdict;
use portcullis::policy::demand::of_an_operator;
use portcullis::policy::diagnostic::render_all;
use portcullis::policy::example::bare;
use portcullis::policy::example::example;
use portcullis::policy::finding::Origin;
use portcullis::policy::interpreter::Interpreter;
use portcullis::policy::interpreter::is_stricter;
use portcullis::policy::load;
use portcullis::policy::schema::json_schema;
use portcullis::policy::shipped;
use portcullis::policy::weigh;
use portcullis::policy::weigh::strictest;
use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

fn loaded(files: &[SourceFile]) -> Loaded {
    load(files).map_err(|found| panic!("{}", render_all(&found))).unwrap()
}

/// One rule on pushes that reads the ref's name, with more metadata and a body.
fn one(custom: &str, body: &str) -> Loaded {
    let text = format!(
        "# METADATA\n# title: Names\n# custom:\n#   on: [push]\n#   reads: [resource.ref.name, resource.variables]\n{custom}package portcullis.rules.some.rule\n\n{body}\n"
    );
    loaded(&[SourceFile { path: "some/rule.rego".to_owned(), text }])
}

fn push(name: impl Into<Value>) -> Value {
    let name = name.into();
    json!({
        "version": 1, "event": {"kind": "push"}, "connection": {"id": "acme", "product": "cloud"},
        "action": {"name": "push"}, "unknown": [], "resource": {"ref": {"name": name}, "variables": []},
    })
}

fn read(loaded: &Loaded, document: &Value) -> Input {
    let declared: Vec<String> =
        loaded.bundle().rules.iter().flat_map(|rule| rule.reads.clone()).collect();
    Input::from_json(document.to_string().as_bytes(), &declared).unwrap()
}

fn ask(loaded: &Loaded, input: &Input, limits: Limits) -> Answer {
    Machine::new(loaded, limits).unwrap().ask(0, &Prepared::new(input.json()).unwrap())
}

fn findings(loaded: &Loaded, document: &Value) -> Vec<Finding> {
    let input = read(loaded, document);
    weigh(&loaded.bundle().rules[0], &input, ask(loaded, &input, Limits::default()))
}

const SAYS: &str = r#"finding contains {"verdict": "alert", "reason": input.resource.ref.name} if input.resource.ref.name != "refs/heads/main""#;

#[test]
fn a_known_fact_is_judged_by_the_rule_alone() {
    let loaded = one("", SAYS);
    assert_eq!(findings(&loaded, &push(json!("refs/heads/main"))), []);
    let told = findings(&loaded, &push(json!("refs/heads/x")));
    assert_eq!((told.len(), told[0].verdict, told[0].origin), (1, Verdict::Alert, Origin::Rule));
}

#[test]
fn silence_about_an_unknown_fact_weighs() {
    let mut document = push(json!(null));
    document["resource"]["ref"] = json!({});
    document["unknown"] =
        json!([{"path": "resource.ref.name", "why": "the token lacks the scope repository."}]);
    let told = findings(&one("", SAYS), &document);
    assert_eq!((told.len(), told[0].verdict, told[0].origin), (1, Verdict::Block, Origin::Unknown));
    assert_eq!(
        told[0].reason,
        "The rule “Names” could not judge this: `resource.ref.name` is not known (the token lacks the scope repository)."
    );
    assert_eq!(told[0].proof, ["resource.ref.name"]);
    let told = findings(&one("#   on_unknown: alert\n", SAYS), &document);
    assert_eq!((told.len(), told[0].verdict), (1, Verdict::Alert));
    let told = findings(&one("#   on_error: alert\n", SAYS), &document);
    assert_eq!((told.len(), told[0].verdict), (1, Verdict::Alert));
    assert_eq!(findings(&one("#   unknown: handled\n", SAYS), &document), []);
}

#[test]
fn what_the_rule_says_stands_beside_what_is_unknown() {
    let mut document = push(json!("refs/heads/x"));
    document["resource"]["variables"] = json!([{"name": "A", "secured": true}]);
    let told = findings(&one("", SAYS), &document);
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].verdict, told[0].origin), (Verdict::Alert, Origin::Rule));
    assert!(
        told[1].reason.contains("`resource.variables.0.scope` is not known (not in this document)")
    );
}

#[test]
fn a_weight_of_approve_asks_whom_the_rule_names_or_an_operator() {
    let loaded =
        one("#   on_unknown: approve\n#   approval: {from: {group: leads}, count: 2}\n", SAYS);
    let nothing = json!({
        "version": 1, "event": {"kind": "push"}, "connection": {"id": "acme", "product": "cloud"},
        "action": {"name": "push"},
    });
    let told = findings(&loaded, &nothing);
    assert_eq!(told[0].verdict, Verdict::Approve);
    assert_eq!(told[0].approval.as_ref().unwrap().count, 2);
    let told = findings(&one("#   on_unknown: approve\n", SAYS), &nothing);
    assert_eq!(told[0].verdict, Verdict::Approve);
    assert_eq!(told[0].approval, Some(of_an_operator()));
}

#[test]
fn a_rule_that_runs_too_long_weighs_as_a_fault() {
    let body = r#"finding contains {"verdict": "alert", "reason": "Many."} if {
	some a in input.resource.variables
	some b in input.resource.variables
	some c in input.resource.variables
	a.name == b.name
	b.name == c.name
	a.secured
}"#;
    let loaded = one("#   on_error: alert\n", body);
    let mut document = push(json!("refs/heads/main"));
    let many: Vec<Value> = (0..400)
        .map(|n| json!({"name": format!("V{n}"), "secured": false, "scope": "project"}))
        .collect();
    document["resource"]["variables"] = many.into();
    let input = read(&loaded, &document);
    let steps = Limits { instructions: 10_000, ..Limits::default() };
    assert_eq!(
        ask(&loaded, &input, steps),
        Answer::Fault("it took more than 10000 steps".to_owned())
    );
    let time = Limits { instructions: usize::MAX, time: std::time::Duration::from_millis(5) };
    assert_eq!(ask(&loaded, &input, time), Answer::Fault("it took longer than 5 ms".to_owned()));
    let told = weigh(&loaded.bundle().rules[0], &input, ask(&loaded, &input, steps));
    assert_eq!((told.len(), told[0].verdict, told[0].origin), (1, Verdict::Alert, Origin::Fault));
}

#[test]
fn a_faulted_machine_answers_the_next_question() {
    let loaded = one("", SAYS);
    let mut machine =
        Machine::new(&loaded, Limits { instructions: 40, ..Limits::default() }).unwrap();
    let ask = |machine: &mut Machine, name: &str| {
        let input = read(&loaded, &push(json!(name)));
        machine.ask(0, &Prepared::new(input.json()).unwrap())
    };
    let first = ask(&mut machine, "refs/heads/x");
    assert_eq!(ask(&mut machine, "refs/heads/x"), first);
    assert!(matches!(machine.ask(7, &Prepared::new(b"{}").unwrap()), Answer::Fault(_)));
}

#[test]
fn what_is_no_finding_is_a_block_that_says_so() {
    let loaded = one(
        "",
        r#"finding contains {"verdict": input.resource.ref.name, "reason": "Why not."} if input.resource.ref.name in {"stop", "block"}

finding contains {"verdict": "alert", "reason": substring(input.resource.ref.name, 4, -1)} if startswith(input.resource.ref.name, "long")

finding contains {"verdict": "approve", "reason": "Ask.", "approval": {"from": {"group": "leads"}, "count": count(input.resource.variables)}} if input.resource.ref.name == "approve"

finding contains {"verdict": "alert", "reason": sprintf("%d", [n])} if {
	input.resource.ref.name == "flood"
	some n, _ in split("1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111111", "")
}"#,
    );
    for (name, word) in [
        ("stop".to_owned(), "unknown verdict `stop`"),
        ("long".to_owned(), "no reason"),
        (format!("long{}", "a".repeat(2_001)), "more than 2000 characters"),
        ("approve".to_owned(), "`approval.count` is 0"),
        ("flood".to_owned(), "said 103 things"),
    ] {
        let told = findings(&loaded, &push(json!(name)));
        assert_eq!(
            (told.len(), told[0].verdict, told[0].origin),
            (1, Verdict::Block, Origin::Broken)
        );
        assert!(told[0].reason.contains(word), "{}", told[0].reason);
    }
    let told = findings(&loaded, &push(json!("block")));
    assert_eq!((told[0].verdict, told[0].origin), (Verdict::Block, Origin::Rule));
    assert_eq!(findings(&loaded, &push(json!(format!("long{}", "a".repeat(2_000))))).len(), 1);
}

#[test]
fn findings_come_strictest_first() {
    let loaded = one(
        "",
        r#"finding contains {"verdict": v, "reason": r} if {
	input.resource.ref.name
	some v in ["alert", "block", "allow"]
	some r in ["b", "a"]
}"#,
    );
    let told = findings(&loaded, &push(json!("x")));
    let told: Vec<(&str, &str)> =
        told.iter().map(|f| (f.verdict.as_str(), f.reason.as_str())).collect();
    let expected = [
        ("block", "a"),
        ("block", "b"),
        ("alert", "a"),
        ("alert", "b"),
        ("allow", "a"),
        ("allow", "b"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn data_and_people_come_with_the_bundle() {
    let rule = "# METADATA\n# title: Names\n# custom:\n#   on: [push]\n#   reads: [resource.ref.name]\npackage portcullis.rules.some.rule\n\nfinding contains {\"verdict\": \"alert\", \"reason\": data.acme.refs[input.resource.ref.name]}\n";
    let file = |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
    let mut files = vec![
        file("some/rule.rego", rule),
        file("acme/data.json", r#"{"refs": {"refs/heads/x": "Known."}}"#),
        file(
            "data.json",
            r#"{"portcullis": {"people": {"leads": "Release managers", "two": ["acme/user/1"]}}}"#,
        ),
    ];
    let bundle = loaded(&files);
    assert_eq!(bundle.bundle().people["leads"], ["Release managers"]);
    assert_eq!(bundle.bundle().people["two"], ["acme/user/1"]);
    let input = Input::from_json(push(json!("refs/heads/x")).to_string().as_bytes(), &[]).unwrap();
    let Answer::Findings(told) = ask(&bundle, &input, Limits::default()) else { panic!("a fault") };
    assert_eq!(told[0].reason, "Known.");
    for (path, text, word) in [
        ("b/data.json", "[1]", "not an object"),
        ("b/data.json", "{", "not JSON"),
        ("data.yaml", "a: 1", "data.json"),
        ("acme/refs/data.json", r#"{"refs/heads/x": 1}"#, "merged"),
        ("portcullis/people/data.json", r#"{"three": 3}"#, "list of ids"),
    ] {
        files.push(file(path, text));
        let found = load(&files).err().unwrap_or_else(|| panic!("{path} should be refused"));
        assert!(render_all(&found).contains(word), "{}", render_all(&found));
        files.pop();
    }
}

#[test]
fn the_revision_is_of_what_is_served() {
    let mut files = shipped::files();
    let revision = loaded(&files).bundle().revision.clone();
    assert_eq!(revision.len(), 64);
    files.reverse();
    assert_eq!(loaded(&files).bundle().revision, revision);
    files.retain(|file| !file.path.ends_with("_test.rego"));
    assert_eq!(loaded(&files).bundle().revision, revision);
    files[0].text.push('\n');
    assert_ne!(loaded(&files).bundle().revision, revision);
}

#[test]
fn a_told_input_is_read_strictly() {
    let refused = |text: &str| Input::from_json(text.as_bytes(), &[]).unwrap_err().to_string();
    let full = push(json!("x")).to_string();
    assert!(Input::from_json(full.as_bytes(), &[]).is_ok());
    assert_eq!(
        refused(&full.replace("\"version\":1", "\"version\":2")),
        "this document has version `2`; this Portcullis reads version 1"
    );
    assert!(
        refused(&full.replace("\"version\":1", "\"version\":1,\"version\":1"))
            .contains("`version` stands twice")
    );
    assert!(
        refused(&full.replace("\"kind\":\"push\"", "\"kind\":\"psuh\""))
            .contains("did you mean `push`?")
    );
    assert!(
        refused(&full.replace("\"name\":\"x\"", "\"name\":7"))
            .contains("`resource.ref.name` must be a text")
    );
    assert!(refused(&full.replace("\"action\"", "\"axtion\"")).contains("no `action.name`"));
    assert!(refused("[]").contains("no `version`"));
    assert!(refused("{").contains("cannot be read"));
    assert!(refused(&"[".repeat(100_000)).contains("cannot be read"));
    let big = format!("{}{full}", " ".repeat(1 << 20));
    assert!(matches!(Input::from_json(big.as_bytes(), &[]), Err(InputError::Size(_))));
}

#[test]
fn what_a_told_input_leaves_out_is_a_gap() {
    let read = |document: &Value, declared: &[&str]| {
        let declared: Vec<String> = declared.iter().map(|path| (*path).to_owned()).collect();
        Input::from_json(document.to_string().as_bytes(), &declared).unwrap()
    };
    let gap = |path: &str, why: &str| Gap { path: path.to_owned(), why: why.to_owned() };
    let mut document = push(json!(null));
    assert_eq!(read(&document, &["resource.ref.name"]).unknown(), []);
    assert_eq!(
        read(&document, &["resource.ref.kind", "change"]).unknown(),
        [gap("change", "not in this document"), gap("resource.ref.kind", "not in this document")]
    );
    document["unknown"] = json!([{"path": "change", "why": "nobody told"}]);
    let input = read(&document, &["change.forced"]);
    assert_eq!(input.unknown(), [gap("change", "nobody told")]);
    assert_eq!(input.kind(), Some(EventKind::Push));
    let back: Value = serde_json::from_slice(input.json()).unwrap();
    assert_eq!(back["unknown"], document["unknown"]);
}

/// A reader of draft-07 as far as our schema goes.
fn fits(schema: &Value, value: &Value, path: &str) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match &schema["type"] {
        Value::String(one) => assert_eq!(one, kind, "{path}"),
        Value::Array(several) => {
            assert!(several.contains(&json!(kind)), "{path}: {value} in {several:?}");
        }
        _ => assert_eq!(schema["const"], *value, "{path}"),
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{path}: {value}");
    }
    for item in value.as_array().into_iter().flatten() {
        fits(&schema["items"], item, &format!("{path}[]"));
    }
    // What somebody else put together: nothing is known of what is in it.
    let is_free = schema["additionalProperties"] == true;
    assert!(!is_free || schema.get("properties").is_none(), "{path}");
    for (key, inner) in value.as_object().into_iter().flatten().filter(|_| !is_free) {
        let below = &schema["properties"][key];
        assert!(below.is_object(), "{path}.{key} is not in the schema");
        assert!(below["description"].is_string(), "{path}.{key} is not described");
        fits(below, inner, &format!("{path}.{key}"));
    }
}

#[test]
fn every_example_fits_the_schema_and_has_no_gap() {
    let schema = json_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    for kind in EventKind::ALL {
        let mut all: Vec<String> =
            schema["properties"].as_object().unwrap().keys().cloned().collect();
        all.retain(|key| key != "unknown");
        for document in [example(*kind).unwrap(), bare(*kind).unwrap()] {
            let page = document.page(&Wanted::all());
            assert_eq!(page.unknown(), []);
            let value: Value = serde_json::from_slice(page.json()).unwrap();
            fits(&schema, &value, "input");
            let back = Input::from_json(page.json(), &all).unwrap();
            assert_eq!(back.unknown(), [], "{kind}");
            assert_eq!(back.kind(), Some(*kind));
        }
    }
}

/// Paths of a document's values, `/` between parts.
fn places(value: &Value, path: &str, out: &mut Vec<String>) {
    let mut below = |key: &str, inner: &Value| {
        let path = format!("{path}/{key}");
        out.push(path.clone());
        places(inner, &path, out);
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(key, inner)| below(key, inner)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, inner)| below(&at.to_string(), inner));
        }
        _ => {}
    }
}

/// Another value of the same kind, or null.
fn changed(value: &Value, pick: u8) -> Value {
    match (value, pick % 4) {
        (_, 0) => Value::Null,
        (Value::Bool(flag), _) => json!(!flag),
        (Value::Number(_), pick) => json!(pick),
        (Value::String(text), 1) => json!(text.to_uppercase()),
        (Value::String(_), 2) => json!("refs/heads/release/1"),
        (Value::String(_), _) => json!(
            ["user", "admin", "read", "owner", "tag", "deploy", "public"]
                [usize::from(pick / 4) % 7]
        ),
        (Value::Array(items), 1) => items.iter().chain(items).cloned().collect(),
        (Value::Array(_), _) => json!([]),
        (other, _) => other.clone(),
    }
}

fn mutated(kind: EventKind, changes: &[(usize, u8)]) -> Value {
    let page = example(kind).unwrap().page(&Wanted::all());
    let mut document: Value = serde_json::from_slice(page.json()).unwrap();
    for (at, pick) in changes {
        let mut all = Vec::new();
        places(&document, "", &mut all);
        all.retain(|path| {
            !["/version", "/event", "/unknown"].iter().any(|fixed| path.starts_with(fixed))
        });
        let place = document.pointer_mut(&all[at % all.len()]).unwrap();
        *place = changed(place, *pick);
    }
    document
}

fn kinds() -> impl Strategy<Value = EventKind> {
    (0..EventKind::ALL.len()).prop_map(|at| EventKind::ALL[at])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn two_engines_answer_the_shipped_rules_alike(
        kind in kinds(),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..6),
    ) {
        thread_local! {
            static ENGINES: (Loaded, std::cell::RefCell<(Machine, Interpreter)>) = {
                let files = shipped::files();
                let loaded = loaded(&files);
                let machine = Machine::new(&loaded, Limits::default()).unwrap();
                let second = Interpreter::new(&files, Limits { time: std::time::Duration::from_secs(5), ..Limits::default() });
                let second = second.map_err(|found| render_all(&found)).unwrap();
                (loaded, std::cell::RefCell::new((machine, second)))
            };
        }
        let document = mutated(kind, &changes).to_string();
        let input = Prepared::new(document.as_bytes()).unwrap();
        ENGINES.with(|(loaded, engines)| {
            let (machine, second) = &mut *engines.borrow_mut();
            for (at, rule) in loaded.bundle().rules.iter().enumerate() {
                let other = second.ask(&rule.id, &input);
                if !is_stricter(&other) {
                    prop_assert_eq!(machine.ask(at, &input), other, "{} on {}", rule.id, document);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_unknown_fact_never_makes_a_verdict_milder(
        kind in kinds(),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        which in any::<usize>(),
    ) {
        thread_local! {
            static ENGINE: (Loaded, std::cell::RefCell<Machine>) = {
                let loaded = loaded(&shipped::files());
                let machine = Machine::new(&loaded, Limits::default()).unwrap();
                (loaded, std::cell::RefCell::new(machine))
            };
        }
        ENGINE.with(|(loaded, machine)| {
            let routed: Vec<_> = loaded.bundle().routed(kind).collect();
            let declared: Vec<String> = routed.iter().flat_map(|(_, rule)| rule.reads.clone()).collect();
            if declared.is_empty() {
                return Ok(());
            }
            let verdict = |document: &Value| {
                let Ok(input) = Input::from_json(document.to_string().as_bytes(), &declared) else { return None };
                let prepared = Prepared::new(input.json()).unwrap();
                let all: Vec<Finding> = routed
                    .iter()
                    .flat_map(|(at, rule)| weigh(rule, &input, machine.borrow_mut().ask(*at, &prepared)))
                    .collect();
                Some(strictest(&all))
            };
            let document = mutated(kind, &changes);
            let Some(known) = verdict(&document) else { return Ok(()) };
            let path = &declared[which % declared.len()];
            let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
            let pointer = format!("/{}", above.replace('.', "/"));
            let mut less = document.clone();
            let place = if above.is_empty() { Some(&mut less) } else { less.pointer_mut(&pointer) };
            if let Some(Value::Object(object)) = place {
                object.remove(name);
                prop_assert!(verdict(&less).unwrap() >= known, "without {path} in {document}");
            }
            Ok(())
        })?;
    }
}
