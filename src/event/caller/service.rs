//! Service tokens: opaque values we make ourselves. Only their hash is stored, so a stolen store opens nothing.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest;
use sha2::Sha256;

use crate::secret::Secret;
use crate::words;

/// What every service token begins with, so that secret scanners and people know it.
const PREFIX: &str = "pcs_";

/// 32 random bytes as base64url.
const BODY_CHARACTERS: usize = 43;

words! {
    /// What a service token opens. Whoever makes one says so; it opens nothing else.
    pub enum TokenDoor {
        /// The pre-execution question.
        Check = "check",
        /// Questions by AuthZEN.
        Authzen = "authzen",
        /// Searches by AuthZEN, which tell who may do what.
        AuthzenSearch = "authzen-search",
    }
}

/// A service token: `pcs_` and 43 characters.
pub struct ServiceToken(Secret<String>);

/// A text that is not a service token. It quotes nothing: the text may be another secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a service token: one begins with `pcs_` and has 43 more characters")]
pub struct ServiceTokenError;

impl ServiceToken {
    /// Makes one from random bytes.
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// Whether a bearer value is meant to be one.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The text, to be shown once.
    pub fn reveal(&self) -> &str {
        self.0.expose()
    }

    /// What is stored and looked up: SHA-256 of the whole text. The token has 256 random bits, so a slow hash would
    /// protect nothing.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }
}

impl std::str::FromStr for ServiceToken {
    type Err = ServiceTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let body = text.strip_prefix(PREFIX).ok_or(ServiceTokenError)?;
        let fits = body.len() == BODY_CHARACTERS && URL_SAFE_NO_PAD.decode(body).is_ok();
        if fits { Ok(Self(Secret::new(text.to_owned()))) } else { Err(ServiceTokenError) }
    }
}

impl fmt::Debug for ServiceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pcs_…")
    }
}
