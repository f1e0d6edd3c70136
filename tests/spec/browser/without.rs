//! Without a mouse, and without scripts: nothing is out of reach and nothing is missing.

use serde_json::json;

use super::Filled;
use super::driver::Browser;
use super::house;
use super::signed_in;
use crate::spec::rig::Gate;
use crate::spec::rig::until;

pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const ENTER: &str = "\u{e007}";

/// Presses Tab until what has the focus says this.
pub(crate) async fn tab_to(browser: &Browser, words: &str) {
    let focus =
        "const e = document.activeElement; return e ? (e.textContent || e.name || e.id) : ''";
    for _ in 0..80 {
        browser.press(TAB).await;
        let at = browser.js(focus).await;
        if at.as_str().unwrap_or_default().trim().starts_with(words) {
            let seen = "const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' || s.position === 'absolute'";
            assert_eq!(browser.js(seen).await, json!(true), "{words}: the focus can be seen");
            return;
        }
    }
    panic!("`{words}` cannot be reached by Tab");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_approved_with_the_keyboard_alone() {
    let Some(browser) = Browser::open().await else { return };
    let mut gate = Gate::start().await;
    let step = gate.town.step("main", Some(gate.town.cast.production));
    let question = json!({"action": "deploy", "environment": "production", "reason": "24.9"});
    let asked = gate.check(&step.token, &question).await;
    let ticket =
        asked.body["ticket"]["id"].as_str().unwrap_or_else(|| panic!("{asked:?}")).to_owned();
    let printed = gate.line("/login?code=").await;
    let link = printed.split_whitespace().find(|word| word.contains("/login?code=")).unwrap();
    browser.go(link).await;
    browser.press(TAB).await;
    let first = browser.js("return document.activeElement.className").await;
    assert_eq!(first, json!("skip"), "the first stop is the way past the bar");
    tab_to(&browser, "A ticket waits").await;
    browser.press(ENTER).await;
    until("the ticket's page", async || browser.address().await.contains(&ticket).then_some(()))
        .await;
    assert!(browser.text().await.contains(&step.commit), "what is bound is there to be read");
    tab_to(&browser, "reason").await;
    browser.press("looked at it").await;
    tab_to(&browser, "Approve").await;
    browser.press(ENTER).await;
    until("the grant", async || {
        let text = browser.text().await;
        (text.contains("granted") && text.contains("looked at it")).then_some(())
    })
    .await;
    assert!(browser.address().await.ends_with(&format!("/tickets/{ticket}")));
    let told = gate.get(&format!("tickets/{ticket}")).await;
    assert_eq!(
        (&told["state"], &told["votes"][0]["reason"]),
        (&json!("granted"), &json!("looked at it"))
    );
    browser.close().await;
    assert_eq!(gate.terminate().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_complete_without_scripts() {
    let Some(browser) = Browser::open().await else { return };
    let house = house().await;
    let filled = Filled::of(&house).await;
    let console = signed_in(&browser, &house).await;
    // What is said of the time moves on between two looks.
    let read = "for (const one of document.querySelectorAll('[data-live]')) one.remove(); return document.body.textContent.replace(/just now|\\d+ (ms|s|min) (ago|left)/g, 'then')";
    for page in filled.pages() {
        let mut texts = Vec::new();
        for off in [true, false] {
            browser.cdp("Emulation.setScriptExecutionDisabled", &json!({"value": off})).await;
            browser.go(&format!("{console}{page}")).await;
            texts.push(browser.js(read).await);
        }
        assert_eq!(texts[0], texts[1], "{page}");
        assert!(texts[0].as_str().unwrap().len() > 200, "{page}");
    }
    browser.cdp("Emulation.setScriptExecutionDisabled", &json!({"value": true})).await;
    browser.go(&format!("{console}/dead-letters")).await;
    tab_to(&browser, "Replay").await;
    browser.press(ENTER).await;
    until("the list with its word", async || {
        browser.text().await.contains("It goes down the road again").then_some(())
    })
    .await;
    browser.close().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_wider_than_a_small_phone() {
    let Some(browser) = Browser::open().await else { return };
    let house = house().await;
    let filled = Filled::of(&house).await;
    let console = signed_in(&browser, &house).await;
    for width in [320, 390, 1280] {
        let size =
            json!({"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 1000});
        browser.cdp("Emulation.setDeviceMetricsOverride", &size).await;
        for page in filled.pages() {
            browser.go(&format!("{console}{page}")).await;
            let wide = browser.js("return document.documentElement.scrollWidth").await;
            assert!(wide.as_u64().unwrap() <= width, "{page} is {wide} wide at {width}");
        }
    }
    browser.close().await;
    house.close().await;
}
