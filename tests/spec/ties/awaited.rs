//! Connecting that takes long goes on when nobody waits, and its report is not lost.

use std::time::Duration;

use portcullis::simulator::faults::Fault;
use serde_json::json;

use super::house::ALL_SCOPES;
use super::house::CLOUD;
use super::house::House;
use crate::spec::rig::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_nobody_waited_for_is_found_by_the_next_who_asks() {
    let house = House::open().await;
    let token = house.token(&ALL_SCOPES);
    let slow = Fault::Delay(Duration::from_millis(2_500));
    house.gate.town.simulator.lay_fault("/2.0/workspaces/acme/hooks", slow, None);
    let mut wish = house.wish(CLOUD, &json!({"kind": "token", "token": token}));
    wish["wait_seconds"] = json!(1);
    let asked = house.post("connections", &wish).await;
    assert_eq!(asked.status, 202, "{}", asked.body);
    assert_eq!(asked.body["state"], "connecting", "{}", asked.body);
    // While it is being made a second command joins in, and prints what comes of it.
    let said = house.connect_cloud(&token, &[]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(said.out.contains("is connected. Every rule is in shadow"), "{}", said.all());
    assert_eq!(house.cloud_hooks().len(), 1, "one connection, one webhook");
    let now = house.gate.get(&format!("connections/{CLOUD}/connecting")).await;
    assert_eq!(
        (&now["state"], &now["hooks"], &now["told"]),
        (&json!("done"), &json!(1), &json!(1))
    );
    // Later, too, and nothing is done a second time.
    let said = house.connect_cloud(&token, &["--format", "json"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(said.err.contains("is connected already"), "{}", said.all());
    assert_eq!(said.json()["id"], CLOUD);
    assert_eq!(house.cloud_hooks().len(), 1);
    house.gate.town.simulator.clear_faults();
    assert_eq!(house.gate.operate(&["disconnect", CLOUD]).await.code, 0);
    let gone = house
        .gate
        .api(reqwest::Method::GET, &format!("connections/{CLOUD}/connecting"), &json!({}))
        .await;
    assert_eq!(gone.status, 404, "{}", gone.body);
    assert_eq!(house.post("connections", &wish).await.status, 409, "an id is never free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_about_is_said_to_who_asks_later() {
    let house = House::open().await;
    let slow = Fault::Delay(Duration::from_millis(2_500));
    house.gate.town.simulator.lay_fault("/2.0/workspaces/acme", slow, None);
    let mut wish = house.wish(CLOUD, &json!({"kind": "token", "token": "nobody's"}));
    wish["wait_seconds"] = json!(1);
    assert_eq!(house.post("connections", &wish).await.status, 202);
    let why = until("the end of it", async || {
        let now = house.gate.get(&format!("connections/{CLOUD}/connecting")).await;
        (now["state"] == "failed").then(|| now["why"].to_string())
    })
    .await;
    assert!(why.contains("refused"), "{why}");
    assert_eq!(house.gate.get("connections").await["connections"], json!([]));
}
