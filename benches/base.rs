//! What the road is compared with: hyper that drains a POST, and hyper with HMAC and a typed parse.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use serde::Deserialize;
use sha2::Sha256;
use tokio::net::TcpListener;

/// The words that name the two.
pub const BARE: &str = "bare";
pub const BASE: &str = "base";

/// What a webhook's body says, as far as a gate would look: borrowed from the body.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    actor: Option<Named<'a>>,
    #[serde(borrow)]
    repository: Option<Named<'a>>,
    #[serde(borrow)]
    push: Option<Push<'a>>,
    #[serde(borrow)]
    pullrequest: Option<Pull<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    uuid: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow)]
    changes: Vec<Change<'a>>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow)]
    old: Option<Ref<'a>>,
    #[serde(borrow)]
    new: Option<Ref<'a>>,
    forced: bool,
}

#[derive(Deserialize)]
struct Ref<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    target: Target<'a>,
}

#[derive(Deserialize)]
struct Target<'a> {
    #[serde(borrow)]
    hash: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Pull<'a> {
    id: u64,
    #[serde(borrow)]
    title: Cow<'a, str>,
}

/// The role: serves until it is killed, prints its address first.
pub fn serve(kind: &str, secret: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (looks, secret): (bool, Arc<str>) = (kind == BASE, secret.into());
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let secret = Arc::clone(&secret);
            tokio::spawn(async move {
                let service =
                    service_fn(move |request| answer(request, looks, Arc::clone(&secret)));
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new());
                drop(http.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
}

async fn answer(
    request: Request<Incoming>,
    looks: bool,
    secret: Arc<str>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut answer = Response::new(Empty::new());
    if !looks {
        let mut body = request.into_body();
        while let Some(Ok(_)) = body.frame().await {}
        return Ok(answer);
    }
    let signature = request
        .headers()
        .get("x-hub-signature")
        .map(|value| value.as_bytes().to_vec())
        .unwrap_or_default();
    let body = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    *answer.status_mut() = judged(&body, &signature, &secret);
    Ok(answer)
}

fn judged(body: &[u8], signature: &[u8], secret: &str) -> hyper::StatusCode {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let mut told = [0; 32];
    let hex = signature.strip_prefix(b"sha256=").unwrap_or_default();
    if hex::decode_to_slice(hex, &mut told).is_err() || mac.verify_slice(&told).is_err() {
        return hyper::StatusCode::UNAUTHORIZED;
    }
    match serde_json::from_slice::<Body<'_>>(body) {
        Ok(body) if says_something(&body) => hyper::StatusCode::ACCEPTED,
        Ok(_) | Err(_) => hyper::StatusCode::BAD_REQUEST,
    }
}

fn says_something(body: &Body<'_>) -> bool {
    let uuid = |named: &Option<Named<'_>>| named.as_ref().is_some_and(|named| named.uuid.is_some());
    let changes = body.push.iter().flat_map(|push| &push.changes);
    let refs = changes
        .filter(|change| !change.forced)
        .flat_map(|change| [&change.old, &change.new])
        .flatten();
    let length: usize = refs.map(|one| one.name.len() + one.target.hash.len()).sum();
    let pull = body.pullrequest.as_ref().map_or(0, |pull| pull.title.len() as u64 + pull.id);
    uuid(&body.actor) && uuid(&body.repository) && length as u64 + pull > 0
}
