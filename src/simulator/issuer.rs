//! The workspace's step-token issuer: RSA keys, their public set, and RS256 tokens.
//!
//! Tokens are put together by hand, so that a fault of the library the gate verifies with cannot hide here.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::encoding::Pkcs8V1Der;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::KeyPair as _;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;

/// How many keys the set keeps after rotations: the newest signs, older ones still verify.
const KEPT_KEYS: usize = 2;

/// The keys of one workspace. Empty until a token was first asked for, as on Cloud.
#[derive(Default)]
pub struct Issuer {
    keys: Vec<SigningKey>,
    made: u64,
}

struct SigningKey {
    kid: String,
    pair: KeyPair,
}

/// The cryptographic library refused; says nothing else, as the library does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signing key could not be made or used")]
pub struct NoKey;

impl fmt::Debug for Issuer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<&str> = self.keys.iter().map(|key| key.kid.as_str()).collect();
        out.debug_struct("Issuer").field("kids", &kids).finish_non_exhaustive()
    }
}

impl Issuer {
    /// Whether a token was ever made, which is when the key set appears.
    pub fn is_used(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Puts a new key in front; the one before still verifies, those before it no longer.
    pub fn rotate(&mut self) -> Result<(), NoKey> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| NoKey)?;
        self.made += 1;
        let kid = format!("pipelines-{}-{}", self.made, uuid::Uuid::new_v4().simple());
        self.keys.insert(0, SigningKey { kid, pair });
        self.keys.truncate(KEPT_KEYS);
        Ok(())
    }

    /// Forgets every key but the one that signs.
    pub fn retire_old_keys(&mut self) {
        self.keys.truncate(1);
    }

    /// Signs these claims with the newest key.
    pub fn mint(&mut self, claims: &Value) -> Result<String, NoKey> {
        if self.keys.is_empty() {
            self.rotate()?;
        }
        let key = self.keys.first().ok_or(NoKey)?;
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": key.kid});
        let signed = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; key.pair.public_modulus_len()];
        key.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| NoKey)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The public key set.
    pub fn key_set(&self) -> Value {
        let keys: Vec<Value> = self.keys.iter().filter_map(SigningKey::public).collect();
        json!({ "keys": keys })
    }

    /// The newest private key as PKCS#8 DER, for tests that forge tokens.
    pub fn private_key(&self) -> Option<Vec<u8>> {
        let key = self.keys.first()?;
        let der: Pkcs8V1Der<'_> = key.pair.as_der().ok()?;
        Some(der.as_ref().to_vec())
    }
}

impl SigningKey {
    fn public(&self) -> Option<Value> {
        let (modulus, exponent) = rsa_numbers(self.pair.public_key().as_ref())?;
        Some(json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": URL_SAFE_NO_PAD.encode(modulus), "e": URL_SAFE_NO_PAD.encode(exponent),
        }))
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1), without leading zeros.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (sequence, _) = element(der, 0x30)?;
    let (modulus, rest) = element(sequence, 0x02)?;
    let (exponent, _) = element(rest, 0x02)?;
    Some((trim(modulus), trim(exponent)))
}

fn trim(number: &[u8]) -> &[u8] {
    number.strip_prefix(&[0]).unwrap_or(number)
}

/// Content of the first DER element, which must have this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        (digits.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit)), rest)
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}
