//! Roll out without stopping anybody: a connection in shadow holds nobody up, and before a rule bites it is shown exactly
//! whom it would have held up.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis::ledger::Kind;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::doors::house::House;
use super::doors::house::json_of;
use super::doors::house::problem;
use super::rig::CLOUD;
use super::rig::Gate;

const HALF_A_DAY: Duration = Duration::from_hours(12);

/// Every rule of every connection in shadow, as a new gate has it.
async fn in_shadow() -> House {
    let house = House::open().await;
    for scope in ["acme", "server"] {
        set(&house, &json!({"rules": "*", "scope": scope, "mode": "shadow"})).await;
    }
    house
}

async fn set(house: &House, wish: &Value) -> Value {
    let answer = house.api(Method::POST, "modes").json(wish).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{wish}");
    json_of(answer).await
}

async fn impact(house: &House, query: &str) -> Value {
    let answer = house.api(Method::GET, &format!("modes/impact?scope=acme&{query}"));
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{query}");
    json_of(answer).await
}

/// Decisions of an impact with this effect.
fn named(impact: &Value, effect: &str) -> BTreeSet<String> {
    let rows = impact["decisions"].as_array().unwrap().iter();
    let rows = rows.filter(|row| row["effect"] == effect);
    rows.map(|row| row["decision"].as_str().unwrap().to_owned()).collect()
}

/// What happened in a week, by whoever asked: decisions by their verdict, counted by nobody but this test.
#[derive(Default)]
struct Week {
    blocked: BTreeSet<String>,
    waiting: BTreeSet<String>,
    passed: usize,
}

/// Days of a company that deploys, publishes and builds; nobody is held up.
async fn live(house: &House, days: u32) -> Week {
    let mut week = Week::default();
    for day in 0..days {
        house.gateway.clock.advance(HALF_A_DAY);
        let token = house.token().await;
        let publishes = usize::from(day % 2 == 0);
        let mut asked = vec!["build", "deploy", "test"];
        asked.extend(std::iter::repeat_n("publish", publishes));
        for environment in asked {
            let answer = house.check(&token, environment).await;
            assert_eq!(answer["effect"], "proceed", "shadow holds nobody up: {answer}");
            let id = answer["decision"].as_str().unwrap().to_owned();
            match answer["verdict"].as_str().unwrap() {
                "block" => assert!(week.blocked.insert(id)),
                "approve" => assert!(week.waiting.insert(id)),
                _ => week.passed += 1,
            }
        }
        house.gateway.clock.advance(HALF_A_DAY);
    }
    week
}

