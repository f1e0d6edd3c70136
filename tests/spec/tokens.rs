//! A step token is believed only if nothing about it is doubtful, and the refusal says what to change.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::event::caller::ClaimedStep;
use portcullis::event::caller::Issuer;
use portcullis::event::caller::KeyError;
use portcullis::event::caller::KeySet;
use portcullis::event::caller::MAX_TOKEN_BYTES;
use portcullis::event::caller::ServiceToken;
use portcullis::event::caller::StepIdentity;
use portcullis::event::caller::TokenError;
use portcullis::event::caller::choose;
use portcullis::event::caller::peek;
use portcullis::event::caller::step;
use portcullis::graph::Id;
use portcullis::graph::Time;
use serde_json::Value;
use serde_json::json;

const NOW: i64 = 1_790_000_000;
const ISSUER: &str = "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc";
const AUDIENCE: &str = "https://gate.example.com";

/// An issuer's key pair, made once: RSA keys are slow to make.
static OURS: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static THEIRS: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn published(pair: &RsaKeyPair, name: &str) -> Value {
    let public = pair.public_key();
    let number = |number: &[u8]| b64(number);
    json!({"kty": "RSA", "kid": name, "alg": "RS256", "use": "sig",
        "n": number(public.modulus().big_endian_without_leading_zero()),
        "e": number(public.exponent().big_endian_without_leading_zero())})
}

fn keys() -> KeySet {
    let set = json!({"keys": [published(&OURS, "k1"), published(&THEIRS, "k2"), {"kty": "moon", "kid": "k3"}]});
    KeySet::read(set.to_string().as_bytes()).unwrap()
}

fn issuer() -> Issuer {
    Issuer {
        connection: "acme-cloud".parse().unwrap(),
        issuer: ISSUER.to_owned(),
        audiences: vec![AUDIENCE.to_owned(), "https://old.example.com".to_owned()],
    }
}

fn uuid(n: u8) -> String {
    format!("{{0000000{n:x}-1111-4222-8333-00000000000{n:x}}}")
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": format!("{}:{}", uuid(2), uuid(4)), "iat": NOW - 30, "exp": NOW + 3_600,
        "workspaceUuid": uuid(1), "repositoryUuid": uuid(2), "pipelineUuid": uuid(3), "stepUuid": uuid(4),
        "deploymentEnvironmentUuid": uuid(5), "branchName": "main", "accountUuid": uuid(6)})
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = claims();
    change(&mut claims);
    claims
}

fn without(claim: &str) -> Value {
    with(|claims| {
        claims.as_object_mut().unwrap().remove(claim);
    })
}

fn signed(pair: &RsaKeyPair, header: &str, claims: &str) -> String {
    let head = format!("{}.{}", b64(header), b64(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), head.as_bytes(), &mut signature).unwrap();
    format!("{head}.{}", b64(signature))
}

const HEADER: &str = r#"{"alg":"RS256","typ":"JWT","kid":"k1"}"#;

fn token(claims: &Value) -> String {
    signed(&OURS, HEADER, &claims.to_string())
}

fn at(token: &str, seconds: i64) -> Result<StepIdentity, TokenError> {
    step(token, &issuer(), &keys(), Time::from_millis(seconds * 1_000))
}

fn check(token: &str) -> Result<StepIdentity, TokenError> {
    at(token, NOW)
}

fn with_header(header: &str) -> Result<StepIdentity, TokenError> {
    check(&signed(&OURS, header, &claims().to_string()))
}

#[test]
fn a_good_token_names_its_step() {
    let told = check(&token(&claims())).unwrap();
    assert_eq!(told.connection.as_str(), "acme-cloud");
    assert_eq!(told.workspace_uuid, "00000001-1111-4222-8333-000000000001");
    assert_eq!(
        told.repository.as_str(),
        "acme-cloud/repository/00000002-1111-4222-8333-000000000002"
    );
    assert_eq!(told.pipeline, "00000003-1111-4222-8333-000000000003");
    assert_eq!(told.step, "00000004-1111-4222-8333-000000000004");
    assert_eq!(
        told.environment.unwrap().as_str(),
        "acme-cloud/environment/00000005-1111-4222-8333-000000000005"
    );
    assert_eq!(told.branch.as_deref(), Some("main"));
    assert_eq!(told.issued, Time::from_millis((NOW - 30) * 1_000));
    let plain = check(&token(&without("deploymentEnvironmentUuid"))).unwrap();
    assert_eq!(plain.environment, None);
    assert_eq!(check(&token(&without("branchName"))).unwrap().branch, None);
}

