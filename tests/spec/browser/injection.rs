//! Foreign text in every place where the console shows some: it stands there letter by letter, and nothing of it runs; with
//! the content security policy, and with the browser told to ignore it.

use portcullis::http::answer::CONSOLE_POLICY;
use serde_json::Value;
use serde_json::json;
use url::form_urlencoded::byte_serialize;

use super::attacker::Attacker;
use super::dead_letter;
use super::driver::Browser;
use super::hostile::STRINGS;
use super::hostile::literal;
use super::hostile::texts;
use super::house;
use super::signed_in;
use crate::spec::doors::house::CLOUD_HOOK;
use crate::spec::doors::house::House;
use crate::spec::doors::house::REPOSITORY;
use crate::spec::doors::house::SECRET;
use crate::spec::doors::house::json_of;

/// A page, and the texts that must stand on it.
type Shown = (String, Vec<String>);

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_wrote_runs_and_all_of_it_is_shown_as_it_is() {
    let Some(browser) = Browser::open().await else { return };
    assert!(STRINGS.len() >= 60);
    let house = house().await;
    plant_rules(&house).await;
    let mut pages = Vec::new();
    pages.extend(pushes(&house).await);
    pages.extend(checks(&house).await);
    pages.extend(letters(&house).await);
    pages.extend(rules());
    pages.extend(searches());
    for path in ["/", "/decisions", "/tickets", "/dead-letters", "/rules", "/ledger?show=all"] {
        pages.push((path.to_owned(), Vec::new()));
    }
    let console = signed_in(&browser, &house).await;
    for bypass in [false, true] {
        browser.cdp("Page.setBypassCSP", &json!({"enabled": bypass})).await;
        for (path, texts) in &pages {
            // There is one for each string: the stronger of the two looks is enough.
            if !bypass && path.starts_with("/rules/hostile") {
                continue;
            }
            browser.go(&format!("{console}{path}")).await;
            unharmed(&browser.look().await, path, texts);
        }
    }
    browser.close().await;
    house.close().await;
}

fn unharmed(look: &Value, path: &str, texts: &[String]) {
    for nothing in ["ran", "broke"] {
        assert_eq!(look[nothing], json!([]), "{path}: {nothing}");
    }
    for nothing in ["attributes", "scripts", "elements"] {
        assert_eq!(look[nothing], 0, "{path}: {nothing}");
    }
    let text = look["text"].as_str().unwrap();
    assert!(look["title"].as_str().unwrap().ends_with("Portcullis"), "{path}");
    for wanted in texts {
        assert!(text.contains(&literal(wanted)), "{path} does not show {wanted}");
    }
}

/// The twin: a page that obeys. If the looks above saw nothing here either, they would prove nothing.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_page_that_obeys_the_same_strings_run_and_are_seen() {
    let Some(browser) = Browser::open().await else { return };
    let policy = format!("content-security-policy: {CONSOLE_POLICY}\r\n");
    let script = Attacker::under(&policy, obeying(STRINGS[0])).await;
    browser.go(&script.next_door()).await;
    let look = browser.look().await;
    assert_eq!((&look["ran"], look["broke"] == json!([])), (&json!([]), false), "{look}");
    let mut seen = 0;
    for text in STRINGS {
        let page = Attacker::with(obeying(text)).await;
        browser.go(&page.next_door()).await;
        let look = browser.look().await;
        let traces = ["ran", "attributes", "scripts", "elements"].iter();
        seen +=
            usize::from(traces.clone().any(|trace| look[trace] != json!([]) && look[trace] != 0));
    }
    assert!(seen >= SEEN, "only {seen} of {} would have been seen", STRINGS.len());
    browser.close().await;
}

/// Of the strings, those that leave a trace in a page without any care; the others are made for other places.
const SEEN: usize = 50;

/// What a page without any care would look like.
fn obeying(text: &str) -> String {
    format!(
        "<!DOCTYPE html><title>{text}</title><p>{text}</p><input value=\"{text}\"><input value='{text}'><textarea>{text}</textarea><a href=\"{text}\">x</a>"
    )
}

/// A rule for each string, with the string wherever a rule has words; it speaks when the environment is `hostile`.
async fn plant_rules(house: &House) {
    let folder = house.rules().join("hostile");
    std::fs::create_dir_all(&folder).unwrap();
    for (at, text) in STRINGS.iter().enumerate() {
        let quoted = serde_json::to_string(text).unwrap();
        let rule = format!(
            "# METADATA\n# title: {quoted}\n# description: {quoted}\n# custom:\n#   on: [pipeline.step]\n#   reads: [claimed.environment]\n#   severity: low\n#   owner: {quoted}\n#   remedies:\n#     - {quoted}\n#   controls:\n#     {quoted}: [{quoted}]\n\
             package portcullis.rules.hostile.r{at}\n\nfinding contains {{\"verdict\": \"alert\", \"reason\": {quoted}, \"proof\": [\"claimed.environment\"]}} if input.claimed.environment == \"hostile\"\n"
        );
        std::fs::write(folder.join(format!("r{at}.rego")), rule).unwrap();
    }
    house.gateway.policies.reload().await.unwrap();
    let now = house.gateway.clock.now();
    house.gateway.store.keep_bundle(&house.gateway.active_bundle(), now, "test").await.unwrap();
}

