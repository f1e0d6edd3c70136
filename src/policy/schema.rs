//! The input document for tools: a JSON Schema (draft-07) of all of it, made from the one place where it is declared.

use serde_json::Value;
use serde_json::json;

use crate::graph::fact::Field;
use crate::graph::fact::Shape;
use crate::policy::Document;
use crate::policy::input::ALWAYS;
use crate::policy::input::VERSION;
use crate::policy::subject;
use crate::policy::subject::SubjectDocument;
use crate::policy::subject::SubjectKind;

/// The JSON Schema of the input. Facts may be null (known to be none) or absent (not declared, or listed in `unknown`).
pub fn json_schema() -> Value {
    whole(&Document::shape(), ALWAYS, format!("Portcullis input, version {VERSION}"))
}

/// The JSON Schema of what a posture rule about this kind of subject sees.
pub fn subject_schema(kind: SubjectKind) -> Value {
    let title = format!("Portcullis posture input about one {kind}, version {VERSION}");
    whole(&SubjectDocument::shape(kind), subject::ALWAYS, title)
}

fn whole(shape: &Shape, always: &'static [&'static str], title: String) -> Value {
    let Shape::Record(fields) = shape else { return Value::Null };
    let mut schema = record(fields, Nullable::Facts(always));
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
        object.insert("title".into(), title.into());
        object.insert("required".into(), always.into());
        if let Some(version) = object.get_mut("properties").and_then(|all| all.get_mut("version")) {
            *version = json!({ "const": VERSION, "description": "The version of this document." });
        }
    }
    schema
}

/// Whether the fields of a record may be null.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nullable {
    /// The top: what is always there is never null.
    Facts(&'static [&'static str]),
    /// Below a fact: every field may be.
    All,
    /// Below what is always there: none may be.
    None,
}

fn record(fields: &[Field], nullable: Nullable) -> Value {
    let properties: serde_json::Map<String, Value> = fields
        .iter()
        .map(|field| {
            let below = match nullable {
                Nullable::Facts(always) if always.contains(&field.name) => Nullable::None,
                Nullable::Facts(_) | Nullable::All => Nullable::All,
                Nullable::None => Nullable::None,
            };
            let mut schema = of(&field.shape, below);
            if let Some(object) = schema.as_object_mut() {
                object.insert("description".into(), field.doc.into());
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    json!({ "type": "object", "properties": properties })
}

fn of(shape: &Shape, nullable: Nullable) -> Value {
    let mut schema = match shape {
        Shape::Text | Shape::Flag => json!({}),
        // Said, so that nobody takes a name below it for one that was forgotten here.
        Shape::Free => json!({ "additionalProperties": true }),
        Shape::Whole => json!({ "minimum": 0 }),
        Shape::Instant => json!({ "format": "date-time" }),
        Shape::Word(words) => {
            let mut all: Vec<Value> = words.iter().map(|word| (*word).into()).collect();
            if nullable == Nullable::All {
                all.push(Value::Null);
            }
            json!({ "enum": all })
        }
        // Members of a list are there or not; they are never null.
        Shape::List(below) => {
            let mut items = of(below, nullable);
            if let Some(object) = items.as_object_mut() {
                object.insert("type".into(), name_of(below).into());
            }
            json!({ "items": items })
        }
        Shape::Record(fields) => record(fields, nullable),
    };
    let kind = if nullable == Nullable::All {
        json!([name_of(shape), "null"])
    } else {
        name_of(shape).into()
    };
    if let Some(object) = schema.as_object_mut() {
        object.insert("type".into(), kind);
    }
    schema
}

const fn name_of(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Word(_) | Shape::Instant => "string",
        Shape::Whole => "integer",
        Shape::Flag => "boolean",
        Shape::List(_) => "array",
        Shape::Record(_) | Shape::Free => "object",
    }
}
