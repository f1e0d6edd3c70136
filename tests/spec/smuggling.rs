//! A message that two programs could read differently is refused, and nothing behind it is served.

use portcullis::http::listener::Limits;
use portcullis::http::listener::Security;
use tokio::io::AsyncWriteExt;

use crate::spec::door::House;
use crate::spec::door::one_answer;
use crate::spec::door::rest;
use crate::spec::door::within;

const MARKER: &str = "GET /marker HTTP/1.1\r\nHost: gate\r\n\r\n";
const GOOD: &str = "GET /good HTTP/1.1\r\nHost: gate\r\n\r\n";

/// Sends a good request, the bad bytes and a marker, and looks at what is answered after the good one's answer.
async fn check(house: &House, bad: &str) {
    let mut client = within(tokio::net::TcpStream::connect(house.address)).await.unwrap();
    let _ = client.write_all([GOOD, bad, MARKER].concat().as_bytes()).await;
    // Nothing more will come, so that no deadline has to be waited for.
    let _ = client.shutdown().await;
    let good = one_answer(&mut client).await;
    assert!(good.ends_with("you asked /good"), "{bad:?}: {good}");
    let answers = rest(&mut client).await;
    let refused =
        ["HTTP/1.1 400 ", "HTTP/1.1 431 "].iter().any(|refusal| answers.starts_with(refusal));
    assert!(answers.is_empty() || refused, "{bad:?}: {answers}");
    assert_eq!(answers.matches("HTTP/1.1").count(), usize::from(refused), "{bad:?}: {answers}");
    assert!(!answers.contains("marker"), "{bad:?}: {answers}");
}

async fn house() -> House {
    House::open(Limits::default(), Security::Plain).await
}

#[tokio::test]
async fn bad_requests_are_refused_and_a_marker_behind_them_is_never_answered() {
    let house = house().await;
    for bad in [
        // Two lengths.
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nabcde",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\nabcde",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nabcde",
        // Transfer-Encoding, twice or disguised.
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /body HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        // Chunks that are none.
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        // Lines that end differently.
        "GET /a HTTP/1.1\nHost: x\n\n",
        "GET /a HTTP/1.1\r\nHost: x\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nA: b\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\r\n\r\n",
        "\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        // Targets that are no path.
        "GET http://elsewhere/a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET elsewhere:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        "CONNECT elsewhere:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET  /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n",
        // Hosts.
        "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        // Names, values, methods, versions.
        "GET /a HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        "GET /a HTTP/1.1\r\n Host: x\r\n\r\n",
        "G@T /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GE\0T /a HTTP/1.1\r\nHost: x\r\n\r\n",
        " /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.2\r\nHost: x\r\n\r\n",
        "GET /a HTTP/2.0\r\nHost: x\r\n\r\n",
        "GET /a HTTP/3\r\nHost: x\r\n\r\n",
        "GET /a\r\n",
        "GET /a HTTP/1.1 \r\nHost: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}",
    ] {
        check(&house, bad).await;
    }
}

/// Ways to write a length, a coding and a line end, each recognised by somebody's parser.
const LENGTHS: [&str; 8] = [
    "A: b",
    "Content-Length: 0",
    "Content-Length: 5",
    "content-length:\t41",
    "CONTENT-LENGTH: 41 ",
    "Content-Length: 041",
    "Content-Length: 1\r\nContent-Length: 41",
    "Content-Length: 41,41",
];
const CODINGS: [&str; 8] = [
    "Transfer-Encoding: chunked",
    "transfer-encoding:chunked",
    "TRANSFER-ENCODING:\tChunked ",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
];
const ENDS: [&str; 8] = ["\r\n", "\n", "\r\r\n", " \r\n", "\t\r\n", "\r\n ", "\r", "\0\r\n"];
const BODIES: [&str; 5] =
    ["0\r\n\r\n", "0\n\n", "5\r\nabcde\r\n0\r\n\r\n", "0\r\nA: b\r\n\r\n", ""];
const FIRSTS: [&str; 2] = ["POST /body HTTP/1.1", "GET /a HTTP/1.1"];

/// All of them, in both orders, each with a marker behind it: 10,240 messages of which none has one reading.
fn messages() -> Vec<String> {
    let mut all = Vec::new();
    for first in FIRSTS {
        for length in LENGTHS {
            for coding in CODINGS {
                for end in ENDS {
                    for body in BODIES {
                        let head =
                            format!("{first}\r\nHost: x{end}{length}{end}{coding}{end}\r\n{body}");
                        let turned =
                            format!("{first}\r\nHost: x{end}{coding}{end}{length}{end}\r\n{body}");
                        all.extend([head + MARKER, turned + MARKER]);
                    }
                }
            }
        }
    }
    all
}

#[tokio::test]
async fn no_combination_of_framing_headers_lets_a_hidden_request_out() {
    let house = house().await;
    let mut refused = 0;
    for message in messages() {
        let mut client = within(tokio::net::TcpStream::connect(house.address)).await.unwrap();
        let _ = client.write_all(message.as_bytes()).await;
        // Nothing more will come, so that no deadline has to be waited for.
        let _ = client.shutdown().await;
        let answers = rest(&mut client).await;
        assert!(!answers.contains("marker"), "{message:?}: {answers}");
        assert!(answers.matches("HTTP/1.1 ").count() <= 1, "{message:?}: {answers}");
        refused += usize::from(answers.starts_with("HTTP/1.1 400 "));
    }
    assert!(refused > 2_500, "only {refused} were refused aloud");
}
