//! Other sites cannot make the operator's browser change anything, show the console in a frame of theirs, or hand it a
//! session that they know; and reading changes nothing.

use portcullis::http::route::Caller;
use portcullis::http::route::ROUTES;
use portcullis::http::route::Route;
use portcullis::http::route::Surface;
use portcullis::http::route::Verb;
use portcullis::ledger::Entry;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::Filled;
use super::attacker::Attacker;
use super::driver::Browser;
use super::house;
use super::signed_in;
use crate::spec::doors::house::House;

/// Every route of the operator's that changes something.
fn changing() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| {
        route.surface == Surface::Operator
            && route.caller == Caller::Operator
            && route.method != Verb::Get
    })
}

/// Its path, about things that are there.
fn path(route: &Route, filled: &Filled) -> String {
    let id = if route.pattern.contains("dead-letters") { &filled.letter } else { &filled.ticket };
    route
        .pattern
        .replace("{id}", id)
        .replace("{channel}", "security")
        .replace("{finding}", "f-0123456789abcdef")
        .replace("{connection}", "acme")
}

/// How many entries there are, but those of the patrol: it looks when it likes.
async fn size(house: &House) -> usize {
    let patrol = |entry: &Entry| {
        let what = entry.body.get("what").and_then(Value::as_str);
        matches!(what, Some("scan" | "finding"))
    };
    house.entries(0).await.iter().filter(|entry| !patrol(entry)).count()
}

