//! Whatever goes wrong at Bitbucket's end has a name of its own, costs at most one repetition, and carries no
//! credential away.

use std::time::Duration;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::FetchError;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::SettingsError;
use portcullis::bitbucket::TestServer;

use crate::spec::rest::WITHIN;
use crate::spec::rest::cloud_at;
use crate::spec::rest::datacenter_at;
use crate::spec::rest::nowhere;
use crate::spec::rest::raw::Raw;
use crate::spec::rest::raw::answer;
use crate::spec::rest::raw::json;
use crate::spec::rest::raw::page;
use crate::spec::rest::secret;

const HASH: &str = "1111111111111111111111111111111111111111";
const CANARY: &str = "canary-4f1d";

fn bearer() -> Credential {
    Credential::Bearer(secret(CANARY))
}

/// Asks for a commit; gives the error's word and sentence, and how often it was asked.
async fn asked(answers: &[String]) -> (&'static str, String, usize) {
    let raw = Raw::answering(answers.iter().cloned()).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
    let error = client.commit(&nowhere(), HASH, WITHIN).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(CANARY), "{shown}");
    (error.word(), error.to_string(), raw.heads().len())
}

#[tokio::test]
async fn every_refusal_has_its_own_word_and_only_passing_ones_are_repeated() {
    let html = "<!DOCTYPE html><title>Log in</title>";
    let cases = [
        (answer(401, "text/plain", "no"), "refused", 1),
        (answer(403, "application/json", "{}"), "forbidden", 1),
        (answer(404, "text/html", html), "missing", 1),
        (answer(409, "application/json", "{}"), "unexpected", 1),
        (answer(410, "application/json", "{}"), "gone", 1),
        (answer(500, "application/json", "{}"), "unavailable", 2),
        (answer(502, "text/html", html), "unavailable", 2),
        (answer(503, "application/json", "{}"), "unavailable", 2),
        (answer(555, "application/json", "{}"), "unavailable", 2),
        (answer(302, "text/html", html), "redirected", 1),
        (answer(200, "text/html", html), "not_json", 1),
        (answer(200, "text/plain", "{}"), "not_json", 1),
        (answer(200, "application/json", html), "form", 1),
        (answer(200, "application/json", ""), "not_json", 1),
        (answer(200, "application/json", "{\"hash\":\"11"), "truncated", 1),
        (answer(200, "application/json", "[]"), "form", 1),
        (answer(200, "application/json", "{\"hash\":7}"), "form", 1),
        (answer(204, "application/json", "{\"hash\":\"1\"}"), "not_json", 1),
        ("HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"hash\"".to_owned(), "truncated", 2),
        ("HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd".to_owned(), "not_json", 1),
        ("nonsense\r\n\r\n".to_owned(), "unreachable", 2),
        (String::new(), "unreachable", 2),
    ];
    for (bytes, word, times) in cases {
        let (got, sentence, count) = asked(std::slice::from_ref(&bytes)).await;
        assert_eq!((got, count), (word, times), "{bytes:?}: {sentence}");
        assert!(!sentence.ends_with('.') && sentence.len() > 20, "{sentence}");
    }
}

