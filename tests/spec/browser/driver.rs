//! A real headless Chromium, driven by chromedriver over plain WebDriver. Where the two are not installed a test says so in
//! one line and is left out; where `CI` is set, their absence is a failure.

use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::process::Child;
use tokio::process::Command;

use crate::spec::rig::PATIENCE;

/// Runs in every document before anything of its own: notes what runs, and what the policy forbade.
const WATCH: &str = r"
    window.__ran = []; window.__broke = [];
    for (const name of ['alert', 'confirm', 'prompt', 'print', 'open'])
      window[name] = (...words) => { window.__ran.push(name + ' ' + words.join(' ')); };
    document.addEventListener('securitypolicyviolation', (event) =>
      window.__broke.push(event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample));";

/// A page as far as an attacker is concerned.
const LOOK: &str = r#"
    const all = [...document.querySelectorAll('*')];
    const places = ['href', 'src', 'action', 'formaction', 'data', 'xlink:href', 'srcdoc'];
    const runs = (a) => /^on/i.test(a.name) || a.name === 'style' ||
      (places.includes(a.name) && /^\s*(javascript|data|vbscript):/i.test(a.value));
    const ours = ':not([src^="/assets/"])';
    return {
      ran: window.__ran, broke: window.__broke,
      attributes: all.filter((e) => [...e.attributes].some(runs)).length,
      scripts: document.querySelectorAll('script' + ours + ',img' + ours).length,
      elements: document.querySelectorAll('iframe,object,embed,frame,base,style,template,marquee,video,audio,math,foreignObject,noscript,xss').length,
      title: document.title, text: document.documentElement.textContent };"#;

/// The browser. It ends with the value.
pub struct Browser {
    http: reqwest::Client,
    session: String,
    _driver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens one with nothing in it; none where there is none.
    pub async fn open() -> Option<Self> {
        let Some(mut driver) = driver() else {
            assert!(std::env::var_os("CI").is_none(), "chromedriver is needed where CI is set");
            eprintln!("left out: chromium and chromedriver are not installed here");
            return None;
        };
        let port = port(&mut driver).await;
        let profile = tempfile::tempdir().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let mut browser = Self {
            http,
            session: format!("http://127.0.0.1:{port}/session"),
            _driver: driver,
            _profile: profile,
        };
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &folder,
        ];
        let wish = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "unhandledPromptBehavior": "ignore",
            "goog:chromeOptions": {"args": args}}}});
        let opened = browser.call(Method::POST, "", &wish).await;
        browser.session = format!("{}/{}", browser.session, opened["sessionId"].as_str().unwrap());
        browser.cdp("Page.addScriptToEvaluateOnNewDocument", &json!({"source": WATCH})).await;
        Some(browser)
    }

    /// Ends it in good order.
    pub async fn close(self) {
        self.call(Method::DELETE, "", &Value::Null).await;
    }

    /// One command of WebDriver.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Value {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.session));
        if method == Method::POST {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert!(status.is_success(), "{path}: {told}");
        told["value"].clone()
    }

    /// One command of the browser's own protocol.
    pub async fn cdp(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.call(Method::POST, "/goog/cdp/execute", &body).await
    }

    /// Opens an address and waits until it is loaded.
    pub async fn go(&self, address: &str) {
        self.call(Method::POST, "/url", &json!({"url": address})).await;
    }

    /// Where it is.
    pub async fn address(&self) -> String {
        self.call(Method::GET, "/url", &Value::Null).await.as_str().unwrap().to_owned()
    }

    /// Runs a function body in the page.
    pub async fn js(&self, script: &str) -> Value {
        self.call(Method::POST, "/execute/sync", &json!({"script": script, "args": []})).await
    }

    /// The same for one that answers through the callback, its last argument.
    pub async fn js_later(&self, script: &str) -> Value {
        self.call(Method::POST, "/execute/async", &json!({"script": script, "args": []})).await
    }

    /// The page as far as an attacker is concerned.
    pub async fn look(&self) -> Value {
        self.js(LOOK).await
    }

    /// Everything that is written on the page.
    pub async fn text(&self) -> String {
        let text = self.js("return document.body ? document.body.textContent : ''").await;
        text.as_str().unwrap().to_owned()
    }

    /// Presses a key, or types a text.
    pub async fn press(&self, keys: &str) {
        let each = keys.chars().flat_map(|key| {
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        });
        let each: Vec<Value> = each.collect();
        let body = json!({"actions": [{"type": "key", "id": "keys", "actions": each}]});
        self.call(Method::POST, "/actions", &body).await;
    }

    /// Keeps a cookie for the page it is on.
    pub async fn set_cookie(&self, name: &str, value: &str) {
        let cookie = json!({"name": name, "value": value, "path": "/", "httpOnly": true, "sameSite": "Strict"});
        self.call(Method::POST, "/cookie", &json!({"cookie": cookie})).await;
    }

    /// The value of a cookie; empty if there is none.
    pub async fn cookie(&self, name: &str) -> String {
        let all = self.call(Method::GET, "/cookie", &Value::Null).await;
        let all = all.as_array().unwrap().iter();
        let one = all.clone().find(|cookie| cookie["name"] == name);
        one.map(|cookie| cookie["value"].as_str().unwrap().to_owned()).unwrap_or_default()
    }
}

fn driver() -> Option<Child> {
    let mut command = Command::new("chromedriver");
    command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.kill_on_drop(true).spawn().ok()
}

async fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let read = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let port = line.strip_suffix('.').and_then(|line| line.rsplit_once("on port "));
            if let Some(port) = port.and_then(|(_, port)| port.parse().ok()) {
                return port;
            }
        }
        panic!("chromedriver does not say where it listens");
    };
    tokio::time::timeout(Duration::from_secs(30), read).await.unwrap()
}