/// Nothing was recorded, nobody voted, and the session is still there.
async fn unharmed(browser: &Browser, house: &House, filled: &Filled, console: &str, before: usize) {
    assert_eq!(size(house).await, before, "an entry tells of a change");
    let ticket = house.gateway.ticket(filled.ticket.parse().unwrap()).await.unwrap().unwrap();
    assert!(ticket.votes.is_empty());
    browser.go(&format!("{console}/")).await;
    assert!(browser.text().await.contains("Sign out"), "the session holds");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_forms_and_calls_change_nothing() {
    let Some(browser) = Browser::open().await else { return };
    let house = house().await;
    let filled = Filled::of(&house).await;
    let console = signed_in(&browser, &house).await;
    let attacker = Attacker::with("<!DOCTYPE html><title>win a prize</title>".to_owned()).await;
    let before = size(&house).await;
    let mut tried = 0;
    for site in [attacker.elsewhere(), attacker.next_door()] {
        for route in changing() {
            let address = format!("{console}{}", path(route, &filled));
            let method = route.method.name();
            browser.go(&site).await;
            let bodies = [
                ("text/plain", r#"{"vote":"approve"}"#),
                ("text/plain", r#"{"for":"1h","reason":"x"}"#),
                ("text/plain", r#"{"rules":"*","scope":"acme","mode":"off"}"#),
                ("application/x-www-form-urlencoded", "vote=approve&form-token=0"),
                ("application/json", r#"{"name":"x","connection":"acme","expires_in":60}"#),
            ];
            for mode in ["no-cors", "cors"] {
                for (kind, body) in bodies {
                    let script = format!(
                        "const done = arguments[arguments.length - 1]; fetch({}, {{method: {}, mode: {}, credentials: 'include', headers: {{'content-type': {}}}, body: {}}}).then((a) => done(a.type + ' ' + a.status), () => done('refused'))",
                        json!(address),
                        json!(method),
                        json!(mode),
                        json!(kind),
                        json!(body)
                    );
                    let said = browser.js_later(&script).await;
                    assert!(!said.as_str().unwrap().contains(" 2"), "{method} {address}: {said}");
                    tried += 1;
                }
            }
            if route.method == Verb::Post {
                for kind in ["application/x-www-form-urlencoded", "text/plain"] {
                    browser.go(&site).await;
                    let script = format!(
                        "const form = document.createElement('form'); form.method = 'post'; form.enctype = {}; form.action = {}; \
                         for (const [name, value] of [['vote', 'approve'], ['reason', 'x'], ['{{\"vote\":\"approve\",\"reason\":\"', '\"}}']]) {{ \
                         const field = document.createElement('input'); field.name = name; field.value = value; form.append(field); }} \
                         document.body.append(form); form.submit();",
                        json!(kind),
                        json!(address)
                    );
                    browser.js(&script).await;
                    let text = super::super::rig::until("the gateway's answer", async || {
                        let arrived = browser.address().await == address;
                        let text = if arrived { browser.text().await } else { String::new() };
                        (!text.is_empty()).then_some(text)
                    })
                    .await;
                    let refused = ["401", "403"].iter().any(|status| text.contains(status));
                    assert!(refused, "{site}{}: {text}", route.pattern);
                    tried += 1;
                }
            }
        }
    }
    assert!(tried >= 200, "only {tried} were tried");
    unharmed(&browser, &house, &filled, &console, before).await;
    browser.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_shown_in_nobodys_frame() {
    let Some(browser) = Browser::open().await else { return };
    let house = house().await;
    let filled = Filled::of(&house).await;
    let console = signed_in(&browser, &house).await;
    let own = Attacker::with("<!DOCTYPE html><p>a page that may be framed</p>".to_owned()).await;
    let notice = format!("http://{}/t/{}", house.public, filled.ticket);
    let pages = filled.pages().into_iter().map(|page| format!("{console}{page}"));
    for page in pages.chain([notice, own.next_door()]) {
        let html = format!("<!DOCTYPE html><iframe src=\"{page}\"></iframe>");
        let attacker = Attacker::with(html).await;
        for site in [attacker.elsewhere(), attacker.next_door()] {
            browser.go(&site).await;
            browser.call(Method::POST, "/frame", &json!({"id": 0})).await;
            let text = browser.js("return document.documentElement.textContent").await;
            let shown = text.as_str().unwrap();
            if page == own.next_door() {
                assert!(shown.contains("may be framed"), "the frame itself works");
            } else {
                assert!(!shown.contains("Portcullis"), "{page} in a frame: {shown}");
            }
            browser.call(Method::POST, "/frame", &json!({"id": null})).await;
        }
    }
    browser.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_an_address_that_changes_something_changes_nothing() {
    let Some(browser) = Browser::open().await else { return };
    let house = house().await;
    let filled = Filled::of(&house).await;
    let console = signed_in(&browser, &house).await;
    let before = size(&house).await;
    for route in changing() {
        let path = path(route, &filled);
        browser.go(&format!("{console}{path}?vote=approve&reason=x&for=1h")).await;
        let also_read = ROUTES.iter().any(|other| {
            other.surface == Surface::Operator
                && other.pattern == route.pattern
                && other.method == Verb::Get
        });
        assert!(also_read || browser.text().await.contains("405"), "{path}");
    }
    unharmed(&browser, &house, &filled, &console, before).await;
    browser.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_somebody_else_chose_is_none_and_signing_in_makes_a_new_one() {
    let Some(browser) = Browser::open().await else { return };
    let house = house().await;
    let console = format!("http://{}", house.operator);
    let chosen = "5".repeat(64);
    browser.go(&format!("{console}/livez")).await;
    browser.set_cookie("portcullis", &chosen).await;
    browser.go(&format!("{console}/decisions")).await;
    assert!(browser.text().await.contains("401"), "what was chosen opens nothing");
    signed_in(&browser, &house).await;
    let own = browser.cookie("portcullis").await;
    assert!(own.len() == 64 && own != chosen, "{own}");
    for (cookie, status) in [(&chosen, 401), (&own, 200)] {
        let cookie = format!("portcullis={cookie}");
        let page = house.stranger(Method::GET, "/").header("cookie", cookie).send().await.unwrap();
        assert_eq!(page.status(), status);
    }
    let all = browser.call(Method::GET, "/cookie", &Value::Null).await;
    let kept = &all[0];
    assert_eq!((&kept["httpOnly"], &kept["sameSite"]), (&json!(true), &json!("Strict")), "{kept}");
    browser.close().await;
    house.close().await;
}
