//! Rows 1, 2, 3, 7 and 17: the road from door to record, beside servers that do next to nothing.
//!
//! Every server is a process of its own on the first core; load and the simulated Bitbucket are this process, on the
//! second. Rounds of all servers take turns; a row's ratio is that of the medians.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use portcullis::store::Store;
use tempfile::TempDir;

use crate::base;
use crate::cold;
use crate::gate::Order;
use crate::kit;
use crate::kit::Row;
use crate::load;
use crate::load::Requests;
use crate::slow;
use crate::town::SECRET;
use crate::town::Town;

/// Requests of one round.
const REQUESTS: u64 = 6_000;

/// Requests before anything is measured: connections, statements, key sets, steps.
const WARM: u64 = 600;

/// Deliveries that fill the store's log: it has its length after so many, and is copied into the store once in as many.
/// A gate that has run for a minute is past the first, and pays the second for ever.
const LOG: u64 = 12_000;

/// Rounds of each server.
const ROUNDS: u64 = 5;

/// Connections of the closed loop.
const CLOSED: usize = 16;

/// Connections and rate of the open loop.
const OPEN: (usize, f64) = (64, 2_000.0);

/// Rounds of the open loop, and how long each is.
const OPEN_ROUNDS: u64 = 3;
const OPEN_SECONDS: f64 = 5.0;

/// A p99 of bare hyper below this says that the machine was calm, µs.
const CALM: f64 = 300.0;

/// A rule that looks at the clock: its answers are never remembered, so every question goes to a worker.
const FREEZE: &str = r#"# METADATA
# title: Nothing is deployed while the year is closed
# description: From 20 December on only emergencies are deployed.
# custom:
#   on: [pipeline.step]
#   reads: [now, resource.environment.tier]
#   severity: medium
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.deploy.year_end

finding contains {
	"verdict": "block",
	"reason": "Deploys rest until the new year.",
	"proof": ["now"],
} if {
	input.resource.environment.tier == "production"
	startswith(input.now, "2999-12")
}
"#;

/// A server that is measured.
struct Server {
    child: Child,
    address: SocketAddr,
    pids: Vec<u32>,
    /// Where its store lies, if it has one.
    store: Option<PathBuf>,
    /// Held: it goes with the server.
    folder: Option<TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Puts a command on the first core, where there is a way to.
fn pinned(program: &Path) -> Command {
    let has = Command::new("taskset").arg("-V").stdout(Stdio::null()).status().is_ok();
    if !has {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

impl Server {
    fn start(words: &[&str], log: Stdio) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut child =
            pinned(&program).args(words).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address =
            line.trim().parse().unwrap_or_else(|_| panic!("{words:?} did not start: `{line}`"));
        let pids = kit::family(child.id());
        Self { child, address, pids, store: None, folder: None }
    }

    fn gate(order: &Order, folder: TempDir) -> Self {
        let path = folder.path().join("order.json");
        std::fs::write(&path, serde_json::to_vec(order).unwrap()).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut server = Self::start(&["gate", path.to_str().unwrap()], log.into());
        server.store = Some(order.folder.join("portcullis.db"));
        server.folder = Some(folder);
        server
    }

    fn cpu(&self) -> Duration {
        kit::cpu(&self.pids)
    }
}

/// One thing that is measured in rounds.
struct Course<'a> {
    name: &'static str,
    server: &'a Server,
    requests: Requests,
    status: u16,
    /// Whether the round is over only when everything that was kept is decided.
    drains: bool,
    /// Requests before the first round.
    warm: u64,
    /// Requests of a round.
    count: u64,
    /// CPU µs a request, by round.
    cpu: Vec<f64>,
    /// Requests a second, by round.
    rate: Vec<f64>,
    /// The same CPU by the threads' names.
    threads: BTreeMap<String, Vec<f64>>,
}

impl<'a> Course<'a> {
    fn new(name: &'static str, server: &'a Server, requests: &Requests, status: u16) -> Self {
        Self {
            name,
            server,
            requests: requests.clone(),
            status,
            drains: false,
            warm: WARM,
            count: REQUESTS,
            cpu: Vec::new(),
            rate: Vec::new(),
            threads: BTreeMap::new(),
        }
    }

