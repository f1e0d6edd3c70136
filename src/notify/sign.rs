//! Signatures by the Standard Webhooks scheme: HMAC-SHA256 over `id.timestamp.body`, base64, behind `v1,`.
//!
//! Source: the specification of standardwebhooks.com, "Signature scheme". Only the symmetric scheme `v1` is spoken.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use sha2::Sha256;

use crate::graph::Time;
use crate::secret::Secret;

/// What a secret begins with when it is written down.
const PREFIX: &str = "whsec_";

/// Fewest bytes of a secret, by the specification. A shorter one can be guessed from one message.
const MIN_BYTES: usize = 24;

/// Most bytes of a secret, by the specification.
const MAX_BYTES: usize = 64;

/// How far a signed time may be from the receiver's. Without it, a message that was overheard could be sent for ever.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// A secret that both sides know.
#[derive(Clone, Debug)]
pub struct Key(Secret<Vec<u8>>);

/// Why a text is no secret of this scheme. It is never quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Another form.
    #[error(
        "the secret is not of the Standard Webhooks form: `whsec_` and then base64 (`printf 'whsec_%s\\n' \"$(openssl rand -base64 32)\"` makes one)"
    )]
    Form,
    /// Another length.
    #[error("the secret holds {0} bytes: the scheme wants {MIN_BYTES} to {MAX_BYTES}")]
    Length(usize),
}

/// The three headers of one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Headers {
    /// `webhook-id`: the same for every try of one message, so that a receiver can drop what it has had.
    pub id: String,
    /// `webhook-timestamp`: seconds since 1970, of this try.
    pub timestamp: String,
    /// `webhook-signature`: one `v1,…` for each secret, apart by a space.
    pub signature: String,
}

/// Why a message is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    /// A header is missing.
    #[error("a header of the signature is missing")]
    Missing,
    /// The time is none, or too far away.
    #[error("the signed time is not within five minutes of now")]
    Time,
    /// No signature fits.
    #[error("no signature fits")]
    Signature,
}

impl Key {
    /// Reads a secret as it is written down.
    pub fn read(text: &Secret<String>) -> Result<Self, KeyError> {
        let encoded = text.expose().trim().strip_prefix(PREFIX).ok_or(KeyError::Form)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::Form)?;
        if !(MIN_BYTES..=MAX_BYTES).contains(&bytes.len()) {
            return Err(KeyError::Length(bytes.len()));
        }
        Ok(Self(Secret::new(bytes)))
    }

    fn mac(&self, id: &str, timestamp: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        // A key of any length is taken, so there is always one.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose()).ok()?;
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        Some(mac)
    }

    fn is_of(&self, said: &Headers, body: &[u8]) -> bool {
        let given = said.signature.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let mut given = given.filter_map(|one| STANDARD.decode(one).ok());
        given.any(|one| {
            let mac = self.mac(&said.id, &said.timestamp, body);
            mac.is_some_and(|mac| mac.verify_slice(&one).is_ok())
        })
    }
}

/// Signs one try of a message with every key: during a rotation the receiver may know either.
pub fn sign(keys: &[Key], id: &str, now: Time, body: &[u8]) -> Headers {
    let timestamp = seconds(now).to_string();
    let one = |key: &Key| {
        let mac = key.mac(id, &timestamp, body)?;
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    let signature = keys.iter().filter_map(one).collect::<Vec<_>>().join(" ");
    Headers { id: id.to_owned(), timestamp, signature }
}

/// Whether a message is believed at `now`, as a receiver has to judge it. The gateway receives none: this is what
/// outside implementations are held against.
pub fn verify(keys: &[Key], said: &Headers, now: Time, body: &[u8]) -> Result<(), Disbelief> {
    if said.id.is_empty() || said.timestamp.is_empty() || said.signature.is_empty() {
        return Err(Disbelief::Missing);
    }
    let signed: i64 = said.timestamp.parse().map_err(|_| Disbelief::Time)?;
    if signed.abs_diff(seconds(now)) > TOLERANCE.as_secs() {
        return Err(Disbelief::Time);
    }
    if keys.iter().any(|key| key.is_of(said, body)) { Ok(()) } else { Err(Disbelief::Signature) }
}

const fn seconds(at: Time) -> i64 {
    at.millis().div_euclid(1_000)
}
