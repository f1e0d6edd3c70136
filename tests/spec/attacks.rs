//! Clients by the hundred that drip, stall or flood, at the real program, with good traffic beside them: every good
//! delivery is answered 202 and kept once, every attacker is closed by its deadline, and nothing is left of them.
//!
//! The sizes here are those of every run; the long ones are ignored: `cargo test --test spec attacks -- --ignored`.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio::time::MissedTickBehavior;

use super::rig::Gate;
use super::rig::Shape;
use super::rig::until;

/// Good deliveries a second.
const RATE: u64 = 50;

/// What attackers may cost the gate in memory at the most.
const MOST_MEMORY_KIB: u64 = 256 << 10;

/// An attacker's address, so that its own rate is counted and not the good ones'.
const ELSEWHERE: &str = "127.0.0.2:0";

/// What an attack looks like on the wire.
#[derive(Clone, Copy, Debug)]
enum Slow {
    /// A header every half second, never the last.
    Heads,
    /// A signed-looking delivery whose body comes by the byte.
    Bodies,
    /// Connects and says nothing.
    Silence,
    /// Sends requests and takes no answer.
    Reading,
}

/// Memory and descriptors of the gate.
#[derive(Clone, Copy, Debug)]
struct Cost {
    kib: u64,
    descriptors: usize,
}

fn cost(gate: &Gate) -> Cost {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gate.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", gate.pid())).unwrap().count();
    Cost { kib, descriptors }
}

async fn connect(gate: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(ELSEWHERE.parse().unwrap()).unwrap();
    socket.connect(gate.parse::<SocketAddr>().unwrap()).await.unwrap()
}

