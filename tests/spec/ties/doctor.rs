//! The doctor finds each fault that is planted, says what to do about it, and finds none where there is none.

use jiff::SignedDuration;
use portcullis::simulator::cloud::Hook;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use serde_json::Value;

use super::house::ALL_SCOPES;
use super::house::CLOUD;
use super::house::DATACENTER;
use super::house::House;
use crate::spec::rig::LEDGER;

/// A fault that somebody plants at Bitbucket.
type Plant = fn(&mut Hook);

/// What is wrong with a connection.
async fn wrongs(house: &House, connection: &str) -> Vec<Value> {
    let told = house.gate.get(&format!("doctor?connection={connection}")).await;
    let found = told["findings"].as_array().unwrap().clone();
    let wrong: Vec<Value> = found.into_iter().filter(|one| one["health"] == "wrong").collect();
    assert_eq!(told["well"].as_bool(), Some(wrong.is_empty()), "{told}");
    assert!(wrong.iter().all(|one| one["remedy"].is_string()), "each says what to do: {wrong:?}");
    wrong
}

/// That exactly this is wrong.
async fn check(house: &House, connection: &str, area: &str, said: &str) {
    let wrong = wrongs(house, connection).await;
    assert!(
        wrong.iter().any(|one| one["area"] == area && one["said"].as_str().unwrap().contains(said)),
        "`{said}` was not found: {wrong:#?}"
    );
    assert!(wrong.iter().all(|one| one["area"] == area), "and nothing else: {wrong:#?}");
}

