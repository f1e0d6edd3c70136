//! Signed notes and verifier keys, as in C2SP `signed-note`: a text, a blank line, and signature lines that name the
//! key. Ed25519 only.
//!
//! It checks signatures and makes none: signing is a closure of whoever holds the key. Signatures of keys it was not
//! asked about (a witness, say) are left alone, as the specification wants.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// The signature type of Ed25519 in `signed-note`.
const ED25519_TYPE: u8 = 1;

/// The most signature lines that are read. Without it a note of a million lines costs a million comparisons.
const MAX_SIGNATURES: usize = 32;

/// A public key with the name it signs under: `<name>+<8 hex digits>+<base64>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

/// Why a key or a note is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A key's name with spaces, a plus sign, or nothing in it.
    #[error("`{0}` cannot name a key: no spaces, no `+`, not empty")]
    Name(String),
    /// Not `<name>+<8 hex digits>+<base64>`, or the middle does not belong to the rest.
    #[error("`{0}` is not a verifier key (`<name>+<8 hex digits>+<base64>`)")]
    Key(String),
    /// Not a text, a blank line, and signature lines.
    #[error("this is not a signed note: {0}")]
    Malformed(&'static str),
    /// No line is signed by the key.
    #[error("no signature by `{0}`")]
    Unsigned(VerifierKey),
    /// A line claims the key, and its signature is wrong.
    #[error("the signature by `{0}` is wrong")]
    Wrong(VerifierKey),
}

impl VerifierKey {
    /// A key from its name and its 32 public bytes.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        let bad = name.is_empty()
            || name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        if bad {
            Err(NoteError::Name(name.to_owned()))
        } else {
            Ok(Self { name: name.to_owned(), public })
        }
    }

    /// The name it signs under; for checkpoints also their origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key).
    pub fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519_TYPE])
            .chain_update(self.public);
        let [a, b, c, d, ..]: [u8; 32] = hash.finalize().into();
        [a, b, c, d]
    }

    /// Whether `signature` is this key's over `message` (RFC 8032; malleable signatures are refused).
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(message, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.public].concat());
        write!(out, "{}+{}+{key}", self.name, hex::encode(self.id()))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let read = || {
            let (name, rest) = text.split_once('+')?;
            let (_, key) = rest.split_once('+')?;
            let bytes = STANDARD.decode(key).ok()?;
            let (kind, public) = bytes.split_first()?;
            let key = Self::new(name, public.try_into().ok()?).ok()?;
            (*kind == ED25519_TYPE && key.to_string() == text).then_some(key)
        };
        read().ok_or_else(|| NoteError::Key(text.to_owned()))
    }
}

/// The note over `text` (which must end its last line) with one signature, made by `sign` with the private half of
/// `key`.
pub fn sign_note(
    text: &str,
    key: &VerifierKey,
    sign: impl FnOnce(&[u8]) -> [u8; 64],
) -> Result<String, NoteError> {
    check_text(text)?;
    let signature = STANDARD.encode([&key.id()[..], &sign(text.as_bytes())].concat());
    Ok(format!("{text}\n— {} {signature}\n", key.name))
}

/// The text of a note that `key` signed, with its last line end.
pub fn verify_note<'a>(note: &'a str, key: &VerifierKey) -> Result<&'a str, NoteError> {
    let end = note
        .rfind("\n\n")
        .ok_or(NoteError::Malformed("there is no blank line before the signatures"))?;
    let (text, rest) = note.split_at(end + 1);
    check_text(text)?;
    let lines = rest.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n'));
    let lines: Vec<&str> =
        lines.ok_or(NoteError::Malformed("the last line has no end"))?.split('\n').collect();
    if lines.len() > MAX_SIGNATURES {
        return Err(NoteError::Malformed("there are too many signatures"));
    }
    let mut signed = false;
    for line in lines {
        let (name, id, signature) =
            signature_line(line).ok_or(NoteError::Malformed("a signature line is broken"))?;
        if name == key.name && id == key.id() {
            signed = true;
            if !key.verifies(text.as_bytes(), &signature) {
                return Err(NoteError::Wrong(key.clone()));
            }
        }
    }
    if signed { Ok(text) } else { Err(NoteError::Unsigned(key.clone())) }
}

fn signature_line(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk()?;
    let whole = !name.is_empty() && !signature.is_empty();
    whole.then(|| (name, *id, signature.to_vec()))
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("the text does not end its last line"));
    }
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed("the text holds control characters"));
    }
    Ok(())
}
