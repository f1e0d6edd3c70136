//! Sealed parts: what an entry is about in names and words, kept beside it, committed to by it, and deletable.
//!
//! The entry holds C = SHA-256("portcullis-seal-v1" ‖ salt ‖ part). With 32 random bytes of salt C tells nothing
//! about the part once both are deleted, and C stays, so every hash and proof stays. It does not decide who may
//! delete, or when.
//!
//! # `sealed/<index>.json`
//!
//! One file for each entry with parts, as canonical JSON (RFC 8785):
//!
//! ```json
//! {"index":17,"parts":{"input":{"salt":"…64 hex…","text":"{\"event\":…}"},
//!                      "image":{"base64":"…","salt":"…64 hex…"},
//!                      "people":{"erased":"2026-03-01T09:30:00.125Z"}}}
//! ```
//!
//! A part that is UTF-8 is written as `text`, any other as `base64`. `erased` says when a part was deleted; nothing
//! can prove that time, so it is shown and not checked. A part without a line here, or a missing file, is absent:
//! deleted as well, with nothing said about when.

use crate::ledger::time::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;

const DOMAIN: &[u8] = b"portcullis-seal-v1";

/// What an entry holds in place of a sealed part; written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(pub [u8; 32]);

impl fmt::Display for Commitment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(Hex::of(&self.0).as_str())
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl TryFrom<String> for Commitment {
    type Error = SealedError;

    fn try_from(text: String) -> Result<Self, SealedError> {
        lower_hex(&text).map(Self).ok_or(SealedError::Hex(text))
    }
}

impl Serialize for Commitment {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(Hex::of(&self.0).as_str())
    }
}

impl<'de> Deserialize<'de> for Commitment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Digits)
    }
}

/// Reads a commitment where it lies: every entry of a record has several.
struct Digits;

impl Visitor<'_> for Digits {
    type Value = Commitment;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("64 lower-case hex digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Commitment, E> {
        let wrong = || E::custom(SealedError::Hex(text.to_owned()));
        lower_hex(text).map(Commitment).ok_or_else(wrong)
    }
}

/// 32 bytes as hex digits, without a place on the heap.
struct Hex([u8; 64]);

impl Hex {
    fn of(bytes: &[u8; 32]) -> Self {
        let mut digits = [b'0'; 64];
        // Twice as many digits as bytes: it cannot fail.
        let _ = hex::encode_to_slice(bytes, &mut digits);
        Self(digits)
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// One part: its name in the entry, its salt, its bytes. `Debug` shows the name only.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPart {
    /// The name under which the entry commits to it, such as `input` or `people`.
    pub name: String,
    /// 32 bytes from a good generator, new for each part: with a known salt a short part could be guessed from C.
    pub salt: [u8; 32],
    /// The part itself.
    pub bytes: Vec<u8>,
}

impl SealedPart {
    /// C, what the entry commits to.
    pub fn commit(&self) -> Commitment {
        let hash =
            Sha256::new().chain_update(DOMAIN).chain_update(self.salt).chain_update(&self.bytes);
        Commitment(hash.finalize().into())
    }

    /// Whether this is the part an entry committed to.
    pub fn matches(&self, commitment: &Commitment) -> bool {
        self.commit() == *commitment
    }
}

impl fmt::Debug for SealedPart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SealedPart({}, …)", self.name)
    }
}

/// What is left of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// All of it.
    Present(SealedPart),
    /// Deleted, with the time that is shown in its place.
    Erased {
        /// The part's name in the entry.
        name: String,
        /// When it was deleted.
        at: Moment,
    },
}

impl Kept {
    /// The part's name in the entry.
    pub fn name(&self) -> &str {
        match self {
            Self::Present(part) => &part.name,
            Self::Erased { name, .. } => name,
        }
    }
}

/// The parts of one entry, as in `sealed/<index>.json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFile {
    /// The index of the entry.
    pub index: u64,
    /// Its parts, each name once.
    pub parts: Vec<Kept>,
}

