//! No secret leaves: those of hooks, credentials, tokens and the store are looked for in everything the gate says, serves
//! and writes, in each form a program might have given them.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::http::route::ROUTES;
use portcullis::http::route::Surface;
use portcullis::http::route::Verb;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::git::Change;
use serde_json::Value;
use serde_json::json;

use super::doors::house::signature;
use super::notices::TOKEN;
use super::notices::heard_by;
use super::receiver::Receiver;
use super::rig::BILLING;
use super::rig::CLOUD;
use super::rig::Gate;
use super::rig::Shape;

/// A secret, and how it could look where it should not be.
struct Canary {
    name: &'static str,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    fn new(name: &'static str, secret: &[u8]) -> Self {
        assert!(secret.len() >= 12, "{name} is too short to be looked for");
        let hex = hex::encode(secret);
        let forms = vec![
            secret.to_vec(),
            hex.to_uppercase().into_bytes(),
            hex.into_bytes(),
            // Without what depends on the bytes beside it.
            STANDARD.encode(&secret[..secret.len() / 3 * 3]).into_bytes(),
            URL_SAFE_NO_PAD.encode(&secret[..secret.len() / 3 * 3]).into_bytes(),
        ];
        Self { name, forms }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| holds(bytes, form))
    }
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Everything that came out, with where it came from.
#[derive(Default)]
struct Outputs(Vec<(String, Vec<u8>)>);

impl Outputs {
    fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    /// Every file below a folder but those that hold the secrets themselves.
    fn add_files(&mut self, folder: &Path, but: &[&str]) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                self.add_files(&path, but);
            } else if !but.contains(&name.as_str()) {
                self.add(path.display().to_string(), std::fs::read(&path).unwrap());
            }
        }
    }

    fn find(&self, canary: &Canary) -> Vec<&str> {
        let found = self.0.iter().filter(|(_, bytes)| canary.is_in(bytes));
        found.map(|(place, _)| place.as_str()).collect()
    }
}

/// Where the secrets are kept on purpose.
const SECRET_FILES: [&str; 12] = [
    "consumer.key",
    "consumer.secret",
    "dc.password",
    "cloud.hook",
    "second.hook",
    "dc.hook",
    "store.key",
    "operator-token",
    "siem.token",
    "channel.whsec",
    "next.whsec",
    // A channel's address holds a token as a rule, and has to stand here.
    "portcullis.toml",
];

/// What happened at the gate: ids to look at afterwards.
struct Life {
    decision: String,
    ticket: String,
    service: String,
    step: String,
    /// The token of a connection made while the gate runs, and the secrets its hooks had.
    tie: Vec<String>,
}

/// A connection is made, its hooks get other secrets, and nothing of either comes back.
async fn tie(gate: &Gate, out: &mut Outputs) -> Vec<String> {
    let simulator = &gate.town.simulator;
    let token = simulator.company(|company| {
        let most = (ProjectPermission::Admin, RepoPermission::Admin);
        company.datacenter.token("portcullis", most.0, most.1)
    });
    let hooks = || {
        simulator.company(|company| {
            let hooks = company.datacenter.projects.iter().flat_map(|project| &project.hooks);
            hooks.filter_map(|hook| hook.secret.clone()).collect::<Vec<_>>()
        })
    };
    let mut secrets = vec![token.clone()];
    let wish = |base: &str| {
        json!({
            "id": "tied", "product": "datacenter", "base_url": base,
            "credential": {"kind": "token", "token": token},
        })
    };
    for (path, body) in [
        ("connections", wish("nowhere")),
        ("connections", json!({"credential": {"kind": "token", "token": [token]}})),
        ("connections", wish(&simulator.datacenter_url())),
        ("connections", wish(&simulator.datacenter_url())),
        ("connections/tied/hooks", json!({"overlap": "7d"})),
        ("connections/tied/settings", json!({"own_hosts": ["*.acme.example"]})),
        (
            "connections/tied/settings",
            json!({"audit": {"kind": "organization", "id": "acme", "token": token}}),
        ),
        ("connections/tied/sync", Value::Null),
    ] {
        let answer = gate.api(reqwest::Method::POST, path, &body).await;
        out.add(format!("{path}: {}", answer.status), answer.body.to_string());
        secrets.extend(hooks());
    }
    assert!(secrets.len() > 4, "two hooks had two secrets each");
    secrets.sort();
    secrets.dedup();
    secrets
}

