//! An issuer's keys are fetched once for everybody, again when they must, and never more than once a minute.

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use portcullis::bitbucket::issuer::Issuer;
use portcullis::bitbucket::issuer::KeyError;
use portcullis::bitbucket::issuer::Keys;
use portcullis::bitbucket::issuer::Patience;
use portcullis::bitbucket::issuer::Place;
use portcullis::event::caller::Signing;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::company::Company;
use portcullis::simulator::faults::Fault;
use serde_json::json;

use crate::spec::rest::raw::Raw;
use crate::spec::rest::raw::answer;
use crate::spec::rest::raw::page;
use crate::spec::rig::foreign_ci::rsa;
use crate::spec::rig::until;

const HOUR: Duration = Duration::from_hours(1);

/// Sets stand for an hour; so do refreshes.
fn patient() -> Patience {
    Patience { fresh: HOUR, refresh: HOUR, keep: HOUR, failed: HOUR }
}

async fn simulator() -> Simulator {
    let mut company = Company::new();
    company.workspace("acme", "Acme").member("ada", "Ada", Role::Owner);
    Simulator::start(company).await.unwrap()
}

/// The name of the key that signs now.
fn kid(simulator: &Simulator) -> String {
    let token = simulator.cloud().mint("acme", &json!({"sub": "x"})).unwrap();
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

fn issuer(simulator: &Simulator) -> Issuer {
    Issuer::cloud(&simulator.cloud_api(), "acme")
}

fn fetches(simulator: &Simulator) -> usize {
    simulator.count_calls("GET", "/2.0/workspaces/acme/pipelines-config/identity")
}

#[tokio::test]
async fn many_askers_cause_one_fetch() {
    let simulator = simulator().await;
    let (kid, issuer) = (kid(&simulator), issuer(&simulator));
    let keys = Keys::with(patient());
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (keys, issuer, kid) = (keys.clone(), issuer.clone(), kid.clone());
        askers
            .spawn(async move { keys.keys(&issuer.url, &kid).await.unwrap().key(&kid).is_some() });
    }
    assert!(askers.join_all().await.into_iter().all(|found| found));
    assert_eq!(fetches(&simulator), 1);
}

#[tokio::test]
async fn an_unknown_key_causes_one_refresh_however_many_are_unknown() {
    let simulator = simulator().await;
    let (old, issuer) = (kid(&simulator), issuer(&simulator));
    let keys = Keys::with(patient());
    assert!(keys.keys_of(&issuer, &old).await.unwrap().key(&old).is_some());
    simulator.cloud().rotate_keys("acme").unwrap();
    let new = kid(&simulator);
    assert_ne!(old, new);
    assert!(keys.keys_of(&issuer, &new).await.unwrap().key(&new).is_some(), "rotation is followed");
    assert_eq!(fetches(&simulator), 2);
    for made_up in 0..100 {
        let made_up = format!("made-up-{made_up}");
        assert!(keys.keys_of(&issuer, &made_up).await.unwrap().key(&made_up).is_none());
    }
    assert_eq!(fetches(&simulator), 2, "a forger's key names cause no calls");
    assert!(keys.keys_of(&issuer, &old).await.unwrap().key(&old).is_some());
}

#[tokio::test]
async fn keys_stay_while_their_issuer_is_away_or_answers_nonsense() {
    let simulator = simulator().await;
    let (kid, issuer) = (kid(&simulator), issuer(&simulator));
    // Never fresh, and every refresh allowed.
    let hasty =
        Patience { fresh: Duration::ZERO, refresh: Duration::ZERO, keep: HOUR, failed: HOUR };
    let keys = Keys::with(hasty);
    assert!(keys.keys_of(&issuer, &kid).await.unwrap().key(&kid).is_some());
    for fault in [Fault::Drop, Fault::Html, Fault::Status(500), Fault::Status(404)] {
        simulator.lay_fault("/2.0/workspaces", fault.clone(), None);
        assert!(keys.keys_of(&issuer, &kid).await.unwrap().key(&kid).is_some(), "{fault:?}");
        simulator.clear_faults();
    }
    assert!(fetches(&simulator) >= 5, "each time it was tried again");
}

#[tokio::test]
async fn keys_are_given_up_when_their_issuer_was_away_for_too_long() {
    let simulator = simulator().await;
    let (kid, issuer) = (kid(&simulator), issuer(&simulator));
    let none = Duration::ZERO;
    let short = Duration::from_secs(1);
    let keys = Keys::with(Patience { fresh: none, refresh: none, keep: short, failed: none });
    assert!(keys.keys_of(&issuer, &kid).await.is_ok());
    simulator.lay_fault("/2.0/workspaces", Fault::Status(503), None);
    assert!(keys.keys_of(&issuer, &kid).await.is_ok(), "not yet");
    let error =
        until("the end of the keys", async || keys.keys_of(&issuer, &kid).await.err()).await;
    assert_eq!(error.word(), "unread");
    assert_eq!(Patience::default().keep, HOUR * 24);
    simulator.clear_faults();
    assert!(keys.keys_of(&issuer, &kid).await.is_ok(), "and had again");
}

#[tokio::test]
async fn keys_that_were_never_had_are_an_error_that_is_not_hammered() {
    let simulator = simulator().await;
    let issuer = issuer(&simulator);
    let keys = Keys::with(patient());
    for _ in 0..10 {
        let error = keys.keys_of(&issuer, "any").await.unwrap_err();
        assert!(matches!(error, KeyError::Unread(..)), "{error}");
        assert!(error.to_string().contains(&issuer.url), "{error}");
    }
    assert_eq!(fetches(&simulator), 1, "no key before the first token: a 404, asked once");
}

