//! One line of the record: what happened, as canonical JSON (RFC 8785) that holds ids, hashes and outcomes.
//!
//! It deliberately does not know the bodies of its kinds: whoever records gives them. Names, free text and ref names
//! never stand here but in sealed parts; a type cannot see that, so every caller is told.

use crate::ledger::sealed::Commitment;
use crate::ledger::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io;

/// The most bytes an entry may have: a tile bundle writes its length in 16 bits (C2SP tlog-tiles), so a longer one
/// could be recorded but never exported.
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// The most bytes the name of a sealed part may have. Names are public and stay for ever, so they are words of the
/// program; without a limit a person's name could end up in one.
const MAX_PART_NAME: usize = 64;

/// Beyond this JSON numbers stop being exact (RFC 7493), and two programs could read two numbers out of one entry.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

const VERSION: u64 = 1;

/// Most entries of a decision have about so many bytes.
const USUAL_BYTES: usize = 1536;

/// Where the time begins in an entry's bytes: after `{"at":"`.
const STAMP: usize = 7;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", expecting = "the kind of an entry")]
pub enum Kind {
    /// A question was answered.
    Decision,
    /// Something was done to Bitbucket, or given up.
    Action,
    /// A ticket was opened, voted on or ended.
    Ticket,
    /// A grant was made or spent.
    Grant,
    /// A policy bundle was activated or refused.
    Bundle,
    /// A waiver began or ended.
    Waiver,
    /// Someone changed how the gate behaves; also its start and stop.
    Admin,
    /// Something could not be seen: lost webhooks, a clock that ran back.
    Gap,
    /// A call to the outside.
    Outbound,
    /// A signing key began or ended.
    Key,
}

impl Kind {
    /// The word in the entry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Action => "action",
            Self::Ticket => "ticket",
            Self::Grant => "grant",
            Self::Bundle => "bundle",
            Self::Waiver => "waiver",
            Self::Admin => "admin",
            Self::Gap => "gap",
            Self::Outbound => "outbound",
            Self::Key => "key",
        }
    }
}

/// An entry of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it is about.
    pub kind: Kind,
    /// When it was recorded.
    pub at: Moment,
    /// The id of the connection it concerns; none for what concerns the gateway itself.
    pub connection: Option<String>,
    /// The id of what it is about; never a name.
    pub subject: String,
    /// Ids, hashes, verdicts, revisions; never names or free text. Numbers stay within ±(2^53 - 1).
    pub body: Map<String, Value>,
    /// For each sealed part, by its name, what the entry commits to.
    pub sealed: BTreeMap<String, Commitment>,
}

/// An entry about to be recorded, whose body was written as canonical JSON by whoever knows its shape: the tree that
/// [`Entry`] holds would cost as much as all else of recording it.
#[derive(Debug)]
pub struct Draft<'a> {
    /// What it is about.
    pub kind: Kind,
    /// When it is recorded.
    pub at: Moment,
    /// The id of the connection it concerns; none for what concerns the gateway itself.
    pub connection: Option<&'a str>,
    /// The id of what it is about; never a name.
    pub subject: &'a str,
    /// Ids, hashes, verdicts, revisions, as an object in canonical JSON. That it is canonical is the writer's promise,
    /// held by its tests: a ledger with an entry that breaks it does not verify.
    pub body: &'a RawValue,
    /// For each sealed part, by its name, what the entry commits to.
    pub sealed: &'a BTreeMap<String, Commitment>,
}

impl Draft<'_> {
    /// The canonical bytes, which are what the tree hashes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        self.sealed.keys().try_for_each(|name| check_part_name(name))?;
        let wire = Wire {
            at: self.at,
            body: self.body,
            connection: self.connection,
            kind: self.kind,
            sealed: self.sealed,
            subject: self.subject,
            v: VERSION,
        };
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut bytes, &wire)
            .map_err(|error| EntryError::Unreadable(error.to_string()))?;
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLarge(bytes.len()));
        }
        debug_assert_eq!(Entry::from_bytes(&bytes).err(), None, "a body that is not canonical");
        Ok(bytes)
    }
}

/// The same entry recorded at another time: `at` is the first member of canonical bytes, and every time is as long as
/// every other. Bytes that are no entry's stay as they are.
pub fn restamp(bytes: &mut [u8], at: Moment) {
    let written = at.to_string();
    if let Some(place) = bytes.get_mut(STAMP..STAMP + written.len()) {
        place.copy_from_slice(written.as_bytes());
    }
}

/// Why bytes are not an entry, or an entry cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Larger than [`MAX_ENTRY_BYTES`].
    #[error("the entry has {0} bytes, more than {MAX_ENTRY_BYTES}")]
    TooLarge(usize),
    /// Not JSON, or not the members of an entry.
    #[error("not an entry: {0}")]
    Unreadable(String),
    /// A later format.
    #[error("the entry has version {0}, this program knows version {VERSION}")]
    Version(u64),
    /// The right content written in another way: spaces, order, escapes, a member missing or twice.
    #[error("the entry is not canonical JSON (RFC 8785) with exactly the members of an entry")]
    NotCanonical,
    /// A number that not every reader reads alike.
    #[error("the number `{0}` is beyond what JSON keeps exactly")]
    Number(String),
    /// A part's name that is not a word of the program.
    #[error("`{0}` cannot name a sealed part: 1 to {MAX_PART_NAME} of a-z, 0-9 and `-_./:`")]
    PartName(String),
}

