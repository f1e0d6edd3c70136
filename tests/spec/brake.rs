//! The brake: while the gate is paused everything is decided and recorded, nothing is held back, and every page says so.
//! It takes a reason, ends by itself, also after a restart, and takes two people where two are asked for.

use std::time::Duration;

use portcullis::decision::Because;
use portcullis::decision::Binds;
use portcullis::decision::Brake;
use portcullis::decision::Effect;
use portcullis::decision::pause::Demand;
use portcullis::decision::plan::Plan;
use portcullis::decision::plan::Softener;
use portcullis::gateway::brake;
use portcullis::gateway::status;
use portcullis::graph::Time;
use portcullis::ledger::Entry;
use portcullis::ledger::Kept;
use portcullis::ledger::Kind;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::doors::house::House;
use super::doors::house::MIA;
use super::doors::house::OMAR;
use super::doors::house::OPERATOR;
use super::doors::house::json_of;
use super::doors::house::problem;
use super::rig::run;

const WHY: &str = "the rules stop every deploy-canary";

/// Asks for a pause as this person; status and answer.
async fn pause_by(house: &House, token: &str, wish: &Value) -> (u16, Value) {
    let post = house.stranger(Method::POST, "/api/v1/pause").bearer_auth(token).json(wish);
    let answer = post.send().await.unwrap();
    (answer.status().as_u16(), json_of(answer).await)
}

async fn paused(house: &House, length: &str) -> Value {
    let (status, told) = pause_by(house, OPERATOR, &json!({"for": length, "reason": WHY})).await;
    assert_eq!(status, 201, "{told}");
    told
}

async fn resume(house: &House) -> u16 {
    house.api(Method::DELETE, "pause").send().await.unwrap().status().as_u16()
}

/// The steps of pauses in the ledger, in order.
async fn steps(house: &House) -> Vec<String> {
    let all = house.entries(0).await;
    let of = |entry: &Entry| {
        let pause = entry.kind == Kind::Admin && entry.body["what"] == "pause";
        pause.then(|| entry.body["step"].as_str().unwrap().to_owned())
    };
    all.iter().filter_map(of).collect()
}

/// A page as a browser gets it.
async fn page(house: &House, path: &str) -> String {
    let get = if path.starts_with("/d/") || path.starts_with("/t/") {
        house.public(Method::GET, path)
    } else {
        house.stranger(Method::GET, path).bearer_auth(OPERATOR)
    };
    get.header("accept", "text/html").send().await.unwrap().text().await.unwrap()
}

const BANNER: &str = "The gate is paused until";

#[tokio::test]
async fn while_paused_the_verdict_stands_and_nothing_is_held_back() {
    let house = House::open().await;
    let token = house.token().await;
    let stopped = house.check(&token, "publish").await;
    assert_eq!((&stopped["effect"], &stopped["binds"]), (&json!("stop"), &json!("prevents")));
    let waiting = house.check(&token, "deploy").await;
    let ticket = waiting["ticket"]["id"].as_str().unwrap();
    assert!(!page(&house, "/").await.contains(BANNER), "not before");

    paused(&house, "1h").await;
    for (environment, verdict, effect) in
        [("publish", "block", "stop"), ("deploy", "approve", "wait")]
    {
        let passed = house.check(&token, environment).await;
        assert_eq!(passed["effect"], "proceed", "the answer of before does not stand: {passed}");
        assert_eq!(passed["verdict"], verdict, "the verdict is the truth");
        assert_eq!(passed["because"][0]["kind"], "pause");
        let text = passed["because"][0]["text"].as_str().unwrap();
        assert!(text.contains("paused") && text.contains(&format!("`{effect}`")), "{text}");
        assert!(passed["ticket"].is_null(), "nobody is asked: {passed}");
        assert_eq!(passed["binds"], "signals", "nothing waits for it, so nothing is prevented");
        let id = passed["decision"].as_str().unwrap();
        let record = house.gateway.store.decision(id.parse().unwrap()).await.unwrap().unwrap();
        let said = status::text(&record);
        let wanted = format!("let pass, the gate is paused (would be {verdict}): ");
        assert!(said.starts_with(&wanted), "{said}");
        let story = page(&house, &format!("/d/{id}")).await;
        assert!(story.contains("Let pass, because the gate was paused"), "{story}");
        assert!(!story.contains("obeys it"), "no word of prevention: {story}");
        let shown =
            json_of(house.api(Method::GET, &format!("decisions/{id}")).send().await.unwrap());
        let shown = shown.await["text"].as_str().unwrap().to_owned();
        assert!(
            shown.contains("was let pass") && !shown.contains("Ask release-managers"),
            "{shown}"
        );
    }
    assert_eq!(
        house.check(&token, "run").await["because"],
        json!([]),
        "nothing was softened there"
    );

    let decision = stopped["decision"].as_str().unwrap();
    for path in [
        "/".to_owned(),
        format!("/decisions/{decision}"),
        format!("/d/{decision}"),
        format!("/t/{ticket}"),
        "/d/unknown".to_owned(),
        "/decisions?verdict=maybe".to_owned(),
    ] {
        let html = page(&house, &path).await;
        assert!(html.contains(BANNER), "{path}: {html}");
        let told = html.contains("deploy-canary");
        assert_eq!(told, path == "/", "{path}: what people wrote is for who runs the gate");
    }
    let ready = json_of(house.stranger(Method::GET, "/readyz").send().await.unwrap()).await;
    assert!(ready["notes"].to_string().contains("paused"), "{ready}");

    assert_eq!(resume(&house).await, 200);
    assert_eq!(
        house.check(&token, "publish").await["effect"],
        "stop",
        "what was let pass does not stand"
    );
    assert!(!page(&house, "/").await.contains(BANNER));
    assert_eq!(resume(&house).await, 409, "there is none");
    house.close().await;
}

