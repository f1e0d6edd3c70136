//! A receiver of webhooks for the other files, and the signature worked out apart from the product.

use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::Request;
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A receiver that writes down what it got and answers the given statuses in turn, the last one for ever.
pub struct Receiver {
    pub url: String,
    script: Arc<Mutex<Script>>,
    _tasks: JoinSet<()>,
}

/// What it got, and how it answers.
#[derive(Default)]
struct Script {
    got: Vec<Got>,
    statuses: Vec<u16>,
    /// Where it sends whoever it redirects.
    location: Option<String>,
}

#[derive(Clone)]
pub struct Got {
    pub headers: hyper::HeaderMap,
    pub body: Bytes,
    /// How it was answered; 0 = not at all.
    pub status: u16,
}

impl Got {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Receiver {
    /// Status 0 = never answers.
    pub async fn answering(statuses: &[u16]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks/x", listener.local_addr().unwrap());
        let script = Script { statuses: statuses.to_vec(), ..Script::default() };
        let script = Arc::new(Mutex::new(script));
        let told = Arc::clone(&script);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let told = Arc::clone(&told);
                open.spawn(async move {
                    let answer = service_fn(move |request| receive(request, Arc::clone(&told)));
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await,
                    );
                });
            }
        });
        Receiver { url, script, _tasks: tasks }
    }

    /// Answers so from now on.
    pub fn answer(&self, status: u16) {
        self.script.lock().unwrap().statuses = vec![status];
    }

    /// Sends whoever it redirects there.
    pub fn redirect(&self, to: &str) {
        self.script.lock().unwrap().location = Some(to.to_owned());
    }

    pub fn got(&self) -> Vec<Got> {
        self.script.lock().unwrap().got.clone()
    }
}

async fn receive(
    request: Request<Incoming>,
    script: Arc<Mutex<Script>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let headers = request.headers().clone();
    let body = request.into_body().collect().await?.to_bytes();
    let (status, location) = {
        let mut script = script.lock().unwrap();
        let status = script.statuses[script.got.len().min(script.statuses.len() - 1)];
        script.got.push(Got { headers, body, status });
        (status, script.location.clone())
    };
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let mut answer = Response::builder().status(status);
    if let Some(location) = location {
        answer = answer.header("location", location);
    }
    Ok(answer.body(Full::new(Bytes::from("heard"))).unwrap())
}

/// `X-Hub-Signature` of a body.
pub fn hmac_hex(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