/// Attacks until the gate closes; how long that took.
async fn attack(gate: String, hook: String, how: Slow) -> Duration {
    let mut stream = connect(&gate).await;
    let began = Instant::now();
    let head = match how {
        Slow::Heads => "POST /v1/check HTTP/1.1\r\nHost: gate\r\n".to_owned(),
        Slow::Bodies => format!(
            "POST /hooks/{hook} HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nX-Event-Key: repo:push\r\n\
             X-Hub-Signature: sha256={}\r\nContent-Length: 100000\r\n\r\n",
            "0a".repeat(32)
        ),
        Slow::Silence => String::new(),
        Slow::Reading => "GET /api/v1/openapi.json HTTP/1.1\r\nHost: gate\r\n\r\n".repeat(400),
    };
    let (mut reading, mut writing) = stream.split();
    let drip = async {
        if writing.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        loop {
            tick.tick().await;
            let more = match how {
                Slow::Heads => "X-More: 1\r\n",
                Slow::Bodies => " ",
                Slow::Silence | Slow::Reading => "",
            };
            if writing.write_all(more.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    let closed = async {
        let mut taken = [0; 256];
        // Who reads slowly takes a little now and then, and so sees the end late.
        while matches!(reading.read(&mut taken).await, Ok(read) if read > 0) {
            if matches!(how, Slow::Reading) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    };
    tokio::select! {
        () = drip => {}
        () = closed => {}
    }
    began.elapsed()
}

/// A delivery of its own every fiftieth of a second, until it is told that it is enough; how many were sent. Each must
/// be answered 202.
async fn good(gate: &Gate, enough: impl Future<Output = ()>) -> u64 {
    let mut sent = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(1_000 / RATE));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::pin!(enough);
    loop {
        tokio::select! {
            () = &mut enough => return sent,
            _ = tick.tick() => {}
        }
        let answer = gate.post(&format!("{{\"good\":{sent}}}")).await;
        assert_eq!(answer.status, 202, "good delivery {sent}: {}", answer.body);
        sent += 1;
    }
}

/// Everything is as if the attackers had never been: descriptors, memory, and what is stored.
async fn nothing_is_left(gate: &Gate, before: Cost, good: u64) {
    gate.quiet().await;
    let after = until("the descriptors of the time before", async || {
        let now = cost(gate);
        // The good ones keep their connections, and the store opens readers as it needs them.
        (now.descriptors <= before.descriptors + 12).then_some(now)
    })
    .await;
    let grown = after.kib.saturating_sub(before.kib);
    assert!(grown < MOST_MEMORY_KIB, "{grown} KiB more than before");
    assert_eq!(gate.count("delivery"), i64::try_from(good).unwrap(), "kept: the good ones alone");
    assert_eq!(gate.readiness().await.status, 200);
    let log = gate.log();
    let lines = log.lines().filter(|line| !line.contains("a delivery became a dead letter"));
    assert!(lines.count() < 40, "an attack does not fill the log");
    eprintln!(
        "{good} good, {grown} KiB, {} descriptors ({} before)",
        after.descriptors, before.descriptors
    );
}

async fn slowloris(counts: &[(Slow, usize)], within: Duration) {
    let gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    let before = cost(&gate);
    let mut attackers = JoinSet::new();
    for (how, count) in counts {
        for _ in 0..*count {
            attackers.spawn(attack(
                gate.public.clone(),
                gate.town.cast.cloud_hook.id.clone(),
                *how,
            ));
        }
    }
    let mut longest = Duration::ZERO;
    let all_closed = async {
        while let Some(closed) = attackers.join_next().await {
            longest = longest.max(closed.unwrap());
        }
    };
    let all_closed = async {
        tokio::time::timeout(within, all_closed).await.expect("an attacker is still connected");
    };
    let sent = good(&gate, all_closed).await;
    assert!(sent > 100, "{sent} good ones beside");
    eprintln!("the last attacker was closed after {longest:?}");
    nothing_is_left(&gate, before, sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_slow_clients_are_closed_and_good_traffic_is_unharmed() {
    let counts = [(Slow::Heads, 200), (Slow::Bodies, 200), (Slow::Silence, 100)];
    // Deadlines of 10 s, and some room for a busy machine.
    slowloris(&counts, Duration::from_secs(40)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "two minutes: 5,000 clients, and those that take no answer"]
async fn five_thousand_slow_clients_are_closed_and_good_traffic_is_unharmed() {
    let counts =
        [(Slow::Heads, 2_000), (Slow::Bodies, 1_000), (Slow::Silence, 1_800), (Slow::Reading, 200)];
    slowloris(&counts, Duration::from_mins(2)).await;
}

/// Unsigned, badly signed and misdirected deliveries, as fast as they are answered; how many, by status.
async fn flood(gate: String, hook: String, until: Instant) -> Vec<u16> {
    let agent =
        reqwest::Client::builder().no_proxy().local_address(std::net::IpAddr::from([127, 0, 0, 2]));
    let agent = agent.build().unwrap();
    let mut told = Vec::new();
    let wrong = format!("sha256={}", "0a".repeat(32));
    for number in 0_usize.. {
        if Instant::now() >= until {
            break;
        }
        let nobody = "f".repeat(32);
        let hook = if number % 3 == 0 { &nobody } else { &hook };
        let mut request = agent
            .post(format!("http://{gate}/hooks/{hook}"))
            .header("content-type", "application/json")
            .header("x-event-key", "repo:push")
            .body(format!("{{\"bad\":{number}}}"));
        if number % 3 == 1 {
            request = request.header("x-hub-signature", &wrong);
        }
        // A connection that the gate closed behind its answer is an answer too.
        if let Ok(answer) = request.send().await {
            told.push(answer.status().as_u16());
        }
    }
    told
}

async fn flooded(seconds: u64) {
    let gate = Gate::start_as(Shape { silent: true, ..Shape::default() }).await;
    let before = cost(&gate);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut floods = JoinSet::new();
    for _ in 0..8 {
        floods.spawn(flood(gate.public.clone(), gate.town.cast.cloud_hook.id.clone(), end));
    }
    let mut told = Vec::new();
    let over = async {
        while let Some(one) = floods.join_next().await {
            told.extend(one.unwrap());
        }
    };
    let sent = good(&gate, over).await;
    assert!(told.iter().all(|status| [401, 404, 429].contains(status)), "{told:?}");
    assert!(told.len() > 200, "{} is no flood", told.len());
    eprintln!("{} bad in {seconds} s", told.len());
    nothing_is_left(&gate, before, sent).await;
    // A bad delivery is counted, and leaves nothing else.
    let page = gate.metrics().await;
    assert!(
        page.contains("portcullis_deliveries_total{outcome=\"no_hook\",product=\"unknown\"}"),
        "{page}"
    );
    // Start and bundle, and what dead letters leave: an entry each, all of good deliveries. What the patrol found in the
    // company is its own.
    let head = gate.count("entry WHERE instr(bytes, CAST('\"what\":\"finding\"' AS BLOB)) = 0 AND instr(bytes, CAST('\"what\":\"scan\"' AS BLOB)) = 0");
    assert!(head <= i64::try_from(sent).unwrap() + 10, "{head} entries");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_flood_stores_nothing_and_good_traffic_is_unharmed() {
    flooded(4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute of flood"]
async fn a_minute_of_unsigned_flood_stores_nothing_and_good_traffic_is_unharmed() {
    flooded(60).await;
}
