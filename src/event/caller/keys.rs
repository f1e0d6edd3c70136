//! An issuer's published keys. Each is kept for the one algorithm it fits, and only if the issuer is trusted with that:
//! what a key is for is pinned here, not by a token.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use crate::words;

words! {
    /// How a token may be signed.
    pub enum Signing {
        /// RSA PKCS #1 v1.5 with SHA-256.
        Rs256 = "RS256",
        /// ECDSA on P-256 with SHA-256.
        Es256 = "ES256",
    }
}

impl Signing {
    /// The same for the library that verifies.
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
        }
    }
}

/// Largest key set read: 32 keys of 4,096 bits take about 32 KiB. Without a bound an issuer that is not itself any
/// more could fill the memory.
pub const MAX_KEY_SET_BYTES: usize = 64 * 1024;

/// Most keys of one issuer.
pub const MAX_KEYS: usize = 32;

/// Shortest modulus: 2,048 bits, the floor of RFC 7518 section 3.3.
const MIN_MODULUS_BYTES: usize = 256;

/// Length of a coordinate on P-256.
const COORDINATE_BYTES: usize = 32;

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
    #[error(
        "the key set holds no key with a name that could be used: RSA of 2048 bits or more for `RS256`, P-256 for `ES256` where that is allowed"
    )]
    Empty,
}

/// The keys of one issuer by name.
#[derive(Clone)]
pub struct KeySet {
    keys: BTreeMap<String, PublicKey>,
}

/// One key, and the algorithm it is for.
#[derive(Clone)]
pub struct PublicKey {
    /// What it verifies.
    pub signing: Signing,
    /// The key.
    pub key: DecodingKey,
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
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads what an issuer of step tokens publishes: those are signed with RS256 alone.
    pub fn read(json: &[u8]) -> Result<Self, KeyError> {
        Self::read_for(json, &[Signing::Rs256])
    }

    /// Reads what an issuer publishes. Keys for other purposes or algorithms are passed over.
    pub fn read_for(json: &[u8], allowed: &[Signing]) -> Result<Self, KeyError> {
        if json.len() > MAX_KEY_SET_BYTES {
            return Err(KeyError::TooLarge { bytes: json.len() });
        }
        let published: Published = serde_json::from_slice(json)
            .map_err(|error| KeyError::NotKeys { line: error.line(), column: error.column() })?;
        if published.keys.len() > MAX_KEYS {
            return Err(KeyError::TooMany { keys: published.keys.len() });
        }
        let mut keys = BTreeMap::new();
        let usable = published.keys.iter().filter_map(PublishedKey::usable);
        for (name, key) in usable.filter(|(_, key)| allowed.contains(&key.signing)) {
            if keys.insert(name, key).is_some() {
                return Err(KeyError::Repeated);
            }
        }
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(Self { keys }) }
    }

    /// Whether any key is for this algorithm.
    pub fn signs_with(&self, signing: Signing) -> bool {
        self.keys.values().any(|key| key.signing == signing)
    }

    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&PublicKey> {
        self.keys.get(name)
    }
}

impl PublishedKey {
    fn usable(&self) -> Option<(String, PublicKey)> {
        let signing = match self.kty.as_deref()? {
            "RSA" => Signing::Rs256,
            "EC" => Signing::Es256,
            _ => return None,
        };
        let fits = |field: &Option<String>, wanted: &str| {
            field.as_deref().is_none_or(|text| text == wanted)
        };
        if !fits(&self.alg, signing.as_str()) || !fits(&self.purpose, "sig") {
            return None;
        }
        let name = self.kid.clone().filter(|name| !name.is_empty())?;
        let key = match signing {
            Signing::Rs256 => self.rsa()?,
            Signing::Es256 => self.p256()?,
        };
        Some((name, PublicKey { signing, key }))
    }

    fn rsa(&self) -> Option<DecodingKey> {
        let (modulus, exponent) = (number(self.n.as_deref()?)?, number(self.e.as_deref()?)?);
        let strong = modulus.len() >= MIN_MODULUS_BYTES;
        strong.then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
    }

    /// An uncompressed point. That it lies on the curve is checked when it is used.
    fn p256(&self) -> Option<DecodingKey> {
        if self.crv.as_deref() != Some("P-256") {
            return None;
        }
        let mut point = vec![4];
        for coordinate in [&self.x, &self.y] {
            let number = number(coordinate.as_deref()?)?;
            let missing = COORDINATE_BYTES.checked_sub(number.len())?;
            point.extend(std::iter::repeat_n(0, missing));
            point.extend(number);
        }
        Some(DecodingKey::from_ec_der(&point))
    }
}

/// A number without leading zeros. Java writes one in front where the first bit is set, and some issuers write plain
/// base64: Jenkins' OpenID Connect Provider does both. It is the issuer's own key either way.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD.decode(text)).ok()?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}
