//! The listener keeps its limits against clients that do not keep to the rules.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::StatusCode;
use hyper::body::Incoming;
use portcullis::http::answer;
use portcullis::http::answer::Answer;
use portcullis::http::body;
use portcullis::http::listener;
use portcullis::http::listener::Doorway;
use portcullis::http::listener::Drained;
use portcullis::http::listener::Limits;
use portcullis::http::listener::Security;
use portcullis::http::listener::Stage;
use portcullis::http::listener::Visit;
use portcullis::http::live::Pieces;
use portcullis::http::meter::Meters;
use portcullis::http::problem::Problem;
use portcullis::http::route::Surface;
use prometheus::Registry;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Long enough that a busy machine does not fail a test, short enough that a hanging one does.
const PATIENCE: Duration = Duration::from_secs(20);
/// A limit that must be seen to fire.
pub(crate) const SOON: Duration = Duration::from_millis(400);

/// A listener on loopback whose doors do what their path says.
pub(crate) struct House {
    pub(crate) address: SocketAddr,
    pub(crate) gate: Arc<Semaphore>,
    pub(crate) entered: Arc<Semaphore>,
    stage: watch::Sender<Stage>,
    ended: JoinHandle<Drained>,
    registry: Registry,
}

impl House {
    pub(crate) async fn open(limits: Limits, security: Security) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (gate, entered) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (inside, seen) = (Arc::clone(&gate), Arc::clone(&entered));
        let service = listener::service(move |request, visit| {
            act(request, visit, Arc::clone(&inside), Arc::clone(&seen))
        });
        let registry = Registry::new();
        let meter = Meters::register(&registry).unwrap().of(Surface::Public);
        let (stage, open) = watch::channel(Stage::Open);
        let doorway = Arc::new(Doorway { limits, service, meter, security });
        let ended = tokio::spawn(listener::serve(socket, doorway, open));
        Self { address, gate, entered, stage, ended, registry }
    }

    async fn plain(limits: Limits) -> Self {
        Self::open(limits, Security::Plain).await
    }

    async fn connect(&self) -> TcpStream {
        within(TcpStream::connect(self.address)).await.unwrap()
    }

    /// Sends bytes on a new connection and reads what comes until the gateway closes.
    async fn tell(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.write_all(bytes.as_ref()).await.unwrap();
        rest(&mut client).await
    }

    async fn drain(self) -> Drained {
        self.stage.send_replace(Stage::Draining);
        within(self.ended).await.unwrap()
    }

    fn open_now(&self) -> f64 {
        let families = self.registry.gather();
        let open =
            families.iter().find(|family| family.name() == "portcullis_connections_open").unwrap();
        open.get_metric()[0].get_gauge().get_value()
    }

    /// Drains, then says whether connections ended, and all of them in this way.
    pub(crate) async fn ended_as(self, outcome: &str) -> bool {
        let registry = self.registry.clone();
        self.drain().await;
        let families = registry.gather();
        let name = "portcullis_connections_total";
        let ended = families.iter().find(|family| family.name() == name).unwrap();
        let counted =
            ended.get_metric().iter().filter(|metric| metric.get_counter().get_value() > 0.0);
        let ways: Vec<_> = counted.map(|metric| metric.get_label()[0].value()).collect();
        ways == [outcome]
    }
}

async fn act(
    request: Request<Incoming>,
    visit: Visit,
    gate: Arc<Semaphore>,
    entered: Arc<Semaphore>,
) -> Answer {
    entered.add_permits(1);
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/body" | "/body-soon" => {
            let within = if path == "/body" { PATIENCE } else { SOON };
            let (head, body) = request.into_parts();
            let allowance = body::Allowance { bytes: 1_000, within };
            match body::read(&head.headers, body, allowance).await {
                Ok(bytes) => answer::text(StatusCode::OK, format!("{} bytes", bytes.len())),
                Err(refused) => Problem::from(refused).into_answer(visit.id),
            }
        }
        "/gate" => {
            gate.acquire().await.unwrap().forget();
            answer::text(StatusCode::OK, "through")
        }
        "/large" => answer::text(StatusCode::OK, vec![b'x'; 32 * 1024 * 1024]),
        "/pieces" => answer::events(pieces(Duration::ZERO, 1024 * 1024)),
        "/slow-pieces" => answer::events(pieces(2 * SOON, 3)),
        "/panic" => panic!("on purpose"),
        path => answer::text(StatusCode::OK, format!("you asked {path}")),
    }
}

/// Pieces without end, each this much later and this large.
fn pieces(apart: Duration, bytes: usize) -> Pieces {
    Box::pin(futures_util::stream::unfold((), move |()| async move {
        tokio::time::sleep(apart).await;
        Some((vec![b'x'; bytes].into(), ()))
    }))
}

