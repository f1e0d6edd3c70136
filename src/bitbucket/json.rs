//! The strict look at a body before anything is read from it: valid UTF-8, one JSON value, no repeated key at any
//! depth, bounded depth. It builds no tree and knows no Bitbucket; it only counts field names nobody documented.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de;
use serde::de::DeserializeSeed;
use serde::de::Visitor;

use crate::bitbucket::Unreadable;
use crate::bitbucket::fields;

/// Deepest nesting of a body. Bitbucket's deepest has about twelve levels; without a bound a body of brackets would
/// cost a stack.
pub const MAX_DEPTH: usize = 64;

/// From here on an object's keys are looked up in a hash set: comparing each with each is faster below, and a way to
/// burn minutes above.
const FEW_KEYS: usize = 16;

/// What the look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked<'a> {
    /// The body as text.
    pub text: &'a str,
    /// Whether it is an object; bodies of Bitbucket are.
    pub is_object: bool,
    /// Fields whose name no documentation of Bitbucket mentions.
    pub ignored_fields: u32,
}

/// Looks a body over, once, without keeping any of it. Cost: linear in its length.
pub fn look(body: &[u8]) -> Result<Looked<'_>, Unreadable> {
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(Unreadable::ByteOrderMark);
    }
    let text = std::str::from_utf8(body)
        .map_err(|error| Unreadable::NotUtf8 { offset: error.valid_up_to() })?;
    let mut found = Found::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let ended = Value { found: &mut found, depth: 0 }.deserialize(&mut reader);
    match (ended.and_then(|()| reader.end()), found.objection) {
        (_, Some(objection)) => Err(objection),
        (Err(error), None) => Err(not_json(&error)),
        (Ok(()), None) => Ok(Looked {
            text,
            is_object: text.trim_ascii_start().starts_with('{'),
            ignored_fields: found.ignored,
        }),
    }
}

/// A syntax error's words hold nothing of the body; only its place is cut off, because it stands beside them.
fn not_json(error: &serde_json::Error) -> Unreadable {
    let words = error.to_string();
    let why = words.split(" at line ").next().unwrap_or_default().to_owned();
    Unreadable::NotJson { why, line: error.line(), column: error.column() }
}

#[derive(Default)]
struct Found<'de> {
    /// Keys of the objects that are open, innermost last.
    keys: Vec<Cow<'de, str>>,
    ignored: u32,
    objection: Option<Unreadable>,
}

impl Found<'_> {
    fn object<E: de::Error>(&mut self, objection: Unreadable) -> E {
        self.objection = Some(objection);
        E::custom("refused")
    }
}

struct Value<'f, 'de> {
    found: &'f mut Found<'de>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { found, depth } = self;
        if depth >= MAX_DEPTH {
            return Err(found.object(Unreadable::TooDeep));
        }
        while items.next_element_seed(Value { found: &mut *found, depth: depth + 1 })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self { found, depth } = self;
        if depth >= MAX_DEPTH {
            return Err(found.object(Unreadable::TooDeep));
        }
        let first = found.keys.len();
        let mut many: HashSet<Cow<'de, str>> = HashSet::new();
        while let Some(key) = fields.next_key_seed(Key)? {
            found.ignored += u32::from(!fields::is_documented(&key));
            if repeated(found, first, &mut many, &key) {
                return Err(found.object(Unreadable::RepeatedKey { key: quoted(&key) }));
            }
            if found.keys.len() - first < FEW_KEYS {
                found.keys.push(key);
            } else {
                many.insert(key);
            }
            fields.next_value_seed(Value { found: &mut *found, depth: depth + 1 })?;
        }
        found.keys.truncate(first);
        Ok(())
    }
}

fn repeated(found: &Found<'_>, first: usize, many: &mut HashSet<Cow<'_, str>>, key: &str) -> bool {
    found.keys.iter().skip(first).any(|seen| seen == key) || many.contains(key)
}

/// A key with its escapes undone: `"a"` and `"\u0061"` are one name.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }
    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// A text of a body; borrowed where it holds no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a>(Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> serde::Deserialize<'de> for Text<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Key).map(Self)
    }
}

/// What a message may quote of a foreign name: at most 64 characters, controls escaped.
pub fn quoted(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

/// Reads a looked-over body into wire types. What does not fit is told by its place: the words of such an error would
/// quote the body.
pub fn typed<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Unreadable> {
    serde_json::from_str(text)
        .map_err(|error| Unreadable::Shape { line: error.line(), column: error.column() })
}
