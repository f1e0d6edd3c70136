//! Twelve faults, each planted at the real program: what its metrics page then shows is kept as a recording, and
//! `.ci/alerts.py` asks the shipped alert rules about it with Prometheus' own tool. A recording of quiet raises none.
//!
//! A recording has two looks or more. Alerts wait for minutes and hours; what grows between the looks is carried on for
//! that long, and what was quiet is repeated.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use serde_json::json;
use tokio::time::Instant;

use super::metrics::page::Page;
use super::metrics::served::Shut;
use super::rig::BILLING;
use super::rig::Gate;
use super::rig::Shape;
use super::rig::until;

/// How a recording goes on behind its last look.
#[derive(Clone, Copy)]
enum Then {
    /// As between the last two looks: what grew goes on to grow.
    CarryOn,
    /// All over again, counters from where they are.
    Repeat,
}

/// What a gate showed, to be asked about.
struct Recording {
    name: &'static str,
    text: String,
    began: Instant,
}

impl Recording {
    /// `alert` has to fire so many minutes after the first look; an empty one: none may.
    fn new(name: &'static str, alert: &str, minutes: u32, then: Then) -> Self {
        let then = match then {
            Then::CarryOn => "carry on",
            Then::Repeat => "repeat",
        };
        let text = format!("# fires: {alert}\n# after: {minutes}\n# then: {then}\n");
        Self { name, text, began: Instant::now() }
    }

    fn look(&mut self, page: &str) {
        writeln!(self.text, "# look: {:.3}\n{page}", self.began.elapsed().as_secs_f64()).unwrap();
    }

    fn keep(self) {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("alerts");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{}.txt", self.name)), self.text).unwrap();
    }
}

/// Waits until a series says something for which this holds; the page on which it does.
async fn shows(gate: &Gate, series: &str, holds: impl Fn(f64) -> bool) -> (f64, String) {
    until(series, async || {
        let text = gate.metrics().await;
        let value = *Page::read(&text).0.get(series)?;
        holds(value).then_some((value, text))
    })
    .await
}

/// A look before the fault is on the page, one on which it is, and one on which it is worse.
async fn grows(mut recording: Recording, gate: &Gate, series: &str) {
    let (first, page) = shows(gate, series, |value| value > 0.0).await;
    recording.look(&page);
    let (_, page) = shows(gate, series, |value| value > first).await;
    recording.look(&page);
    recording.keep();
}

/// A look on which the fault is, and one on which it still is.
async fn stays(mut recording: Recording, gate: &Gate, series: &str, holds: impl Fn(f64) -> bool) {
    let (_, page) = shows(gate, series, &holds).await;
    recording.look(&page);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (_, page) = shows(gate, series, holds).await;
    recording.look(&page);
    recording.keep();
}

