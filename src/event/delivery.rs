//! A delivery: bytes that came in through the door, and the proof that Bitbucket sent them.
//!
//! An [`Envelope`] is what the door hands in; only [`seal`] makes a [`Delivery`] of it. The signature covers the body
//! alone: headers and repetition prove nothing, so a delivery is known by its hook and the hash of its body.

use std::fmt;

use bytes::Bytes;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use sha2::Digest;
use sha2::Sha256;

use crate::graph::Product;
use crate::graph::Time;
use crate::secret::Secret;

/// The event key of Data Center's "Test connection", which it never signs.
pub const PING: &str = "diagnostics:ping";

/// Longest event key kept: Bitbucket's longest has 34 characters.
pub const MAX_KEY_BYTES: usize = 64;

/// The id of a hook: 32 lower-case hex digits, the last segment of its address, unguessable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HookId(String);

impl HookId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a hook id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a hook id: use 32 characters of 0-9 and a-f")]
pub struct HookIdError(String);

impl std::str::FromStr for HookId {
    type Err = HookIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 32 && text.bytes().all(hex) {
            Ok(Self(text.to_owned()))
        } else {
            Err(HookIdError(text.chars().take(40).collect()))
        }
    }
}

/// What the door hands in. Nothing in it is trusted.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// `X-Event-Key`, cut at [`MAX_KEY_BYTES`]; empty if absent.
    pub key: String,
    /// Every `X-Hub-Signature` header.
    pub signatures: Vec<Vec<u8>>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// When it came in.
    pub received: Time,
}

/// What a hook expects.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Which product sends to it.
    pub product: Product,
    /// One secret, or two during rotation. Never none.
    pub secrets: &'a [Secret<Vec<u8>>],
}

/// A body that Bitbucket signed.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event key the sender claims; it only chooses among the kinds the body's shape allows.
    pub key: String,
    /// The body, byte for byte.
    pub body: Bytes,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// When it came in.
    pub received: Time,
}

/// What came through the seal.
#[derive(Debug)]
pub enum Sealed {
    /// A signed body.
    Delivery(Delivery),
    /// Data Center's unsigned "Test connection": answered, nothing kept.
    Ping,
}

/// Why the seal did not hold. The door answers 401 to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No signature header.
    #[error("the request carries no `X-Hub-Signature`: set a secret on the webhook")]
    Missing,
    /// Several signature headers.
    #[error("the request carries more than one `X-Hub-Signature`")]
    Several,
    /// Not `sha256=` and 64 hex digits.
    #[error("`X-Hub-Signature` is not `sha256=` followed by 64 hex digits")]
    Malformed,
    /// No secret of the hook made this signature.
    #[error("the signature was made with another secret, or the body was changed on the way")]
    Wrong,
}

impl SealError {
    /// A word for metrics.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Several => "signature_several",
            Self::Malformed => "signature_malformed",
            Self::Wrong => "signature_wrong",
        }
    }
}

/// Checks the signature over the raw bytes, in constant time, against every secret of the hook.
pub fn seal(envelope: Envelope, expected: &Expected<'_>) -> Result<Sealed, SealError> {
    let Some(claimed) = claimed(&envelope, expected.product)? else { return Ok(Sealed::Ping) };
    if !signed_by_any(expected.secrets, &envelope.body, &claimed) {
        return Err(SealError::Wrong);
    }
    if is_ping(&envelope, expected.product) {
        return Ok(Sealed::Ping);
    }
    let digest = Sha256::digest(&envelope.body).into();
    Ok(Sealed::Delivery(Delivery {
        key: envelope.key,
        body: envelope.body,
        digest,
        received: envelope.received,
    }))
}

fn is_ping(envelope: &Envelope, product: Product) -> bool {
    product == Product::DataCenter && envelope.key == PING
}

/// What the headers alone settle, before a byte of the body is read: the one signature that is claimed, and `None` for
/// a ping without one. Whether the signature is the right one, only the body can tell.
pub fn claimed(envelope: &Envelope, product: Product) -> Result<Option<[u8; 32]>, SealError> {
    match envelope.signatures.as_slice() {
        [] if is_ping(envelope, product) => Ok(None),
        [] => Err(SealError::Missing),
        [one] => claimed_mac(one).map(Some),
        [_, _, ..] => Err(SealError::Several),
    }
}

fn claimed_mac(header: &[u8]) -> Result<[u8; 32], SealError> {
    let digits = header.strip_prefix(b"sha256=").ok_or(SealError::Malformed)?;
    let mut mac = [0; 32];
    hex::decode_to_slice(digits, &mut mac).map_err(|_| SealError::Malformed)?;
    Ok(mac)
}

/// Tries every secret, always: how long it takes says nothing about which one fits.
fn signed_by_any(secrets: &[Secret<Vec<u8>>], body: &[u8], claimed: &[u8; 32]) -> bool {
    secrets.iter().fold(false, |found, secret| signed_by(secret, body, claimed) | found)
}

fn signed_by(secret: &Secret<Vec<u8>>, body: &[u8], claimed: &[u8; 32]) -> bool {
    let key = secret.expose();
    // HMAC takes keys of any length; an empty one would accept whoever leaves the secret out.
    !key.is_empty()
        && Hmac::<Sha256>::new_from_slice(key).is_ok_and(|mut mac| {
            mac.update(body);
            mac.verify_slice(claimed).is_ok()
        })
}
