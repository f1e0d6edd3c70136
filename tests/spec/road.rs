//! The road, walked from outside: what comes in through a hook is decided, told, kept, and answered on Bitbucket, once.
//! The program is the real one, in its own process; Bitbucket is the simulated one.

use portcullis::policy::Verdict;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::delivery::Delivery;
use portcullis::simulator::git::Change;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use uuid::Uuid;

use super::receiver::hmac_hex;
use super::rig::BILLING;
use super::rig::GATE;
use super::rig::Gate;
use super::rig::LEDGER;
use super::rig::Shape;
use super::rig::until;

/// A header's name and value.
type Header<'a> = (&'a str, &'a str);

/// The gate's answer to the only delivery of an act: status and delivery id.
fn acknowledged(delivery: &Delivery) -> (u16, Uuid) {
    let attempt = delivery.attempts.last().expect("it was never sent");
    let status = attempt.status.unwrap_or_else(|| panic!("no answer: {}", attempt.answer));
    let answer: Value = serde_json::from_str(&attempt.answer).unwrap();
    (
        status,
        answer["delivery"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| panic!("{status} {answer}")),
    )
}

/// Ravi pushes to billing; the delivery of the Cloud hook.
async fn pushed(gate: &Gate, change: Change) -> Delivery {
    let done =
        gate.town.simulator.cloud().push(BILLING, gate.town.cast.ravi, &[change]).await.unwrap();
    done.deliveries.into_iter().next().unwrap()
}

/// The same on Data Center.
async fn pushed_on_dc(gate: &Gate, change: Change) -> Delivery {
    let done = gate.town.simulator.datacenter().push(LEDGER, "ravi", &[change]).await.unwrap();
    done.deliveries.into_iter().next().unwrap()
}

