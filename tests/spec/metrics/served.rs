//! The same over the wire: the real program, in front of a simulated Bitbucket that refuses, and behind TLS.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio_rustls::TlsConnector;

use super::list;
use super::page::Page;
use crate::spec::rig::BILLING;
use crate::spec::rig::Gate;
use crate::spec::rig::portcullis;
use crate::spec::rig::run;
use crate::spec::rig::until;

async fn page(gate: &Gate) -> Page {
    Page::read(&gate.metrics().await)
}

/// Waits until a series says something for which this holds.
async fn comes_to(gate: &Gate, series: &str, holds: impl Fn(f64) -> bool) -> Page {
    until(series, async || {
        let page = page(gate).await;
        holds(page.value(series)).then_some(page)
    })
    .await
}

async fn pushed(gate: &Gate, change: Change) {
    gate.town.simulator.cloud().push(BILLING, gate.town.cast.ravi, &[change]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_down_the_road_is_measured_at_every_station_and_names_nobody() {
    let gate = Gate::start().await;
    pushed(&gate, Change::new_branch("feature/quiet-canary", "main", 1)).await;
    let step = gate.town.step("main", Some(gate.town.cast.production));
    let question = json!({"action": "deploy", "environment": "environment-canary"});
    gate.check(&step.token, &question).await;
    gate.quiet().await;
    let acted = "portcullis_actions_total{outcome=\"done\"}";
    comes_to(&gate, acted, |actions| actions > 0.5).await;
    comes_to(&gate, "portcullis_ledger_entries", |entries| entries > 2.0).await;
    // Looked up behind the ledger, in the same round.
    let used = "portcullis_bitbucket_budget_used_ratio{class=\"metadata\"}";
    let shown = comes_to(&gate, used, |used| used > 0.0).await;
    for station in ["keep", "claim", "read", "gather", "evaluate", "decide", "record", "act"] {
        let passed =
            shown.value(&format!("portcullis_station_seconds_count{{station=\"{station}\"}}"));
        assert!(passed > 0.5, "nobody passed {station}");
    }
    assert!(shown.value("portcullis_answers_total{outcome=\"miss\"}") > 0.5);
    let calls = "portcullis_bitbucket_requests_total{class=\"metadata\",outcome=\"ok\"}";
    assert!(shown.value(calls) > 0.5);
    // One for each connection.
    comes_to(&gate, "portcullis_graph_revision", |revision| revision > 1.5).await;
    for (label, value) in shown.all_labels() {
        assert!(list::LABELS.contains(&label.as_str()), "{label}={value}");
    }
    let text = gate.metrics().await.to_lowercase();
    let cast = &gate.town.cast;
    let (token, tip) = (gate.token(), gate.town.tip("main"));
    let canaries = [
        "billing",
        "acme",
        "ravi",
        "mia",
        "omar",
        "canary",
        "feature",
        "127.0.0.1",
        "gate.example.com",
        &cast.cloud_hook.id,
        &cast.cloud_hook.secret,
        &cast.consumer.1,
        &cast.password,
        &step.token,
        &token,
        &tip,
    ];
    for canary in canaries {
        assert!(!text.contains(&canary.to_lowercase()), "`{canary}` is on the metrics page");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bitbucket_that_refuses_leaves_actions_waiting_and_is_seen_to_throttle_until_it_serves() {
    let gate = Gate::start().await;
    let simulator = &gate.town.simulator;
    simulator.lay_fault("/2.0", Fault::TooManyRequests(Some(1)), None);
    pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    let throttled = comes_to(&gate, "portcullis_throttled_seconds", |seconds| seconds > 0.0).await;
    assert!(throttled.value("portcullis_ready") > 0.5, "that Bitbucket refuses is not our fault");
    let waiting = comes_to(&gate, "portcullis_action_wait_seconds", |seconds| seconds > 0.0).await;
    assert!(waiting.value("portcullis_actions_waiting") > 0.5);
    comes_to(&gate, "portcullis_actions_total{outcome=\"retried\"}", |tries| tries > 0.5).await;
    let refused = |class: &str| {
        format!("portcullis_bitbucket_requests_total{{class=\"{class}\",outcome=\"throttled\"}}")
    };
    let all: f64 = ["metadata", "commit-identity", "executed-script", "write"]
        .iter()
        .map(|class| waiting.value(&refused(class)))
        .sum();
    assert!(all > 0.5);
    assert!(gate.log().contains("retried"), "{}", gate.log());
    simulator.clear_faults();
    comes_to(&gate, "portcullis_actions_waiting", |actions| actions < 0.5).await;
    let served = comes_to(&gate, "portcullis_throttled_seconds", |seconds| seconds <= 0.0).await;
    assert!(served.value("portcullis_action_wait_seconds") <= 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_whose_keys_cannot_be_read_is_named_and_raises_an_alarm() {
    let mut gate = Gate::start().await;
    comes_to(&gate, "portcullis_ready", |ready| ready > 0.5).await;
    // No token was made yet: there are no keys, and nothing is wrong.
    assert!(page(&gate).await.value("portcullis_keys_age_seconds") <= 0.0);
    assert!(!gate.log().contains("the keys of"), "{}", gate.log());
    assert!(page(&gate).await.value("portcullis_alarms_total{reason=\"keys_unread\"}") < 0.5);
    gate.terminate().await;
    gate.town.step("main", None);
    gate.town.simulator.lay_fault(
        "/2.0/workspaces/acme/pipelines-config",
        Fault::Status(503),
        None,
    );
    gate.restart().await;
    comes_to(&gate, "portcullis_alarms_total{reason=\"keys_unread\"}", |alarms| alarms > 0.5).await;
    gate.line("the keys of `").await;
    comes_to(&gate, "portcullis_keys_age_seconds", |age| age > 0.0).await;
}

/// A gate with nothing to guard, behind TLS.
pub struct Shut {
    pub folder: tempfile::TempDir,
    public: String,
    operator: String,
    _child: Child,
}

impl Shut {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        issue(folder.path(), 20);
        let here = |name: &str| folder.path().join(name).display().to_string();
        let toml = format!(
            "[public]\nlisten = \"127.0.0.1:0\"\nurl = \"https://gate.test\"\ncertificate = \"{}\"\nkey = \"{}\"\n\
             [operator]\nlisten = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite:{}\"\n[workers]\ncount = 1\n",
            here("cert.pem"),
            here("key.pem"),
            here("portcullis.db"),
        );
        let file = folder.path().join("portcullis.toml");
        std::fs::write(&file, toml).unwrap();
        let mut command = portcullis(&["serve", "--config"]);
        let mut child = command.arg(file).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = Vec::new();
        while told.len() < 2 {
            let line = lines.next_line().await.unwrap().expect("the gate ended");
            let address =
                ["public    ", "operator  "].iter().find_map(|head| line.strip_prefix(head));
            told.extend(address.map(|rest| rest.split_whitespace().next().unwrap().to_owned()));
        }
        // It must not meet a closed pipe.
        tokio::task::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let operator = told.pop().unwrap();
        Self { folder, public: told.pop().unwrap(), operator, _child: child }
    }

    async fn page(&self) -> Page {
        Page::read(&self.text().await)
    }

    pub async fn text(&self) -> String {
        let answer = reqwest::get(format!("{}/metrics", self.operator)).await.unwrap();
        answer.text().await.unwrap()
    }

    pub async fn comes_to(&self, series: &str, holds: impl Fn(f64) -> bool) {
        until(series, async || holds(self.page().await.value(series)).then_some(())).await;
    }

    /// Whether a client that trusts exactly this certificate gets in.
    async fn shows(&self, trusted: &Path) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let socket = TcpStream::connect(&self.public).await.unwrap();
        let name = ServerName::try_from("gate.test").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.is_ok()
    }
}

/// Writes a new certificate that is good for so many days, and its key.
pub fn issue(folder: &Path, days: i64) {
    let mut wanted = rcgen::CertificateParams::new(["gate.test".to_owned()]).unwrap();
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    let ends = ends.to_zoned(jiff::tz::TimeZone::UTC).date();
    let part = |number: i8| u8::try_from(number).unwrap();
    wanted.not_after =
        rcgen::date_time_ymd(i32::from(ends.year()), part(ends.month()), part(ends.day()));
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), wanted.self_signed(&key).unwrap().pem()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_read_again_when_it_changes_and_a_broken_one_is_not_served() {
    const LEFT: &str = "portcullis_certificate_expiry_seconds";
    const REFUSED: &str = "portcullis_alarms_total{reason=\"certificate_refused\"}";
    const DAY: f64 = 86_400.0;
    let gate = Shut::open().await;
    let (served, kept) = (gate.folder.path().join("cert.pem"), gate.folder.path().join("kept.pem"));
    assert!(gate.shows(&served).await);
    gate.comes_to(LEFT, |left| (18.9 * DAY..20.1 * DAY).contains(&left)).await;
    assert!(gate.page().await.value("portcullis_unready{reason=\"connection\"}") > 0.5);

    issue(gate.folder.path(), 3);
    gate.comes_to(LEFT, |left| (1.9 * DAY..3.1 * DAY).contains(&left)).await;
    assert!(gate.shows(&served).await, "the new one is served");
    assert!(gate.page().await.value(REFUSED) < 0.5);

    std::fs::copy(&served, &kept).unwrap();
    std::fs::write(&served, "no certificate at all").unwrap();
    gate.comes_to(REFUSED, |alarms| (alarms - 1.0).abs() < 0.1).await;
    assert!(gate.shows(&kept).await, "the last good one is served");
    gate.comes_to(LEFT, |left| (1.9 * DAY..3.1 * DAY).contains(&left)).await;

    issue(gate.folder.path(), 90);
    gate.comes_to(LEFT, |left| left > 80.0 * DAY).await;
    assert!(gate.shows(&served).await && !gate.shows(&kept).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_a_hook_may_be_silent_is_configured_as_a_duration() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hook"), "a secret of at least thirty-two bytes\n").unwrap();
    let file = folder.path().join("portcullis.toml");
    for (silent_after, code) in [("12h", 0), ("soon", 2)] {
        let toml = format!(
            "[[connection]]\nid = \"acme\"\nproduct = \"datacenter\"\nbase_url = \"http://127.0.0.1:1\"\n\
             [[connection.hook]]\nid = \"00000000000000000000000000000c10\"\nsecrets = [{{ file = \"{}\" }}]\n\
             silent_after = \"{silent_after}\"\n",
            folder.path().join("hook").display(),
        );
        std::fs::write(&file, toml).unwrap();
        let said = run(&["config", "check", file.to_str().unwrap()]).await;
        assert_eq!(said.code, code, "{}", said.all());
        let named = said.all().contains("connection[0].hook[0].silent_after");
        assert_eq!(named, code == 2, "{}", said.all());
    }
}