    async fn round(&mut self, first: u64, count: u64) {
        let threads = kit::cpu_by_thread(&self.server.pids);
        let (before, begun) = (self.server.cpu(), Instant::now());
        load::closed(self.server.address, CLOSED, first, count, &self.requests)
            .await
            .expect(self.status);
        if self.drains {
            drained(self.server).await;
        }
        let took = begun.elapsed();
        self.cpu.push(kit::micros(self.server.cpu().saturating_sub(before)) / count as f64);
        self.rate.push(count as f64 / took.as_secs_f64());
        for (name, now) in kit::cpu_by_thread(&self.server.pids) {
            let spent = now.saturating_sub(threads.get(&name).copied().unwrap_or_default());
            self.threads.entry(name).or_default().push(kit::micros(spent) / count as f64);
        }
    }

    /// Where the time goes, on standard error.
    fn show_threads(&self) {
        let parts =
            self.threads.iter().map(|(name, all)| format!("{name} {:.1}", kit::median(all)));
        eprintln!("{}: {}", self.name, parts.collect::<Vec<_>>().join(", "));
    }

    fn told(&self) -> String {
        format!(
            "{:.1} µs (least {:.1}), {:.0}/s",
            kit::median(&self.cpu),
            kit::least(&self.cpu),
            kit::median(&self.rate)
        )
    }
}

/// Waits until no delivery waits.
async fn drained(server: &Server) {
    let store = Store::open_read_only(server.store.as_ref().unwrap()).await.unwrap();
    while store.waiting().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The rows; with `only`, rounds of the courses whose name holds it, for steering, and no rows.
pub fn rows(only: Option<&str>) -> Vec<Row> {
    // All threads of this process, those to come too.
    let own = std::process::id().to_string();
    let _ =
        Command::new("taskset").args(["-a", "-c", "-p", "1", &own]).stdout(Stdio::null()).status();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let rows = runtime.block_on(all(only));
    let _ = Command::new("taskset")
        .args(["-a", "-c", "-p", "0-1", &own])
        .stdout(Stdio::null())
        .status();
    rows
}

async fn all(only: Option<&str>) -> Vec<Row> {
    let town = Town::open().await;
    let world = town.world().await;
    let rules = kit::folder("rules");
    written(rules.path());
    let bitbucket = || Some((town.simulator.cloud_api(), town.consumer.clone()));
    let gate = |bitbucket: Option<_>, volatile: bool, decides: bool, log: &str| {
        let folder = kit::folder("gate");
        let order = Order {
            folder: folder.path().to_owned(),
            world: world.clone(),
            bitbucket,
            rules: volatile.then(|| rules.path().to_owned()),
            decides,
            log: log.to_owned(),
        };
        Server::gate(&order, folder)
    };
    let bare = Server::start(&[base::BARE, SECRET], Stdio::null());
    let sealed = Server::start(&[base::BASE, SECRET], Stdio::null());
    let door = gate(None, false, false, "info");
    let road = gate(None, false, true, "info");
    let fresh = gate(bitbucket(), true, true, "info");
    let quiet = gate(bitbucket(), true, true, "off");
    let known = gate(bitbucket(), false, true, "info");
    let (webhooks, checks, same) = (town.webhooks(), town.checks(), town.same_check());
    let mut courses = vec![
        Course::new("bare hyper, webhooks", &bare, &webhooks, 200),
        Course::new("hyper + HMAC + typed parse", &sealed, &webhooks, 202),
        Course { warm: LOG, count: LOG, ..Course::new("durable ingest", &door, &webhooks, 202) },
        Course { drains: true, ..Course::new("durable and decided", &road, &webhooks, 202) },
        Course::new("bare hyper, checks", &bare, &checks, 200),
        Course::new("check", &fresh, &checks, 200),
        Course::new("check, log off", &quiet, &checks, 200),
        Course::new("check, remembered", &known, &checks, 200),
        Course::new("check, standing", &known, &same, 200),
    ];
    if let Some(only) = only {
        courses.retain(|course| course.name.contains(only));
    }
    for course in &mut courses {
        course.round(0, course.warm).await;
        course.cpu.clear();
        course.rate.clear();
        course.threads.clear();
    }
    show(&known, &checks).await;
    let mut first = Vec::new();
    for round in 0..ROUNDS {
        for course in &mut courses {
            course.round(LOG + round * course.count, course.count).await;
            eprintln!(
                "{round} {:28} {:7.1} µs {:7.0}/s",
                course.name,
                course.cpu.last().unwrap(),
                course.rate.last().unwrap()
            );
        }
        if only.is_some() {
            continue;
        }
        let (start, count) = (round * 600, 600);
        let mut course =
            Course::new("check, token first seen", &fresh, &town.first_checks(start, count), 200);
        course.round(start, count).await;
        first.extend(course.cpu);
    }
    for course in &courses {
        course.show_threads();
        eprintln!("{}: {}", course.name, course.told());
    }
    if only.is_some() {
        return Vec::new();
    }
    let mut rows = ratios(&courses, &first, town.body_bytes());
    drop(courses);
    rows.extend(latency(&bare, &door, &fresh, &webhooks, &checks).await);
    drop((bare, sealed, door, road, fresh, quiet, known));
    let asking = gate(bitbucket(), true, true, "info");
    rows.extend(slow::rows(&town, asking.address).await);
    drop(asking);
    rows.extend(cold::rows(&world).await);
    rows
}

fn ratios(courses: &[Course<'_>], first: &[f64], bytes: usize) -> Vec<Row> {
    let of = |name: &str| courses.iter().find(|course| course.name == name).unwrap();
    let cpu: BTreeMap<&str, f64> =
        courses.iter().map(|course| (course.name, kit::median(&course.cpu))).collect();
    let ratio = |one: &str, other: &str| cpu[one] / cpu[other];
    let base = "hyper + HMAC + typed parse";
    let first = kit::median(first);
    vec![
        Row::remark(
            "1",
            format!("bare hyper, POST of {bytes} B drained"),
            of("bare hyper, webhooks").told(),
            "1.00x",
        ),
        Row::remark(
            "1",
            format!("the base of rows 1 and 2: {base}"),
            of(base).told(),
            format!("{:.2}x of bare", ratio(base, "bare hyper, webhooks")),
        ),
        Row::at_most(
            "1",
            "durable webhook ingest (HMAC, dedupe, sealed, synced, then 202): CPU per request",
            of("durable ingest").told(),
            (ratio("durable ingest", base), "x"),
            (3.2, "≤ 3.2x"),
            (1.6, "≤ 1.6x"),
        ),
        Row::at_most(
            "2",
            "webhook durable and decided: CPU per request until all are decided",
            of("durable and decided").told(),
            (ratio("durable and decided", base), "x"),
            (12.0, "≤ 12x"),
            (3.5, "≤ 3.5x"),
        ),
        Row::remark(
            "3",
            "bare hyper, POST of the same check drained",
            of("bare hyper, checks").told(),
            "1.00x",
        ),
        Row::at_most(
            "3",
            "`POST /v1/check`, warm facts, every question evaluated in a worker and recorded",
            of("check").told(),
            (ratio("check", "bare hyper, checks"), "x"),
            (18.0, "≤ 18x"),
            (8.0, "≤ 8x"),
        ),
        Row::remark(
            "3",
            "the same where no rule reads the clock: findings from memory, recorded",
            of("check, remembered").told(),
            format!("{:.2}x", ratio("check, remembered", "bare hyper, checks")),
        ),
        Row::at_most(
            "3",
            "the very same question again: the standing answer",
            of("check, standing").told(),
            (ratio("check, standing", "bare hyper, checks"), "x"),
            (18.0, ""),
            (5.0, "≤ 5x"),
        ),
        Row::remark(
            "3",
            "a token that was not seen before: RS256 verified",
            format!("{first:.1} µs"),
            format!("+{:.1} µs", first - cpu["check"]),
        ),
        Row::at_most(
            "17",
            "log at `info` vs `off`, checks (metrics and the ledger cannot be switched off)",
            format!("{:.1} vs {:.1} µs", cpu["check"], cpu["check, log off"]),
            (ratio("check", "check, log off"), "x"),
            (1.10, "≤ 1.10x"),
            (1.02, "≤ 1.02x"),
        ),
    ]
}

/// Shows what is answered, so that nobody measures refusals.
async fn show(server: &Server, checks: &Requests) {
    let mut request = Vec::new();
    checks(1, &mut request);
    let (status, body) = load::once(server.address, &request).await;
    eprintln!("{status} {}", String::from_utf8_lossy(&body));
    assert!(String::from_utf8_lossy(&body).contains(r#""effect":"proceed""#));
}

/// Row 7.
async fn latency(
    bare: &Server,
    door: &Server,
    gate: &Server,
    webhooks: &Requests,
    checks: &Requests,
) -> Vec<Row> {
    let mut p99: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut p50: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in 0..OPEN_ROUNDS {
        for (name, server, requests, status) in [
            ("bare", bare, checks, 200),
            ("check", gate, checks, 200),
            ("ingest", door, webhooks, 202),
        ] {
            let first = 1_000_000 + round * 100_000;
            let mut seen =
                load::open(server.address, OPEN.0, first, OPEN.1, OPEN_SECONDS, requests).await;
            seen.expect(status);
            p99.entry(name).or_default().push(kit::percentile(&mut seen.took, 99.0));
            p50.entry(name).or_default().push(kit::percentile(&mut seen.took, 50.0));
        }
    }
    let disk = fdatasync();
    // Foreign load only adds to a tail: the best round of each says what the program does.
    let best = |name: &str| kit::least(&p99[name]);
    let calm = if best("bare") < CALM { "calm" } else { "the machine was not calm" };
    let beyond = (best("check") - best("bare")).max(0.0);
    vec![
        Row::at_most(
            "7",
            "2,000/s Poisson over 64 connections: p99 of a check minus p99 of bare hyper (best rounds)",
            format!(
                "p50 {:.0} vs {:.0} µs, p99 {:.0} vs {:.0} µs ({calm})",
                kit::least(&p50["check"]),
                kit::least(&p50["bare"]),
                best("check"),
                best("bare")
            ),
            (beyond / 1e3, " ms"),
            (2.0, "≤ 2 ms"),
            (0.25, "≤ 0.25 ms"),
        ),
        Row::at_most(
            "7",
            "the same for durable ingest: p99 vs a raw fdatasync's p50",
            format!(
                "p50 {:.0} µs, p99 {:.0} µs vs {disk:.0} µs",
                kit::least(&p50["ingest"]),
                best("ingest")
            ),
            (best("ingest") / disk, "x"),
            (20.0, "≤ 20x"),
            (5.0, "≤ 5x"),
        ),
    ]
}

/// What the disk itself takes: 4 KiB into a file that has its length already, and a sync. The median, µs.
fn fdatasync() -> f64 {
    let folder = kit::folder("disk");
    let file = File::create(folder.path().join("file")).unwrap();
    let block = [7; 4096];
    for at in 0..1_000_u64 {
        file.write_all_at(&block, at * 4096).unwrap();
    }
    file.sync_all().unwrap();
    let took: Vec<f64> = (0..1_000_u64)
        .map(|at| {
            kit::timed(|| {
                file.write_all_at(&block, at * 4096).unwrap();
                file.sync_data().unwrap();
            })
            .1
        })
        .collect();
    kit::median(&took)
}

/// The shipped rules and the one that looks at the clock.
fn written(folder: &Path) {
    let files = portcullis::policy::shipped::FILES
        .iter()
        .copied()
        .chain([("deploy/year_end.rego", FREEZE)]);
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}
