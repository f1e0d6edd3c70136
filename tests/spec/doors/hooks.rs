//! Webhooks at the door: what is kept, what is refused, and how cheaply.

use portcullis::http::route::HOOK_BODY;
use reqwest::Method;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::spec::doors::house::CLOUD_HOOK;
use crate::spec::doors::house::House;
use crate::spec::doors::house::SECRET;
use crate::spec::doors::house::SERVER_HOOK;
use crate::spec::doors::house::header;
use crate::spec::doors::house::json_of;
use crate::spec::doors::house::problem;
use crate::spec::doors::house::signature;

#[tokio::test]
async fn a_signed_delivery_is_kept_once_and_told_again_as_a_duplicate() {
    let house = House::open().await;
    let send = |body: &'static str| house.hook(CLOUD_HOOK, "repo:push", body, SECRET).send();
    let first = send("{\"push\":{}}").await.unwrap();
    assert_eq!(first.status(), 202);
    let first = json_of(first).await;
    let again = send("{\"push\":{}}").await.unwrap();
    assert_eq!(again.status(), 200);
    let again = json_of(again).await;
    assert_eq!((&again["delivery"], &again["duplicate"]), (&first["delivery"], &true.into()));
    let other = send("this is no JSON, and signed").await.unwrap();
    assert_eq!(other.status(), 202, "after a good signature a body is never refused");
    assert_ne!(json_of(other).await["delivery"], first["delivery"]);
    house.close().await;
}

#[tokio::test]
async fn what_is_not_signed_by_the_hooks_secret_stays_out_and_hears_only_why() {
    let house = House::open().await;
    let body = "{\"canary\":\"payload-canary\"}";
    let good = signature(SECRET, body);
    let cases: [(Vec<&str>, &str); 5] = [
        (vec![], "no `X-Hub-Signature`"),
        (vec![&good, &good], "more than one"),
        (vec!["sha1=00"], "not `sha256=`"),
        (vec![&good[..70]], "not `sha256=`"),
        (
            vec!["sha256=0000000000000000000000000000000000000000000000000000000000000000"],
            "another secret",
        ),
    ];
    for (lines, why) in cases {
        let mut request = house.unsigned(CLOUD_HOOK, "repo:push", body);
        for line in &lines {
            request = request.header("x-hub-signature", *line);
        }
        let (status, told) = problem(request.send().await.unwrap()).await;
        let told = told.to_string();
        assert_eq!(status, 401, "{lines:?}");
        assert!(told.contains(why), "{lines:?}: {told}");
        assert!(!told.contains("payload-canary") && !told.contains(SECRET), "nothing is echoed");
    }
    house.close().await;
}

#[tokio::test]
async fn the_unsigned_are_answered_before_their_body_is_read() {
    let house = House::open().await;
    let mut client = TcpStream::connect(house.public).await.unwrap();
    let head = format!(
        "POST /hooks/{CLOUD_HOOK} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900000\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    house.close().await;
}

#[tokio::test]
async fn only_data_centers_test_needs_no_signature() {
    let house = House::open().await;
    let ping = |hook| house.unsigned(hook, "diagnostics:ping", "{\"test\":true}").send();
    let answer = ping(SERVER_HOOK).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "{}");
    assert_eq!(ping(CLOUD_HOOK).await.unwrap().status(), 401);
    house.close().await;
}

#[tokio::test]
async fn unknown_hooks_wrong_types_and_large_bodies_are_refused_each_in_its_way() {
    let house = House::open().await;
    for hook in ["00000000000000000000000000000bad", "x", CLOUD_HOOK.to_uppercase().as_str()] {
        assert_eq!(
            problem(house.hook(hook, "repo:push", "{}", SECRET).send().await.unwrap()).await.0,
            404,
            "{hook}"
        );
    }
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let path = format!("/hooks/{CLOUD_HOOK}");
        let request =
            house.public(Method::POST, &path).header("x-hub-signature", signature(SECRET, "{}"));
        let answer = request.header("content-type", kind).body("{}").send().await.unwrap();
        assert_eq!(problem(answer).await.0, 415, "{kind}");
    }
    let charset = house
        .public(Method::POST, &format!("/hooks/{SERVER_HOOK}"))
        .header("content-type", "application/json; charset=utf-8");
    let charset =
        charset.header("x-hub-signature", signature(SECRET, "{}")).body("{}").send().await.unwrap();
    assert_eq!(charset.status(), 202);
    for (hook, bytes, status) in [
        (CLOUD_HOOK, 1 << 20, 202),
        (CLOUD_HOOK, (1 << 20) + 1, 413),
        (SERVER_HOOK, (1 << 20) + 1, 202),
        (SERVER_HOOK, HOOK_BODY + 1, 413),
    ] {
        let answer =
            house.hook(hook, "repo:push", &" ".repeat(bytes), SECRET).send().await.unwrap();
        assert_eq!(answer.status(), status, "{bytes} bytes");
    }
    let coded =
        house.hook(CLOUD_HOOK, "repo:push", "{ }", SECRET).header("content-encoding", "gzip");
    assert_eq!(problem(coded.send().await.unwrap()).await.0, 415);
    house.close().await;
}

#[tokio::test]
async fn outcomes_are_counted_by_word_and_never_by_what_was_sent() {
    let house = House::open().await;
    house.hook(CLOUD_HOOK, &"k".repeat(500), "{}", SECRET).send().await.unwrap();
    house.unsigned(CLOUD_HOOK, "repo:push", "{}").send().await.unwrap();
    house.public(Method::GET, "/made/up/path-canary").send().await.unwrap();
    let answer = house.stranger(Method::GET, "/metrics").send().await.unwrap();
    assert!(header(&answer, "content-type").starts_with("text/plain"));
    let text = answer.text().await.unwrap();
    for line in [
        "portcullis_deliveries_total{outcome=\"kept\",product=\"cloud\"} 1",
        "portcullis_deliveries_total{outcome=\"signature_missing\",product=\"cloud\"} 1",
        "portcullis_http_requests_total{method=\"POST\",route=\"/hooks/{hook}\",status=\"202\",surface=\"public\"} 1",
        "portcullis_http_requests_total{method=\"GET\",route=\"none\",status=\"404\",surface=\"public\"} 1",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("path-canary") && !text.contains(CLOUD_HOOK));
    house.close().await;
}