fn rules() -> Vec<Shown> {
    let pages = STRINGS.iter().enumerate();
    let mut shown: Vec<Shown> = pages
        .map(|(at, text)| (format!("/rules/hostile.r{at}"), vec![(*text).to_owned()]))
        .collect();
    shown.push(("/rules".to_owned(), each()));
    shown
}

fn each() -> Vec<String> {
    STRINGS.map(str::to_owned).into()
}

/// Branches, tags, people, repositories.
async fn pushes(house: &House) -> Vec<Shown> {
    let push = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/webhooks/cloud/repo.push.json"
    ));
    let push: Value =
        serde_json::from_str(&push.unwrap().replace("harbor-lights", "acme")).unwrap();
    let mut wanted = Vec::new();
    for (at, text) in texts().iter().enumerate() {
        let mut body = push.clone();
        let change = &mut body["push"]["changes"][0];
        for side in ["old", "new"] {
            change[side]["name"] = json!(text);
            change[side]["type"] = json!(if at % 2 == 0 { "branch" } else { "tag" });
        }
        change["new"]["target"]["message"] = json!(text);
        change["new"]["target"]["hash"] = json!(format!("{:040x}", at + 1));
        for name in ["display_name", "nickname"] {
            body["actor"][name] = json!(text);
        }
        body["repository"]["name"] = json!(text);
        let body = body.to_string();
        let kept = house.hook(CLOUD_HOOK, "repo:push", &body, SECRET).send().await.unwrap();
        wanted.push((json_of(kept).await["delivery"].clone(), text.clone()));
    }
    let mut shown = Vec::new();
    for (delivery, text) in wanted {
        let decision = super::super::rig::until("a decision", async || {
            let list = house.api(reqwest::Method::GET, "decisions?limit=200").send().await.unwrap();
            let list = json_of(list).await;
            let mut rows = list["decisions"].as_array().unwrap().iter();
            rows.find(|row| row["delivery"] == delivery).map(|row| row["decision"].clone())
        })
        .await;
        shown.push((format!("/decisions/{}", decision.as_str().unwrap()), vec![text]));
    }
    shown
}

/// Environments, reasons of askers, reasons of voters, reasons of rules.
async fn checks(house: &House) -> Vec<Shown> {
    let token = house.token().await;
    let ask = async |environment: &str, text: &str, variable: String| {
        let question = json!({"action": "run", "repository": REPOSITORY, "environment": environment,
            "variables": [variable], "reason": text, "step": {"branch": text, "tag": text, "run": text}});
        let asked = house.public(reqwest::Method::POST, "/v1/check").bearer_auth(&token);
        json_of(asked.json(&question).send().await.unwrap()).await
    };
    let mut shown = Vec::new();
    for (at, text) in texts().iter().enumerate() {
        let named = ask(text, text, format!("A{at}")).await;
        let decision = named["decision"].as_str().unwrap_or_else(|| panic!("{named}"));
        shown.push((format!("/decisions/{decision}"), vec![text.clone()]));
        let asked = ask("deploy", text, format!("B{at}")).await;
        let ticket = asked["ticket"]["id"].as_str().unwrap_or_else(|| panic!("{asked}"));
        let vote = house.api(reqwest::Method::POST, &format!("tickets/{ticket}/votes"));
        let vote = vote.json(&json!({"vote": "deny", "reason": text}));
        assert_eq!(vote.send().await.unwrap().status(), 200);
        shown.push((format!("/tickets/{ticket}"), vec![text.clone(), text.clone()]));
    }
    let all = ask("hostile", "x", "C".to_owned()).await;
    let decision = all["decision"].as_str().unwrap();
    shown.push((format!("/decisions/{decision}"), each()));
    shown
}

/// Event keys, and bodies that a reason may quote.
async fn letters(house: &House) -> Vec<Shown> {
    let mut keys = Vec::new();
    for (at, text) in texts().iter().enumerate() {
        // A key of at most 100 bytes is kept; each of these texts begins with a whole string.
        let key = text.chars().take(60).collect::<String>();
        let quoted = serde_json::to_string(text).unwrap();
        dead_letter(house, &key, &format!("{{{quoted}: {at}, {quoted}: {at}}}")).await;
        keys.push(key);
    }
    vec![("/dead-letters".to_owned(), keys)]
}

/// What is asked for stands in the page again.
fn searches() -> Vec<Shown> {
    let mut shown = Vec::new();
    for text in texts() {
        let quoted: String = byte_serialize(text.as_bytes()).collect();
        // What is wrong with a query is told with its first letters.
        let cut: String = text.chars().take(64).collect();
        for wrong in ["/decisions?verdict=", "/decisions?rule=", "/tickets?state=", "/ledger?show="]
        {
            shown.push((format!("{wrong}{quoted}"), vec![cut.clone()]));
        }
        let wrong = [
            "/decisions?repository=",
            "/decisions?person=",
            "/login?code=",
            "/rules/",
            "/nothing/",
        ];
        shown.extend(wrong.map(|path| (format!("{path}{quoted}"), Vec::new())));
    }
    shown
}
