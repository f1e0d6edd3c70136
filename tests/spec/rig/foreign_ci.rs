//! A made-up CI: it makes tokens for its jobs and publishes its keys, written the way Jenkins' OpenID Connect Provider
//! writes them: a zero byte before the modulus, coordinates in plain base64.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
use aws_lc_rs::signature::EcdsaKeyPair;
use aws_lc_rs::signature::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;

use crate::spec::rest::raw::Raw;
use crate::spec::rest::raw::answer;
use crate::spec::rest::raw::page;

/// Made once: RSA keys are slow to make.
static RSA: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static EC: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());

/// A CI that signs.
pub struct ForeignCi {
    /// Its `iss`.
    pub issuer: String,
    /// What it publishes as its keys; none: it answers nothing good.
    published: Arc<Mutex<Option<Value>>>,
    server: Raw,
}

impl ForeignCi {
    pub async fn start() -> Self {
        let published = Arc::new(Mutex::new(Some(json!({"keys": [rsa("rsa"), ec("ec")]}))));
        let shown = Arc::clone(&published);
        let server = Raw::routing(move |line| {
            let path = line.split(' ').nth(1).unwrap();
            let keys = shown.lock().unwrap().clone();
            match (path, keys) {
                ("/oidc/.well-known/openid-configuration", _) => {
                    page(r#"{"issuer":"{SELF}/oidc","jwks_uri":"{SELF}/oidc/jwks"}"#)
                }
                ("/oidc/jwks", Some(keys)) => answer(200, "application/json", &keys.to_string()),
                _ => answer(404, "text/plain", "nothing here"),
            }
        })
        .await;
        Self { issuer: format!("{}/oidc", server.url), published, server }
    }

    /// Publishes something else from now on.
    pub fn publish(&self, keys: Option<Value>) {
        *self.published.lock().unwrap() = keys;
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.server.heads().iter().filter(|head| head.starts_with("GET /oidc/jwks")).count()
    }

    /// The claims of a job that began now.
    pub fn claims(&self, audience: &str, more: &Value) -> Value {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = now.as_secs();
        let mut claims = json!({"iss": self.issuer, "aud": audience, "iat": now, "exp": now + 3_600,
            "sub": "https://jenkins.example.com/job/PAY/job/ledger/", "build_number": "412"});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    /// A token signed with its RSA key.
    pub fn token(&self, audience: &str, more: &Value) -> String {
        signed(&json!({"alg": "RS256", "kid": "rsa"}), &self.claims(audience, more).to_string())
    }
}

/// A token with this header, signed with the key that the header's algorithm wants.
pub fn signed(header: &Value, claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let head = format!("{}.{}", part(&header.to_string()), part(claims));
    let random = SystemRandom::new();
    let signature = if header["alg"] == "ES256" {
        EC.sign(&random, head.as_bytes()).unwrap().as_ref().to_vec()
    } else {
        let mut signature = vec![0; RSA.public_modulus_len()];
        RSA.sign(&RSA_PKCS1_SHA256, &random, head.as_bytes(), &mut signature).unwrap();
        signature
    };
    format!("{head}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The RSA key under this name, as Java writes numbers.
pub fn rsa(name: &str) -> Value {
    let public = RSA.public_key();
    let n = [&[0], public.modulus().big_endian_without_leading_zero()].concat();
    let e = public.exponent().big_endian_without_leading_zero();
    json!({"kid": name, "kty": "RSA", "alg": "RS256", "use": "sig",
        "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e)})
}

/// The P-256 key under this name, its coordinates as Java writes numbers and in plain base64.
pub fn ec(name: &str) -> Value {
    let point = EC.public_key().as_ref();
    let coordinate = |at: usize| {
        let bytes = &point[1 + at * 32..33 + at * 32];
        let short: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = if short[0] >= 0x80 { vec![0] } else { Vec::new() };
        STANDARD.encode([sign, short].concat())
    };
    json!({"kid": name, "kty": "EC", "alg": "ES256", "use": "sig", "crv": "P-256",
        "x": coordinate(0), "y": coordinate(1)})
}
