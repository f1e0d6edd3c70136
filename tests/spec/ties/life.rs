//! From the first connection to the last webhook, on both products.

use portcullis::decision::Effect;
use serde_json::json;

use super::house::ALL_SCOPES;
use super::house::CLOUD;
use super::house::DATACENTER;
use super::house::House;
use super::house::holds;
use crate::spec::rig::LEDGER;
use crate::spec::rig::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_cloud_delivers_is_decided_in_shadow_and_says_where_it_is_revoked() {
    let house = House::open().await;
    let said = house.connect_cloud(&house.token(&ALL_SCOPES), &["--reason", "the first one"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    for part in [
        "the workspace",
        "registered",
        "Every rule is in shadow",
        "Workspace settings → Access tokens",
        "plan: unknown",
    ] {
        assert!(said.out.contains(part), "`{part}` is missing: {}", said.all());
    }
    let hooks = house.cloud_hooks();
    assert_eq!(hooks.len(), 1);
    assert!(hooks[0].1.as_ref().is_some_and(|secret| secret.len() == 64), "a random secret");
    let events =
        house.gate.town.simulator.company(|company| company.workspaces[0].hooks[0].events.clone());
    assert!(events.contains(&"repo:push".to_owned()));
    assert!(events.iter().all(|event| !event.starts_with("issue:")), "{events:?}");
    house.read(CLOUD).await;
    house.push_cloud("feature/one").await;
    assert!(house.all_taken());
    house.decided(CLOUD, 0).await;
    let records = house.gate.records().await;
    assert!(
        records.iter().all(|one| one.public.effect == Effect::Proceed),
        "enforced elsewhere, shadow here"
    );
    let added = house.entries("connection added").await;
    assert_eq!(added.len(), 1);
    assert_eq!(added[0]["connection"], CLOUD);
    assert_eq!(added[0]["body"]["credential"], "token");
    let open = added[0].to_string().replace(CLOUD, "");
    assert!(
        !open.contains("acme") && !open.contains("the first one"),
        "no name in the open: {open}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_data_center_has_a_webhook_on_each_project_or_where_the_scope_says() {
    let house = House::open().await;
    let said = house.connect_datacenter(&["--format", "json"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let told = said.json();
    assert!(told["found"]["version"].as_str().unwrap().contains("9.4.12: tried"), "{told}");
    let places: Vec<&str> = told["hooks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hook| hook["place"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["PAY", "OPS"]);
    let left: Vec<String> = told["hooks"][0]["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        left,
        ["pr:to_ref_updated: this Bitbucket does not know it"],
        "the rest is registered"
    );
    house.push_datacenter("feature/one").await;
    assert!(house.all_taken());
    house.decided(DATACENTER, 0).await;

    let scoped = House::open().await;
    let said = scoped.connect_datacenter(&["--scope", "PAY/led*"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let on = scoped.gate.town.simulator.company(|company| {
        let dc = &company.datacenter;
        let projects: usize = dc.projects.iter().map(|project| project.hooks.len()).sum();
        let all: usize = dc.repositories.iter().map(|found| found.hooks.len()).sum();
        (projects, all, dc.repository(LEDGER).unwrap().hooks.len())
    });
    assert_eq!(on, (0, 1, 1), "one webhook, on the repository that was named");
    let none = House::open().await;
    let said = none.connect_datacenter(&["--scope", "NOWHERE"]).await;
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("names no project"), "{}", said.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_changes_nothing_and_an_id_is_taken_once_for_ever() {
    let house = House::open().await;
    let token = house.token(&ALL_SCOPES);
    let said = house.connect_cloud(&token, &["--preview"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(said.out.contains("would be registered"), "{}", said.all());
    assert!(house.cloud_hooks().is_empty());
    assert_eq!(house.gate.get("connections").await["connections"], json!([]));
    assert!(house.entries("connection added").await.is_empty());
    assert_eq!(house.connect_cloud(&token, &[]).await.code, 0);
    let again = house.connect_cloud(&token, &[]).await;
    // Whoever lost the report gets it; nothing is made a second time.
    assert_eq!(again.code, 0, "{}", again.all());
    assert!(again.err.contains("nothing was changed"), "{}", again.all());
    assert_eq!(house.cloud_hooks().len(), 1);
    let wish = house.wish(CLOUD, &json!({"kind": "token", "token": token}));
    let again = house.post("connections", &wish).await;
    assert_eq!(again.status, 409, "{}", again.body);
    assert!(again.body.to_string().contains("never reused"), "{}", again.body);
    assert_eq!(house.gate.operate(&["disconnect", CLOUD]).await.code, 0);
    let after = house.connect_cloud(&token, &[]).await;
    assert!(after.err.contains("never reused"), "{}", after.all());
    let other = house.gate.operate(&["disconnect", CLOUD]).await;
    assert!(other.err.contains("there is no connection"), "{}", other.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_change_while_deliveries_come_in_and_none_is_refused() {
    let house = House::open().await;
    assert_eq!(house.connect_cloud(&house.token(&ALL_SCOPES), &[]).await.code, 0);
    assert_eq!(house.connect_datacenter(&[]).await.code, 0);
    let before = house.hook_secrets();
    let pushing = async {
        for number in 0..12 {
            house.push_cloud(&format!("feature/c{number}")).await;
            house.push_datacenter(&format!("feature/d{number}")).await;
        }
    };
    let turning = async {
        for id in [CLOUD, DATACENTER] {
            let said = house.gate.operate(&["connect", id, "--rotate", "--overlap", "1s"]).await;
            assert_eq!(said.code, 0, "{}", said.all());
            assert!(said.out.contains("end by themselves"), "{}", said.all());
        }
    };
    tokio::join!(pushing, turning);
    let after = house.hook_secrets();
    assert_eq!(before.len(), after.len());
    assert!(before.iter().all(|old| !after.contains(old)), "every secret is another one");
    assert!(house.all_taken(), "nothing was refused");
    until("the end of the old secrets", async || {
        (house.entries("old hook secrets ended").await.len() == 2).then_some(())
    })
    .await;
    // Whoever kept the old one speaks in vain from now on.
    let id = house.gate.town.simulator.company(|company| {
        let url = &company.workspaces[0].hooks[0].url;
        url.rsplit('/').next().unwrap().to_owned()
    });
    let body = "{}";
    for (secret, status) in [(&before[0], 401), (&after[0], 202)] {
        let signature = crate::spec::doors::house::signature(secret, body);
        let headers = [
            ("x-event-key", "repo:push"),
            ("content-type", "application/json"),
            ("x-hub-signature", signature.as_str()),
        ];
        assert_eq!(house.gate.deliver(&id, &headers, body).await.status, status);
    }
    house.push_cloud("feature/last").await;
    house.push_datacenter("feature/last").await;
    assert!(house.all_taken());
    assert_eq!(house.entries("hook secrets changed").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_bitbucket_does_not_answer_both_secrets_stay_good_until_it_does() {
    let house = House::open().await;
    assert_eq!(house.connect_cloud(&house.token(&ALL_SCOPES), &[]).await.code, 0);
    house.read(CLOUD).await;
    let simulator = &house.gate.town.simulator;
    let before = house.hook_secrets();
    simulator.lay_fault(
        "/2.0/workspaces/acme/hooks/",
        portcullis::simulator::faults::Fault::Status(500),
        None,
    );
    let said = house.gate.operate(&["connect", CLOUD, "--rotate", "--overlap", "1s"]).await;
    assert_eq!(said.code, 1, "{}", said.all());
    assert_eq!(house.hook_secrets(), before, "it was not told");
    house.push_cloud("feature/old").await;
    assert!(house.all_taken(), "the old secret is still good");
    let sick = house.gate.operate(&["doctor", CLOUD]).await;
    assert!(sick.out.contains("did not confirm its new secret"), "{}", sick.all());
    simulator.clear_faults();
    let said = house.gate.operate(&["connect", CLOUD, "--rotate", "--overlap", "1s"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert_ne!(house.hook_secrets(), before);
    house.push_cloud("feature/new").await;
    assert!(house.all_taken());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_outlives_a_restart_and_its_end_leaves_nothing_behind() {
    let mut house = House::open().await;
    let token = house.token(&ALL_SCOPES);
    assert_eq!(house.connect_cloud(&token, &[]).await.code, 0);
    assert_eq!(house.connect_datacenter(&[]).await.code, 0);
    house.read(CLOUD).await;
    let mut secrets = house.hook_secrets();
    secrets.push(token);
    secrets.push(std::fs::read_to_string(house.gate.path("dc.token")).unwrap().trim().to_owned());
    assert_eq!(house.gate.terminate().await, 0);
    house.gate.reopen().await;
    house.push_cloud("feature/after").await;
    house.push_datacenter("feature/after").await;
    assert!(house.all_taken());
    house.decided(CLOUD, 0).await;
    house.decided(DATACENTER, 0).await;
    let said = house.gate.operate(&["disconnect", CLOUD, "--reason", "moved away"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(said.out.contains("webhooks taken away: 1"), "{}", said.all());
    assert!(said.out.contains("left to do by hand"), "{}", said.all());
    let said = house.gate.operate(&["disconnect", DATACENTER]).await;
    assert!(said.out.contains("webhooks taken away: 2"), "{}", said.all());
    assert!(house.hook_secrets().is_empty(), "no webhook of ours is left at Bitbucket");
    assert_eq!(house.gate.get("connections").await["connections"], json!([]));
    let graph = house.gate.count("world");
    assert_eq!(graph, 0, "what was learned of it is erased too");
    // Nothing was ever written in the open, and nothing sealed of it is left.
    assert_eq!(house.gate.count("connection WHERE connection_sealed IS NOT NULL"), 0);
    for name in ["portcullis.db", "portcullis.db-wal", "portcullis.db-shm"] {
        for secret in &secrets {
            assert!(!holds(&house.gate.path(name), secret.as_bytes()), "a secret in {name}");
        }
    }
    for secret in &secrets {
        assert!(!house.gate.log().contains(secret), "a secret in the log");
    }
    assert_eq!(house.entries("connection ended").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_be_taken_away_is_named_and_the_secrets_go_all_the_same() {
    let house = House::open().await;
    assert_eq!(house.connect_cloud(&house.token(&ALL_SCOPES), &[]).await.code, 0);
    let fault = portcullis::simulator::faults::Fault::Status(500);
    house.gate.town.simulator.lay_fault("/2.0/workspaces/acme/hooks", fault, None);
    let said = house.gate.operate(&["disconnect", CLOUD]).await;
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.out.contains("by hand") && said.out.contains("the workspace:"), "{}", said.all());
    assert_eq!(house.gate.count("connection WHERE connection_sealed IS NOT NULL"), 0);
    house.gate.town.simulator.clear_faults();
    house.push_cloud("feature/late").await;
    assert!(!house.all_taken(), "its address answers nobody any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_whose_reason_is_too_long_takes_nothing_away() {
    let house = House::open().await;
    assert_eq!(house.connect_cloud(&house.token(&ALL_SCOPES), &[]).await.code, 0);
    let path = format!("connections/{CLOUD}");
    let why = json!({"reason": "x".repeat(501)});
    let asked = house.gate.api(reqwest::Method::DELETE, &path, &why).await;
    assert_eq!(asked.status, 400, "{}", asked.body);
    assert_eq!(house.cloud_hooks().len(), 1, "it delivers as before");
    let why = json!({"reason": "x".repeat(500)});
    let asked = house.gate.api(reqwest::Method::DELETE, &path, &why).await;
    assert_eq!((asked.status, house.cloud_hooks().len()), (200, 0), "{}", asked.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_second_credential_cannot_be_used_can_be_ended() {
    let mut house = House::open().await;
    assert_eq!(house.connect_datacenter(&[]).await.code, 0);
    assert_eq!(house.gate.terminate().await, 0);
    // As a gate of before might have kept it: a consumer, which Data Center does not know.
    let store = house.gate.store().await;
    let bytes = store.connections().await.unwrap().remove(0).bytes;
    store.close().await;
    let mut kept: serde_json::Value = serde_json::from_slice(bytes.expose()).unwrap();
    kept["second"] = json!({"kind": "oauth", "key": "k", "secret": "s"});
    let key = std::fs::read_to_string(house.gate.path("store.key")).unwrap();
    let key: [u8; 32] = hex::decode(key.trim()).unwrap().try_into().unwrap();
    let seal = portcullis::secret::Seal::new(&portcullis::secret::Secret::new(key), None);
    let purpose = format!("connection {DATACENTER}");
    let sealed = seal.seal(&purpose, kept.to_string().as_bytes()).unwrap();
    let db = rusqlite::Connection::open(house.gate.path("portcullis.db")).unwrap();
    assert_eq!(db.execute("UPDATE connection SET connection_sealed = ?1", [sealed]).unwrap(), 1);
    drop(db);
    house.gate.reopen().await;
    let path = format!("connections/{DATACENTER}");
    let asked = house.gate.api(reqwest::Method::DELETE, &path, &serde_json::Value::Null).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    let left = asked.body["left"].as_array().unwrap();
    assert!(left.len() == 2 && left[0].as_str().unwrap().contains("Bitbucket Cloud"), "{left:?}");
    assert_eq!(house.gate.count("connection WHERE connection_sealed IS NOT NULL"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_in_file_and_store_does_not_start_and_neither_does_one_that_has_ended() {
    let mut house = House::open().await;
    assert_eq!(house.connect_cloud(&house.token(&ALL_SCOPES), &[]).await.code, 0);
    let file = house.gate.path("portcullis.toml");
    let plain = std::fs::read_to_string(&file).unwrap();
    let twice = format!(
        "{plain}\n[[connection]]\nid = \"{CLOUD}\"\nproduct = \"cloud\"\nworkspace = \"acme\"\n"
    );
    assert_eq!(house.gate.terminate().await, 0);
    std::fs::write(&file, &twice).unwrap();
    let config = file.to_str().unwrap();
    let said = crate::spec::rig::run(&["serve", "--config", config]).await;
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("was connected while the gate ran"), "{}", said.all());
    std::fs::write(&file, &plain).unwrap();
    house.gate.reopen().await;
    assert_eq!(house.gate.operate(&["disconnect", CLOUD]).await.code, 0);
    assert_eq!(house.gate.terminate().await, 0);
    std::fs::write(&file, &twice).unwrap();
    let said = crate::spec::rig::run(&["serve", "--config", config]).await;
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.err.contains("an id is never reused"), "{}", said.all());
}
