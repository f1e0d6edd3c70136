//! How far a connection reads: what lies outside its scope is not asked for, and is unknown for that reason. What is read
//! beyond the usual, and where the audit log is, can be said when connecting and changed later.

use serde_json::Value;
use serde_json::json;

use super::house::ALL_SCOPES;
use super::house::CLOUD;
use super::house::DATACENTER;
use super::house::House;

/// Fields of what is called this that are unknown because they lie outside, and all other unknown fields of it.
fn unknown(world: &Value, name: &str) -> (Vec<String>, Vec<String>) {
    let nodes = world["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["name"] == name).unwrap_or_else(|| panic!("{name}"));
    let gaps = world["unknown"].as_array().unwrap().iter();
    let of = gaps.filter(|gap| gap["about"] == node["id"]);
    let (outside, other): (Vec<&Value>, Vec<&Value>) =
        of.partition(|gap| gap["why"].as_str().unwrap().contains("outside the scope"));
    let fields = |gaps: Vec<&Value>| {
        gaps.iter().map(|gap| gap["field"].as_str().unwrap().to_owned()).collect()
    };
    (fields(outside), fields(other))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_outside_the_scope_of_a_data_center_is_not_asked_for_and_is_unknown() {
    let house = House::open().await;
    let said = house.connect_datacenter(&["--scope", "PAY"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(house.read(DATACENTER).await["state"], "done");
    let simulator = &house.gate.town.simulator;
    assert!(
        simulator.count_calls("GET", "/bitbucket/rest/api/latest/projects/PAY/repos/ledger") > 5
    );
    let asked: Vec<String> = simulator
        .calls()
        .iter()
        .filter(|call| call.path.contains("/projects/OPS"))
        .map(|call| call.path.clone())
        .collect();
    // The probes of `connect` try each permission on what lies within.
    assert!(asked.is_empty(), "{asked:?}");
    let world = house.gate.get(&format!("access/world?connection={DATACENTER}")).await;
    let (outside, _) = unknown(&world, "OPS/tools");
    for field in ["grants", "restrictions", "keys", "hooks"] {
        assert!(outside.iter().any(|one| one.contains(field)), "{field}: {outside:?}");
    }
    let (outside, _) = unknown(&world, "PAY/ledger");
    assert!(outside.is_empty(), "{outside:?}");
    let told = house.gate.get("who-can?action=read&resource=repository:OPS/tools").await;
    assert!(told.to_string().contains("outside the scope"), "{told}");
    let page = house.gate.get("findings?limit=500").await;
    let of: Vec<&Value> = page["findings"].as_array().into_iter().flatten().collect();
    let passes =
        of.iter().filter(|one| one.to_string().contains("OPS/tools") && one["state"] == "pass");
    assert_eq!(passes.count(), 0, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_outside_the_scope_of_a_workspace_is_not_asked_for_and_is_unknown() {
    let house = House::open().await;
    let token = house.token(&ALL_SCOPES);
    let said = house.connect_cloud(&token, &["--scope", "acme/bill*"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(house.read(CLOUD).await["state"], "done");
    let (inside, outside) = house.gate.town.simulator.company(|company| {
        let all = &company.workspaces[0].repositories;
        let of = |slug: &str| all.iter().find(|one| one.slug == slug).unwrap().uuid.to_string();
        (of("billing"), of("tools"))
    });
    let calls = house.gate.town.simulator.calls();
    let below = |uuid: &str| calls.iter().filter(|call| call.path.contains(uuid)).count();
    assert!(below(&inside) > 5);
    assert_eq!(below(&outside), 0);
    // A pattern names repositories: what their project grants is not asked for, so neither is who has it by that way. No
    // permission is tried on it either.
    assert_eq!(calls.iter().filter(|call| call.path.contains("/projects/BILL/")).count(), 0);
    let world = house.gate.get(&format!("access/world?connection={CLOUD}")).await;
    let (outside, _) = unknown(&world, "acme/tools");
    assert!(outside.len() > 5, "{outside:?}");
    assert!(unknown(&world, "acme/billing").0.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_own_hosts_and_audit_log_are_said_when_connecting_and_changed_later() {
    let mut house = House::open().await;
    let token = house.token(&ALL_SCOPES);
    let more = ["--class", "pipeline-definition", "--own-host", "*.acme.example"];
    let said = house.connect_cloud(&token, &more).await;
    assert_eq!(said.code, 0, "{}", said.all());
    house.read(CLOUD).await;
    let definitions = |house: &House| {
        let calls = house.gate.town.simulator.calls();
        calls.iter().filter(|call| call.path.contains("bitbucket-pipelines.yml")).count()
    };
    let read = definitions(&house);
    assert!(read > 0, "the class is switched on");
    // It holds after a restart, too.
    house.gate.kill().await;
    house.gate.reopen().await;
    let asked = house.post(&format!("connections/{CLOUD}/sync"), &json!({})).await;
    assert!(asked.status < 300, "{}", asked.body);
    house.read(CLOUD).await;
    assert!(definitions(&house) > read, "{}", definitions(&house));
    let world = house.gate.get(&format!("access/world?connection={CLOUD}")).await;
    let definitions_on = |world: &Value| {
        let nodes = world["nodes"].as_array().unwrap().clone();
        nodes.iter().find_map(|node| node.get("definitions").cloned())
    };
    assert_eq!(definitions_on(&world), Some(json!(true)), "{world}");
    let change = ["connect", CLOUD, "--change", "--class", "none", "--reason", "agreed"];
    let said = house.gate.operate(&change).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert!(
        said.out.contains("classes: none") && said.out.contains("*.acme.example"),
        "{}",
        said.all()
    );
    house.read(CLOUD).await;
    let world = house.gate.get(&format!("access/world?connection={CLOUD}")).await;
    assert_eq!(definitions_on(&world), Some(json!(false)));
    let entries = house.entries("connection changed").await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    for wrong in
        [["--class", "source"], ["--own-host", "https://acme.example"], ["--audit", "rest"]]
    {
        let said =
            house.gate.operate(&[&["connect", CLOUD, "--change"][..], &wrong].concat()).await;
        assert_eq!(said.code, 1, "{wrong:?}: {}", said.all());
    }
    assert_eq!(house.gate.operate(&["connect", CLOUD, "--change"]).await.code, 2);
    assert_eq!(
        house.entries("connection changed").await.len(),
        1,
        "what is refused changes nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_log_of_a_connection_that_was_made_is_read_and_read_no_more() {
    let house = House::open().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let said = house.connect_datacenter(&["--audit", "folder", "--audit-folder", path]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let audit = |told: &Value| told["connections"][0]["audit"].clone();
    assert_eq!(audit(&house.gate.get("connections").await), "folder");
    let missing = "no audit source is configured";
    let sources = house.gate.get("audit").await;
    assert!(!sources.to_string().contains(missing), "{sources}");
    let said = house.gate.operate(&["connect", DATACENTER, "--change", "--audit", "none"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(audit(&house.gate.get("connections").await), Value::Null);
    let sources = house.gate.get("audit").await;
    assert!(sources.to_string().contains(missing), "{sources}");
}