async fn pushed(gate: &Gate, branch: &str) {
    let push = Change::new_branch(branch, "main", 1);
    gate.town.simulator.cloud().push(BILLING, gate.town.cast.ravi, &[push]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_quiet_is_recorded() {
    let gate = Gate::start().await;
    let mut recording = Recording::new("quiet", "", 60, Then::Repeat);
    shows(&gate, "portcullis_ready", |ready| ready > 0.5).await;
    for number in 0..4 {
        pushed(&gate, &format!("feature/quiet-{number}")).await;
        let step = gate.town.step("main", Some(gate.town.cast.production));
        let question = json!({"action": "deploy", "environment": "production"});
        assert_eq!(gate.check(&step.token, &question).await.status, 200);
        gate.quiet().await;
        let entries = gate.count("entry");
        let seen = |value: f64| value >= f64::from(i32::try_from(entries).unwrap());
        let (_, page) = shows(&gate, "portcullis_ledger_entries", seen).await;
        recording.look(&page);
    }
    recording.keep();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_bitbucket_is_recorded() {
    let gate = Gate::start().await;
    let mut recording =
        Recording::new("bitbucket-slow", "PortcullisBitbucketSlow", 30, Then::CarryOn);
    shows(&gate, "portcullis_ready", |ready| ready > 0.5).await;
    recording.look(&gate.metrics().await);
    gate.town.simulator.lay_fault("/2.0", Fault::Delay(Duration::from_secs(3)), None);
    pushed(&gate, "feature/slow").await;
    let slow = |page: &Page| {
        let of = |le: &str| -> f64 {
            let bucket = |series: &&String| {
                series.starts_with("portcullis_bitbucket_seconds_bucket")
                    && series.contains(&format!("le=\"{le}\""))
            };
            page.0.iter().filter(|(series, _)| bucket(series)).map(|(_, value)| value).sum()
        };
        of("+Inf") - of("2")
    };
    let page = until("slow calls", async || {
        let text = gate.metrics().await;
        (slow(&Page::read(&text)) > 0.5).then_some(text)
    })
    .await;
    recording.look(&page);
    recording.keep();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_of_429_is_recorded() {
    let gate = Gate::start().await;
    gate.town.simulator.lay_fault("/2.0", Fault::TooManyRequests(None), None);
    pushed(&gate, "feature/throttled").await;
    let recording =
        Recording::new("bitbucket-throttled", "PortcullisBitbucketThrottled", 60, Then::CarryOn);
    grows(recording, &gate, "portcullis_throttled_seconds").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_recorded() {
    let shape = Shape { disk_mib: Some(32), silent: true, ..Shape::default() };
    let gate = Gate::start_as(shape).await;
    let Some(disk) = &gate.disk else { return };
    disk.fill();
    assert_eq!(gate.post("{\"full\":1}").await.status, 503);
    let recording = Recording::new("disk-full", "PortcullisDiskNearlyFull", 10, Then::CarryOn);
    stays(recording, &gate, "portcullis_store_free_ratio", |free| free < 0.05).await;
    disk.free();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_hook_is_recorded() {
    let gate = Gate::start_as(Shape {
        datacenter: "silent_after = \"1s\"".to_owned(),
        ..Shape::default()
    })
    .await;
    let recording = Recording::new("hook-silent", "PortcullisHookSilent", 20, Then::CarryOn);
    stays(recording, &gate, "portcullis_hooks_silent", |hooks| hooks > 0.5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_recorded() {
    let mut gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    assert_eq!(gate.terminate().await, 0);
    // The store was written five minutes later than the machine's clock says now.
    let db = rusqlite::Connection::open(gate.path("portcullis.db")).unwrap();
    let ahead = (jiff::Timestamp::now().as_millisecond() + 300_000).to_be_bytes();
    let changed =
        db.execute("UPDATE meta SET value = ?1 WHERE name = 'stamp'", [&ahead[..]]).unwrap();
    assert_eq!(changed, 1);
    drop(db);
    gate.reopen().await;
    let recording = Recording::new("clock-off", "PortcullisClockOff", 10, Then::CarryOn);
    stays(recording, &gate, "portcullis_clock_offset_seconds", |off| off > 200.0).await;
    gate.line("the machine's clock was set: grants are frozen").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_bundle_is_recorded() {
    let rules = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(rules.path().join("deploy")).unwrap();
    let file = rules.path().join("deploy/production_needs_approval.rego");
    std::fs::copy("policies/deploy/production_needs_approval.rego", &file).unwrap();
    let gate =
        Gate::start_as(Shape { policies: Some(rules.path().to_owned()), ..Shape::default() }).await;
    std::fs::write(&file, "package portcullis.rules.deploy.production_needs_approval\n\nno rule")
        .unwrap();
    let recording = Recording::new("bundle-bad", "PortcullisBundleRefused", 10, Then::CarryOn);
    stays(recording, &gate, "portcullis_bundle_refused", |refused| refused > 0.5).await;
}

/// Processes that this one started and that evaluate rules.
fn workers_of(gate: &Gate) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let id: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut rest = stat.rsplit(')').next()?.split_whitespace();
        // One that has ended and was not buried yet is none.
        let lives = rest.next()? != "Z";
        let parent: u32 = rest.next()?.parse().ok()?;
        (lives && parent == gate.pid()).then_some(id)
    });
    processes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dying_workers_are_recorded() {
    let gate = Gate::start().await;
    let series = "portcullis_worker_restarts_total{reason=\"killed\"}";
    let mut recording =
        Recording::new("workers-dying", "PortcullisWorkersDying", 12, Then::CarryOn);
    recording.look(&shows(&gate, series, |ends| ends < 0.5).await.1);
    for number in 0..4 {
        let worker = until("a worker", async || workers_of(&gate).first().copied()).await;
        let worker = rustix::process::Pid::from_raw(worker).unwrap();
        rustix::process::kill_process(worker, rustix::process::Signal::KILL).unwrap();
        // What waits for an approval is not answered from memory.
        let step = gate.town.step("main", Some(gate.town.cast.production));
        let question = json!({"action": "deploy", "environment": "production"});
        assert_eq!(gate.check(&step.token, &question).await.body["effect"], "wait");
        shows(&gate, series, |ends| ends > f64::from(number) + 0.5).await;
    }
    recording.look(&shows(&gate, series, |ends| ends > 3.5).await.1);
    recording.keep();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_gone_are_recorded() {
    let mut gate = Gate::start().await;
    gate.terminate().await;
    gate.town.step("main", None);
    gate.town.simulator.lay_fault(
        "/2.0/workspaces/acme/pipelines-config",
        Fault::Status(503),
        None,
    );
    gate.restart().await;
    let recording = Recording::new("keys-gone", "PortcullisKeysStale", 8 * 60, Then::CarryOn);
    grows(recording, &gate, "portcullis_keys_age_seconds").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_expires_is_recorded() {
    let gate = Shut::open().await;
    super::metrics::served::issue(gate.folder.path(), 5);
    let series = "portcullis_certificate_expiry_seconds";
    gate.comes_to(series, |left| left < 6.0 * 86_400.0).await;
    let mut recording =
        Recording::new("certificate-expiring", "PortcullisCertificateExpiring", 10, Then::CarryOn);
    recording.look(&gate.text().await);
    recording.look(&gate.text().await);
    recording.keep();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_outbox_is_recorded() {
    let gate = Gate::start().await;
    gate.town.simulator.lay_fault("/2.0/repositories", Fault::Status(503), None);
    pushed(&gate, "feature/stuck").await;
    let recording = Recording::new("outbox-stuck", "PortcullisOutboxStuck", 30, Then::CarryOn);
    grows(recording, &gate, "portcullis_action_wait_seconds").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rising_dead_letters_are_recorded() {
    let gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    let series = "portcullis_dead_letters_total";
    let mut recording =
        Recording::new("dead-letters-rising", "PortcullisDeadLettersRising", 40, Then::CarryOn);
    recording.look(&shows(&gate, series, |letters| letters < 0.5).await.1);
    for number in 0..6 {
        assert_eq!(gate.post(&format!("{{\"n\":{number},\"n\":1}}")).await.status, 202);
    }
    recording.look(&shows(&gate, series, |letters| letters > 5.5).await.1);
    recording.keep();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_checkpoint_is_recorded() {
    let mut gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    assert_eq!(gate.terminate().await, 0);
    let db = rusqlite::Connection::open(gate.path("portcullis.db")).unwrap();
    db.execute_batch(
        "CREATE TRIGGER planted BEFORE INSERT ON checkpoint BEGIN SELECT RAISE(FAIL, 'planted'); END",
    )
    .unwrap();
    drop(db);
    gate.reopen().await;
    gate.line("no checkpoint could be signed").await;
    let age = "portcullis_checkpoint_age_seconds";
    let mut recording =
        Recording::new("checkpoint-late", "PortcullisCheckpointLate", 20, Then::CarryOn);
    let (first, page) = shows(&gate, age, |age| age > 0.0).await;
    recording.look(&page);
    assert_eq!(gate.post("{\"n\":1,\"n\":1}").await.status, 202);
    let entries = *Page::read(&page).0.get("portcullis_ledger_entries").unwrap();
    shows(&gate, "portcullis_ledger_entries", |now| now > entries).await;
    recording.look(&shows(&gate, age, |age| age > first).await.1);
    recording.keep();
}