#[test]
fn no_algorithm_but_rs256() {
    for algorithm in
        ["none", "None", "NONE", "HS256", "RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256", ""]
    {
        let told = with_header(&format!(r#"{{"alg":"{algorithm}","kid":"k1"}}"#)).unwrap_err();
        assert_eq!(told, TokenError::Algorithm { found: algorithm.to_owned() });
    }
    let unsigned =
        format!("{}.{}.", b64(r#"{"alg":"none","kid":"k1"}"#), b64(claims().to_string()));
    assert!(matches!(check(&unsigned), Err(TokenError::Malformed { .. })));
    assert!(matches!(with_header(r#"{"kid":"k1"}"#), Err(TokenError::Algorithm { .. })));
    assert!(matches!(with_header(r#"{"alg":256,"kid":"k1"}"#), Err(TokenError::Algorithm { .. })));
}

#[test]
fn the_public_key_is_no_shared_secret() {
    use hmac::KeyInit;
    use hmac::Mac;
    let public = OURS.public_key().as_ref().to_vec();
    let modulus = OURS.public_key().modulus().big_endian_without_leading_zero().to_vec();
    for secret in [public, modulus] {
        for algorithm in ["HS256", "RS256"] {
            let header = format!(r#"{{"alg":"{algorithm}","kid":"k1"}}"#);
            let head = format!("{}.{}", b64(header), b64(claims().to_string()));
            let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&secret).unwrap();
            mac.update(head.as_bytes());
            let forged = format!("{head}.{}", b64(mac.finalize().into_bytes()));
            assert!(matches!(
                check(&forged),
                Err(TokenError::Algorithm { .. } | TokenError::Signature)
            ));
        }
    }
}

#[test]
fn a_key_is_chosen_by_its_published_name_alone() {
    let long = "k".repeat(5_000);
    let huge = "k".repeat(10_000);
    for name in [
        "../k1",
        "k1' OR '1'='1",
        "https://evil.example.com/keys.json",
        "K1",
        "k1 ",
        "k3",
        "nobody",
    ] {
        let told = with_header(&json!({"alg": "RS256", "kid": name}).to_string()).unwrap_err();
        assert_eq!(told, TokenError::UnknownKey { key: name.escape_debug().to_string() });
    }
    let told =
        |name: Value| with_header(&json!({"alg": "RS256", "kid": name}).to_string()).unwrap_err();
    assert!(matches!(told(json!("")), TokenError::Claim { claim: "kid", .. }));
    assert!(matches!(told(json!(7)), TokenError::Claim { claim: "kid", .. }));
    assert!(matches!(told(json!(long)), TokenError::Claim { claim: "kid", .. }));
    assert!(matches!(told(json!(huge)), TokenError::TooLong { .. }));
    assert!(matches!(
        with_header(r#"{"alg":"RS256"}"#),
        Err(TokenError::Claim { claim: "kid", .. })
    ));
    // A published key that did not sign.
    let other = signed(&OURS, r#"{"alg":"RS256","kid":"k2"}"#, &claims().to_string());
    assert_eq!(check(&other), Err(TokenError::Signature));
    let theirs = signed(&THEIRS, r#"{"alg":"RS256","kid":"k2"}"#, &claims().to_string());
    assert!(check(&theirs).is_ok());
}

#[test]
fn a_token_brings_no_key_and_no_rules_of_its_own() {
    for (name, value) in [
        ("jku", json!("https://evil.example.com/keys")),
        ("x5u", json!("https://evil.example.com/cert")),
        ("jwk", published(&OURS, "k1")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
    ] {
        let header = json!({"alg": "RS256", "kid": "k1", name: value}).to_string();
        assert_eq!(with_header(&header), Err(TokenError::Header { name }));
    }
    assert!(with_header(r#"{"alg":"RS256","kid":"k1","typ":"JWT","colour":"red"}"#).is_ok());
}

#[test]
fn the_audience_is_one_of_ours() {
    let told = |audience: Value| check(&token(&with(|claims| claims["aud"] = audience)));
    assert!(told(json!(AUDIENCE)).is_ok());
    assert!(told(json!([AUDIENCE])).is_ok());
    assert!(told(json!(["https://old.example.com"])).is_ok());
    assert!(told(json!(["https://another.example.com", AUDIENCE, "third"])).is_ok());
    for wrong in [
        json!("ari:cloud:bitbucket::workspace/4a8b1f1c"),
        json!(["https://another.example.com"]),
        json!("https://gate.example.com/"),
        json!("HTTPS://gate.example.com"),
        json!([]),
    ] {
        assert!(matches!(told(wrong), Err(TokenError::Audience { .. })));
    }
    for odd in [json!(7), json!(null), json!({"a": AUDIENCE}), json!([AUDIENCE, 7])] {
        assert!(matches!(told(odd), Err(TokenError::Claim { claim: "aud", .. })));
    }
    assert!(matches!(check(&token(&without("aud"))), Err(TokenError::Claim { claim: "aud", .. })));
    let sentence = told(json!("https://another.example.com")).unwrap_err().to_string();
    assert_eq!(
        sentence,
        "the token is for `https://another.example.com`, this gate answers to `https://gate.example.com`, \
         `https://old.example.com`: list it under `oidc: audiences` of the step"
    );
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    let told = |issuer: &str| check(&token(&with(|claims| claims["iss"] = json!(issuer))));
    for wrong in [
        format!("{ISSUER}/"),
        ISSUER.to_uppercase(),
        ISSUER.replace("acme", "acme2"),
        ISSUER.replace("acme", "Acme"),
        ISSUER.replace("https", "http"),
        String::new(),
    ] {
        assert!(matches!(told(&wrong), Err(TokenError::Issuer { .. })), "{wrong}");
    }
    assert!(matches!(check(&token(&without("iss"))), Err(TokenError::Claim { claim: "iss", .. })));
    let list = token(&with(|claims| claims["iss"] = json!([ISSUER])));
    assert!(matches!(check(&list), Err(TokenError::Claim { claim: "iss", .. })));
    let sentence = told(&ISSUER.replace("acme", "harbor")).unwrap_err().to_string();
    assert!(
        sentence.contains("workspaces/harbor/") && sentence.contains("workspaces/acme/"),
        "{sentence}"
    );
}

#[test]
fn an_unproven_issuer_only_chooses_among_the_trusted() {
    let peeked = peek(&token(&claims())).unwrap();
    assert_eq!((peeked.issuer.as_str(), peeked.key.as_str()), (ISSUER, "k1"));
    assert_eq!(choose(&peeked, &[issuer()]).unwrap(), &issuer());
    let stranger =
        peek(&token(&with(|claims| claims["iss"] = json!("https://evil.example.com")))).unwrap();
    let refused = choose(&stranger, &[issuer()]).unwrap_err();
    assert!(
        refused.to_string().contains("https://evil.example.com")
            && refused.to_string().contains(ISSUER)
    );
    assert!(choose(&peeked, &[]).unwrap_err().to_string().contains("`nothing`"));
}

#[test]
fn hours_are_whole_numbers_and_hold_within_a_minute() {
    let told = |claim: &str, value: Value| check(&token(&with(|claims| claims[claim] = value)));
    for claim in ["exp", "iat", "nbf"] {
        for odd in [
            json!("1790000000"),
            json!(1.5),
            json!(null),
            json!([NOW]),
            json!(true),
            json!(-1),
            json!(1e300),
        ] {
            assert!(
                matches!(told(claim, odd.clone()), Err(TokenError::Claim { .. })),
                "{claim} {odd}"
            );
        }
    }
    for claim in ["exp", "iat"] {
        assert!(matches!(check(&token(&without(claim))), Err(TokenError::Claim { .. })), "{claim}");
    }
    // 2^63 does not wrap into the past, and neither does what overflows only as milliseconds.
    for far in [json!(9_223_372_036_854_775_808_u64), json!(u64::MAX), json!(i64::MAX)] {
        assert!(
            matches!(told("exp", far.clone()), Err(TokenError::Claim { claim: "exp", .. })),
            "{far}"
        );
    }
    assert!(told("nbf", json!(NOW)).is_ok());
    assert!(matches!(told("nbf", json!(NOW + 61)), Err(TokenError::Early { .. })));
    assert!(told("nbf", json!(NOW + 60)).is_ok());
    assert!(matches!(told("iat", json!(NOW + 61)), Err(TokenError::Early { .. })));
}

#[test]
fn the_clock_moves_and_the_token_with_it() {
    let token = token(&claims());
    let (issued, ended) = (NOW - 30, NOW + 3_600);
    for (seconds, good) in [
        (issued - 3_600, false),
        (issued - 61, false),
        (issued - 60, true),
        (issued - 59, true),
        (issued, true),
        (ended, true),
        (ended + 59, true),
        (ended + 60, true),
        (ended + 61, false),
        (ended + 3_600, false),
    ] {
        assert_eq!(at(&token, seconds).is_ok(), good, "{seconds}");
    }
    let sentence = at(&token, ended + 61).unwrap_err().to_string();
    assert!(sentence.starts_with("the token ended at 20"), "{sentence}");
}

#[test]
fn nothing_is_named_twice() {
    let claims = claims().to_string();
    for repeated in [
        claims.replacen('{', r#"{"aud":"https://gate.example.com","#, 1),
        claims.replacen('{', r#"{"\u0061ud":"https://gate.example.com","#, 1),
        claims.replacen('{', r#"{"colour":1,"colour":2,"#, 1),
    ] {
        assert!(matches!(
            check(&signed(&OURS, HEADER, &repeated)),
            Err(TokenError::Malformed { .. })
        ));
    }
    let header = r#"{"alg":"none","alg":"RS256","kid":"k1"}"#;
    assert!(matches!(with_header(header), Err(TokenError::Malformed { .. })));
}

#[test]
fn a_token_is_three_parts_of_plain_base64url() {
    let good = token(&claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let mut bad = vec![
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        head.to_owned(),
        format!("{head}."),
        format!("{good}="),
        format!("{good}=="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("Bearer {good}"),
        format!("{head}.{}", signature.replace(['-', '_'], "+")),
        format!("{}.{}.{signature}", b64("not json"), b64("{}")),
        format!("{}.{}.{signature}", b64(HEADER), b64("[]")),
    ];
    // Bits that the last character of a part does not need must be zero, or one token has several spellings.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() ^ 1).unwrap();
    bad.push(format!("{}{next}", &good[..good.len() - 1]));
    for token in bad {
        let told = check(&token).unwrap_err();
        assert!(
            matches!(told, TokenError::Malformed { .. } | TokenError::Signature),
            "{token}: {told:?}"
        );
    }
    assert!(check(&good).is_ok());
}

#[test]
fn no_bit_of_a_token_is_spare() {
    let good = token(&claims());
    for position in (0..good.len()).step_by(7) {
        let mut bent = good.clone().into_bytes();
        bent[position] = if bent[position] == b'A' { b'B' } else { b'A' };
        let bent = String::from_utf8(bent).unwrap();
        if bent != good {
            assert!(check(&bent).is_err(), "position {position}");
        }
    }
}

#[test]
fn a_token_within_a_token_is_none() {
    let inner = token(&claims());
    let nested = signed(&OURS, r#"{"alg":"RS256","kid":"k1","cty":"JWT"}"#, &inner);
    assert!(matches!(check(&nested), Err(TokenError::Malformed { .. })));
    let quoted = signed(&OURS, HEADER, &json!(inner).to_string());
    assert!(matches!(check(&quoted), Err(TokenError::Malformed { .. })));
}

#[test]
fn a_megabyte_is_not_looked_at() {
    let long = token(&with(|claims| claims["padding"] = json!("x".repeat(1 << 20))));
    assert!(matches!(check(&long), Err(TokenError::TooLong { .. })));
    assert!(matches!(peek(&long), Err(TokenError::TooLong { .. })));
    let rest = MAX_TOKEN_BYTES - token(&with(|claims| claims["padding"] = json!(""))).len();
    let fits = token(&with(|claims| claims["padding"] = json!("x".repeat(rest / 4 * 3 - 3))));
    assert!(fits.len() <= MAX_TOKEN_BYTES && check(&fits).is_ok());
}

#[test]
fn ids_must_be_uuids() {
    for claim in ["workspaceUuid", "repositoryUuid", "pipelineUuid", "stepUuid"] {
        assert!(matches!(check(&token(&without(claim))), Err(TokenError::Claim { .. })), "{claim}");
        for odd in [
            json!("step-1"),
            json!(""),
            json!(4),
            json!("{}"),
            json!("00000004111142228333000000000004"),
        ] {
            let told = check(&token(&with(|claims| claims[claim] = odd.clone())));
            assert!(matches!(told, Err(TokenError::Claim { .. })), "{claim} {odd}");
        }
    }
    let odd = token(&with(|claims| claims["deploymentEnvironmentUuid"] = json!("production")));
    assert!(matches!(check(&odd), Err(TokenError::Claim { .. })));
    let bare = token(&with(|claims| {
        claims["stepUuid"] = json!(uuid(4).trim_matches(['{', '}']).to_uppercase());
    }));
    assert_eq!(check(&bare).unwrap().step, "00000004-1111-4222-8333-000000000004");
}

#[test]
fn a_check_must_speak_of_the_tokens_own_step() {
    let told = check(&token(&claims())).unwrap();
    let environment =
        |n: u8| Id::new(&told.connection, portcullis::graph::Kind::Environment, &uuid(n)).unwrap();
    let (ours, other) = (environment(5), environment(6));
    let agrees = |pipeline: Option<u8>, step: Option<u8>, environment: Option<&Id>| {
        let (pipeline, step) = (pipeline.map(uuid), step.map(uuid));
        told.agrees(&ClaimedStep {
            pipeline: pipeline.as_deref(),
            step: step.as_deref(),
            environment,
        })
    };
    assert_eq!(agrees(None, None, None), Ok(()));
    assert_eq!(agrees(Some(3), Some(4), Some(&ours)), Ok(()));
    for (refused, word) in [
        (agrees(Some(9), Some(4), None), "pipeline"),
        (agrees(Some(3), Some(9), None), "step"),
        (agrees(Some(3), Some(4), Some(&other)), "environment"),
    ] {
        assert!(
            matches!(&refused, Err(TokenError::Other { what, .. }) if *what == word),
            "{refused:?}"
        );
    }
    let plain = check(&token(&without("deploymentEnvironmentUuid"))).unwrap();
    let claimed = ClaimedStep { environment: Some(&ours), ..ClaimedStep::default() };
    let sentence = plain.agrees(&claimed).unwrap_err().to_string();
    assert!(sentence.ends_with("its token speaks for `no environment`"), "{sentence}");
}

#[test]
fn a_key_set_is_small_and_clear() {
    let read = |keys: Value| KeySet::read(json!({ "keys": keys }).to_string().as_bytes());
    let key = |name: &str| published(&OURS, name);
    assert!(read(json!([key("a"), key("b")])).is_ok());
    let without = |field: &str, value: Value| {
        let mut key = key("a");
        key[field] = value;
        read(json!([key])).unwrap_err()
    };
    for (field, value) in [
        ("kty", json!("oct")),
        ("kty", json!(null)),
        ("alg", json!("HS256")),
        ("alg", json!("RS512")),
        ("use", json!("enc")),
        ("kid", json!("")),
        ("kid", json!(null)),
        ("n", json!("AQAB")),
        ("n", json!("not base64!")),
        ("e", json!(null)),
    ] {
        assert_eq!(without(field, value.clone()), KeyError::Empty, "{field} {value}");
    }
    assert_eq!(read(json!([key("a"), key("a")])).unwrap_err(), KeyError::Repeated);
    assert_eq!(read(json!([])).unwrap_err(), KeyError::Empty);
    let many: Vec<Value> = (0..33).map(|n| json!({"kty": "EC", "kid": n.to_string()})).collect();
    assert_eq!(read(json!(many)).unwrap_err(), KeyError::TooMany { keys: 33 });
    let large = json!({"keys": [], "padding": "x".repeat(70_000)}).to_string();
    assert!(matches!(KeySet::read(large.as_bytes()), Err(KeyError::TooLarge { .. })));
    for odd in ["", "<html>", "{}", "[]", "{\"keys\":1}"] {
        assert!(matches!(KeySet::read(odd.as_bytes()), Err(KeyError::NotKeys { .. })), "{odd}");
    }
}

#[test]
fn a_service_token_is_shown_once_and_known_by_its_hash() {
    let token = ServiceToken::from_random(&[7; 32]);
    let text = token.reveal().to_owned();
    assert!(text.starts_with("pcs_") && text.len() == 47 && ServiceToken::is_meant(&text));
    assert_eq!(text.parse::<ServiceToken>().unwrap().hash(), token.hash());
    assert_ne!(ServiceToken::from_random(&[8; 32]).hash(), token.hash());
    assert_eq!(format!("{token:?}"), "pcs_…");
    let parse = |text: &str| text.parse::<ServiceToken>();
    for odd in [
        "",
        "pcs_",
        &text[4..],
        &text[..46],
        &format!("{text}A"),
        &format!("{text} "),
        &text.to_uppercase(),
    ] {
        let told = parse(odd).unwrap_err().to_string();
        assert!(odd.len() < 5 || !told.contains(odd), "{told}");
    }
    assert!(!ServiceToken::is_meant(&self::token(&claims())));
}
