//! A token of another CI is believed only if nothing about it is doubtful: the same list as for a step's, and what its
//! configuration pins beside.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::KeyInit;
use hmac::Mac;
use portcullis::event::caller::CiIdentity;
use portcullis::event::caller::CiIssuer;
use portcullis::event::caller::ClaimNames;
use portcullis::event::caller::Issuer;
use portcullis::event::caller::KeyError;
use portcullis::event::caller::KeySet;
use portcullis::event::caller::Scope;
use portcullis::event::caller::Signing;
use portcullis::event::caller::TokenError;
use portcullis::event::caller::ci;
use portcullis::graph::Known;
use portcullis::graph::Time;
use serde_json::Value;
use serde_json::json;

use super::rig::foreign_ci::ec;
use super::rig::foreign_ci::rsa;
use super::rig::foreign_ci::signed;

const NOW: i64 = 1_790_000_000;
const ISSUER: &str = "https://jenkins.example.com/oidc";
const AUDIENCE: &str = "https://gate.example.com";
const JOB: &str = "https://jenkins.example.com/job/PAY/job/ledger/";
const BOTH: &[Signing] = &[Signing::Rs256, Signing::Es256];

fn keys(allowed: &[Signing]) -> KeySet {
    let set = json!({"keys": [rsa("rsa"), ec("ec"), {"kid": "oct", "kty": "oct", "k": "AAAA"}]});
    KeySet::read_for(set.to_string().as_bytes(), allowed).unwrap()
}

fn trusted() -> CiIssuer {
    let name = |text: &str| Some(text.to_owned());
    CiIssuer {
        id: "jenkins".to_owned(),
        issuer: Issuer {
            connection: "acme-dc".parse().unwrap(),
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
        },
        claims: ClaimNames {
            repository: name("project_path"),
            reference: name("ref"),
            commit: name("sha"),
            run: name("build_number"),
            ..ClaimNames::default()
        },
        subjects: vec!["https://jenkins.example.com/job/PAY/*".to_owned()],
        scope: Scope::default(),
    }
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": JOB, "iat": NOW - 30, "exp": NOW + 3_600,
        "project_path": "PAY/ledger", "ref": "main", "build_number": 412, "environment": "production"})
}

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[claim] = value;
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

fn header() -> Value {
    json!({"alg": "RS256", "typ": "JWT", "kid": "rsa"})
}

fn judged(token: &str, from: &CiIssuer, allowed: &[Signing]) -> Result<CiIdentity, TokenError> {
    ci(token, from, &keys(allowed), Time::from_millis(NOW * 1_000))
}

fn check(token: &str) -> Result<CiIdentity, TokenError> {
    judged(token, &trusted(), &[Signing::Rs256])
}

#[test]
fn another_ci_is_known_by_its_own_token() {
    let told = check(&signed(&header(), &claims().to_string())).unwrap();
    assert_eq!((told.ci.as_str(), told.subject.as_str()), ("jenkins", JOB));
    assert_eq!(told.repository, Known::Value("PAY/ledger".to_owned()));
    assert_eq!(told.reference, Known::Value("main".to_owned()));
    assert_eq!(told.run, Known::Value("412".to_owned()), "a whole number is taken as its text");
    // Configured and not there: unknown, with its name. Not configured: not looked at, though it is there.
    assert!(told.commit.why().unwrap().as_str().contains("`sha` is missing"), "{told:?}");
    assert_eq!(told.environment, Known::Nothing);
    for (odd, why) in [
        (json!(""), "is empty"),
        (json!(null), "neither"),
        (json!(["a"]), "neither"),
        (json!(1.5), "neither"),
        (json!(-1), "neither"),
        (json!(true), "neither"),
    ] {
        let told = check(&signed(&header(), &with("sha", odd).to_string())).unwrap();
        assert!(told.commit.why().unwrap().as_str().contains(why), "{told:?}");
    }
}