#[tokio::test]
async fn a_week_in_shadow_stops_nobody_and_promote_names_exactly_whom_it_would_have_stopped() {
    let house = in_shadow().await;
    let earlier = live(&house, 1).await;
    assert_eq!(earlier.blocked.len(), 1, "a decision outside the week");
    house.gateway.clock.advance(Duration::from_hours(1));
    let week = live(&house, 7).await;
    assert_eq!((week.blocked.len(), week.waiting.len(), week.passed), (4, 7, 14));

    let all = impact(&house, "rules=test&window=7d").await;
    assert_eq!(named(&all, "stop"), week.blocked);
    assert_eq!(named(&all, "wait"), week.waiting);
    assert_eq!((&all["would_stop"], &all["would_wait"]), (&json!(4), &json!(7)));
    assert_eq!((&all["too_late"], &all["more"]), (&json!(0), &json!(false)));
    let row = &all["decisions"][0];
    assert_eq!(
        (&row["repository"], &row["binds"]),
        (&json!(super::doors::house::REPOSITORY), &json!("prevents"))
    );
    assert!(row["rules"][0]["reason"].as_str().unwrap().contains("is judged here"), "{row}");
    assert_eq!(impact(&house, "rules=*&window=7d").await["would_stop"], 4);
    let one = impact(&house, "rules=test/deploy").await;
    assert_eq!((named(&one, "stop").len(), named(&one, "wait")), (0, week.waiting.clone()));
    let longer = impact(&house, "rules=test&window=30d").await;
    assert_eq!(named(&longer, "stop").len(), 5, "the day before counts in a longer window");

    let (mut pages, mut skip) = (BTreeSet::new(), json!(0));
    while !skip.is_null() {
        let page = impact(&house, &format!("rules=test&limit=4&skip={skip}")).await;
        assert!(page["decisions"].as_array().unwrap().len() <= 4);
        pages.extend(named(&page, "stop").into_iter().chain(named(&page, "wait")));
        skip = page["next"].clone();
    }
    assert_eq!(pages, week.blocked.union(&week.waiting).cloned().collect());

    let size = house.entries(0).await.len() as u64;
    let wish = json!({
        "rules": "test", "scope": "acme", "mode": "enforce", "reason": "nobody objected-canary",
        "since": all["since"], "until": all["until"],
    });
    let done = set(&house, &wish).await;
    assert_eq!(done["impact"]["would_stop"], 4, "what was shown is what is recorded");
    let entries = house.entries(size).await;
    let entry =
        entries.iter().find(|entry| entry.body["what"] == "mode" && entry.subject == "test");
    let entry = entry.unwrap();
    assert_eq!((entry.kind, entry.connection.as_deref()), (Kind::Admin, Some("acme")));
    assert_eq!(
        (&entry.body["mode"], &entry.body["would_stop"], &entry.body["would_wait"]),
        (&json!("enforce"), &json!(4), &json!(7))
    );
    assert!(entry.sealed.contains_key("by") && entry.sealed.contains_key("reason"));
    assert!(!format!("{entry:?}").contains("canary"), "{entry:?}");

    let token = house.token().await;
    assert_eq!(house.check(&token, "publish").await["effect"], "stop", "now it bites");
    assert_eq!(house.check(&token, "deploy").await["effect"], "wait");
    let modes = json_of(house.api(Method::GET, "modes").send().await.unwrap()).await;
    let mode = |at: usize| modes["connections"][at]["rules"][0]["mode"].clone();
    assert_eq!((mode(0), mode(1)), (json!("enforce"), json!("shadow")), "here and nowhere else");
    house.gateway.clock.advance(HALF_A_DAY);
    let again = impact(&house, "rules=test&window=13h").await;
    assert_eq!(again["looked"], 2, "{again}");
    assert_eq!(again["would_stop"], 0, "what was stopped already is nobody new: {again}");
    house.close().await;
}

#[tokio::test]
async fn a_promotion_outlives_a_restart_and_can_be_taken_back() {
    let house = in_shadow().await;
    set(&house, &json!({"rules": "test/publish", "scope": "acme", "mode": "enforce"})).await;
    let house = house.reopened().await;
    let token = house.token().await;
    assert_eq!(house.check(&token, "publish").await["effect"], "stop");
    assert_eq!(house.check(&token, "deploy").await["effect"], "proceed", "only what was promoted");
    // The area covers the rule: a narrower setting would go before it and keep the rule in force.
    set(&house, &json!({"rules": "test", "scope": "acme", "mode": "shadow"})).await;
    let passed = house.check(&token, "publish").await;
    assert_eq!((&passed["effect"], &passed["verdict"]), (&json!("proceed"), &json!("block")));
    house.close().await;
}