#[tokio::test]
async fn key_sets_that_cannot_be_used_are_refused() {
    let simulator = simulator().await;
    kid(&simulator);
    let url = format!("{}/keys.json", issuer(&simulator).url);
    let set: JwkSet = reqwest::get(url).await.unwrap().json().await.unwrap();
    let key = serde_json::to_value(&set.keys[0]).unwrap();
    let with = |name: &str, value: &str| {
        let mut key = key.clone();
        key[name] = json!(value);
        json!({"keys": [key]}).to_string()
    };
    let many: Vec<_> = (0..40)
        .map(|number| {
            let mut key = key.clone();
            key["kid"] = json!(format!("k{number}"));
            key
        })
        .collect();
    for (set, word) in [
        (json!({"keys": [key]}).to_string(), ""),
        (json!({"keys": [key, key]}).to_string(), "unusable"),
        (json!({"keys": many}).to_string(), "unusable"),
        (json!({"keys": []}).to_string(), "unusable"),
        (with("use", "enc"), "unusable"),
        (with("alg", "RS512"), "unusable"),
        (with("alg", "none"), "unusable"),
        (with("n", "AQAB"), "unusable"),
        (with("kid", ""), "unusable"),
        ("[]".to_owned(), "unusable"),
        (format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(70_000)), "unread"),
    ] {
        let raw = Raw::answering([answer(200, "application/jwk-set+json", &set)]).await;
        let keys = Keys::with(patient());
        let word_of = keys.keys(&raw.url, "any").await.map_or_else(|error| error.word(), |_| "");
        assert_eq!(word_of, word, "{}", set.chars().take(200).collect::<String>());
    }
}

#[tokio::test]
async fn keys_are_not_read_over_plain_http_from_elsewhere() {
    let keys = Keys::with(patient());
    let error = keys.keys("http://192.0.2.1", "any").await.unwrap_err();
    assert_eq!(error.word(), "address");
}

#[tokio::test]
async fn an_issuer_describes_itself_and_nobody_else() {
    let keys = json!({"keys": [rsa("rsa")]}).to_string();
    let own = r#"{"issuer":"{SELF}/oidc","jwks_uri":"{SELF}/keys"}"#;
    for (description, word) in [
        (page(own), ""),
        (page(&own.replace("{SELF}/oidc", "{SELF}/oidc/")), "described"),
        (page(&own.replace("{SELF}/oidc", "https://jenkins.example.com/oidc")), "described"),
        (page(r#"{"issuer":"{SELF}/oidc"}"#), "described"),
        (page("[]"), "described"),
        (page(&own.replace("{SELF}/keys", "http://192.0.2.1/keys")), "address"),
        (page(&own.replace("{SELF}/keys", "file:///etc/passwd")), "address"),
        (page(&own.replace("{SELF}/keys", "{SELF}/nothing")), "unread"),
        (answer(200, "text/html", "<html>"), "unread"),
        (answer(404, "text/plain", "no"), "unread"),
    ] {
        let keys = keys.clone();
        let raw = Raw::routing(move |line| match line.split(' ').nth(1).unwrap() {
            "/oidc/.well-known/openid-configuration" => description.clone(),
            "/keys" => answer(200, "application/json", &keys),
            _ => answer(404, "text/plain", "nothing here"),
        })
        .await;
        let issuer = another(&format!("{}/oidc", raw.url), Place::Described);
        let kept = Keys::with(patient());
        let read = kept.keys_of(&issuer, "rsa").await.map(|set| set.key("rsa").is_some());
        let told = read.clone().map_or_else(|error| error.word(), |_| "");
        assert_eq!(told, word, "{read:?}");
        assert!(read.unwrap_or(true));
        // Other than a new workspace, a CI without keys is a fault that is told.
        assert_eq!(kept.renew_of(&issuer).await.is_ok(), word.is_empty());
    }
}

#[tokio::test]
async fn a_file_of_keys_is_read_again_and_its_faults_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let issuer = another("https://jenkins.internal/oidc", Place::File(file.clone()));
    let word = async || {
        let kept = Keys::with(patient());
        kept.keys_of(&issuer, "rsa").await.map_or_else(|error| error.word(), |_| "")
    };
    assert_eq!(word().await, "file", "there is none");
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(word().await, "unusable");
    std::fs::write(&file, format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(70_000))).unwrap();
    assert_eq!(word().await, "unusable", "too large");
    std::fs::write(&file, json!({"keys": [rsa("rsa")]}).to_string()).unwrap();
    assert_eq!(word().await, "");

    let hasty =
        Patience { fresh: Duration::ZERO, refresh: Duration::ZERO, keep: HOUR, failed: HOUR };
    let kept = Keys::with(hasty);
    assert!(kept.keys_of(&issuer, "rsa").await.unwrap().key("rsa").is_some());
    std::fs::write(&file, json!({"keys": [rsa("next")]}).to_string()).unwrap();
    assert!(kept.keys_of(&issuer, "next").await.unwrap().key("next").is_some(), "rotation");
    std::fs::remove_file(&file).unwrap();
    assert!(kept.keys_of(&issuer, "next").await.unwrap().key("next").is_some(), "the old stay");
}

/// Another CI's issuer.
fn another(url: &str, keys: Place) -> Issuer {
    Issuer { url: url.to_owned(), keys, signing: vec![Signing::Rs256] }
}