#[test]
fn what_is_pinned_is_refused_otherwise() {
    let of = |claims: &Value| signed(&header(), &claims.to_string());
    let under = |header: Value| signed(&header, &claims().to_string());
    let plain = |header: &str, claims: &str, signature: &[u8]| {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (header, claims) = (part(header.as_bytes()), part(claims.as_bytes()));
        format!("{header}.{claims}.{}", part(signature))
    };
    let modulus = URL_SAFE_NO_PAD.decode(rsa("rsa")["n"].as_str().unwrap()).unwrap();
    let forged = |algorithm: &str| {
        let (header, claims) = (json!({"alg": algorithm, "kid": "rsa"}), claims());
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let head = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&modulus).unwrap();
        mac.update(head.as_bytes());
        format!("{head}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    };
    let algorithm = |found: &str| TokenError::Algorithm { found: found.to_owned() };
    let good = of(&claims());
    let repeated = claims().to_string().replacen('{', r#"{"sub":"someone","#, 1);
    let mut refused = vec![
        (plain(r#"{"alg":"none","kid":"rsa"}"#, &claims().to_string(), b"x"), "`none`"),
        (forged("HS256"), "`HS256`"),
        (forged("RS256"), "signature"),
        (under(json!({"alg": "RS384", "kid": "rsa"})), "`RS384`"),
        (under(json!({"alg": "PS256", "kid": "rsa"})), "`PS256`"),
        (under(json!({"alg": "ES256", "kid": "ec"})), "`ES256`"),
        (under(json!({"alg": "RS256", "kid": "../rsa"})), "does not publish"),
        (under(json!({"alg": "RS256", "kid": "oct"})), "does not publish"),
        (under(json!({"alg": "RS256"})), "`kid`"),
        (under(json!({"alg": "RS256", "kid": "x".repeat(300)})), "`kid`"),
        (signed(&header(), &repeated), "repeats a name"),
        (format!("{good}."), "three parts"),
        (format!("{good}="), "base64url"),
        (format!("{}.{}", good.rsplit_once('.').unwrap().0, "A".repeat(342)), "signature"),
        (of(&with("padding", json!("x".repeat(9_000)))), "bytes"),
    ];
    for name in ["jku", "x5u", "jwk", "x5c", "crit", "zip", "enc", "b64"] {
        let header = json!({"alg": "RS256", "kid": "rsa", name: "https://evil.example.com"});
        refused.push((under(header), "carries"));
    }
    for (claim, value, word) in [
        ("iss", json!("https://jenkins.example.com/oidc/"), "from `"),
        ("iss", json!("https://JENKINS.example.com/oidc"), "from `"),
        ("iss", json!("https://evil.example.com/oidc"), "from `"),
        ("aud", json!("https://another.example.com"), "have the CI make it for that audience"),
        ("aud", json!([]), "have the CI make it"),
        ("aud", json!(7), "`aud`"),
        ("aud", json!([AUDIENCE, 7]), "`aud`"),
        ("exp", json!(NOW - 61), "ended"),
        ("exp", json!("1790003600"), "`exp`"),
        ("exp", json!(u64::MAX), "`exp`"),
        ("iat", json!(NOW + 61), "good from"),
        ("iat", json!(1.5), "`iat`"),
        ("nbf", json!(NOW + 61), "good from"),
        ("nbf", json!("soon"), "`nbf`"),
        ("sub", json!("https://jenkins.example.com/job/OPS/"), "may ask: add it to `subjects`"),
        ("sub", json!("https://JENKINS.example.com/job/PAY/"), "may ask"),
        ("sub", json!(7), "`sub`"),
    ] {
        refused.push((of(&with(claim, value)), word));
    }
    for claim in ["iss", "aud", "sub", "exp", "iat"] {
        refused.push((of(&without(claim)), "is missing"));
    }
    for (token, word) in refused {
        let told = check(&token).unwrap_err().to_string();
        assert!(told.contains(word), "`{word}`: {told}");
    }
    assert_eq!(check(&under(json!({"alg": "ES256", "kid": "rsa"}))), Err(algorithm("ES256")));
    for (claim, value) in [
        ("aud", json!([AUDIENCE, "https://another.example.com"])),
        ("exp", json!(NOW - 60)),
        ("iat", json!(NOW + 60)),
        ("nbf", json!(NOW + 60)),
    ] {
        assert!(check(&of(&with(claim, value.clone()))).is_ok(), "{claim} {value}");
    }
}

#[test]
fn a_key_is_for_one_algorithm_and_only_if_that_is_listed() {
    let es = signed(&json!({"alg": "ES256", "kid": "ec"}), &claims().to_string());
    assert!(judged(&es, &trusted(), BOTH).is_ok());
    assert!(judged(&es, &trusted(), &[Signing::Es256]).is_ok());
    let refused = judged(&es, &trusted(), &[Signing::Rs256]).unwrap_err();
    assert!(matches!(refused, TokenError::Algorithm { .. }), "{refused}");
    // The key's algorithm, not the token's: a header that says the other one chooses nothing.
    for header in [json!({"alg": "RS256", "kid": "ec"}), json!({"alg": "ES256", "kid": "rsa"})] {
        let crossed = judged(&signed(&header, &claims().to_string()), &trusted(), BOTH);
        assert!(matches!(crossed, Err(TokenError::Algorithm { .. })), "{crossed:?}");
    }
    let rs = signed(&header(), &claims().to_string());
    assert!(judged(&rs, &trusted(), BOTH).is_ok());
    let refused = judged(&rs, &trusted(), &[Signing::Es256]).unwrap_err();
    assert!(matches!(refused, TokenError::Algorithm { .. }), "{refused}");
}

#[test]
fn a_published_key_that_does_not_fit_is_passed_over() {
    let read = |key: Value| KeySet::read_for(json!({"keys": [key]}).to_string().as_bytes(), BOTH);
    assert!(read(ec("a")).is_ok());
    for (field, value) in [
        ("crv", json!("P-384")),
        ("crv", json!(null)),
        ("alg", json!("ES384")),
        ("alg", json!("RS256")),
        ("use", json!("enc")),
        ("x", json!(null)),
        ("x", json!("not base64!")),
        ("y", json!("_".repeat(64))),
        ("kid", json!("")),
    ] {
        let mut key = ec("a");
        key[field] = value.clone();
        assert_eq!(read(key).unwrap_err(), KeyError::Empty, "{field} {value}");
    }
    // A point off the curve is a key that verifies nothing.
    let mut key = ec("ec");
    key["y"] = key["x"].clone();
    let off = read(key).unwrap();
    let es = signed(&json!({"alg": "ES256", "kid": "ec"}), &claims().to_string());
    let told = ci(&es, &trusted(), &off, Time::from_millis(NOW * 1_000));
    assert_eq!(told, Err(TokenError::Signature));
}
