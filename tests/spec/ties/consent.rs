//! A person's consent: the code is spent once, refresh tokens rotate, and none is lost: not to many who ask at once, not to
//! a restart.

use serde_json::json;

use super::house::CLOUD;
use super::house::House;
use super::house::holds;
use crate::spec::rig::until;

const TOKENS: &str = "/site/oauth2/access_token";

/// A code of the gate's own account for the company's consumer.
fn agreed(house: &House) -> String {
    house.gate.town.simulator.company(|company| {
        let people = &company.workspaces[0].people;
        let gate = people.iter().find(|person| person.nickname == "portcullis").unwrap().uuid;
        let consumer = company.consumers[0].key.clone();
        company.agree(&consumer, gate)
    })
}

fn wish(house: &House, code: &str) -> serde_json::Value {
    let (key, secret) = house.gate.town.cast.consumer.clone();
    house.wish(CLOUD, &json!({"kind": "oauth-code", "key": key, "secret": secret, "code": code}))
}

/// Ends every access token, as if two hours had passed.
fn end_tokens(house: &House) {
    house.gate.town.simulator.company(|company| company.credentials.clear());
}

fn refresh(house: &House) -> Option<String> {
    house.gate.town.simulator.company(|company| company.consents[0].refresh.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_rotate_and_none_is_lost_to_a_crowd_or_a_restart() {
    let mut house = House::open().await;
    let code = agreed(&house);
    let asked = house.post("connections", &wish(&house, &code)).await;
    assert_eq!(asked.status, 201, "{}", asked.body);
    let revoke = asked.body["revoke"].to_string();
    assert!(revoke.contains("Personal settings → App authorizations"), "{revoke}");
    house.read(CLOUD).await;
    let simulator = &house.gate.town.simulator;
    for _ in 0..3 {
        end_tokens(&house);
        let (before, spent) = (refresh(&house), simulator.count_calls("POST", TOKENS));
        let path = format!("connections/{CLOUD}/scopes");
        let crowd = (0..8).map(|_| house.gate.get(&path));
        for told in futures_util::future::join_all(crowd).await {
            let all = told["scopes"].as_array().unwrap();
            assert!(all.iter().all(|seen| seen["state"] == "works"), "{told}");
        }
        assert_eq!(simulator.count_calls("POST", TOKENS), spent + 1, "one asked for all");
        assert_ne!(refresh(&house), before);
    }
    // Killed without a word: what was rotated is on the disk.
    house.gate.kill().await;
    end_tokens(&house);
    house.gate.reopen().await;
    until("the connection to work", async || {
        let doctor = house.gate.get(&format!("doctor?connection={CLOUD}")).await;
        (doctor["well"] == true).then_some(())
    })
    .await;
    let newest = refresh(&house).expect("the consent stands");
    assert_eq!(house.gate.operate(&["disconnect", CLOUD]).await.code, 0);
    assert_eq!(house.gate.count("meta WHERE name LIKE 'key:consent%'"), 0);
    for name in ["portcullis.db", "portcullis.db-wal"] {
        assert!(!holds(&house.gate.path(name), newest.as_bytes()), "in the open in {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_a_look_does_not_spend_it() {
    let house = House::open().await;
    let code = agreed(&house);
    let mut look = wish(&house, &code);
    look["preview"] = json!(true);
    let asked = house.post("connections", &look).await;
    assert_eq!(asked.status, 400, "{}", asked.body);
    // The connection does not come about: nothing is left of the consent.
    let mut nowhere = wish(&house, &code);
    nowhere["workspace"] = json!("nobody-has-this");
    assert_eq!(house.post("connections", &nowhere).await.status, 502);
    assert_eq!(house.gate.count("meta WHERE name LIKE 'key:consent%'"), 0);
    let asked = house.post("connections", &wish(&house, &code)).await;
    assert_eq!(asked.status, 502, "it was spent: {}", asked.body);
    assert_eq!(house.post("connections", &wish(&house, &agreed(&house))).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_was_withdrawn_is_said_and_not_asked_for_again_and_again() {
    let house = House::open().await;
    let asked = house.post("connections", &wish(&house, &agreed(&house))).await;
    assert_eq!(asked.status, 201, "{}", asked.body);
    house.read(CLOUD).await;
    let simulator = &house.gate.town.simulator;
    simulator.company(|company| company.consents.clear());
    end_tokens(&house);
    let spent = simulator.count_calls("POST", TOKENS);
    for _ in 0..3 {
        let doctor = house.gate.get(&format!("doctor?connection={CLOUD}")).await;
        assert_eq!(doctor["well"], false, "{doctor}");
    }
    assert_eq!(simulator.count_calls("POST", TOKENS), spent + 1, "a refusal stands for a while");
}
