//! The console in a real browser: nothing that others wrote runs, nothing changes that its own pages did not ask for, and
//! everything can be done without a mouse and read without a script.

mod attacker;
pub(crate) mod driver;
mod forgery;
mod hostile;
mod injection;
mod live;
pub(crate) mod without;

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::spec::browser::driver::Browser;
use crate::spec::doors::house::CLOUD_HOOK;
use crate::spec::doors::house::House;
use crate::spec::doors::house::SECRET;
use crate::spec::doors::house::json_of;

/// A gateway whose operator may ask as often as a browser can.
pub(crate) async fn house() -> House {
    let often = portcullis::http::rate::Rate { every: Duration::from_micros(50), burst: 10_000 };
    House::at(portcullis::http::rate::Settings { caller: often, ..Default::default() }).await
}

/// Something of everything: decisions, a ticket that waits, a dead letter, a signed checkpoint.
pub(crate) struct Filled {
    pub(crate) decision: String,
    pub(crate) ticket: String,
    pub(crate) letter: String,
}

impl Filled {
    pub(crate) async fn of(house: &House) -> Self {
        let token = house.token().await;
        house.check(&token, "run").await;
        house.check(&token, "publish").await;
        let asked = house.check(&token, "deploy").await;
        let letter = dead_letter(house, "repo:push", "no json").await;
        house.gateway.sign().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self { decision: text(&asked["decision"]), ticket: text(&asked["ticket"]["id"]), letter }
    }

    /// Every page of the console.
    pub(crate) fn pages(&self) -> Vec<String> {
        let mut pages = vec![
            format!("/decisions/{}", self.decision),
            format!("/tickets/{}", self.ticket),
            "/rules/test.deploy".to_owned(),
            "/ledger?show=all".to_owned(),
            "/decisions?verdict=block".to_owned(),
        ];
        let parts = [
            "/",
            "/decisions",
            "/tickets",
            "/dead-letters",
            "/rules",
            "/findings",
            "/controls",
            "/access",
            "/connections",
            "/ledger",
        ];
        pages.extend(parts.map(str::to_owned));
        pages
    }
}

/// A delivery that nobody can read, once it is dead.
pub(crate) async fn dead_letter(house: &House, key: &str, body: &str) -> String {
    let before = house.gateway.levels().await.unwrap().dead_letters;
    let kept = house.hook(CLOUD_HOOK, key, body, SECRET).send().await.unwrap();
    let told = json_of(kept).await;
    while house.gateway.levels().await.unwrap().dead_letters == before {
        tokio::task::yield_now().await;
    }
    told["delivery"].as_str().unwrap().to_owned()
}

/// Opens the console by a fresh link.
pub(crate) async fn signed_in(browser: &Browser, house: &House) -> String {
    let console = format!("http://{}", house.operator);
    browser.go(&format!("{console}{}", house.link())).await;
    assert_eq!(browser.js("return document.title").await, json!("Overview · Portcullis"));
    console
}