#[tokio::test]
async fn a_pause_without_reason_without_end_or_beside_another_is_refused() {
    let house = House::open().await;
    for wrong in [
        json!({"for": "1h", "reason": " "}),
        json!({"for": "1h"}),
        json!({"reason": WHY}),
        json!({"for": "0s", "reason": WHY}),
        json!({"for": "4h1s", "reason": WHY}),
        json!({"for": "5h", "reason": WHY}),
        json!({"for": "ever", "reason": WHY}),
        json!({"for": "1h", "reason": "x".repeat(501)}),
        json!({"for": "1h", "reason": WHY, "by": "mia"}),
    ] {
        let (status, told) = pause_by(&house, OPERATOR, &wrong).await;
        assert_eq!(status, 400, "{wrong}: {told}");
    }
    assert_eq!(steps(&house).await, [""; 0], "nothing happened");
    paused(&house, "4h").await;
    let (status, told) = pause_by(&house, OPERATOR, &json!({"for": "1h", "reason": WHY})).await;
    assert_eq!(status, 409, "a chain of pauses would have no longest: {told}");
    let (status, _) = pause_by(&house, "no token of ours, but a long one", &json!({})).await;
    assert_eq!(status, 401);
    house.close().await;
}

#[tokio::test]
async fn start_half_time_and_end_are_told_once_each_and_the_end_comes_by_itself() {
    let house = House::open().await;
    let before = house.entries(0).await.len() as u64;
    paused(&house, "2h").await;
    let look = async |minutes: u64| {
        house.gateway.clock.advance(Duration::from_secs(minutes * 60));
        brake::look(&house.gateway).await.unwrap();
        brake::look(&house.gateway).await.unwrap();
        steps(&house).await
    };
    assert_eq!(look(59).await, ["started"]);
    assert_eq!(look(1).await, ["started", "half-time"]);
    assert_eq!(look(59).await, ["started", "half-time"]);
    // The end is in force before anybody looks.
    house.gateway.clock.advance(Duration::from_mins(1));
    let token = house.token().await;
    assert_eq!(house.check(&token, "publish").await["effect"], "stop");
    assert_eq!(look(0).await, ["started", "half-time", "ended"]);
    let told = json_of(house.api(Method::GET, "pause").send().await.unwrap()).await;
    assert_eq!(told, json!({"paused": false, "pause": null}));

    let entries = house.entries(before).await;
    let first = entries.iter().find(|entry| entry.body["what"] == "pause").unwrap();
    assert!(!format!("{first:?}").contains("canary"), "who and why are sealed: {first:?}");
    let index = before + entries.iter().position(|entry| entry == first).unwrap() as u64;
    let kept = house.gateway.store.entry(index).await.unwrap().unwrap().sealed;
    let part = |name: &str| match kept.iter().find(|part| part.name() == name).unwrap() {
        Kept::Present(part) => String::from_utf8(part.bytes.clone()).unwrap(),
        Kept::Erased { .. } => panic!("erased"),
    };
    assert_eq!((part("reason"), part("by")), (WHY.to_owned(), "operator session".to_owned()));
    house.close().await;
}

#[tokio::test]
async fn a_pause_outlives_a_restart_and_ends_after_one_at_its_time() {
    let house = House::open().await;
    let token = house.token().await;
    paused(&house, "2h").await;
    let house = house.reopened().await;
    assert_eq!(house.check(&token, "publish").await["effect"], "proceed");
    house.gateway.clock.advance(Duration::from_mins(30));
    let house = house.reopened().await;
    // The clock never goes back, so the half hour stays passed; the rest passes while nobody is there.
    house.gateway.clock.advance(Duration::from_hours(2));
    let token = house.token().await;
    assert_eq!(house.check(&token, "publish").await["effect"], "stop");
    brake::look(&house.gateway).await.unwrap();
    assert_eq!(steps(&house).await, ["started", "ended"]);
    let house = house.reopened().await;
    brake::look(&house.gateway).await.unwrap();
    assert_eq!(steps(&house).await, ["started", "ended"], "told once");
    house.close().await;
}