#[tokio::test]
async fn a_read_that_failed_once_is_answered_by_its_repetition() {
    let good = format!("{{\"hash\":\"{HASH}\",\"parents\":[]}}");
    let raw = Raw::answering([answer(503, "application/json", "{}"), json(&good)]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
    assert_eq!(client.commit(&nowhere(), HASH, WITHIN).await.unwrap().hash, HASH);
    assert_eq!(raw.heads().len(), 2);
}

#[tokio::test]
async fn a_403_names_the_scopes_that_are_missing_and_nothing_else_of_its_body() {
    let body = r#"{"type":"error","error":{"message":"canary-4f1d","detail":{"required":["repository:admin","account","<b>"],"granted":["account"]}}}"#;
    let (word, sentence, _) = asked(&[answer(403, "application/json", body)]).await;
    assert_eq!(word, "forbidden");
    assert!(sentence.contains("`repository:admin`"), "{sentence}");
    assert!(!sentence.contains("account") && !sentence.contains("<b>"), "{sentence}");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let body = format!("{{\"hash\":\"{}\"}}", "1".repeat(2 << 20));
    assert_eq!(asked(&[json(&body)]).await.0, "too_large");
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_with_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/2.0", listener.local_addr().unwrap());
    let client = cloud_at(&api, bearer());
    let error = client.commit(&nowhere(), HASH, Duration::from_millis(30)).await.unwrap_err();
    assert_eq!(error, FetchError::TimedOut { what: "the commit" });
}

#[tokio::test]
async fn a_429_is_waited_for_when_it_ends_before_the_deadline() {
    let good = format!("{{\"hash\":\"{HASH}\",\"parents\":[]}}");
    let limited =
        "HTTP/1.1 429 X\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let raw = Raw::answering([limited.to_owned(), json(&good)]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
    assert_eq!(client.commit(&nowhere(), HASH, WITHIN).await.unwrap().hash, HASH);
}

#[tokio::test]
async fn after_a_429_nobody_asks_until_its_end() {
    let limited =
        "HTTP/1.1 429 X\r\nretry-after: 600\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let raw = Raw::answering([limited.to_owned()]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
    for _ in 0..5 {
        let error = client.commit(&nowhere(), HASH, WITHIN).await.unwrap_err();
        assert_eq!(error.word(), "limited");
        assert!(error.may_pass());
    }
    assert_eq!(raw.heads().len(), 1, "one answer was enough");
}

#[tokio::test]
async fn a_429_without_an_end_is_not_hammered() {
    let limited = "HTTP/1.1 429 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let raw = Raw::answering([limited.to_owned()]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
    for _ in 0..10 {
        let within = Duration::from_secs(1);
        assert_eq!(client.commit(&nowhere(), HASH, within).await.unwrap_err().word(), "limited");
    }
    assert_eq!(raw.heads().len(), 1);
}

#[tokio::test]
async fn redirects_and_foreign_pages_carry_no_credential_away() {
    let thief = Raw::answering([json("{}")]).await;
    let redirect = format!(
        "HTTP/1.1 302 X\r\nlocation: {}/2.0/x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        thief.url
    );
    assert_eq!(asked(&[redirect]).await.0, "redirected");
    let escapes = [
        format!("{}/2.0/more", thief.url),
        "{SELF}/1.0/more".to_owned(),
        "{SELF}/2.0/../1.0/more".to_owned(),
        "{SELF}/2.0elsewhere".to_owned(),
        "//127.0.0.1/2.0/more".to_owned(),
        "/2.0/more".to_owned(),
        "not an address".to_owned(),
        "http://user@127.0.0.1/2.0/more".to_owned(),
    ];
    for next in escapes {
        let first = page(&format!("{{\"values\":[],\"next\":\"{next}\"}}"));
        let raw = Raw::answering([first]).await;
        let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
        let error = client.pull_requests_of(&nowhere(), HASH, WITHIN).await.unwrap_err();
        assert_eq!(error.word(), "foreign_page", "{next}");
        assert_eq!(raw.heads().len(), 1, "{next}");
    }
    assert!(thief.heads().is_empty(), "{:?}", thief.heads());
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_end() {
    let again =
        page("{\"values\":[{\"id\":1,\"state\":\"MERGED\"}],\"next\":\"{SELF}/2.0/more?page=2\"}");
    let raw = Raw::answering([again]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
    let error = client.pull_requests_of(&nowhere(), HASH, WITHIN).await.unwrap_err();
    assert_eq!(error.word(), "too_long");
    assert!(raw.heads().len() <= 3, "{}", raw.heads().len());
}

#[tokio::test]
async fn a_list_whose_second_page_fails_is_no_list() {
    let first =
        page("{\"values\":[{\"id\":1,\"state\":\"MERGED\"}],\"next\":\"{SELF}/2.0/more?page=2\"}");
    let raw = Raw::answering([first, answer(500, "application/json", "{}")]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
    let error = client.pull_requests_of(&nowhere(), HASH, WITHIN).await.unwrap_err();
    assert_eq!(error.word(), "unavailable");
}

#[tokio::test]
async fn what_data_center_pages_wrongly_is_no_list() {
    for body in [
        r#"{"values":[],"isLastPage":false,"nextPageStart":null}"#,
        r#"{"values":[],"isLastPage":false,"nextPageStart":0}"#,
    ] {
        let raw = Raw::answering([json(r#"{"id":9}"#), json(body)]).await;
        let client = datacenter_at(&raw.url, bearer());
        let repository = "acme-dc/repository/9".parse().unwrap();
        client.remember(&repository, ("ONE", "ONE/api"));
        let error = client.pull_requests_of(&repository, HASH, WITHIN).await.unwrap_err();
        assert_eq!(error.word(), "too_long", "{body}");
    }
}

#[tokio::test]
async fn an_oauth_consumer_is_asked_for_one_token_by_all_and_again_after_a_refusal_only_later() {
    let token = json(
        r#"{"access_token":"fresh-token","expires_in":7200,"token_type":"bearer","scopes":"account"}"#,
    );
    let good = json(&format!("{{\"hash\":\"{HASH}\",\"parents\":[]}}"));
    let raw = Raw::answering([token, good]).await;
    let consumer = || Credential::OAuth { key: secret("the-key"), secret: secret(CANARY) };
    let client = cloud_at(&format!("{}/2.0", raw.url), consumer());
    let nowhere = nowhere();
    let ask = || client.commit(&nowhere, HASH, WITHIN);
    let (one, two) = tokio::join!(ask(), ask());
    assert_eq!((one.unwrap().hash, two.unwrap().hash), (HASH.to_owned(), HASH.to_owned()));
    let heads = raw.heads();
    let asked =
        heads.iter().filter(|head| head.starts_with("POST /site/oauth2/access_token")).count();
    assert_eq!((asked, heads.len()), (1, 3), "{heads:?}");
    assert!(heads[1].contains("authorization: Bearer fresh-token"), "{}", heads[1]);

    let raw =
        Raw::answering([answer(400, "application/json", r#"{"error":"unauthorized_client"}"#)])
            .await;
    let client = cloud_at(&format!("{}/2.0", raw.url), consumer());
    for _ in 0..4 {
        let error = client.commit(&nowhere, HASH, WITHIN).await.unwrap_err();
        assert_eq!(error.word(), "refused");
        assert!(!format!("{error:?} {error} {client:?}").contains(CANARY));
    }
    assert_eq!(raw.heads().len(), 1, "a refused consumer that asks on is locked out");
}

#[test]
fn addresses_that_would_give_a_credential_away_are_refused() {
    let cloud = |api_url: &str| Server::Cloud {
        workspace: "acme".to_owned(),
        test: Some(TestServer { api_url: api_url.to_owned(), token_url: None }),
    };
    let datacenter = |base_url: &str| Server::DataCenter { base_url: base_url.to_owned() };
    let with = |server, credential| {
        Client::new(Settings { connection: "acme-dc".parse().unwrap(), server, credential })
    };
    let shown = |server| with(server, bearer()).unwrap_err().to_string();
    assert!(shown(datacenter("http://bitbucket.example.com")).contains("https"));
    assert!(shown(cloud("http://192.0.2.1/2.0")).contains("https"));
    assert!(shown(datacenter("ftp://bitbucket.example.com")).contains("address"));
    let hidden = shown(datacenter("https://user:canary-4f1d@bitbucket.example.com"));
    assert!(!hidden.contains(CANARY), "{hidden}");
    assert!(with(datacenter("https://bitbucket.example.com/context/"), bearer()).is_ok());
    assert!(with(datacenter("http://127.0.0.1:7990/bitbucket"), bearer()).is_ok());
    let consumer = Credential::OAuth { key: secret("k"), secret: secret("s") };
    assert_eq!(
        with(datacenter("https://bitbucket.example.com"), consumer).unwrap_err(),
        SettingsError::Consumer
    );
    let newline = Credential::Bearer(secret("a\nb"));
    assert_eq!(
        with(cloud("http://127.0.0.1/2.0"), newline).unwrap_err(),
        SettingsError::Credential
    );
    let away = Server::Cloud { workspace: "../acme".to_owned(), test: None };
    assert!(shown(away).contains("workspace"));
}

#[tokio::test]
async fn what_cannot_be_part_of_an_address_is_not_asked() {
    let raw = Raw::answering([json("{}")]).await;
    let client = cloud_at(&format!("{}/2.0", raw.url), bearer());
    for commit in ["..", "main", "1111111/../..", "", &"1".repeat(41)] {
        let error = client.commit(&nowhere(), commit, WITHIN).await.unwrap_err();
        assert_eq!(error.word(), "unaskable", "{commit}");
    }
    let step = client.step(&nowhere(), "../x", "{y}", WITHIN).await.unwrap_err();
    assert_eq!(step.word(), "unaskable");
    let foreign = "other-cloud/repository/4c5ea1ce-0000-4000-8000-000000000001".parse().unwrap();
    let error = client.commit(&foreign, HASH, WITHIN).await.unwrap_err();
    assert_eq!(error.word(), "unaskable");
    assert!(raw.heads().is_empty());
}
