//! Reading now: the price is foretold, and the reading is followed to its end.

use super::house::ALL_SCOPES;
use super::house::CLOUD;
use super::house::DATACENTER;
use super::house::House;

#[tokio::test(flavor = "multi_thread")]
async fn the_price_is_foretold_within_a_tenth_on_both_products() {
    let house = House::open().await;
    house.gate.town.simulator.company(|company| {
        for number in 0..12 {
            company.workspaces[0].add_repository(&format!("more-{number}"), "BILL");
            company.datacenter.add_repository("PAY", &format!("more-{number}"));
        }
    });
    assert_eq!(house.connect_cloud(&house.token(&ALL_SCOPES), &[]).await.code, 0);
    assert_eq!(house.connect_datacenter(&[]).await.code, 0);
    for id in [CLOUD, DATACENTER] {
        assert_eq!(house.read(id).await["state"], "done");
        let said = house
            .gate
            .operate(&["sync", id, "--format", "json", "--reason", "after a change"])
            .await;
        assert_eq!(said.code, 0, "{}", said.all());
        let now = said.json();
        assert_eq!(now["plan"]["counted_by"], "the last reading", "{now}");
        let (told, real) = (now["plan"]["calls"].as_f64().unwrap(), now["calls"].as_f64().unwrap());
        assert!((told - real).abs() <= real / 10.0, "{id}: foretold {told}, was {real}");
    }
    assert_eq!(house.entries("discovery asked for").await.len(), 2);
    let said = house.gate.operate(&["sync", CLOUD]).await;
    for part in [
        "WHAT IS READ",
        "1000 calls an hour, 200 are kept for live checks: that is 100 checks",
        "what would raise it",
        "read with",
    ] {
        assert!(said.out.contains(part), "`{part}` is missing: {}", said.all());
    }
    let nobody = house.gate.operate(&["sync", "nobody"]).await;
    assert_eq!(nobody.code, 1, "{}", nobody.all());
    let which = house.gate.operate(&["sync"]).await;
    assert!(which.err.contains("say which connection: acme-cloud, acme-dc"), "{}", which.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_fails_says_so_and_the_last_graph_stays() {
    let house = House::open().await;
    assert_eq!(house.connect_cloud(&house.token(&ALL_SCOPES), &[]).await.code, 0);
    let before = house.read(CLOUD).await;
    let fault = portcullis::simulator::faults::Fault::Drop;
    house.gate.town.simulator.lay_fault("/2.0/workspaces/acme/members", fault, None);
    let said = house.gate.operate(&["sync", CLOUD]).await;
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.out.contains("it failed after"), "{}", said.all());
    let after = house.gate.get(&format!("connections/{CLOUD}/sync")).await;
    assert_eq!(after["as_of"], before["as_of"]);
}
