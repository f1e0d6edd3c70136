//! An input document that somebody wrote or kept: read back strictly, so that nothing in it is just missing.

use std::fmt;

use serde::Deserialize;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Map;
use serde_json::Value;

use crate::event::EventKind;
use crate::graph::Time;
use crate::graph::fact::Gap;
use crate::graph::fact::Shape;
use crate::graph::fact::Wanted;
use crate::policy::diagnostic::did_you_mean;
use crate::policy::input::Document;
use crate::policy::input::MAX_INPUT_BYTES;
use crate::policy::input::VERSION;
use crate::policy::subject::SubjectDocument;
use crate::policy::subject::SubjectKind;

/// Why a declared field counts as unknown that a document leaves out without a word.
pub const LEFT_OUT: &str = "not in this document";

/// Why a document is no input.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// Larger than any real input.
    #[error("this document has {0} bytes; an input has at most {MAX_INPUT_BYTES}")]
    Size(usize),
    /// Not JSON, or a key stands twice.
    #[error("this document cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version.
    #[error("this document has version `{0}`; this Portcullis reads version {VERSION}")]
    Version(String),
    /// What every input has.
    #[error("this document has no `{0}`")]
    Missing(&'static str),
    /// No such kind.
    #[error("`{kind}` is not an event kind{}", .near.as_deref().map(|near| format!(": {near}")).unwrap_or_default())]
    Kind {
        /// What it says.
        kind: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// No such kind of subject.
    #[error("`{kind}` is not a kind of subject{}", .near.as_deref().map(|near| format!(": {near}")).unwrap_or_default())]
    Subject {
        /// What it says.
        kind: String,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A value that the schema does not have there.
    #[error("`{path}` must be {wanted}")]
    Shape {
        /// Where.
        path: String,
        /// What belongs there.
        wanted: &'static str,
    },
}

/// The kind of subject that a document says it is about.
pub(in crate::policy) fn subject_of(bytes: &[u8]) -> Option<SubjectKind> {
    #[derive(Deserialize)]
    struct Head {
        subject: Subject,
    }
    #[derive(Deserialize)]
    struct Subject {
        kind: SubjectKind,
    }
    serde_json::from_slice::<Head>(bytes).ok().map(|head| head.subject.kind)
}

type Head = fn(&Map<String, Value>) -> Result<Shape, InputError>;

/// The bytes of the checked document of an event, and its gaps.
pub(in crate::policy) fn read(
    bytes: &[u8],
    declared: &[String],
) -> Result<(Vec<u8>, Vec<Gap>), InputError> {
    read_as(head_of_event, bytes, declared)
}

/// The bytes of the checked document of a subject, and its gaps.
pub(in crate::policy) fn read_subject(
    bytes: &[u8],
    declared: &[String],
) -> Result<(Vec<u8>, Vec<Gap>), InputError> {
    read_as(head_of_subject, bytes, declared)
}

fn read_as(
    head: Head,
    bytes: &[u8],
    declared: &[String],
) -> Result<(Vec<u8>, Vec<Gap>), InputError> {
    if bytes.len() > MAX_INPUT_BYTES {
        return Err(InputError::Size(bytes.len()));
    }
    let Strict(document) = serde_json::from_slice(bytes)?;
    let Value::Object(mut fields) = document else { return Err(InputError::Missing("version")) };
    let shape = head(&fields)?;
    let mut gaps: Vec<Gap> = match fields.remove("unknown") {
        None => Vec::new(),
        Some(said) => serde_json::from_value(said).map_err(|_| InputError::Shape {
            path: "unknown".to_owned(),
            wanted: "a list of `path` and `why`",
        })?,
    };
    let mut wanted = Wanted::default();
    for path in declared {
        wanted.add(path);
    }
    let document = Value::Object(fields);
    let mut search = Search { gaps: &mut gaps, path: String::new() };
    search.below(&shape, &document, &wanted)?;
    gaps.sort();
    let Value::Object(mut fields) = document else { return Err(InputError::Missing("version")) };
    fields.insert("unknown".to_owned(), serde_json::to_value(&gaps)?);
    Ok((serde_json::to_vec(&fields)?, gaps))
}

fn text<'f>(fields: &'f Map<String, Value>, one: &str, other: &str) -> Option<&'f str> {
    fields.get(one).and_then(|value| value.get(other)).and_then(Value::as_str)
}

