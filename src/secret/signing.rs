//! Ed25519 signing keys (RFC 8032): for the record's checkpoints and for bundles.
//!
//! It only signs. What is signed, and how a reader checks it, belongs to whoever asks: the ledger's verifier needs
//! no secret and names no other room.

use crate::secret::NoRandomness;
use crate::secret::Secret;
use crate::secret::random;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::fmt;

/// Why there is no signing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key could be made.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Not an Ed25519 private key in PKCS #8, or its halves do not belong together.
    #[error("this is not an Ed25519 private key in PKCS #8")]
    Unreadable,
}

/// An Ed25519 key pair. `Debug` shows the public half only.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

impl SigningKey {
    /// A new key from the operating system's generator.
    pub fn generate() -> Result<Self, KeyError> {
        let seed = random::<32>()?;
        Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| KeyError::Unreadable)
            .and_then(Self::from_pair)
    }

    /// Reads what [`SigningKey::to_pkcs8`] wrote, or `openssl genpkey -algorithm ed25519 -outform DER`.
    pub fn from_pkcs8(bytes: &Secret<Vec<u8>>) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8(bytes.expose())
            .map_err(|_| KeyError::Unreadable)
            .and_then(Self::from_pair)
    }

    /// The private key in PKCS #8 (RFC 8410, with the public half), to be sealed and stored.
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, KeyError> {
        let document = self.pair.to_pkcs8().map_err(|_| KeyError::Unreadable)?;
        Ok(Secret::new(document.as_ref().to_vec()))
    }

    /// The 32 bytes anyone may know.
    pub fn public_key(&self) -> [u8; 32] {
        self.public
    }

    /// The signature over `message`; the same message gives the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(message).as_ref());
        signature
    }

    fn from_pair(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Unreadable)?;
        Ok(Self { pair, public })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey(public {})", hex::encode(self.public))
    }
}
