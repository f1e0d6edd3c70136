//! Where scripts are on, a page says that there is something new, politely: a count, a link, and nothing moves.

use serde_json::json;

use super::driver::Browser;
use super::house;
use super::signed_in;
use crate::spec::rig::until;

const SAID: &str = "return document.querySelector('[data-live]').textContent";
const PLACE: &str = "return document.querySelector('table').getBoundingClientRect().top";

#[tokio::test(flavor = "multi_thread")]
async fn new_decisions_are_announced_by_their_number_and_the_page_stays_where_it_is() {
    let Some(browser) = Browser::open().await else { return };
    let house = house().await;
    let token = house.token().await;
    house.check(&token, "first").await;
    let console = signed_in(&browser, &house).await;
    browser.go(&format!("{console}/decisions")).await;
    let polite = "const e = document.querySelector('[data-live]'); return [e.getAttribute('role'), e.getAttribute('aria-live')]";
    assert_eq!(browser.js(polite).await, json!(["status", "polite"]));
    assert_eq!(browser.js(SAID).await, json!(""), "nothing is new yet");
    let place = browser.js(PLACE).await;
    // The line may not be open yet: what was decided before it was is not new.
    let mut decided = 0;
    let said = until("word of a new decision", async || {
        decided += 1;
        house.check(&token, &format!("second-{decided}")).await;
        let said = browser.js(SAID).await;
        (said != json!("")).then_some(said)
    })
    .await;
    assert!(said.as_str().unwrap().contains("new decision"), "{said}");
    assert_eq!(browser.js(PLACE).await, place, "nothing jumps");
    let rows = "return document.querySelectorAll('tbody tr').length";
    assert_eq!(browser.js(rows).await, json!(1), "the list waits until it is asked");
    assert!(browser.js("return document.title").await.as_str().unwrap().starts_with('('));
    browser.js("document.querySelector('[data-live] a').click()").await;
    until("the new list", async || (browser.js(rows).await == json!(decided + 1)).then_some(()))
        .await;
    assert_eq!(browser.js(SAID).await, json!(""), "nothing is new again");
    assert_eq!(browser.js("return window.__broke").await, json!([]), "the policy lets it listen");
    browser.close().await;
    house.close().await;
}
