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
    statuses: Arc<Mutex<Vec<u16>>>,
    location: Arc<Mutex<String>>,
    got: Arc<Mutex<Vec<Got>>>,
    _tasks: JoinSet<()>,
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
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let statuses = Arc::new(Mutex::new(statuses.to_vec()));
        let location: Arc<Mutex<String>> = Arc::default();
        let script = (Arc::clone(&got), Arc::clone(&statuses), Arc::clone(&location));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let script = script.clone();
                open.spawn(async move {
                    let answer = service_fn(move |request| receive(request, script.clone()));
                    drop(
                        http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await,
                    );
                });
            }
        });
        Receiver { url, statuses, location, got, _tasks: tasks }
    }

    /// Answers so from now on.
    pub fn answer(&self, status: u16) {
        *self.statuses.lock().unwrap() = vec![status];
    }

    /// Sends whoever it redirects there.
    pub fn redirect(&self, to: &str) {
        to.clone_into(&mut self.location.lock().unwrap());
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

async fn receive(
    request: Request<Incoming>,
    (log, statuses, location): (Arc<Mutex<Vec<Got>>>, Arc<Mutex<Vec<u16>>>, Arc<Mutex<String>>),
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let headers = request.headers().clone();
    let body = request.into_body().collect().await?.to_bytes();
    let status = {
        let (mut log, statuses) = (log.lock().unwrap(), statuses.lock().unwrap());
        let status = statuses[log.len().min(statuses.len() - 1)];
        log.push(Got { headers, body, status });
        status
    };
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let location = location.lock().unwrap().clone();
    let answer = Response::builder().status(status).header("location", location);
    Ok(answer.body(Full::new(Bytes::from("heard"))).unwrap())
}

/// `X-Hub-Signature` of a body.
pub fn hmac_hex(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