pub(crate) async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait).await.expect("what was awaited did not happen")
}

/// Everything until the other side closes; a reset counts as closed.
pub(crate) async fn rest(client: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let _ = within(client.read_to_end(&mut all)).await;
    String::from_utf8_lossy(&all).into_owned()
}

/// One answer, by its Content-Length.
pub(crate) async fn one_answer(client: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                return text;
            }
        }
        let byte =
            within(client.read_u8()).await.expect("the gateway closed before its answer was whole");
        all.push(byte);
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: gate\r\n\r\n")
}

fn post(headers: &str, body: &str) -> String {
    format!("POST /body HTTP/1.1\r\nHost: gate\r\n{headers}\r\n{body}")
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_request_is_answered_and_the_next_one_on_the_same_connection_too() {
    let house = House::plain(Limits::default()).await;
    let mut client = house.connect().await;
    for path in ["/one", "/two"] {
        client.write_all(get(path).as_bytes()).await.unwrap();
        let answer = one_answer(&mut client).await;
        assert!(answer.ends_with(&format!("you asked {path}")), "{answer}");
        assert!(answer.contains("x-request-id: ") && answer.contains("nosniff"), "{answer}");
    }
    drop(client);
    assert!(house.ended_as("finished").await);
}

#[tokio::test]
async fn a_head_request_gets_no_body() {
    let house = House::plain(Limits::default()).await;
    let request = "HEAD /one HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n";
    let answer = house.tell(request).await;
    assert!(answer.contains("content-length: 14\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn two_requests_at_once_are_answered_in_their_order() {
    let house = House::plain(Limits::default()).await;
    let mut client = house.connect().await;
    let body = "POST /body HTTP/1.1\r\nHost: gate\r\nContent-Length: 3\r\n\r\nabc";
    client.write_all([&get("/first"), body, &get("/third")].concat().as_bytes()).await.unwrap();
    assert!(one_answer(&mut client).await.ends_with("/first"));
    assert!(one_answer(&mut client).await.ends_with("3 bytes"));
    assert!(one_answer(&mut client).await.ends_with("/third"));
}

#[tokio::test]
async fn a_silent_client_is_closed() {
    let house = House::plain(Limits { head: SOON, ..Limits::default() }).await;
    assert_eq!(house.tell("").await, "");
    assert!(house.ended_as("late-head").await);
}

#[tokio::test]
async fn one_byte_and_then_silence_is_closed() {
    let house = House::plain(Limits { head: SOON, ..Limits::default() }).await;
    assert_eq!(house.tell("G").await, "");
    assert!(house.ended_as("late-head").await);
}

#[tokio::test]
async fn a_head_that_drips_is_closed_although_it_makes_progress() {
    let house = House::plain(Limits { head: SOON, ..Limits::default() }).await;
    let (mut reader, mut writer) = house.connect().await.into_split();
    let drip = tokio::spawn(async move {
        let mut written = writer.write_all(b"GET / HTTP/1.1\r\nX: ").await;
        while written.is_ok() {
            // The client's pace, not a wait for the gateway.
            tokio::time::sleep(SOON / 10).await;
            written = writer.write_all(b"a").await;
        }
    });
    assert_eq!(rest(&mut reader).await, "");
    drop(reader);
    within(drip).await.unwrap();
    assert!(house.ended_as("late-head").await);
}

#[tokio::test]
async fn an_idle_connection_is_closed_by_its_own_limit() {
    let house = House::plain(Limits { idle: SOON, ..Limits::default() }).await;
    assert!(house.tell(get("/")).await.ends_with("you asked /"));
    assert!(house.ended_as("idle").await);
}

#[tokio::test]
async fn a_second_head_that_stops_half_way_is_closed() {
    for half in ["", "GET / HT"] {
        let house = House::plain(Limits { head: SOON, ..Limits::default() }).await;
        let mut client = house.connect().await;
        client.write_all([&get("/first"), half].concat().as_bytes()).await.unwrap();
        one_answer(&mut client).await;
        client.write_all(b"GE").await.unwrap();
        assert_eq!(rest(&mut client).await, "");
        assert!(house.ended_as("late-head").await);
    }
}

/// Asks, and takes nothing of the answer.
async fn takes_nothing_of(path: &str) {
    let house = House::plain(Limits { answer: SOON, ..Limits::default() }).await;
    let mut client = house.connect().await;
    client.write_all(get(path).as_bytes()).await.unwrap();
    within(house.entered.acquire()).await.unwrap().forget();
    within(async {
        while house.open_now() > 0.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(client);
    assert!(house.ended_as("late-answer").await);
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_closed() {
    takes_nothing_of("/large").await;
}

#[tokio::test]
async fn a_client_that_does_not_take_a_piece_of_its_answer_is_closed() {
    takes_nothing_of("/pieces").await;
}

#[tokio::test]
async fn an_answer_that_goes_on_has_time_between_its_pieces_and_ends_whole_with_a_drain() {
    let limits = Limits { answer: SOON, idle: SOON, head: SOON, ..Limits::default() };
    let house = House::plain(limits).await;
    let mut client = house.connect().await;
    client.write_all(get("/slow-pieces").as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.ends_with("3\r\nxxx\r\n3\r\nxxx\r\n") {
        let byte = within(client.read_u8()).await.expect("closed before its second piece");
        heard.push(char::from(byte));
    }
    let (left, drained) = tokio::join!(rest(&mut client), house.drain());
    assert_eq!(drained, Drained::Whole);
    assert!(left.ends_with("0\r\n\r\n"), "the end is said: {left:?}");
}

#[tokio::test]
async fn a_slow_body_gets_408() {
    let house = House::plain(Limits::default()).await;
    let answer =
        house.tell(post("Content-Length: 10\r\n", "abc").replace("/body", "/body-soon")).await;
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(
        answer.contains("application/problem+json") && answer.contains("connection: close"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_within_the_limit_is_taken() {
    let house = House::plain(Limits::default()).await;
    let body = "x".repeat(1_000);
    for (headers, body) in [
        ("Content-Length: 1000\r\nConnection: close\r\n", body.clone()),
        (
            "Content-Encoding: Identity\r\nContent-Length: 1000\r\nConnection: close\r\n",
            body.clone(),
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            format!("1f4\r\n{0}\r\n1F4;a=b\r\n{0}\r\n0\r\n\r\n", "x".repeat(500)),
        ),
    ] {
        let answer = house.tell(post(headers, &body)).await;
        assert!(answer.ends_with("1000 bytes"), "{headers}: {answer}");
        assert!(answer.contains("connection: close"), "{headers}: {answer}");
    }
}

#[tokio::test]
async fn an_announced_body_over_the_limit_gets_413_before_it_is_sent() {
    let house = House::plain(Limits::default()).await;
    for length in ["1001", "10000000000", "18446744073709551613"] {
        for expect in ["", "Expect: 100-continue\r\n"] {
            let answer =
                house.tell(post(&format!("Content-Length: {length}\r\n{expect}"), "")).await;
            assert_eq!(status(&answer), 413, "{length}: {answer}");
            assert!(!answer.contains("100 Continue"), "{answer}");
        }
    }
}

#[tokio::test]
async fn an_expected_continue_comes_when_the_body_is_wanted() {
    let house = House::plain(Limits::default()).await;
    let mut client = house.connect().await;
    let head = post("Content-Length: 3\r\nExpect: 100-continue\r\n", "");
    client.write_all(head.as_bytes()).await.unwrap();
    assert!(one_answer(&mut client).await.starts_with("HTTP/1.1 100 Continue"));
    client.write_all(b"abc").await.unwrap();
    assert!(one_answer(&mut client).await.ends_with("3 bytes"));
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_gets_413() {
    let house = House::plain(Limits::default()).await;
    for body in [format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1_001)), "1\r\nx\r\n".repeat(1_001)] {
        let answer = house.tell(post("Transfer-Encoding: chunked\r\n", &body)).await;
        assert_eq!(status(&answer), 413, "{answer}");
    }
}

#[tokio::test]
async fn the_answer_to_a_refused_body_survives_the_bytes_still_under_way() {
    let house = House::plain(Limits { linger: PATIENCE, ..Limits::default() }).await;
    let mut client = house.connect().await;
    client.write_all(post("Content-Length: 50000\r\n", "").as_bytes()).await.unwrap();
    let answer = rest(&mut client).await;
    assert_eq!(status(&answer), 413, "{answer}");
    for _ in 0..50 {
        client.write_all(&[b'x'; 1_000]).await.expect("a reset");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_coded_body_gets_415() {
    let house = House::plain(Limits::default()).await;
    for coding in ["gzip", "identity, gzip", "br", ""] {
        let headers = format!("Content-Encoding: {coding}\r\nContent-Length: 3\r\n");
        let answer = house.tell(post(&headers, "abc")).await;
        assert_eq!(status(&answer), 415, "{coding}: {answer}");
        assert!(answer.contains("accept-encoding: identity"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_costs_only_its_connection() {
    let house = House::plain(Limits::default()).await;
    let mut client = house.connect().await;
    client.write_all(post("Content-Length: 10\r\n", "abc").as_bytes()).await.unwrap();
    drop(client);
    assert!(
        house
            .tell(get("/") + &get("/close").replace("Host", "Connection: close\r\nHost"))
            .await
            .contains("you asked /")
    );
}

#[tokio::test]
async fn a_request_that_takes_too_long_gets_503() {
    let house = House::plain(Limits { request: SOON, ..Limits::default() }).await;
    let answer = house.tell(get("/gate")).await;
    assert_eq!(status(&answer), 503, "{answer}");
    assert!(answer.contains("retry-after: "), "{answer}");
}

#[tokio::test]
async fn a_door_that_falls_over_hurts_nobody_else() {
    let house = House::plain(Limits::default()).await;
    let mut other = house.connect().await;
    other.write_all(get("/gate").as_bytes()).await.unwrap();
    let answer = house.tell(get("/panic")).await;
    assert_eq!(status(&answer), 500, "{answer}");
    assert!(!answer.contains("on purpose"), "{answer}");
    house.gate.add_permits(1);
    assert!(one_answer(&mut other).await.ends_with("through"));
}

#[tokio::test]
async fn a_flood_of_headers_gets_431_or_is_closed() {
    let house = House::plain(Limits::default()).await;
    let fitting = format!(
        "GET / HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n{}\r\n",
        "A: b\r\n".repeat(98)
    );
    assert_eq!(status(&house.tell(fitting).await), 200);
    let many = format!("GET / HTTP/1.1\r\nHost: gate\r\n{}\r\n", "A: b\r\n".repeat(100));
    assert_eq!(status(&house.tell(many).await), 431);
    let long = format!("GET / HTTP/1.1\r\nHost: gate\r\nA: {}\r\n\r\n", "b".repeat(32 * 1024));
    assert_eq!(status(&house.tell(long).await), 431);
    let mut client = house.connect().await;
    let _ = client
        .write_all(format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(1024 * 1024)).as_bytes())
        .await;
    assert!(!rest(&mut client).await.contains("200 OK"));
}

#[tokio::test]
async fn the_limit_of_a_head_is_exact() {
    let house = House::plain(Limits { head_bytes: 8_192, ..Limits::default() }).await;
    for (length, code) in [(8_192, 200), (8_193, 431)] {
        let frame = "GET / HTTP/1.1\r\nHost: gate\r\nConnection: close\r\nA: \r\n\r\n";
        let head = frame.replace("A: ", &format!("A: {}", "b".repeat(length - frame.len())));
        assert_eq!((head.len(), status(&house.tell(head).await)), (length, code));
    }
}

#[tokio::test]
async fn a_long_target_gets_414() {
    let house = House::plain(Limits::default()).await;
    for (length, code) in [(8_192, 200), (8_193, 414)] {
        let path = format!("/{}", "a".repeat(length - 1));
        let answer = house.tell(get(&path).replace("Host", "Connection: close\r\nHost")).await;
        assert_eq!(status(&answer), code);
    }
}

#[tokio::test]
async fn above_the_cap_a_connection_waits_until_another_ends() {
    let house = House::plain(Limits { connections: 2, ..Limits::default() }).await;
    let mut first = house.connect().await;
    let mut second = house.connect().await;
    for client in [&mut first, &mut second] {
        client.write_all(get("/gate").as_bytes()).await.unwrap();
        within(house.entered.acquire()).await.unwrap().forget();
    }
    let mut third = house.connect().await;
    third.write_all(get("/third").as_bytes()).await.unwrap();
    // The two that are in are served to the end, and the third has still not been looked at.
    house.gate.add_permits(2);
    assert!(one_answer(&mut first).await.ends_with("through"));
    assert!(one_answer(&mut second).await.ends_with("through"));
    assert_eq!(house.entered.available_permits(), 0);
    drop(first);
    assert!(one_answer(&mut third).await.ends_with("/third"));
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_and_refuses_what_is_new() {
    let house = House::plain(Limits::default()).await;
    let mut idle = house.connect().await;
    idle.write_all(get("/").as_bytes()).await.unwrap();
    one_answer(&mut idle).await;
    let mut busy = house.connect().await;
    busy.write_all(get("/gate").as_bytes()).await.unwrap();
    within(house.entered.acquire_many(2)).await.unwrap().forget();
    house.stage.send_replace(Stage::Draining);
    assert_eq!(rest(&mut idle).await, "", "an idle connection is closed at once");
    within(async { while TcpStream::connect(house.address).await.is_ok() {} }).await;
    house.gate.add_permits(1);
    let answer = rest(&mut busy).await;
    assert!(answer.ends_with("through") && answer.contains("connection: close"), "{answer}");
    assert_eq!(house.drain().await, Drained::Whole);
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let house = House::plain(Limits { drain: SOON, ..Limits::default() }).await;
    let mut busy = house.connect().await;
    busy.write_all(get("/gate").as_bytes()).await.unwrap();
    within(house.entered.acquire()).await.unwrap().forget();
    assert_eq!(house.drain().await, Drained::Cut(1));
    assert_eq!(rest(&mut busy).await, "");
}