async fn connected() -> House {
    let house = House::open().await;
    let said = house.connect_cloud(&house.token(&ALL_SCOPES), &[]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    house.read(CLOUD).await;
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_connection_is_found_well_and_the_command_says_so() {
    let house = connected().await;
    assert_eq!(wrongs(&house, CLOUD).await, [] as [Value; 0]);
    let said = house.gate.operate(&["doctor", CLOUD, "--all"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    for part in ["0 wrong", "never heard yet", "its clock and ours", "calls were used"] {
        assert!(said.out.contains(part), "`{part}` is missing: {}", said.all());
    }
    house.push_cloud("feature/heard").await;
    let said = house.gate.operate(&["doctor", "--format", "json"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let hook = said.json()["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["area"] == "webhook")
        .unwrap()
        .clone();
    assert!(hook["said"].as_str().unwrap().contains("last heard at"), "{hook}");
    let nobody = house.gate.operate(&["doctor", "nobody"]).await;
    assert_eq!(nobody.code, 1);
    assert!(nobody.err.contains("there is no connection `nobody`"), "{}", nobody.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_webhook_is_found_and_one_command_puts_it_right() {
    let house = connected().await;
    let simulator = &house.gate.town.simulator;
    let faults: [(&str, Plant); 5] = [
        ("switched off", |hook| hook.active = false),
        ("no secret", |hook| hook.secret = None),
        ("does not look at our certificate", |hook| hook.skip_cert_verification = true),
        ("tells less", |hook| hook.events.retain(|event| event != "repo:push")),
        ("another address", |hook| hook.url = "http://127.0.0.1:9/elsewhere".to_owned()),
    ];
    for (said, plant) in faults {
        simulator.company(|company| plant(&mut company.workspaces[0].hooks[0]));
        check(&house, CLOUD, "webhook", said).await;
        let sick = house.gate.operate(&["doctor", CLOUD]).await;
        assert_eq!(sick.code, 1, "{}", sick.all());
        assert!(sick.out.contains("→ `portcullis connect acme-cloud --rotate`"), "{}", sick.all());
        let put_right =
            house.gate.operate(&["connect", CLOUD, "--rotate", "--overlap", "1s"]).await;
        assert_eq!(put_right.code, 0, "{}", put_right.all());
        assert_eq!(wrongs(&house, CLOUD).await, [] as [Value; 0], "after {said}");
    }
    simulator.company(|company| company.workspaces[0].hooks.clear());
    check(&house, CLOUD, "webhook", "not registered any more").await;
    let put_right = house.gate.operate(&["connect", CLOUD, "--rotate"]).await;
    assert_eq!(put_right.code, 0, "{}", put_right.all());
    assert_eq!(wrongs(&house, CLOUD).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_a_limit_and_a_credential_that_ended_are_found() {
    let house = connected().await;
    let simulator = &house.gate.town.simulator;
    simulator.turn_clock(SignedDuration::from_secs(600));
    check(&house, CLOUD, "clock", "s apart").await;
    simulator.turn_clock(SignedDuration::from_secs(-600));
    simulator.lay_fault("/2.0/", Fault::TooManyRequests(Some(1)), None);
    check(&house, CLOUD, "limits", "rate limit").await;
    simulator.clear_faults();
    crate::spec::rig::until("recovery", async || {
        wrongs(&house, CLOUD).await.is_empty().then_some(())
    })
    .await;
    simulator.company(|company| company.credentials.clear());
    check(&house, CLOUD, "credential", "refused the connection's credential").await;
}

/// What was found of an area, as health and sentence.
async fn found(house: &House, connection: &str, area: &str) -> Vec<(String, String)> {
    let told = house.gate.get(&format!("doctor?connection={connection}")).await;
    let all = told["findings"].as_array().unwrap().iter().filter(|one| one["area"] == area);
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    all.map(|one| (text(one, "health"), text(one, "said"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outage_keeps_from_us_is_unknown_and_not_wrong_or_well() {
    let house = House::open().await;
    let said = house.connect_datacenter(&["--profile", "observe"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let simulator = &house.gate.town.simulator;
    let url = simulator.datacenter_url();
    let base = &url[url.rfind('/').unwrap()..];
    simulator.lay_fault(
        &format!("{base}/rest/api/latest/application-properties"),
        Fault::Status(503),
        None,
    );
    let credential = found(&house, DATACENTER, "credential").await;
    assert_eq!(credential.len(), 1);
    assert_eq!(credential[0].0, "unknown", "{credential:?}");
    simulator.clear_faults();
    assert!(found(&house, DATACENTER, "webhook").await.iter().all(|(health, _)| health == "ok"));
    simulator.company(|company| {
        company.datacenter.add_project("NEW", "New", None);
    });
    // Where webhooks should hang cannot be listed: the one that is missing is not called there.
    let list = format!("{base}/rest/api/latest/projects?");
    simulator.lay_fault(list.trim_end_matches('?'), Fault::Status(503), None);
    let webhooks = found(&house, DATACENTER, "webhook").await;
    assert!(
        webhooks.iter().any(|(health, said)| health == "unknown" && said.contains("missing")),
        "{webhooks:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_webhook_is_not_called_missing_where_places_could_not_be_listed() {
    let gate = crate::spec::rig::Gate::start().await;
    let house = House { gate };
    house.gate.town.simulator.company(|company| {
        company.datacenter.repository_mut(LEDGER).unwrap().hooks.clear();
    });
    let id = crate::spec::rig::DATACENTER;
    let webhooks = found(&house, id, "webhook").await;
    assert!(webhooks.iter().any(|(health, _)| health == "wrong"), "it is gone: {webhooks:?}");
    let list = "/bitbucket/rest/api/latest/projects";
    house.gate.town.simulator.lay_fault(list, Fault::Status(503), None);
    let webhooks = found(&house, id, "webhook").await;
    assert!(!webhooks.is_empty());
    assert!(webhooks.iter().all(|(health, _)| health == "unknown"), "{webhooks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_was_taken_away_is_found() {
    let house = connected().await;
    house.gate.town.simulator.company(|company| {
        for credential in &mut company.credentials {
            credential.scopes.retain(|scope| scope != "runner");
        }
    });
    check(&house, CLOUD, "scope", "it lacks `runner`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_center_that_is_about_to_skip_us_is_found() {
    let house = House::open().await;
    let said = house.connect_datacenter(&["--profile", "observe"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    house.read(DATACENTER).await;
    assert_eq!(wrongs(&house, DATACENTER).await, [] as [Value; 0]);
    let simulator = &house.gate.town.simulator;
    // A delivery that somebody else takes: the address is ours no more.
    let url = simulator.company(|company| {
        let hook = &mut company.datacenter.project_mut("PAY").unwrap().hooks[0];
        std::mem::replace(&mut hook.url, "http://127.0.0.1:9/nobody".to_owned())
    });
    let push = Change::new_branch("feature/lost", "main", 1);
    simulator.datacenter().push(LEDGER, "ravi", &[push]).await.unwrap();
    simulator.settled().await;
    simulator.company(|company| company.datacenter.project_mut("PAY").unwrap().hooks[0].url = url);
    check(&house, DATACENTER, "webhook", "five failures in a row").await;
    house.push_datacenter("feature/found").await;
    assert_eq!(wrongs(&house, DATACENTER).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_was_made_later_is_found_and_gets_its_webhook() {
    let house = House::open().await;
    let said = house.connect_datacenter(&["--profile", "observe"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    house.gate.town.simulator.company(|company| {
        company.datacenter.add_project("NEW", "New", None);
        company.datacenter.add_repository("NEW", "thing");
    });
    check(&house, DATACENTER, "webhook", "no webhook of ours hangs there").await;
    let said = house.gate.operate(&["connect", DATACENTER, "--rotate"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    assert_eq!(wrongs(&house, DATACENTER).await, [] as [Value; 0]);
    let push = Change::new_branch("feature/new", "main", 1);
    house.gate.town.simulator.datacenter().push("NEW/thing", "portcullis", &[push]).await.unwrap();
    house.gate.town.simulator.settled().await;
    assert!(house.all_taken());
    house.decided(DATACENTER, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_not_tried_is_said() {
    let house = House::open().await;
    let said = house.connect_datacenter(&["--profile", "observe"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    let told = house.gate.get(&format!("doctor?connection={DATACENTER}")).await;
    let version = told["findings"].as_array().unwrap().iter().find(|one| one["area"] == "version");
    assert!(version.unwrap()["said"].as_str().unwrap().contains("tried with this program"));
    house.gate.town.simulator.company(|company| {
        company.datacenter.release = portcullis::simulator::datacenter::Release::Seven;
    });
    check(&house, DATACENTER, "version", "2024-02-15").await;
}
