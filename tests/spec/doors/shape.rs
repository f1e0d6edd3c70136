//! Holds answers against the description of the API. Every JSON answer that a test of the doors reads comes through
//! [`hold`]; what the description does not know (a member too many, a status, a type) fails that test.

use std::sync::LazyLock;

use portcullis::graph::Time;
use portcullis::http::doors;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| doors::description("https://gate.test"));

/// Failures that come before any operation, told once for all of them.
const EVERYWHERE: [u16; 6] = [404, 405, 414, 421, 431, 500];

/// Keywords that say something to people, or are looked at with another one.
const SILENT: [&str; 8] = [
    "title",
    "description",
    "examples",
    "default",
    "pattern",
    "required",
    "additionalProperties",
    "format",
];

/// Panics if no operation on this path answers so. What no path of the description is, is not looked at.
pub(crate) fn hold(path: &str, status: u16, kind: &str, answer: &Value) {
    let found: Vec<&Value> = operations(path).collect();
    if found.is_empty() {
        return;
    }
    let is_told = |operation: &&&Value| operation["responses"].get(status.to_string()).is_some();
    if !found.iter().any(|operation| is_told(&operation)) && EVERYWHERE.contains(&status) {
        return;
    }
    let kind = kind.split(';').next().unwrap_or_default();
    let said = found.iter().filter_map(|operation| schema(operation, status, kind));
    let faults: Vec<Vec<String>> = said.map(|schema| faults(schema, answer)).collect();
    assert!(!faults.is_empty(), "{path}: {status} {kind} is not described");
    assert!(faults.iter().any(Vec::is_empty), "{path}: {status}: {faults:?} in {answer:#}");
}

/// Every operation on the path that this one is.
fn operations(path: &str) -> impl Iterator<Item = &'static Value> {
    let is = |pattern: &str| {
        let (there, here) = (pattern.split('/'), path.split('/'));
        there.clone().count() == here.clone().count()
            && there.zip(here).all(|(there, here)| there == here || there.starts_with('{'))
    };
    let paths = DESCRIPTION["paths"].as_object().unwrap();
    // A path that is spelt out goes before one with a parameter.
    let found = paths.get_key_value(path).or_else(|| paths.iter().find(|(pattern, _)| is(pattern)));
    let methods = ["get", "post", "delete"];
    found
        .into_iter()
        .flat_map(move |(_, item)| methods.into_iter().filter_map(move |method| item.get(method)))
}

/// What an operation says of this answer.
pub(crate) fn schema(operation: &'static Value, status: u16, kind: &str) -> Option<&'static Value> {
    let response = resolved(&operation["responses"][status.to_string()]);
    response["content"].get(kind)?.get("schema")
}

fn resolved(part: &'static Value) -> &'static Value {
    part["$ref"].as_str().map_or(part, |name| {
        DESCRIPTION.pointer(name.strip_prefix('#').unwrap()).expect("a reference leads somewhere")
    })
}

/// What is wrong with a value; nothing: it is as the schema says.
pub(crate) fn faults(schema: &'static Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(schema, value, "", &mut found);
    found
}

fn look(schema: &'static Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(members) = schema.as_object() else {
        if schema == false {
            found.push(format!("{at}: nothing may stand here"));
        }
        return;
    };
    for (keyword, said) in members {
        match keyword.as_str() {
            "$ref" => look(resolved(schema), value, at, found),
            "type" => kind(said, value, at, found),
            "enum" if !said.as_array().unwrap().contains(value) => {
                found.push(format!("{at}: {value} is none of {said}"));
            }
            "const" if said != value => found.push(format!("{at}: {value} is not {said}")),
            "anyOf" | "oneOf" => either(said, value, at, found),
            "properties" => properties(schema, said, value, at, found),
            "items" => {
                let after = schema["prefixItems"].as_array().map_or(0, Vec::len);
                let rest = value.as_array().into_iter().flatten().enumerate().skip(after);
                rest.for_each(|(i, item)| look(said, item, &format!("{at}/{i}"), found));
            }
            "prefixItems" => {
                let items = value.as_array().into_iter().flatten();
                for (i, (said, item)) in said.as_array().unwrap().iter().zip(items).enumerate() {
                    look(said, item, &format!("{at}/{i}"), found);
                }
            }
            "minimum" | "minItems" | "minLength" if size(value) < size(said) => {
                found.push(format!("{at}: {keyword} is {said}"));
            }
            "maximum" | "maxItems" | "maxLength" if size(value) > size(said) => {
                found.push(format!("{at}: {keyword} is {said}"));
            }
            "enum" | "const" | "minimum" | "maximum" | "minItems" | "maxItems" | "minLength"
            | "maxLength" => {}
            keyword => assert!(SILENT.contains(&keyword), "`{keyword}` is not looked at"),
        }
    }
    if members.contains_key("additionalProperties") && !members.contains_key("properties") {
        properties(schema, &json!({}), value, at, found);
    }
    match (schema["format"].as_str(), value.as_str()) {
        (Some("uuid"), Some(text)) if text.parse::<Uuid>().is_err() => {
            found.push(format!("{at}: `{text}` is no UUID"));
        }
        (Some("date-time"), Some(text)) if text.parse::<Time>().is_err() => {
            found.push(format!("{at}: `{text}` is no time"));
        }
        _ => {}
    }
}

/// How large a number is, how long a text or a list; `null` has no size, and no bound on it.
fn size(value: &Value) -> Size {
    Size(match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => Some(f64::from(u32::try_from(text.chars().count()).unwrap())),
        Value::Array(items) => Some(f64::from(u32::try_from(items.len()).unwrap())),
        _ => None,
    })
}