/// The same gate with a stream to an address where nobody listens.
async fn streaming(gate: &mut Gate) {
    assert_eq!(gate.terminate().await, 0);
    std::fs::write(gate.path("siem.token"), "a-token-of-the-log-store").unwrap();
    let file = gate.path("portcullis.toml");
    let token = gate.path("siem.token").display().to_string();
    let stream = format!(
        "\n[[stream]]\nid = \"siem\"\nto = {{ url = \"http://127.0.0.1:9/in\", token = {{ file = \"{token}\" }} }}\n"
    );
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &stream).unwrap();
    gate.restart().await;
}

/// A day at the gate: good questions and bad ones, each secret used where it belongs and where it does not.
async fn live(gate: &Gate, out: &mut Outputs) -> Life {
    let cast = &gate.town.cast;
    let wish = json!({"name": "ci", "connection": CLOUD, "expires_in": 3_600});
    let made = gate.api(reqwest::Method::POST, "tokens", &wish).await;
    let service = made.body["token"].as_str().unwrap().to_owned();
    let push = Change::new_branch("feature/canary", "main", 1);
    gate.town.simulator.cloud().push(BILLING, cast.ravi, &[push]).await.unwrap();
    let step = gate.town.step("main", Some(cast.production));
    let deploy = json!({"action": "deploy", "environment": "production"});
    let asked = gate.check(&step.token, &deploy).await;
    out.add("an answer", asked.body.to_string());
    let (decision, ticket) =
        (asked.body["decision"].as_str().unwrap(), asked.body["ticket"]["id"].as_str().unwrap());
    let contradicted = json!({"action": "deploy", "environment": "staging"});
    let wrong_body = json!({"action": 7});
    for (token, question) in [
        (step.token.as_str(), &contradicted),
        (&step.token, &wrong_body),
        (&service, &deploy),
        (&service, &wrong_body),
        (&gate.token(), &deploy),
        (&cast.cloud_hook.secret, &deploy),
        (&step.token[..step.token.len() - 2], &deploy),
    ] {
        let refused = gate.check(token, question).await;
        out.add(format!("a check: {}", refused.status), refused.body.to_string());
    }
    for (hook, secret, body) in [
        (&cast.cloud_hook.id, &cast.cloud_hook.secret, "no json"),
        (&cast.cloud_hook.id, &cast.datacenter_hook.secret, "{}"),
        (&cast.datacenter_hook.id, &cast.datacenter_hook.secret, "{\"a\":1,\"a\":2}"),
    ] {
        let signature = signature(secret, body);
        let headers = [
            ("x-event-key", "repo:push"),
            ("content-type", "application/json"),
            ("x-hub-signature", &*signature),
        ];
        let answer = gate.deliver(hook, &headers, body.to_owned()).await;
        out.add(format!("a hook: {}", answer.status), answer.body.to_string());
    }
    let pause = json!({"for": "1h", "reason": "a look at everything"});
    for (method, path, body) in [
        (reqwest::Method::POST, "pause", pause),
        (reqwest::Method::DELETE, "pause", Value::Null),
        (
            reqwest::Method::POST,
            "modes",
            json!({"rules": "deploy", "scope": CLOUD, "mode": "shadow"}),
        ),
        (reqwest::Method::POST, "modes", json!({"rules": 7})),
        (reqwest::Method::POST, "tokens", json!({"name": ""})),
    ] {
        let answer = gate.api(method, path, &body).await;
        out.add(format!("{path}: {}", answer.status), answer.body.to_string());
    }
    gate.quiet().await;
    let tie = tie(gate, out).await;
    Life {
        decision: decision.to_owned(),
        ticket: ticket.to_owned(),
        service,
        step: step.token,
        tie,
    }
}

