//! What nobody may print: secret values, sealing at rest, signing keys and token hashes.
//!
//! Key bytes are handed in: where a key lives (a file, a variable, a vault) is the binary's business, and when it is
//! rotated is the gateway's. It deliberately does not check webhook signatures (that is `event`, the delivery's own
//! invariant) and does not know what it seals or signs.

mod seal;
mod signing;

pub use seal::KeyId;
pub use seal::Seal;
pub use seal::SealError;
pub use signing::KeyError;
pub use signing::SigningKey;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use std::fmt;

/// A value that never reaches a log, a page or a serialiser by accident: no `Display`, no `Serialize`, and `Debug`
/// prints `…`. Reading it takes the word [`Secret::expose`], which is easy to find in a review.
///
/// The memory is not wiped on drop: the process that holds a key can be read by whoever can read its memory anyway.
#[derive(Clone)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value; from here on only [`Secret::expose`] shows it.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one line that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("…")
    }
}

/// The operating system gave no random bytes. Nothing secret can be made until it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

/// `N` bytes fit for keys, salts and ids nobody may guess: from AWS-LC's generator, which is seeded by the operating
/// system's, a thread each. Every decision takes some hundred bytes, and asking the system each time costs more than
/// sealing with them.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// What is stored of an opaque token: its SHA-256. Plain hashing is enough because tokens are random and at least
/// 128 bits long; it would not be for a password that a person chose.
pub fn hash_token(token: &str) -> [u8; 32] {
    sha256(token.as_bytes())
}

/// Whether two hashes are equal, in time that does not depend on where they differ.
pub fn same_hash(left: &[u8; 32], right: &[u8; 32]) -> bool {
    verify_slices_are_equal(left, right).is_ok()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