/// What always stands in any of them.
fn head(fields: &Map<String, Value>) -> Result<(), InputError> {
    match fields.get("version") {
        None => return Err(InputError::Missing("version")),
        Some(version) if version.as_u64() == Some(VERSION) => {}
        Some(version) => {
            return Err(InputError::Version(version.to_string().chars().take(40).collect()));
        }
    }
    text(fields, "connection", "id").ok_or(InputError::Missing("connection.id"))?;
    text(fields, "connection", "product").ok_or(InputError::Missing("connection.product"))?;
    Ok(())
}

/// What always stands in an event's document.
fn head_of_event(fields: &Map<String, Value>) -> Result<Shape, InputError> {
    head(fields)?;
    let kind = text(fields, "event", "kind").ok_or(InputError::Missing("event.kind"))?;
    if EventKind::from_text(kind).is_none() {
        let near = did_you_mean(kind, EventKind::TEXTS.iter().copied());
        return Err(InputError::Kind { kind: kind.chars().take(80).collect(), near });
    }
    text(fields, "action", "name").ok_or(InputError::Missing("action.name"))?;
    Ok(Document::shape())
}

/// What always stands in a subject's document.
fn head_of_subject(fields: &Map<String, Value>) -> Result<Shape, InputError> {
    head(fields)?;
    let kind = text(fields, "subject", "kind").ok_or(InputError::Missing("subject.kind"))?;
    let known = SubjectKind::from_text(kind).ok_or_else(|| InputError::Subject {
        kind: kind.chars().take(80).collect(),
        near: did_you_mean(kind, SubjectKind::TEXTS.iter().copied()),
    })?;
    Ok(SubjectDocument::shape(known))
}

struct Search<'g> {
    gaps: &'g mut Vec<Gap>,
    path: String,
}

impl Search<'_> {
    /// Checks a value against its shape and notes what is wanted and missing below it.
    fn below(&mut self, shape: &Shape, value: &Value, wanted: &Wanted) -> Result<(), InputError> {
        match (shape, value) {
            (_, Value::Null)
            | (Shape::Text, Value::String(_))
            | (Shape::Flag, Value::Bool(_))
            | (Shape::Free, Value::Object(_)) => Ok(()),
            (Shape::Word(words), Value::String(word)) if words.contains(&word.as_str()) => Ok(()),
            (Shape::Whole, Value::Number(number)) if number.is_u64() => Ok(()),
            (Shape::Instant, Value::String(text)) if text.parse::<Time>().is_ok() => Ok(()),
            (Shape::List(below), Value::Array(items)) => {
                items.iter().enumerate().try_for_each(|(position, item)| {
                    self.at(&position.to_string(), |search| search.below(below, item, wanted))
                })
            }
            (Shape::Record(fields), Value::Object(object)) => fields.iter().try_for_each(|field| {
                let inner = wanted.field(field.name);
                self.at(field.name, |search| match (object.get(field.name), inner) {
                    (Some(value), _) => {
                        search.below(&field.shape, value, inner.unwrap_or(&Wanted::default()))
                    }
                    (None, Some(_)) => {
                        search.gap();
                        Ok(())
                    }
                    (None, None) => Ok(()),
                })
            }),
            (shape, _) => {
                Err(InputError::Shape { path: self.path.clone(), wanted: article(shape) })
            }
        }
    }

    fn at<T>(&mut self, part: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(part);
        let done = work(self);
        self.path.truncate(length);
        done
    }

    /// Notes the place as unknown, unless the document itself said so or said more.
    fn gap(&mut self) {
        let path = &self.path;
        let told = |gap: &Gap| {
            path.strip_prefix(&gap.path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let always = path == "unknown";
        if !always && !self.gaps.iter().any(told) {
            self.gaps.push(Gap { path: path.clone(), why: LEFT_OUT.to_owned() });
        }
    }
}

const fn article(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text => "a text",
        Shape::Word(_) => "one of the schema's words",
        Shape::Whole => "a whole number, zero or more",
        Shape::Flag => "true or false",
        Shape::Instant => "a time like `2026-11-21T18:05:00Z`",
        Shape::List(_) => "a list",
        Shape::Record(_) | Shape::Free => "an object",
    }
}

/// Reads JSON in which no key stands twice, at any depth.
pub fn strict(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0)
}

/// JSON in which no key stands twice: two readers could take different ones.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Strict(value) = entries.next_value()?;
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("`{key}` stands twice")));
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}