/// Every page and every answer there is to read, for who may and who may not.
async fn read_everything(gate: &Gate, life: &Life, out: &mut Outputs) {
    let resource = format!("resource=repository:{BILLING}");
    for route in ROUTES.iter().filter(|route| route.method == Verb::Get) {
        let id = if route.pattern.contains("ticket") { &life.ticket } else { &life.decision };
        let id = if route.pattern.contains("{connection}") { "tied" } else { id };
        let name = route.pattern.split(['{', '}']).nth(1).unwrap_or_default();
        let path = route.pattern.replace(&format!("{{{name}}}"), id);
        let query = match route.pattern {
            "/api/v1/who-can" => format!("?action=write&{resource}"),
            "/api/v1/can" | "/api/v1/paths" | "/api/v1/access/since" => {
                format!("?identity=user:mia&action=write&{resource}")
            }
            "/api/v1/access/diff" => "?from=2026-01-01".to_owned(),
            "/api/v1/access/report" | "/access/reports" => "?report=users".to_owned(),
            "/api/v1/access/page" | "/access/of" => format!("?of=repository:{BILLING}"),
            "/api/v1/access/world" => format!("?connection={CLOUD}"),
            "/access" => format!("?identity=user:mia&action=push&resource={BILLING}@main"),
            "/api/v1/decisions/events" => "?since=1h&for=1s".to_owned(),
            "/api/v1/modes/impact" => format!("?rules=*&scope={CLOUD}"),
            _ => String::new(),
        };
        let host = match route.surface {
            Surface::Public => &gate.public,
            Surface::Operator => &gate.operator,
        };
        for (token, accept) in [
            (gate.token(), "application/json"),
            (gate.token(), "text/html"),
            (life.service.clone(), "application/json"),
            (gate.town.cast.consumer.1.clone(), "text/html"),
        ] {
            let get = gate.http.get(format!("http://{host}{path}{query}"));
            let answer = get.bearer_auth(token).header("accept", accept).send().await.unwrap();
            let place = format!("{path} as {accept}: {}", answer.status());
            let headers = format!("{:?}", answer.headers());
            out.add(place, [headers.into_bytes(), answer.bytes().await.unwrap().to_vec()].concat());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_anything_the_gate_says_serves_or_writes() {
    let (elsewhere, key) = (tempfile::tempdir().unwrap(), "sings-in-the-collectors-mine");
    let file = elsewhere.path().join("collector.key");
    std::fs::write(&file, key).unwrap();
    // Nobody listens there: what is said about that is looked through too.
    let more = format!(
        "\n[telemetry]\notlp = \"http://127.0.0.1:9/v1/traces\"\nheaders = {{ x-key = {{ file = \"{}\" }} }}",
        file.display()
    );
    let receiver = Receiver::answering(&[200]).await;
    let heard = heard_by(&receiver);
    let mut gate = Gate::start_as(Shape { more: heard.more + &more, ..heard }).await;
    streaming(&mut gate).await;
    let mut out = Outputs::default();
    let life = live(&gate, &mut out).await;
    read_everything(&gate, &life, &mut out).await;
    out.add("metrics", gate.metrics().await);
    let store = gate.store_url();
    let export = gate.path("export");
    for command in [
        vec!["decision", "list", "--format", "json"],
        vec!["decision", "show", &life.decision],
        vec!["decision", "watch", "--since", "1h", "--count", "2", "--format", "json"],
        vec!["ticket", "list"],
        vec!["token", "list"],
        vec!["dead-letter", "list"],
        vec!["policy", "modes"],
        vec!["notify", "list"],
        vec!["notify", "test", "security"],
        vec!["policy", "promote", "*", "--scope", CLOUD],
        vec!["pause", "--status"],
        vec!["sync", "tied"],
        vec!["disconnect", "tied"],
    ] {
        let said = gate.operate(&command).await;
        assert_eq!(said.code, 0, "{command:?}: {}", said.all());
        out.add(command.join(" "), said.all());
    }
    // What was told, and what a channel that cannot be reached says.
    receiver.answer(500);
    out.add("a failed test", gate.operate(&["notify", "test", "security"]).await.all());
    for got in receiver.got() {
        out.add("a message", got.body.to_vec());
    }
    assert!(receiver.got().len() >= 3, "the ticket, the pause and the test were told");
    // The files as they lie on the disk while the gate runs, and once it has ended.
    out.add_files(gate.folder.path(), &SECRET_FILES);
    assert_eq!(gate.terminate().await, 0);
    for command in [
        vec!["ledger", "verify", "--store", &store],
        vec!["ledger", "export", export.to_str().unwrap(), "--store", &store],
        vec!["config", "check", gate.path("portcullis.toml").to_str().unwrap()],
    ] {
        let said = super::rig::run(&command).await;
        assert_eq!(said.code, 0, "{command:?}: {}", said.all());
        out.add(command.join(" "), said.all());
    }
    out.add("log", gate.log());
    out.add_files(gate.folder.path(), &SECRET_FILES);

    let read = |name: &str| std::fs::read_to_string(gate.path(name)).unwrap().trim().to_owned();
    let collectors = key;
    let (cast, key) = (&gate.town.cast, read("store.key"));
    let whsec = |name: &str| STANDARD.decode(&read(name)["whsec_".len()..]).unwrap();
    let signature = life.step.rsplit('.').next().unwrap();
    let canaries = [
        Canary::new("the secret of the Cloud hook", cast.cloud_hook.secret.as_bytes()),
        Canary::new("the second hook's", cast.second_hook.secret.as_bytes()),
        Canary::new("the secret of the Data Center hook", cast.datacenter_hook.secret.as_bytes()),
        Canary::new("the OAuth consumer's secret", cast.consumer.1.as_bytes()),
        Canary::new("the Data Center password", cast.password.as_bytes()),
        Canary::new("the operator token", read("operator-token").as_bytes()),
        Canary::new("the service token", life.service.as_bytes()),
        Canary::new("the step token", signature.as_bytes()),
        Canary::new("the stream's token", read("siem.token").as_bytes()),
        Canary::new("the channel's secret", &whsec("channel.whsec")),
        Canary::new("the channel's next secret", &whsec("next.whsec")),
        Canary::new("the token in the channel's address", TOKEN.as_bytes()),
        Canary::new("the key of the collector of traces", collectors.as_bytes()),
        Canary::new("the store's key", &hex::decode(&key).unwrap()),
    ];
    assert!(life.tie.len() > 4, "{}", life.tie.len());
    let tied =
        life.tie.iter().map(|secret| Canary::new("a secret of the connection", secret.as_bytes()));
    for canary in canaries.iter().chain(&tied.collect::<Vec<_>>()) {
        assert_eq!(out.find(canary), [""; 0], "{} is in there", canary.name);
    }
    // It would have been found: what is not secret is, by the same look, in each kind of output.
    let found = |text: &str| out.find(&Canary::new("a word", text.as_bytes())).len();
    assert!(found(&life.decision) > 5, "the decision's id is in pages, answers, commands");
    assert!(found("CREATE TABLE") >= 2, "the store's files were read, twice");
    assert!(found("portcullis_decisions_total") >= 1, "the metrics were read");
    assert!(found("\"discovered\"") == 1, "the log was read");
    assert!(out.0.iter().any(|(place, _)| place.contains("export/tile/entries")), "the export too");
}

#[test]
fn a_secret_is_found_in_every_form_and_nothing_like_it_is() {
    let canary = Canary::new("a canary", b"sings-in-the-mine");
    for form in [
        "x sings-in-the-mine y".to_owned(),
        hex::encode("sings-in-the-mine"),
        hex::encode_upper("sings-in-the-mine"),
        STANDARD.encode("sings-in-the-mine and on"),
        URL_SAFE_NO_PAD.encode("sings-in-the-mine and on"),
    ] {
        assert!(canary.is_in(form.as_bytes()), "{form}");
    }
    for other in ["sings-in-the-min", "", "SINGS-IN-THE-MINE"] {
        assert!(!canary.is_in(other.as_bytes()), "{other}");
    }
}
