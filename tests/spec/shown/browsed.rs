//! In a real browser: the report loads nothing, breaks no policy of its own and fits a small phone; and a finding can be
//! worked through without a mouse.

use std::path::Path;

use serde_json::Value;
use serde_json::json;

use super::left;
use super::pages::reported;
use super::plain;
use crate::spec::browser::driver::Browser;
use crate::spec::browser::without::ENTER;
use crate::spec::browser::without::tab_to;
use crate::spec::rig::Gate;
use crate::spec::rig::until;

#[tokio::test(flavor = "multi_thread")]
async fn the_report_opens_without_a_network_and_fits_a_small_phone() {
    let Some(browser) = Browser::open().await else { return };
    left("browsed.html", &reported(&plain));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tmp/shown/browsed.html");
    let offline =
        json!({"offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0});
    browser.cdp("Network.enable", &json!({})).await;
    browser.cdp("Network.emulateNetworkConditions", &offline).await;
    for (width, scheme) in [(320, "light"), (390, "dark"), (1280, "light")] {
        let size =
            json!({"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 1000});
        browser.cdp("Emulation.setDeviceMetricsOverride", &size).await;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.cdp("Emulation.setEmulatedMedia", &media).await;
        browser.go(&format!("file://{}", file.display())).await;
        let open = "for (const one of document.querySelectorAll('details')) one.open = true";
        browser.js(open).await;
        let wide = browser.js("return document.documentElement.scrollWidth").await;
        assert!(wide.as_u64().unwrap() <= width, "it is {wide} wide at {width}");
        let loaded = "return performance.getEntriesByType('resource').length";
        assert_eq!(browser.js(loaded).await, json!(0), "it loads something");
        let seen = browser.look().await;
        assert_eq!(
            (&seen["broke"], &seen["ran"], &seen["scripts"]),
            (&json!([]), &json!([]), &json!(0))
        );
        let drawn = "return [...document.querySelectorAll('svg.strip rect')].every((one) => one.getBoundingClientRect().height > 0) && document.querySelectorAll('svg.strip rect').length";
        assert!(browser.js(drawn).await.as_u64().unwrap() > 10, "the bars are drawn");
        let ground = browser.js("return getComputedStyle(document.body).backgroundColor").await;
        assert_eq!(ground == json!("rgb(16, 20, 26)"), scheme == "dark", "{ground}");
        // What a pattern fills is no plain colour: whoever sees no colours tells it all the same.
        let hatched = "return getComputedStyle(document.querySelector('rect.untold')).fill";
        assert!(browser.js(hatched).await.as_str().unwrap().starts_with("url("));
    }
    browser.close().await;
}

/// The first failing finding that the gate has.
async fn failing(gate: &Gate) -> Value {
    until("a failing finding", async || {
        let page = gate.get("findings?outcome=fail&state=new&limit=1").await;
        page["findings"].as_array().and_then(|found| found.first()).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_opened_acknowledged_and_accepted_with_the_keyboard_alone() {
    let Some(browser) = Browser::open().await else { return };
    let mut gate = Gate::start().await;
    let finding = failing(&gate).await;
    let id = finding["id"].as_str().unwrap().to_owned();
    let reason = finding["reasons"][0]["text"].as_str().unwrap();
    let words: String = reason.chars().take_while(|sign| *sign != '`').take(24).collect();
    let printed = gate.line("/login?code=").await;
    let link = printed.split_whitespace().find(|word| word.contains("/login?code=")).unwrap();
    browser.go(link).await;
    tab_to(&browser, "Findings").await;
    browser.press(ENTER).await;
    until("the list", async || browser.address().await.ends_with("/findings").then_some(())).await;
    tab_to(&browser, "Show").await;
    browser.press(ENTER).await;
    until("the search", async || browser.address().await.contains("/findings?").then_some(()))
        .await;
    assert!(
        browser.text().await.contains("cannot be told, and count as no pass")
            || browser.text().await.contains("checks pass")
    );
    tab_to(&browser, &words).await;
    browser.press(ENTER).await;
    until("its page", async || browser.address().await.contains("/findings/f-").then_some(()))
        .await;
    browser.go(&format!("{}/findings/{id}", origin(&browser.address().await))).await;
    assert!(browser.text().await.contains("What to do"));
    tab_to(&browser, "Acknowledge").await;
    browser.press(ENTER).await;
    until("the word", async || browser.text().await.contains("acknowledged since").then_some(()))
        .await;
    tab_to(&browser, "because").await;
    browser.press("the handbook is public on purpose").await;
    tab_to(&browser, "until").await;
    browser.press("01312027").await;
    tab_to(&browser, "Accept").await;
    browser.press(ENTER).await;
    until("the acceptance", async || {
        browser.text().await.contains("accepted until 31 Jan 2027").then_some(())
    })
    .await;
    let told = gate.get(&format!("findings/{id}")).await;
    assert_eq!(told["finding"]["state"], "accepted");
    assert_eq!(told["finding"]["accepted"]["because"], "the handbook is public on purpose");
    browser.close().await;
    assert_eq!(gate.terminate().await, 0);
}

fn origin(address: &str) -> String {
    address.split('/').take(3).collect::<Vec<_>>().join("/")
}