/// Two sizes of which one is none are neither smaller nor larger.
#[derive(PartialEq)]
struct Size(Option<f64>);

impl PartialOrd for Size {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.0?.partial_cmp(&other.0?)
    }
}

fn kind(said: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` is no type"),
    };
    if !said.as_array().map_or_else(|| is(said), |kinds| kinds.iter().any(is)) {
        found.push(format!("{at}: {value} is no {said}"));
    }
}

fn either(said: &'static Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let tried: Vec<Vec<String>> = said
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let mut found = Vec::new();
            look(one, value, at, &mut found);
            found
        })
        .collect();
    if !tried.iter().any(Vec::is_empty) {
        found.extend(tried.concat());
    }
}

/// An object that says which members it has, has no others.
fn properties(
    schema: &'static Value,
    known: &Value,
    value: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let Some(members) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !members.contains_key(name.as_str().unwrap()) {
            found.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, member) in members {
        let at = format!("{at}/{name}");
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(said), _) | (None, Some(said)) => look(said, member, &at, found),
            (None, None) if known.is_object() => found.push(format!("{at} is not described")),
            (None, None) => {}
        }
    }
}

#[test]
fn what_is_not_as_described_is_seen() {
    let row = || schema(&DESCRIPTION["paths"]["/api/v1/pause"]["get"], 200, "application/json");
    let faults = |answer: Value| faults(row().unwrap(), &answer);
    let pause = json!({"id": Uuid::nil(), "state": "in force", "reason": "r", "by": "b", "second": null,
        "asked": "2026-11-20T17:00:00.000Z", "from": null, "until": null, "seconds": 5});
    assert_eq!(faults(json!({"paused": true, "pause": pause})), Vec::<String>::new());
    assert_eq!(faults(json!({"paused": false, "pause": null})), Vec::<String>::new());
    for (planted, said) in [
        (json!({"paused": false}), "is missing"),
        (json!({"paused": "no", "pause": null}), "is no \"boolean\""),
        (json!({"paused": false, "pause": null, "more": 1}), "/more is not described"),
    ] {
        assert!(faults(planted.clone()).concat().contains(said), "{planted}");
    }
    for (member, planted, said) in [
        ("id", json!("7"), "is no UUID"),
        ("asked", json!("yesterday"), "is no time"),
        ("state", json!("over"), "is not \"in force\""),
        ("seconds", json!(-1), "minimum is 0"),
        ("why", json!("?"), "/pause/why is not described"),
    ] {
        let mut pause = pause.clone();
        pause[member] = planted;
        let found = faults(json!({"paused": true, "pause": pause})).concat();
        assert!(found.contains(said), "{member}: {found}");
    }
}

#[test]
#[should_panic(expected = "is not described")]
fn a_status_that_is_not_described_is_seen() {
    hold("/api/v1/pause", 418, "application/json", &json!({}));
}