/// Why bytes are not a file of sealed parts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// Not JSON, or not of this form.
    #[error("not a file of sealed parts: {0}")]
    Unreadable(String),
    /// The right content written in another way.
    #[error("the file of sealed parts is not canonical JSON (RFC 8785)")]
    NotCanonical,
    /// Not 32 bytes in lower-case hex.
    #[error("`{0}` is not 64 lower-case hex digits")]
    Hex(String),
    /// Not base64 with padding.
    #[error("the part `{0}` is not base64")]
    Base64(String),
}

/// What is said of a part that is none of the three forms.
const FORM: &str = "a part with `salt` and `text` or `base64`, or with `erased`";

/// From here on RFC 8785 writes a number otherwise than as an integer.
const LARGE_INDEX: u64 = 1 << 53;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `index` and `parts`")]
struct WireFile {
    index: u64,
    parts: BTreeMap<String, WirePart>,
}

/// The members in canonical order: RFC 8785 sorts them, and so a plain file needs no sorting.
#[derive(Default, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    default,
    expecting = "a part with `salt` and `text` or `base64`, or with `erased`"
)]
struct WirePart {
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erased: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl SealedFile {
    /// Where the file of an entry stands in an export.
    pub fn path(index: u64) -> String {
        format!("sealed/{index}.json")
    }

    /// The canonical bytes of the file.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SealedError> {
        let parts = self.parts.iter().map(|kept| (kept.name().to_owned(), to_wire(kept))).collect();
        WireFile { index: self.index, parts }.render()
    }

    /// Reads canonical bytes; every other spelling is refused, so that no byte of a file is without meaning.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealedError> {
        let wire: WireFile = serde_json::from_slice(bytes)
            .map_err(|error| SealedError::Unreadable(error.to_string()))?;
        let canonical = wire.render()? == bytes;
        let parts = wire
            .parts
            .into_iter()
            .map(|(name, part)| from_wire(name, part))
            .collect::<Result<_, _>>()?;
        if canonical {
            Ok(Self { index: wire.index, parts })
        } else {
            Err(SealedError::NotCanonical)
        }
    }
}

impl WireFile {
    /// `serde_json` writes the same bytes five times faster wherever names are ASCII and the index is no giant.
    fn render(&self) -> Result<Vec<u8>, SealedError> {
        let plain = self.index < LARGE_INDEX && self.parts.keys().all(|name| name.is_ascii());
        let bytes =
            if plain { serde_json::to_vec(self) } else { serde_json_canonicalizer::to_vec(self) };
        bytes.map_err(|error| SealedError::Unreadable(error.to_string()))
    }
}

fn to_wire(kept: &Kept) -> WirePart {
    match kept {
        Kept::Erased { at, .. } => WirePart { erased: Some(*at), ..WirePart::default() },
        Kept::Present(part) => {
            let salt = Some(Hex::of(&part.salt).as_str().to_owned());
            if let Ok(text) = str::from_utf8(&part.bytes) {
                WirePart { salt, text: Some(text.to_owned()), ..WirePart::default() }
            } else {
                let base64 = Some(STANDARD.encode(&part.bytes));
                WirePart { base64, salt, ..WirePart::default() }
            }
        }
    }
}

fn from_wire(name: String, part: WirePart) -> Result<Kept, SealedError> {
    let (salt, bytes) = match part {
        WirePart { erased: Some(at), salt: None, text: None, base64: None } => {
            return Ok(Kept::Erased { name, at });
        }
        WirePart { salt: Some(salt), text: Some(text), base64: None, erased: None } => {
            (salt, text.into_bytes())
        }
        WirePart { salt: Some(salt), base64: Some(base64), text: None, erased: None } => {
            let bytes = STANDARD.decode(base64).map_err(|_| SealedError::Base64(name.clone()))?;
            // Bytes that are UTF-8 have their one spelling as text.
            if str::from_utf8(&bytes).is_ok() {
                return Err(SealedError::NotCanonical);
            }
            (salt, bytes)
        }
        WirePart { .. } => return Err(SealedError::Unreadable(FORM.to_owned())),
    };
    let salt = lower_hex(&salt).ok_or(SealedError::Hex(salt))?;
    Ok(Kept::Present(SealedPart { name, salt, bytes }))
}

fn lower_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}
