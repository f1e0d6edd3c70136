//! Traces: one from the door to what follows, over OTLP to a real receiver; nobody's names in it, nobody's parent
//! believed unless that is configured, and nothing of it felt on the road.

mod collector;

use portcullis::simulator::git::Change;
use serde_json::Value;
use serde_json::json;

use collector::Collector;
use collector::Told;

use super::rig::BILLING;
use super::rig::Gate;
use super::rig::Shape;
use super::rig::until;

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const CONSUMER: i32 = 5;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn traced(collector: &str, more: &str) -> Shape {
    Shape { more: format!("[telemetry]\notlp = \"{collector}\"\n{more}"), ..Shape::default() }
}

fn one<'t>(spans: &'t [Told], name: &str) -> &'t Told {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = found[..] else { panic!("not one `{name}` in {spans:#?}") };
    span
}

/// Asks whether the company may deploy, with these headers beside.
async fn asked(gate: &Gate, headers: &[(&str, &str)]) -> Value {
    let step = gate.town.step("main", Some(gate.town.cast.production));
    let mut request = gate.http.post(format!("http://{}/v1/check", gate.public));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let question = json!({"action": "deploy", "environment": "production"});
    let answer = request.bearer_auth(&step.token).json(&question).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// What a span may say, and nothing else: words of ours, ids of ours, and the address that was configured.
fn says_nothing_of_anybody(spans: &[Told]) {
    let names = [
        "billing",
        "acme",
        "ravi",
        "mia",
        "omar",
        "Unchanged",
        "production",
        "BILL",
        "refs/",
        "main",
    ];
    for span in spans {
        let said = span.attributes.iter().chain(&span.resource);
        for (key, value) in
            said.map(|(key, value)| (key.as_str(), value)).chain([("name", &span.name)])
        {
            for name in names {
                assert!(!value.contains(name), "{key}={value} holds `{name}`");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_one_trace_from_the_door_to_the_status() {
    let collector = Collector::start().await;
    let gate = Gate::start_as(traced(&collector.url, "service = \"gate-of-acne\"")).await;
    let answer = asked(&gate, &[("traceparent", PARENT)]).await;
    let decision = answer["decision"].as_str().unwrap();
    gate.quiet().await;
    let is_ours = |span: &Told| {
        span.kind == SERVER
            && span.attributes.get("portcullis.decision").is_some_and(|id| id == decision)
    };
    let spans = collector.trace_with(is_ours, &["POST /v1/check", "act"]).await;
    let door = one(&spans, "POST /v1/check");
    assert_eq!(door.parent, "", "whoever asks is not believed");
    assert_ne!(door.trace, PARENT[3..35]);
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/check"),
        ("http.response.status_code", "200"),
        ("portcullis.verdict", answer["verdict"].as_str().unwrap()),
        ("portcullis.effect", answer["effect"].as_str().unwrap()),
    ] {
        assert_eq!(door.attributes[key], value, "{door:#?}");
    }
    for name in ["gather", "evaluate", "decide", "record"] {
        let station = one(&spans, name);
        assert_eq!(station.parent, door.id, "{name}");
        assert!(door.began <= station.began && station.ended <= door.ended, "{name} is within");
    }
    let act = one(&spans, "act");
    assert_eq!(act.parent, door.id);
    assert_eq!(act.attributes["portcullis.decision"], decision);
    let calls: Vec<_> = spans.iter().filter(|span| span.kind == CLIENT).collect();
    let ids: Vec<_> = [door, act]
        .into_iter()
        .chain(spans.iter().filter(|span| span.name == "gather"))
        .map(|span| &span.id)
        .collect();
    assert!(calls.iter().all(|call| ids.contains(&&call.parent)), "{calls:#?}");
    assert!(
        calls.iter().any(|call| call.parent == act.id && call.name.starts_with("POST ")),
        "{calls:#?}"
    );
    assert!(
        calls
            .iter()
            .any(|call| call.parent != act.id && call.attributes["server.address"] == "127.0.0.1")
    );
    assert_eq!(door.resource["service.name"], "gate-of-acne");
    says_nothing_of_anybody(&collector.told());
    // Nothing goes on to Bitbucket, and probes are not told.
    assert!(gate.town.simulator.calls().iter().all(|call| call.traceparent.is_none()));
    gate.metrics().await;
    assert!(
        collector
            .told()
            .iter()
            .all(|span| !span.name.contains("/metrics") && !span.name.contains("/readyz"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_one_trace_although_it_is_decided_after_its_answer() {
    let collector = Collector::start().await;
    let mut gate = Gate::start_as(traced(&collector.url, "")).await;
    let push = Change::new_branch("feature/traced", "main", 1);
    gate.town.simulator.cloud().push(BILLING, gate.town.cast.ravi, &[push]).await.unwrap();
    gate.quiet().await;
    // The end takes what waits with it.
    assert_eq!(gate.terminate().await, 0);
    let all = collector.told();
    // Our own status comes back as a delivery too; there is nothing to decide about it.
    let decided = one(&all, "gather").trace.clone();
    let spans: Vec<_> = all.into_iter().filter(|span| span.trace == decided).collect();
    let delivery = one(&spans, "delivery").clone();
    let door = one(&spans, "POST /hooks/{hook}");
    assert_eq!((door.parent.as_str(), door.kind, delivery.kind), ("", SERVER, CONSUMER));
    assert_eq!(delivery.parent, door.id);
    assert_eq!(one(&spans, "keep").parent, door.id);
    assert_eq!(delivery.attributes["portcullis.delivery"], door.attributes["portcullis.delivery"]);
    assert_eq!(delivery.attributes["portcullis.product"], "cloud");
    for name in ["read", "gather", "evaluate", "decide", "record"] {
        assert_eq!(one(&spans, name).parent, delivery.id, "{name}");
    }
    assert_eq!(one(&spans, "act").parent, delivery.id);
    says_nothing_of_anybody(&spans);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_counts_and_goes_on_where_that_is_configured() {
    let collector = Collector::start().await;
    let more = "parents = \"trust\"\ntell_bitbucket = true";
    let gate = Gate::start_as(traced(&collector.url, more)).await;
    asked(&gate, &[("traceparent", PARENT)]).await;
    let trace = &PARENT[3..35];
    let spans =
        collector.trace_with(|span| span.trace == trace, &["POST /v1/check", "record"]).await;
    assert_eq!(one(&spans, "POST /v1/check").parent, PARENT[36..52]);
    let told: Vec<_> =
        gate.town.simulator.calls().into_iter().filter_map(|call| call.traceparent).collect();
    let call = told.iter().find(|line| line.contains(trace)).expect("Bitbucket is told");
    assert!(spans.iter().any(|span| span.id == call[36..52] && span.kind == CLIENT), "{call}");

    // What a caller does not want to be kept is not.
    let kept = PARENT.replace("4bf9", "5bf9");
    asked(&gate, &[("traceparent", &kept.replace("-01", "-00"))]).await;
    asked(&gate, &[("traceparent", &PARENT.replace("4bf9", "6bf9"))]).await;
    let later = PARENT[3..35].replace("4bf9", "6bf9");
    collector.trace_with(|span| span.trace == later, &["record"]).await;
    assert!(collector.told().iter().all(|span| span.trace != kept[3..35]));

    // The client hands its own on.
    let step = gate.town.step("main", Some(gate.town.cast.production));
    let mut check =
        super::rig::portcullis(&["check", "--action", "deploy", "--environment", "production"]);
    check.env("PORTCULLIS_URL", format!("http://{}", gate.public));
    check.env("BITBUCKET_STEP_OIDC_TOKEN", &step.token);
    check.env("TRACEPARENT", PARENT.replace("4bf9", "7bf9"));
    let said = super::rig::said(check).await;
    assert!([0, 10, 11].contains(&said.code), "{}", said.all());
    let its = PARENT[3..35].replace("4bf9", "7bf9");
    collector.trace_with(|span| span.trace == its, &["POST /v1/check"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_line_names_the_trace_it_was_said_in() {
    let collector = Collector::start().await;
    let mut gate = Gate::start_as(traced(&collector.url, "")).await;
    gate.post("{\"a\":1,\"a\":2}").await;
    let line: Value =
        serde_json::from_str(&gate.line("a delivery became a dead letter").await).unwrap();
    let trace = line["trace_id"].as_str().unwrap();
    let spans = collector.trace_with(|span| span.trace == trace, &["delivery"]).await;
    assert_eq!(line["span_id"], one(&spans, "delivery").id);
    let discovered: Value = serde_json::from_str(&gate.line("\"discovered\"").await).unwrap();
    assert_eq!(discovered.get("trace_id"), None, "nothing is traced there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_costs_the_road_nothing() {
    // It accepts, and then says nothing for ever.
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", socket.local_addr().unwrap());
    let mut gate = Gate::start_as(traced(&url, "")).await;
    for number in 0..40 {
        assert_eq!(gate.post(&format!("{{\"n\":{number}}}")).await.status, 202);
    }
    assert_eq!(asked(&gate, &[]).await["decision"].as_str().unwrap().len(), 36);
    gate.quiet().await;
    assert_eq!(gate.records().await.len(), 1);
    assert_eq!(
        gate.get("dead-letters?limit=100").await["dead_letters"].as_array().unwrap().len(),
        40
    );
    assert_eq!(gate.readiness().await.status, 200);
    assert_eq!(gate.terminate().await, 0, "the end does not wait for it either");
    assert!(
        gate.log().contains("the collector did not take the last traces in time"),
        "{}",
        gate.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_is_said_once_and_counted_and_its_return_too() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let key = "a key of the collector's";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), key).unwrap();
    let more =
        format!("headers = {{ x-key = {{ file = \"{}\" }} }}", folder.path().join("key").display());
    let mut gate = Gate::start_as(traced(&format!("http://{address}/v1/traces"), &more)).await;
    asked(&gate, &[]).await;
    gate.line("the collector does not take traces").await;
    let failed = until("failed spans", async || {
        let page = gate.metrics().await;
        let line = page
            .lines()
            .find(|line| line.starts_with("portcullis_spans_total{outcome=\"failed\"}"))?
            .to_owned();
        let count: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        (count > 5.0).then_some(count)
    })
    .await;
    assert!(failed < 500.0, "{failed}");
    asked(&gate, &[]).await;
    gate.quiet().await;
    assert_eq!(gate.log().matches("does not take traces").count(), 1);
    assert!(!gate.log().contains(key) && !gate.metrics().await.contains(key));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_header_reaches_the_collector_and_without_a_collector_nothing_is_traced() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "a key of the collector's\n").unwrap();
    let more =
        format!("headers = {{ x-key = {{ file = \"{}\" }} }}", folder.path().join("key").display());
    let mut gate = Gate::start_as(traced(&collector.url, &more)).await;
    asked(&gate, &[]).await;
    assert_eq!(gate.terminate().await, 0);
    let heads = collector.heads();
    assert!(
        !heads.is_empty() && heads.iter().all(|head| head["x-key"] == "a key of the collector's")
    );
    drop(gate);

    let gate = Gate::start().await;
    asked(&gate, &[("traceparent", PARENT)]).await;
    assert!(!gate.metrics().await.contains("portcullis_spans_total"));
    assert!(!gate.log().contains("trace_id"));
}
