//! The report in a real browser: it loads nothing, breaks no policy of its own, and fits a small phone.

use std::path::Path;

use serde_json::json;

use super::left;
use super::pages::reported;
use super::plain;
use crate::spec::browser::driver::Browser;

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