#[tokio::test]
async fn where_two_people_are_asked_for_one_is_not_enough() {
    let settings = brake::Settings { demand: Demand::Two, ..brake::Settings::default() };
    let house = House::braked(settings).await;
    let token = house.token().await;
    let wish = json!({"for": "1h", "reason": WHY});
    let (status, told) = pause_by(&house, OPERATOR, &wish).await;
    assert_eq!(status, 400, "whoever holds the operator token is nobody in particular: {told}");
    let (status, told) = pause_by(&house, MIA.1, &wish).await;
    assert_eq!((status, &told["paused"]), (202, &json!(false)), "{told}");
    let id = told["pause"]["id"].as_str().unwrap().to_owned();
    assert_eq!(house.check(&token, "publish").await["effect"], "stop", "not in force yet");
    assert!(!page(&house, "/").await.contains(BANNER));
    let confirm = async |who: &str, id: &str| {
        let post = house.stranger(Method::POST, &format!("/api/v1/pause/{id}/confirm"));
        post.bearer_auth(who).send().await.unwrap()
    };
    for alone in [MIA.1, OPERATOR] {
        assert_eq!(problem(confirm(alone, &id).await).await.0, 400);
    }
    let other = "019a7d3e-5a01-7000-9000-00000000feed";
    assert_eq!(problem(confirm(OMAR.1, other).await).await.0, 409);
    let told = json_of(confirm(OMAR.1, &id).await).await;
    assert_eq!((&told["pause"]["by"], &told["pause"]["second"]), (&json!("mia"), &json!("omar")));
    assert_eq!(house.check(&token, "publish").await["effect"], "proceed");
    assert_eq!(problem(confirm(OMAR.1, &id).await).await.0, 400, "in force");
    assert_eq!(resume(&house).await, 200, "one is enough to be stricter");

    pause_by(&house, MIA.1, &wish).await;
    house.gateway.clock.advance(Duration::from_hours(1));
    brake::look(&house.gateway).await.unwrap();
    assert_eq!(steps(&house).await, ["asked", "started", "resumed", "asked", "lapsed"]);
    house.close().await;
}

#[tokio::test]
async fn a_brake_that_cannot_work_is_refused_by_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("mia"), "a-token-of-at-least-thirty-two-characters\n").unwrap();
    std::fs::write(at("omar"), "another-token-of-thirty-two-characters\n").unwrap();
    std::fs::write(at("short"), "short\n").unwrap();
    let person = |name: &str, file: &str| {
        format!("[[operator.person]]\nname = \"{name}\"\ntoken = {{ file = \"{}\" }}\n", at(file))
    };
    let two = "[pause]\nsecond_person = true\n";
    let (mia, omar) = (person("mia", "mia"), person("omar", "omar"));
    let cases = [
        (two.to_owned(), Some("pause.second_person")),
        (format!("{two}{mia}"), Some("pause.second_person")),
        (format!("{mia}{}", person("omar", "mia")), Some("a token of their own")),
        (format!("{mia}{}", person("mia", "omar")), Some("a name of their own")),
        (person("mia", "short"), Some("shorter than 32")),
        ("[pause]\nlongest = \"soon\"\n".to_owned(), Some("pause.longest")),
        (format!("{two}longest = \"8h\"\n{mia}{omar}"), None),
    ];
    for (toml, refused) in cases {
        std::fs::write(at("p.toml"), &toml).unwrap();
        let said = run(&["config", "check", &at("p.toml")]).await;
        match refused {
            Some(part) => {
                assert!(said.code == 2 && said.err.contains(part), "{toml}{}", said.all());
            }
            None => assert_eq!(said.code, 0, "{toml}{}", said.all()),
        }
        assert!(!said.all().contains("thirty-two"), "no token in an error: {}", said.all());
    }
}

#[test]
fn a_brake_changes_plans_and_only_those_that_hold_something_back() {
    let shadow = Because { kind: Softener::Shadow, id: "a/rule".to_owned(), text: "t".to_owned() };
    let on = Brake::On { pause: uuid::Uuid::nil(), until: Time::from_millis(1) };
    for effect in Effect::ALL {
        let plan = Plan { effect: *effect, because: vec![shadow.clone()] };
        assert_eq!(plan.clone().under(Brake::Off), plan);
        let paused = plan.clone().under(on);
        assert_eq!(paused.effect, Effect::Proceed);
        let kinds: Vec<_> = paused.because.iter().map(|because| because.kind).collect();
        match effect {
            Effect::Proceed => assert_eq!(paused, plan, "nothing was softened"),
            Effect::Wait | Effect::Stop => assert_eq!(kinds, [Softener::Pause, Softener::Shadow]),
        }
    }
    for binds in Binds::ALL {
        assert_eq!(binds.under(Brake::Off), *binds);
        assert_eq!(binds.under(on), (*binds).max(Binds::Signals), "never more than a signal");
    }
}