/// The value of a metric with these labels.
fn metric(page: &str, name: &str) -> f64 {
    let line =
        page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
    line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_push_becomes_a_decision_that_is_told() {
    let gate = Gate::start().await;
    pushed(&gate, Change::new_branch("release/24.9", "main", 1)).await;
    let push = pushed(&gate, Change::commits("release/24.9", 1)).await;
    let (status, delivery) = acknowledged(&push);
    assert_eq!(status, 202);
    let record = gate.decided(delivery).await;
    assert_eq!(record.public.verdict, Verdict::Block, "{}", record.reason());

    let id = record.public.decision.to_string();
    let shown = gate.operate(&["decision", "show", &id, "--format", "json"]).await;
    assert_eq!(shown.code, 0, "{}", shown.all());
    let shown = shown.json();
    let told = gate.get(&format!("decisions/{id}")).await;
    assert_eq!(shown["narrative"], told["narrative"], "the command tells what the API tells");
    let rules = told["narrative"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["verdict"] == "block").expect("a rule that blocks");
    assert_eq!(rule["rule"], "ref/push-skips-review");
    assert!(rule["reasons"][0].as_str().unwrap().contains("release/24.9"), "{rule}");
    assert!(!rule["facts"].as_array().unwrap().is_empty(), "a proof: {rule}");
    assert!(rule["controls"]["SOC 2"].is_array(), "controls: {rule}");
    assert_eq!(told["decision"]["delivery"], json!(delivery));

    let words = gate.operate(&["decision", "show", &id]).await;
    assert!(
        words.out.contains("ref/push-skips-review") && words.out.contains("SOC 2"),
        "{}",
        words.all()
    );
    let list = gate.operate(&["decision", "list", "--verdict", "block"]).await;
    assert!(list.out.contains(&id), "{}", list.all());
    let beside = super::rig::run(&[
        "decision",
        "show",
        &id,
        "--format",
        "json",
        "--store",
        &gate.store_url(),
    ])
    .await;
    assert_eq!(
        beside.json()["narrative"],
        shown["narrative"],
        "the same from the store beside the gate"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_delivery_is_decided_once() {
    let gate = Gate::start().await;
    let push = pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    let (first, delivery) = acknowledged(&push);
    let again = gate.town.simulator.resend(&push).await.unwrap();
    let (second, same) = acknowledged(&again);
    assert_eq!((first, second), (202, 200));
    assert_eq!(delivery, same);
    gate.decided(delivery).await;
    gate.quiet().await;
    let records = gate.records().await;
    assert_eq!(records.iter().filter(|record| record.public.delivery == Some(delivery)).count(), 1);
    // Another body through the same hook is another delivery.
    let other = acknowledged(&pushed(&gate, Change::new_branch("feature/b", "main", 1)).await);
    assert_eq!(other.0, 202);
    assert_ne!(other.1, delivery);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_well_is_refused_and_nothing_of_it_is_kept() {
    let gate = Gate::start().await;
    let cast = &gate.town.cast;
    let (hook, body) = (cast.cloud_hook.id.as_str(), br#"{"push":{"changes":[]}}"#.to_vec());
    let good = hmac_hex(&cast.cloud_hook.secret, &body);
    let other = hmac_hex(&cast.datacenter_hook.secret, &body);
    let json = ("content-type", "application/json");
    let key = ("x-event-key", "repo:push");
    let cases: &[(&str, &[Header<'_>], &str, u16)] = &[
        ("unsigned", &[json, key], hook, 401),
        ("another's secret", &[json, key, ("x-hub-signature", &other)], hook, 401),
        (
            "two signatures",
            &[json, key, ("x-hub-signature", &good), ("x-hub-signature", &good)],
            hook,
            401,
        ),
        ("cut short", &[json, key, ("x-hub-signature", &good[..40])], hook, 401),
        (
            "no such hook",
            &[json, key, ("x-hub-signature", &good)],
            "0123456789abcdef0123456789abcdef",
            404,
        ),
        ("no hook at all", &[json, key, ("x-hub-signature", &good)], "nothing", 404),
        (
            "a form",
            &[
                ("content-type", "application/x-www-form-urlencoded"),
                key,
                ("x-hub-signature", &good),
            ],
            hook,
            415,
        ),
        ("no type", &[key, ("x-hub-signature", &good)], hook, 415),
        ("an unsigned ping on Cloud", &[json, ("x-event-key", "diagnostics:ping")], hook, 401),
    ];
    for (what, headers, hook, status) in cases {
        let answer = gate.deliver(hook, headers, body.clone()).await;
        assert_eq!(answer.status, *status, "{what}: {}", answer.body);
        assert_eq!(answer.body["status"], json!(status), "{what}: problem details say it too");
    }
    let changed = gate
        .deliver(hook, &[json, key, ("x-hub-signature", &good)], b"{\"push\":{}}".to_vec())
        .await;
    assert_eq!(changed.status, 401, "a changed body");
    assert_eq!(gate.count("delivery"), 0);
    // The same bytes with the right signature are kept.
    let kept = gate.deliver(hook, &[json, key, ("x-hub-signature", &good)], body).await;
    assert_eq!(kept.status, 202, "{}", kept.body);
    assert_eq!(gate.count("delivery"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_product_has_its_own_largest_body() {
    let gate = Gate::start().await;
    let cast = &gate.town.cast;
    let sized = |bytes: usize| {
        let frame = r#"{"pad":""}"#;
        format!(r#"{{"pad":"{}"}}"#, "a".repeat(bytes - frame.len()))
    };
    let send = async |hook: &super::rig::Registered, bytes: usize| {
        let body = sized(bytes);
        let signature = hmac_hex(&hook.secret, body.as_bytes());
        let headers = [
            ("content-type", "application/json"),
            ("x-event-key", "repo:push"),
            ("x-hub-signature", signature.as_str()),
        ];
        gate.deliver(&hook.id, &headers, body).await.status
    };
    assert_eq!(send(&cast.cloud_hook, 1 << 20).await, 202, "Cloud takes 1 MiB");
    assert_eq!(send(&cast.datacenter_hook, (1 << 20) + 1).await, 202, "Data Center takes it");
    let announced = async |hook: &super::rig::Registered, bytes: usize| {
        announce(&gate.public, &hook.id, bytes).await
    };
    assert_eq!(announced(&cast.cloud_hook, (1 << 20) + 1).await, 413, "Cloud takes no byte more");
    assert_eq!(announced(&cast.datacenter_hook, (10 << 20) + 1).await, 413, "10 MiB and no more");
}

/// Announces a body of this length, sends none of it, and reads the answer's status: too much is refused unread.
async fn announce(public: &str, hook: &str, bytes: usize) -> u16 {
    let host = public.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).await.unwrap();
    let head = format!(
        "POST /hooks/{hook} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         x-event-key: repo:push\r\nx-hub-signature: sha256={}\r\ncontent-length: {bytes}\r\n\r\n",
        "0".repeat(64)
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..]).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn data_centers_ping_is_answered_and_nothing_of_it_is_kept() {
    let gate = Gate::start().await;
    let ping = gate.town.simulator.datacenter().ping(gate.town.datacenter_hook()).await.unwrap();
    assert_eq!(ping.attempts[0].status, Some(200), "{}", ping.attempts[0].answer);
    assert_eq!(gate.count("delivery"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_body_that_cannot_be_read_becomes_a_dead_letter_with_its_reason() {
    let gate = Gate::start().await;
    let push = pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    gate.decided(acknowledged(&push).1).await;
    let real = String::from_utf8(push.sent.body.clone()).unwrap();
    assert!(real.starts_with('{'));
    let elsewhere =
        real.replace("acme/", "other/").replace("\"slug\":\"acme\"", "\"slug\":\"other\"");
    let elsewhere = {
        let mut body: Value = serde_json::from_str(&elsewhere).unwrap();
        body["repository"]["workspace"] = json!({"type": "workspace", "slug": "other", "uuid": "{6f2fbd05-9ae2-4ee1-8d4e-0f4b3e3c1a11}"});
        body.to_string()
    };
    let cases = [
        ("repo:push", "this is not JSON".to_owned(), "JSON"),
        ("repo:push", format!("{{\"actor\":1,{}", &real[1..]), "actor"),
        ("repo:push", elsewhere, "other"),
        ("pullrequest:created", real.clone(), "pullrequest:created"),
        ("issue:created", r#"{"issue":{"id":1}}"#.to_owned(), "issues"),
    ];
    let hook = gate.town.cloud_hook();
    let records = gate.records().await.len();
    for (key, body, reason) in cases {
        // A body of its own each time: what was sent before would be a duplicate.
        let body = format!("{body}\n");
        let sent = gate.town.simulator.send_through(&hook, key, body.as_bytes()).await.unwrap();
        let (status, delivery) = acknowledged(&sent);
        assert_eq!(status, 202, "{key}: a good signature is never refused");
        let letter = gate.dead_letter(delivery).await;
        let why = letter["why"].as_str().unwrap();
        assert!(why.contains(reason), "{key}: `{why}` does not name `{reason}`");
        let listed = gate.operate(&["dead-letter", "list"]).await;
        assert!(listed.out.contains(&delivery.to_string()), "{}", listed.all());
    }
    assert_eq!(gate.records().await.len(), records, "no decision came of them");
    let page = gate.metrics().await;
    assert!((metric(&page, "portcullis_dead_letters_total") - 5.0).abs() < 0.5, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_can_be_read_again() {
    let gate = Gate::start().await;
    let hook = gate.town.cloud_hook();
    let sent = gate.town.simulator.send_through(&hook, "repo:push", b"nothing").await.unwrap();
    let (_, delivery) = acknowledged(&sent);
    let before = gate.dead_letter(delivery).await;
    let replayed = gate.operate(&["dead-letter", "replay", &delivery.to_string()]).await;
    assert_eq!(replayed.code, 0, "{}", replayed.all());
    // It is as unreadable as before, and dies a second time.
    until("its second death", async || {
        let letters = gate.get("dead-letters").await;
        let letter = letters["dead_letters"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["id"] == before["id"])?
            .clone();
        (letter["died"] != before["died"]).then_some(())
    })
    .await;
    let unknown = gate.operate(&["dead-letter", "replay", &Uuid::now_v7().to_string()]).await;
    assert_eq!(unknown.code, 1, "{}", unknown.all());
    assert_eq!(
        gate.api(Method::POST, "dead-letters/nonsense/replay", &json!({})).await.status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_through_two_hooks_is_decided_once() {
    let gate = Gate::start().await;
    gate.town.second_hook(&gate.public);
    let done = gate.town.simulator.cloud();
    let changes = [Change::new_branch("feature/a", "main", 1)];
    let done = done.push(BILLING, gate.town.cast.ravi, &changes).await.unwrap();
    let deliveries: Vec<_> = done.deliveries.iter().map(acknowledged).collect();
    assert_eq!(deliveries.len(), 2);
    assert!(deliveries.iter().all(|(status, _)| *status == 202), "{deliveries:?}");
    gate.quiet().await;
    let commit = gate.town.tip("feature/a");
    let about = |record: &portcullis::decision::Record| {
        record.public.commit.as_deref() == Some(commit.as_str())
    };
    assert_eq!(gate.records().await.iter().filter(|record| about(record)).count(), 1);
    assert_eq!(gate.get("dead-letters").await["dead_letters"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_status_is_not_decided_and_anothers_is() {
    let gate = Gate::start().await;
    pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    let simulator = &gate.town.simulator;
    let own = until("the webhook of our own status", async || {
        simulator.settled().await;
        let told = simulator.deliveries();
        told.into_iter().find(|delivery| delivery.sent.event == "repo:commit_status_created")
    })
    .await;
    let (status, ours) = acknowledged(&own);
    assert_eq!(status, 202, "it is signed, so it is taken");
    gate.quiet().await;
    assert!(gate.records().await.iter().all(|record| record.public.delivery != Some(ours)));
    // The same body with another's key is decided, and called uncovered: no rule answers it.
    let text = String::from_utf8(own.sent.body.clone()).unwrap();
    let body = text.replace("portcullis-", "somebody-s-");
    assert_ne!(text, body);
    let hook = gate.town.cloud_hook();
    let sent =
        simulator.send_through(&hook, "repo:commit_status_created", body.as_bytes()).await.unwrap();
    let record = gate.decided(acknowledged(&sent).1).await;
    assert!(record.public.uncovered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_posted_once_under_one_key_on_both_products() {
    let gate = Gate::start().await;
    let simulator = &gate.town.simulator;
    pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    let first = gate.town.tip("feature/a");
    pushed(&gate, Change::commits("feature/a", 1)).await;
    let second = gate.town.tip("feature/a");
    pushed(&gate, Change::new_branch("feature/b", "main", 1)).await;
    let third = gate.town.tip("feature/b");
    let dc = simulator
        .datacenter()
        .push(LEDGER, "ravi", &[Change::new_branch("feature/c", "main", 1)])
        .await
        .unwrap();
    let fourth = dc.value[0].new.clone().unwrap();
    let found = until("four statuses", async || {
        let posted = simulator.posted();
        let of = |commit: &String| posted.iter().find(|status| status.commit == *commit).cloned();
        Some([of(&first)?, of(&second)?, of(&third)?, of(&fourth)?])
    })
    .await;
    gate.quiet().await;
    for status in &found {
        let digits = status.key.strip_prefix("portcullis-").unwrap();
        assert!(
            digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
            "{}",
            status.key
        );
        assert_eq!(status.state, "SUCCESSFUL");
        let url = status.body["url"].as_str().unwrap();
        let id = url.strip_prefix(&format!("{GATE}/d/")).unwrap();
        assert!(
            gate.records().await.iter().any(|record| record.public.decision.to_string() == id),
            "{url}"
        );
        let times = simulator
            .posted()
            .iter()
            .filter(|other| other.body["url"] == status.body["url"])
            .count();
        assert_eq!(times, 1, "once: {status:?}");
    }
    let [a1, a2, b, c] = found;
    assert_eq!(a1.key, a2.key, "one subject, one key");
    assert_ne!(a1.key, b.key, "another branch is another subject");
    assert_eq!(a1.body["refname"], "feature/a");
    assert_eq!(c.body["parent"], "portcullis");
    assert_eq!(c.body["ref"], "refs/heads/feature/c");
    assert_eq!(b.body["parent"], Value::Null, "`parent` is Data Center's alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_without_effects_posts_nothing() {
    let gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    let push = pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    let on_dc = pushed_on_dc(&gate, Change::new_branch("feature/a", "main", 1)).await;
    for delivery in [push, on_dc] {
        let record = gate.decided(acknowledged(&delivery).1).await;
        assert_eq!(record.public.actions, Vec::<String>::new());
    }
    assert_eq!(gate.town.simulator.posted(), Vec::new());
    assert_eq!(gate.count("action"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_rule_answers_is_called_uncovered_and_counted() {
    let gate = Gate::start().await;
    pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    gate.quiet().await;
    let before = metric(&gate.metrics().await, "portcullis_uncovered_events_total");
    let open = OpenPull::new("Something", "feature/a", "main");
    let opened =
        gate.town.simulator.cloud().open_pull(BILLING, gate.town.cast.ravi, open).await.unwrap();
    let record = gate.decided(acknowledged(&opened.deliveries[0]).1).await;
    assert!(record.public.uncovered && record.public.rules.is_empty());
    assert!(record.reason().contains("uncovered"), "{}", record.reason());
    let after = until("the count", async || {
        let now = metric(&gate.metrics().await, "portcullis_uncovered_events_total");
        (now > before).then_some(now)
    })
    .await;
    assert!((after - before - 1.0).abs() < 0.5, "{before} → {after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_page_can_be_read() {
    // Without statuses: their own webhooks would be counted too.
    let gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    let push = pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    gate.decided(acknowledged(&push).1).await;
    let page = gate.metrics().await;
    let mut typed = std::collections::BTreeSet::new();
    for line in page.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name, rest) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            assert!(name.starts_with("portcullis_"), "{line}");
            assert!(!rest.is_empty());
            if what == "TYPE" {
                typed.insert(name.to_owned());
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap_or_else(|_| panic!("no number: {line}"));
        let name = series.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(
            typed.contains(name) || family.is_some_and(|name| typed.contains(name)),
            "no TYPE: {line}"
        );
        for secret in [BILLING, "feature", "ravi", &gate.town.cast.cloud_hook.id] {
            assert!(!series.contains(secret), "{line} names a repository, ref, person or hook");
        }
    }
    assert!(
        page.contains("portcullis_deliveries_total{outcome=\"kept\",product=\"cloud\"} 1"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_asked_to_stop_finishes_what_it_took() {
    let mut gate = Gate::start().await;
    let cast = &gate.town.cast;
    let push = pushed(&gate, Change::new_branch("feature/a", "main", 1)).await;
    // The same push with other white space is another delivery; its body is held back until the gate is stopping.
    let body = [push.sent.body.as_slice(), b"\n"].concat();
    let head = format!(
        "POST /hooks/{} HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nX-Event-Key: repo:push\r\nX-Hub-Signature: {}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        cast.cloud_hook.id,
        hmac_hex(&cast.cloud_hook.secret, &body),
        body.len()
    );
    let mut slow = TcpStream::connect(&gate.public).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = slow.read(&mut answer).await.unwrap();
    assert!(
        answer[..read].starts_with(b"HTTP/1.1 100"),
        "{}",
        String::from_utf8_lossy(&answer[..read])
    );
    gate.signal();
    gate.line("stopping").await;
    slow.write_all(&body).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let late: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let late: Uuid = late["delivery"].as_str().unwrap().parse().unwrap();
    assert_eq!(gate.ended().await, 0, "{}", gate.log());
    assert!(TcpStream::connect(&gate.public).await.is_err(), "nobody listens any more");
    let verified = super::rig::run(&["ledger", "verify", "--store", &gate.store_url()]).await;
    assert_eq!(verified.code, 0, "{}", verified.all());
    gate.restart().await;
    gate.decided(acknowledged(&push).1).await;
    gate.quiet().await;
    assert_eq!(gate.count(&format!("delivery WHERE id = x'{}' AND state <> 0", late.simple())), 1);
}
