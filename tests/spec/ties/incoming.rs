//! Data Center's incoming link (OAuth 2.0): a person agrees, with a challenge; refresh tokens that rotate or do not; an end
//! that gives the consent back where the server can take it, and says so where it cannot.

use portcullis::simulator::Simulator;
use serde_json::Value;
use serde_json::json;

use super::guided::Terminal;
use super::house::DATACENTER;
use super::house::House;
use super::house::holds;
use crate::spec::rig::until;

const TOKENS: &str = "/bitbucket/rest/oauth2/latest/token";
const BACK: &str = "https://portcullis.example.com/connected";
const SCOPES: [&str; 4] = ["REPO_READ", "REPO_ADMIN", "PROJECT_ADMIN", "ADMIN_WRITE"];

/// An incoming link with every scope that is asked for; codes live long enough for a slow machine.
fn link(house: &House) -> (String, String) {
    house.gate.town.simulator.company(|company| {
        company.datacenter.oauth.code_lives = jiff::SignedDuration::from_mins(10);
        company.datacenter.incoming_link(BACK, &SCOPES)
    })
}

/// The gate's own user opens an address and agrees: where they are sent back to.
fn agree(simulator: &Simulator, address: &str) -> Result<String, String> {
    let now = simulator.now();
    simulator.company(|company| company.datacenter.agree("portcullis", address, now))
}

/// A code that was asked for without a challenge.
fn code(house: &House, id: &str) -> String {
    let simulator = &house.gate.town.simulator;
    let address = format!(
        "{}/rest/oauth2/latest/authorize?response_type=code&client_id={id}&redirect_uri={BACK}&scope={}&state=s",
        simulator.datacenter_url(),
        SCOPES.join("+"),
    );
    let back = url::Url::parse(&agree(simulator, &address).unwrap()).unwrap();
    back.query_pairs().find(|(key, _)| key == "code").unwrap().1.into_owned()
}

fn wish(house: &House, (id, secret): &(String, String), code: &str) -> Value {
    json!({
        "id": DATACENTER, "product": "datacenter",
        "base_url": house.gate.town.simulator.datacenter_url(),
        "credential": {
            "kind": "oauth-code", "key": id, "secret": secret, "code": code, "redirect": BACK,
        },
    })
}

/// Ends every access token, as if two hours had passed.
fn end_tokens(house: &House) {
    house.gate.town.simulator.company(|company| {
        company.datacenter.credentials.retain(|known| known.link.is_none());
    });
}