#[tokio::test]
async fn rules_connections_and_windows_that_are_not_there_are_refused() {
    let house = House::open().await;
    for wrong in [
        json!({"rules": "test/nothing", "scope": "acme", "mode": "enforce"}),
        json!({"rules": "tes", "scope": "acme", "mode": "enforce"}),
        json!({"rules": "", "scope": "acme", "mode": "enforce"}),
        json!({"rules": "test", "scope": "other", "mode": "enforce"}),
        json!({"rules": "test", "scope": "acme", "mode": "loud"}),
        json!({"rules": "test", "scope": "acme"}),
        json!({"rules": "test", "scope": "acme", "mode": "enforce", "since": "2027-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}),
        json!({"rules": "test", "scope": "acme", "mode": "enforce", "reason": "x".repeat(501)}),
    ] {
        let answer = house.api(Method::POST, "modes").json(&wrong).send().await.unwrap();
        assert_eq!(problem(answer).await.0, 400, "{wrong}");
    }
    for query in
        ["rules=test", "scope=acme", "rules=test&scope=acme&window=500d", "rules=no&scope=acme"]
    {
        let answer = house.api(Method::GET, &format!("modes/impact?{query}")).send().await.unwrap();
        assert_eq!(problem(answer).await.0, 400, "{query}");
    }
    let entries = house.entries(0).await;
    assert!(!entries.iter().any(|entry| entry.body.get("what") == Some(&json!("mode"))));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_show_first_and_change_only_when_told() {
    let gate = Gate::start().await;
    let say = async |words: &[&str]| {
        let said = gate.operate(words).await;
        assert_eq!(said.code, 0, "{words:?}: {}", said.all());
        said.out
    };
    let deploys = async || {
        let step = gate.town.step("main", Some(gate.town.cast.production));
        let question = json!({"action": "deploy", "environment": "production"});
        gate.check(&step.token, &question).await.body
    };
    let demoted = say(&["policy", "demote", "*", "--scope", CLOUD, "--reason", "first week"]).await;
    assert!(demoted.contains("in shadow from now on"), "{demoted}");
    let passed = deploys().await;
    assert_eq!(passed["effect"], "proceed", "{passed}");

    let promote = ["policy", "promote", "deploy", "--scope", CLOUD];
    let shown = say(&promote).await;
    for part in [
        "would have been stopped: 0, would have waited for an approval: 1",
        passed["decision"].as_str().unwrap(),
        "acme/billing",
        "deploy/production-needs-approval (approve): Deploying to production",
        "Nothing is changed yet: --yes enforces `deploy` on acme-cloud.",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(deploys().await["effect"], "proceed", "showing changes nothing");
    let done = say(&[&promote[..], &["--yes", "--reason", "nobody objected"]].concat()).await;
    assert!(done.contains("would have waited for an approval: 2"), "{done}");
    assert!(done.trim_end().ends_with("`deploy` on acme-cloud is enforced from now on."), "{done}");
    assert_eq!(deploys().await["effect"], "wait");
    let modes = say(&["policy", "modes"]).await;
    let line = |rule: &str| modes.lines().find(|line| line.contains(CLOUD) && line.contains(rule));
    assert!(line("deploy/production-needs-approval").unwrap().contains("enforce"), "{modes}");
    assert!(line("ref/force-push-to-protected").unwrap().contains("shadow"), "{modes}");
    let unsaid = gate.operate(&["policy", "promote", "deploy"]).await;
    assert!(unsaid.code == 1 && unsaid.err.contains("acme-cloud, acme-dc"), "{}", unsaid.all());

    let pause = say(&["pause", "--for", "30m", "--reason", "the release train stands"]).await;
    assert!(
        pause.contains("The gate is paused until") && pause.contains("release train"),
        "{pause}"
    );
    assert_eq!(say(&["pause", "--status"]).await, pause);
    let let_pass = deploys().await;
    assert_eq!((&let_pass["effect"], &let_pass["verdict"]), (&json!("proceed"), &json!("approve")));
    gate.quiet().await;
    assert!(say(&["resume"]).await.contains("not paused any more"));
    assert_eq!(say(&["pause", "--status"]).await.trim_end(), "The gate is not paused.");
    for wrong in [&["pause"][..], &["pause", "--for", "1h"], &["pause", "--reason", "x"]] {
        assert_eq!(gate.operate(wrong).await.code, 2, "{wrong:?}");
    }
    let long = gate.operate(&["pause", "--for", "5h", "--reason", "x"]).await;
    assert!(long.code == 1 && long.err.contains("`[pause] longest`"), "{}", long.all());
}
