//! Sealing: what the store may hold only encrypted, under one key-encryption key and, while rotating, the one before.
//!
//! Each seal derives a key of its own, so that one key-encryption key is good for any number of seals: random nonces
//! under a single AES-GCM key would have to stop at 2^32 of them (NIST SP 800-38D, 8.3). This is not a vault: the
//! key is handed in, and whoever holds it can open everything.
//!
//! # Bytes
//!
//! | offset | length | what |
//! |---|---|---|
//! | 0 | 1 | version, `1` |
//! | 1 | 4 | id of the key-encryption key: the first bytes of its SHA-256 |
//! | 5 | 16 | random salt; the key of this seal is HMAC-SHA256(key-encryption key, salt) |
//! | 21 | 12 | random nonce |
//! | 33 | n + 16 | AES-256-GCM ciphertext and tag; the purpose is the associated data |

use crate::secret::NoRandomness;
use crate::secret::Secret;
use crate::secret::random;
use crate::secret::sha256;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;

const VERSION: u8 = 1;
const SALT: usize = 16;
const NONCE: usize = 12;

/// Why sealing or opening failed. None of them carries a byte of what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No salt or nonce could be made.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Too short to be a seal, or of a version this program does not know.
    #[error("these bytes are not a seal this program can read (version {0})")]
    Unreadable(u8),
    /// Sealed under a key that is neither the current nor the previous one.
    #[error(
        "sealed under key `{0}`, which is neither the current nor the previous key-encryption key"
    )]
    UnknownKey(KeyId),
    /// Changed since it was sealed, or sealed for another purpose.
    #[error("the seal is broken: the bytes were changed, or sealed for another purpose")]
    Broken,
    /// The library refused to encrypt, which it does only beyond 2^36 bytes.
    #[error("too large to seal in one piece")]
    TooLarge,
}

/// The id of a key-encryption key: the first four bytes of its SHA-256, shown as hex. It names a key without telling
/// anything useful about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 4]);

impl std::fmt::Display for KeyId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&hex::encode(self.0))
    }
}

struct Kek {
    id: KeyId,
    derive: hmac::Key,
}

impl Kek {
    fn new(bytes: &Secret<[u8; 32]>) -> Self {
        let [a, b, c, d, ..] = sha256(bytes.expose());
        Self { id: KeyId([a, b, c, d]), derive: hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()) }
    }

    fn key(&self, salt: &[u8; SALT]) -> Option<LessSafeKey> {
        let derived = hmac::sign(&self.derive, salt);
        UnboundKey::new(&AES_256_GCM, derived.as_ref()).ok().map(LessSafeKey::new)
    }
}

/// Seals and opens bytes. Seals with the current key; opens with the current or the previous one.
pub struct Seal {
    current: Kek,
    previous: Vec<Kek>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Seal(key {})", self.current.id)
    }
}

impl Seal {
    /// A seal under `current`. Give the `previous` key during a rotation, until everything was sealed again.
    pub fn new(current: &Secret<[u8; 32]>, previous: Option<&Secret<[u8; 32]>>) -> Self {
        Self { current: Kek::new(current), previous: previous.map(Kek::new).into_iter().collect() }
    }

    /// Encrypts `plain` for one `purpose`; what was sealed for another purpose does not open. Adds 49 bytes.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let (salt, nonce) = salt_and_nonce()?;
        let mut sealed = Vec::with_capacity(plain.len());
        sealed.extend_from_slice(plain);
        let key = self.current.key(&salt).ok_or(SealError::TooLarge)?;
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(purpose),
            &mut sealed,
        )
        .map_err(|_| SealError::TooLarge)?;
        Ok([&[VERSION][..], &self.current.id.0, &salt, &nonce, &sealed].concat())
    }

    /// Decrypts what [`Seal::seal`] made for the same `purpose`.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let version = sealed.first().copied().unwrap_or(0);
        let parts = Parts::read(sealed)
            .filter(|_| version == VERSION)
            .ok_or(SealError::Unreadable(version))?;
        let kek = self.kek(parts.id).ok_or(SealError::UnknownKey(parts.id))?;
        let key = kek.key(&parts.salt).ok_or(SealError::Broken)?;
        let mut bytes = parts.ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(parts.nonce);
        let length = key
            .open_in_place(nonce, Aad::from(purpose), &mut bytes)
            .map_err(|_| SealError::Broken)?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Whether these bytes are sealed under the current key, so that a rotation knows what is left to seal again.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        Parts::read(sealed).is_some_and(|parts| parts.id == self.current.id)
    }

    /// The id of the key it seals with.
    pub fn current(&self) -> KeyId {
        self.current.id
    }

    /// The id of the key these bytes are sealed under, if they are a seal at all.
    pub fn key_of(sealed: &[u8]) -> Option<KeyId> {
        Parts::read(sealed).map(|parts| parts.id)
    }

    fn kek(&self, id: KeyId) -> Option<&Kek> {
        std::iter::once(&self.current).chain(&self.previous).find(|kek| kek.id == id)
    }
}

/// Both in one call: a call to the generator costs more than the bytes.
fn salt_and_nonce() -> Result<([u8; SALT], [u8; NONCE]), NoRandomness> {
    let bytes = random::<{ SALT + NONCE }>()?;
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    let (first, rest) = bytes.split_at(SALT);
    salt.copy_from_slice(first);
    nonce.copy_from_slice(rest);
    Ok((salt, nonce))
}

struct Parts<'a> {
    id: KeyId,
    salt: [u8; SALT],
    nonce: [u8; NONCE],
    ciphertext: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(sealed: &'a [u8]) -> Option<Self> {
        let (_, rest) = sealed.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (salt, rest) = rest.split_first_chunk()?;
        let (nonce, ciphertext) = rest.split_first_chunk()?;
        Some(Self { id: KeyId(*id), salt: *salt, nonce: *nonce, ciphertext })
    }
}