fn refresh(house: &House) -> Option<String> {
    house.gate.town.simulator.company(|company| {
        company.datacenter.oauth.consents.first().and_then(|consent| consent.refresh.clone())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_that_rotate_and_those_that_do_not_are_both_lived_with() {
    for rotates in [true, false] {
        let mut house = House::open().await;
        house.gate.town.simulator.company(|company| company.datacenter.oauth.rotates = rotates);
        let pair = link(&house);
        let asked = house.post("connections", &wish(&house, &pair, &code(&house, &pair.0))).await;
        assert_eq!(asked.status, 201, "{}", asked.body);
        let scopes = asked.body["found"]["scopes"].as_array().unwrap();
        let of = |name: &str| scopes.iter().find(|seen| seen["scope"] == name).unwrap();
        assert_eq!(of("ADMIN")["state"], "works", "what no HTTP token has: {}", asked.body);
        let revoke = asked.body["revoke"].to_string();
        assert!(revoke.contains("Application links"), "{revoke}");
        assert_eq!(house.read(DATACENTER).await["state"], "done");
        let simulator = &house.gate.town.simulator;
        for _ in 0..3 {
            end_tokens(&house);
            let (before, spent) = (refresh(&house), simulator.count_calls("POST", TOKENS));
            let path = format!("connections/{DATACENTER}/scopes");
            let crowd = (0..8).map(|_| house.gate.get(&path));
            for told in futures_util::future::join_all(crowd).await {
                let all = told["scopes"].as_array().unwrap();
                assert!(all.iter().all(|seen| seen["state"] != "refused"), "{told}");
            }
            assert_eq!(simulator.count_calls("POST", TOKENS), spent + 1, "one asked for all");
            assert_eq!(refresh(&house) != before, rotates);
        }
        // Killed without a word: the token that is good now is on the disk.
        house.gate.kill().await;
        end_tokens(&house);
        house.gate.reopen().await;
        until("the connection to work", async || {
            let doctor = house.gate.get(&format!("doctor?connection={DATACENTER}")).await;
            let found = doctor["findings"].as_array().unwrap();
            found
                .iter()
                .any(|one| one["area"] == "credential" && one["health"] == "ok")
                .then_some(())
        })
        .await;
        let newest = refresh(&house).expect("the consent stands");
        let said = house.gate.operate(&["disconnect", DATACENTER]).await;
        assert_eq!(said.code, 0, "{}", said.all());
        assert!(said.out.contains("the consent was given back"), "{}", said.all());
        assert_eq!(refresh(&house), None, "nobody acts with it any more");
        for name in ["portcullis.db", "portcullis.db-wal"] {
            assert!(!holds(&house.gate.path(name), newest.as_bytes()), "in the open in {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_link_may_not_read_does_not_spend_its_refresh_token() {
    let house = House::open().await;
    let pair = house.gate.town.simulator.company(|company| {
        company.datacenter.oauth.code_lives = jiff::SignedDuration::from_mins(10);
        company.datacenter.incoming_link(BACK, &["REPO_READ"])
    });
    let simulator = &house.gate.town.simulator;
    let address = format!(
        "{}/rest/oauth2/latest/authorize?response_type=code&client_id={}&redirect_uri={BACK}&scope=REPO_READ",
        simulator.datacenter_url(),
        pair.0
    );
    let back = agree(simulator, &address).unwrap();
    let code = back.split_once("code=").unwrap().1.to_owned();
    let asked = house.post("connections", &wish(&house, &pair, &code)).await;
    assert_eq!(asked.status, 201, "{}", asked.body);
    let scopes = asked.body["found"]["scopes"].as_array().unwrap();
    let of = |name: &str| scopes.iter().find(|seen| seen["scope"] == name).unwrap();
    assert_eq!(of("REPO_READ")["state"], "works", "{}", asked.body);
    assert_eq!(of("ADMIN")["state"], "refused", "{}", asked.body);
    house.read(DATACENTER).await;
    // Data Center says 401 to what is not allowed, too, and names the caller: another token would not help.
    assert_eq!(simulator.count_calls("POST", TOKENS), 2, "the code, and one refresh token");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_consent_cannot_be_given_back_it_is_left_to_do_by_hand() {
    let house = House::open().await;
    house.gate.town.simulator.company(|company| company.datacenter.oauth.revokes = false);
    let pair = link(&house);
    let asked = house.post("connections", &wish(&house, &pair, &code(&house, &pair.0))).await;
    assert_eq!(asked.status, 201, "{}", asked.body);
    let said = house.gate.operate(&["disconnect", DATACENTER, "--format", "json"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let told = said.json();
    assert_eq!(told["consent_revoked"], false, "{told}");
    let by_hand = told["by_hand"].to_string();
    assert!(by_hand.contains("could not be revoked from here"), "{told}");
    assert!(by_hand.contains("Authorized applications"), "{told}");
    assert!(refresh(&house).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_for_its_redirect_address_and_its_verifier() {
    let house = House::open().await;
    let pair = link(&house);
    let mut elsewhere = wish(&house, &pair, &code(&house, &pair.0));
    elsewhere["credential"]["redirect"] = json!("https://portcullis.example.com/other");
    assert_eq!(house.post("connections", &elsewhere).await.status, 502);
    let mut unasked = wish(&house, &pair, &code(&house, &pair.0));
    unasked["credential"]["verifier"] = json!("a verifier where there was no challenge");
    assert_eq!(house.post("connections", &unasked).await.status, 502);
    assert_eq!(house.gate.count("meta WHERE name LIKE 'key:consent%'"), 0);
    let late = code(&house, &pair.0);
    house.gate.town.simulator.company(|company| {
        for consent in &mut company.datacenter.oauth.consents {
            consent.code = consent.code.take().map(|(code, _)| (code, jiff::Timestamp::UNIX_EPOCH));
        }
    });
    assert_eq!(house.post("connections", &wish(&house, &pair, &late)).await.status, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn unattended_code_and_verifier_come_from_files() {
    let house = House::open().await;
    let (id, secret) = link(&house);
    let simulator = &house.gate.town.simulator;
    let base = simulator.datacenter_url();
    let (verifier, challenge) = (
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
    let address = format!(
        "{base}/rest/oauth2/latest/authorize?response_type=code&client_id={id}&redirect_uri={BACK}&scope=PROJECT_ADMIN&code_challenge={challenge}&code_challenge_method=S256"
    );
    let back = agree(simulator, &address).unwrap();
    let (key, secret, code, verifier) = (
        house.file("link.id", &id),
        house.file("link.secret", &secret),
        house.file("link.code", back.split_once("code=").unwrap().1),
        house.file("link.verifier", verifier),
    );
    let file = |path: &std::path::PathBuf| path.to_str().unwrap().to_owned();
    let (key, secret, code, verifier) = (file(&key), file(&secret), file(&code), file(&verifier));
    let args = [
        "connect",
        DATACENTER,
        "--product",
        "datacenter",
        "--base-url",
        &base,
        "--credential",
        "oauth-code",
        "--key-file",
        &key,
        "--secret-file",
        &secret,
        "--code-file",
        &code,
        "--verifier-file",
        &verifier,
        "--redirect-url",
        BACK,
        "--profile",
        "observe",
    ];
    let said = house.gate.operate(&args).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(said.out.contains("PROJECT_ADMIN"), "{}", said.all());
    house.push_datacenter("hotfix/1").await;
    house.decided(DATACENTER, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guided_the_address_to_agree_at_is_shown_and_the_one_come_back_to_is_not() {
    let house = House::open().await;
    let (id, secret) = link(&house);
    let simulator = &house.gate.town.simulator;
    let (key, secret) = (house.file("link.id", &id), house.file("link.secret", &secret));
    let base = simulator.datacenter_url();
    let command = house.gate.operator(&[
        "connect",
        DATACENTER,
        "--product",
        "datacenter",
        "--base-url",
        &base,
        "--credential",
        "oauth-code",
        "--key-file",
        key.to_str().unwrap(),
        "--secret-file",
        secret.to_str().unwrap(),
        "--redirect-url",
        BACK,
    ]);
    let mut terminal = Terminal::of(command);
    let address = until("the address", async || {
        let shown = terminal.shown().replace(['\r', '\n'], " ");
        shown.contains("(not shown)").then(|| {
            let begin = shown.find("http://").unwrap();
            shown[begin..].split_whitespace().next().unwrap().to_owned()
        })
    })
    .await;
    let back = agree(simulator, &address).unwrap();
    terminal.answer("the address you came back to (not shown):", &back).await;
    assert_eq!(terminal.ended().await, 0, "{}", terminal.shown());
    let shown = until("the last words", async || {
        let shown = terminal.shown();
        shown.contains("You see and revoke").then_some(shown)
    })
    .await;
    let code = back.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    assert!(shown.contains("is connected") && !shown.contains(&code), "{shown}");
    let challenge = simulator.company(|company| {
        company.datacenter.oauth.consents[0].challenge.as_ref().map(|(method, _)| method.clone())
    });
    assert_eq!(challenge.as_deref(), Some("S256"));
}
