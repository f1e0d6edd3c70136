//! An issuer's published keys. Only RSA keys for RS256 are kept: what a key is for is pinned here, not by a token.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

/// Largest key set read: 32 keys of 4,096 bits take about 32 KiB. Without a bound an issuer that is not itself any
/// more could fill the memory.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// Most keys of one issuer.
pub const MAX_KEYS: usize = 32;

/// Shortest modulus: 2,048 bits, the floor of RFC 7518 section 3.3.
const MIN_MODULUS_BYTES: usize = 256;

/// Why a key set was not taken. The one before stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too large.
    #[error("the key set has {bytes} bytes, more than the {MAX_KEY_SET_BYTES} that are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not a key set.
    #[error("the answer is not a JSON Web Key Set (line {line}, column {column})")]
    NotKeys {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Too many.
    #[error("the key set has {keys} keys, more than the {MAX_KEYS} that are kept")]
    TooMany {
        /// How many.
        keys: usize,
    },
    /// Two keys of one name.
    #[error("the key set names two keys alike")]
    Repeated,
    /// Nothing to verify with.
    #[error("the key set holds no RSA key of 2048 bits or more for `RS256` with a name")]
    Empty,
}

/// The keys of one issuer by name.
#[derive(Clone)]
pub struct KeySet {
    keys: BTreeMap<String, DecodingKey>,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
struct PublishedKey {
    kty: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl KeySet {
    /// Reads what an issuer publishes. Keys for other purposes or algorithms are passed over.
    pub fn read(json: &[u8]) -> Result<Self, KeyError> {
        if json.len() > MAX_KEY_SET_BYTES {
            return Err(KeyError::TooLarge { bytes: json.len() });
        }
        let published: Published = serde_json::from_slice(json)
            .map_err(|error| KeyError::NotKeys { line: error.line(), column: error.column() })?;
        if published.keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany { keys: published.keys.len() });
        }
        let mut keys = BTreeMap::new();
        for (name, key) in published.keys.iter().filter_map(PublishedKey::usable) {
            if keys.insert(name, key).is_some() {
                return Err(KeyError::Repeated);
            }
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self { keys }) }
    }

    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&DecodingKey> {
        self.keys.get(name)
    }
}

impl PublishedKey {
    fn usable(&self) -> Option<(String, DecodingKey)> {
        let fits = |field: &Option<String>, wanted: &str| {
            field.as_deref().is_none_or(|text| text == wanted)
        };
        if self.kty.as_deref() != Some("RSA")
            || !fits(&self.alg, "RS256")
            || !fits(&self.purpose, "sig")
        {
            return None;
        }
        let name = self.kid.clone().filter(|name| !name.is_empty())?;
        let modulus = URL_SAFE_NO_PAD.decode(self.n.as_deref()?).ok()?;
        let exponent = URL_SAFE_NO_PAD.decode(self.e.as_deref()?).ok()?;
        let strong = modulus.iter().skip_while(|byte| **byte == 0).count() >= MIN_MODULUS_BYTES;
        strong.then(|| (name, DecodingKey::from_rsa_raw_components(&modulus, &exponent)))
    }
}