/// The members in canonical order: RFC 8785 sorts them, and so a plain entry needs no sorting.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with the members of an entry")]
struct Wire<S, B, P> {
    at: Moment,
    body: B,
    connection: Option<S>,
    kind: Kind,
    sealed: P,
    subject: S,
    v: u64,
}

type Owned = Wire<String, Map<String, Value>, BTreeMap<String, Commitment>>;

impl Entry {
    /// The canonical bytes, which are what the tree hashes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        self.check()?;
        let bytes = self.render()?;
        if bytes.len() > MAX_ENTRY_BYTES {
            Err(EntryError::TooLarge(bytes.len()))
        } else {
            Ok(bytes)
        }
    }

    /// Reads canonical bytes; every other spelling of the same entry is refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLarge(bytes.len()));
        }
        let wire: Owned =
            serde_json::from_slice(bytes).map_err(|error| unreadable(bytes, &error))?;
        if wire.v != VERSION {
            return Err(EntryError::Version(wire.v));
        }
        let Wire { kind, at, connection, subject, body, sealed, .. } = wire;
        let entry = Self { kind, at, connection, subject, body, sealed };
        entry.check()?;
        if entry.is_spelled(bytes) { Ok(entry) } else { Err(EntryError::NotCanonical) }
    }

    /// Whether this entry says that the clock was set back, so that its time may be before the one above it.
    pub(crate) fn marks_clock(&self) -> bool {
        self.kind == Kind::Gap && self.body.get("why").and_then(Value::as_str) == Some("clock")
    }

    fn check(&self) -> Result<(), EntryError> {
        self.sealed.keys().try_for_each(|name| check_part_name(name))?;
        self.body.values().try_for_each(check_numbers)
    }

    fn render(&self) -> Result<Vec<u8>, EntryError> {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        self.write(&mut bytes).map_err(|error| EntryError::Unreadable(error.to_string()))?;
        Ok(bytes)
    }

    /// Whether these are the canonical bytes; compared as they are written, so that nothing is copied.
    fn is_spelled(&self, bytes: &[u8]) -> bool {
        let mut same = Same { rest: bytes };
        self.write(&mut same).is_ok() && same.rest.is_empty()
    }

    fn write(&self, to: &mut impl io::Write) -> Result<(), serde_json::Error> {
        let wire = Wire {
            at: self.at,
            body: &self.body,
            connection: self.connection.as_deref(),
            kind: self.kind,
            sealed: &self.sealed,
            subject: self.subject.as_str(),
            v: VERSION,
        };
        // Five times faster, and the same bytes for such a body; nearly every entry has one.
        if self.body.iter().all(is_plain) {
            return serde_json::to_writer(to, &wire);
        }
        let bytes = serde_json_canonicalizer::to_vec(&wire)?;
        to.write_all(&bytes).map_err(serde_json::Error::io)
    }
}

/// Takes what is written as long as it is what is expected.
struct Same<'a> {
    rest: &'a [u8],
}

impl io::Write for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.rest = self.rest.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether `serde_json` writes a member as RFC 8785 does: its order of keys differs only beyond ASCII, its numbers
/// only where they are not integers, its strings nowhere.
fn is_plain((key, value): (&String, &Value)) -> bool {
    fn plain(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) | Value::String(_) => true,
            Value::Number(number) => !number.is_f64(),
            Value::Array(items) => items.iter().all(plain),
            Value::Object(members) => members.iter().all(is_plain),
        }
    }
    key.is_ascii() && plain(value)
}

/// A later version may have other members: then its number is what the reader needs to hear.
fn unreadable(bytes: &[u8], error: &serde_json::Error) -> EntryError {
    #[derive(Deserialize)]
    struct Version {
        v: u64,
    }
    match serde_json::from_slice::<Version>(bytes) {
        Ok(Version { v }) if v != VERSION => EntryError::Version(v),
        Ok(_) | Err(_) => EntryError::Unreadable(error.to_string()),
    }
}

fn check_part_name(name: &str) -> Result<(), EntryError> {
    let known =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_./:".contains(&byte);
    let good = (1..=MAX_PART_NAME).contains(&name.len()) && name.bytes().all(known);
    if good {
        Ok(())
    } else {
        Err(EntryError::PartName(name.chars().take(MAX_PART_NAME).collect()))
    }
}

fn check_numbers(value: &Value) -> Result<(), EntryError> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number)
            if number.as_f64().is_some_and(|number| number.abs() <= MAX_EXACT) =>
        {
            Ok(())
        }
        Value::Number(number) => Err(EntryError::Number(number.to_string())),
        Value::Array(items) => items.iter().try_for_each(check_numbers),
        Value::Object(members) => members.values().try_for_each(check_numbers),
    }
}
