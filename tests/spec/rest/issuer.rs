//! An issuer's keys are fetched once for everybody, again when they must, and never more than once a minute.

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use portcullis::bitbucket::issuer::Issuer;
use portcullis::bitbucket::issuer::KeyError;
use portcullis::bitbucket::issuer::Keys;
use portcullis::bitbucket::issuer::Patience;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::company::Company;
use portcullis::simulator::faults::Fault;
use serde_json::json;

use crate::spec::rest::raw::Raw;
use crate::spec::rest::raw::answer;
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
    let keys = Keys::with(patient()).unwrap();
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
    let keys = Keys::with(patient()).unwrap();
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
    let keys = Keys::with(hasty).unwrap();
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
    let keys = keys.unwrap();
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
    let keys = Keys::with(patient()).unwrap();
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
        let keys = Keys::with(patient()).unwrap();
        let word_of = keys.keys(&raw.url, "any").await.map_or_else(|error| error.word(), |_| "");
        assert_eq!(word_of, word, "{}", set.chars().take(200).collect::<String>());
    }
}

#[tokio::test]
async fn keys_are_not_read_over_plain_http_from_elsewhere() {
    let keys = Keys::with(patient()).unwrap();
    let error = keys.keys("http://192.0.2.1", "any").await.unwrap_err();
    assert_eq!(error.word(), "address");
}
