//! The loopback listener: reads a request, meets it with a laid fault, or hands it to the face its path belongs to.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Reply;
use crate::simulator::answer::Request;
use crate::simulator::cloud_rest;
use crate::simulator::datacenter_rest;
use crate::simulator::faults::Call;
use crate::simulator::faults::Fault;
use crate::simulator::state::State;
use crate::simulator::state::hold;

/// Largest request body; both products take far less on the paths that are here.
const MOST_BODY: usize = 1024 * 1024;

/// Accepts until dropped; connections die with it.
pub(crate) async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&state)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(|request| serve(request, Arc::clone(&state)));
    // A broken connection is the caller's business, and the request log's.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

type Answered = Result<Response<Full<Bytes>>, io::Error>;

/// `Err` closes the connection without an answer.
async fn serve(request: hyper::Request<Incoming>, state: Arc<State>) -> Answered {
    let path = request.uri().path().to_owned();
    let method = request.method().to_string();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let trace = request.headers().get("traceparent");
    let trace = trace.and_then(|line| line.to_str().ok()).map(str::to_owned);
    let log = |status| {
        state.log(Call {
            method: method.clone(),
            path: path.clone(),
            query: query.clone(),
            traceparent: trace.clone(),
            status,
        });
    };
    let fault = state.meet(&path);
    if let Some(Fault::Delay(wait)) = &fault {
        tokio::time::sleep(*wait).await;
    }
    let is_cloud = path.starts_with("/2.0/") || path.starts_with("/1.0/");
    let admitted = !is_cloud || hold(&state.limit).admits(Instant::now());
    let answer = match fault {
        _ if !admitted => broken(&Fault::TooManyRequests(None)),
        None | Some(Fault::Delay(_)) => match read(request).await {
            Ok(request) => answer(&state, &request),
            Err(refused) => refused,
        },
        Some(Fault::Drop) => {
            log(0);
            return Err(io::Error::other("dropped on purpose"));
        }
        Some(fault) => broken(&fault),
    };
    let answer = if is_cloud {
        let limit = hold(&state.limit).told();
        answer.with("x-ratelimit-limit", limit)
    } else {
        answer
    };
    log(answer.status);
    let reply = respond(&answer, state.now());
    state.send_later(answer.outgoing);
    Ok(reply)
}

/// The answer of a fault that answers.
fn broken(fault: &Fault) -> Answer {
    let error = |status: u16, message: &str| {
        Answer::json(status, &json!({"type": "error", "error": {"message": message}}))
    };
    match fault {
        Fault::Status(status) => error(*status, "Something went wrong"),
        Fault::TooManyRequests(after) => {
            let answer = error(429, "Rate limit for this resource has been exceeded");
            match after {
                Some(seconds) => answer.with("retry-after", seconds.to_string()),
                None => answer,
            }
        }
        Fault::Html | Fault::Delay(_) | Fault::Drop => Answer {
            status: 200,
            content_type: "text/html; charset=utf-8",
            body: b"<!DOCTYPE html><title>Log in</title>".to_vec(),
            ..Answer::default()
        },
    }
}

async fn read(request: hyper::Request<Incoming>) -> Result<Request, Answer> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MOST_BODY)
        .collect()
        .await
        .map_err(|_| Answer::empty(413))?
        .to_bytes()
        .to_vec();
    let text =
        |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let path = parts.uri.path().to_owned();
    let raw_query = parts.uri.query().unwrap_or_default().to_owned();
    let segments = path.split('/').skip(1).map(decoded).collect();
    let query = url::form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
    Ok(Request {
        method: parts.method.to_string(),
        segments,
        query,
        raw_query,
        path,
        authorization: text(header::AUTHORIZATION),
        body,
    })
}

/// Percent-decoding of one path segment; `+` stays, as it means nothing special in a path.
fn decoded(segment: &str) -> String {
    let plus_kept = segment.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(plus_kept.as_bytes());
    let decoded = pairs.next().map(|(name, value)| {
        if value.is_empty() && !plus_kept.contains(['=', '&']) {
            name.into_owned()
        } else {
            segment.to_owned()
        }
    });
    decoded.unwrap_or_default()
}

fn answer(state: &State, request: &Request) -> Answer {
    let here = state.here();
    let mut company = hold(&state.company);
    let mut posted = Vec::new();
    let reply: Reply = if request.segments.first().is_some_and(|first| first == "bitbucket") {
        datacenter_rest::answer(&mut company, request, &here, &mut posted)
    } else {
        cloud_rest::answer(&mut company, request, &here, &mut posted)
    };
    drop(company);
    hold(&state.posted).append(&mut posted);
    reply.unwrap_or_else(|refused| refused)
}

fn respond(answer: &Answer, now: Timestamp) -> Response<Full<Bytes>> {
    let mut reply = Response::builder().status(answer.status);
    reply = reply.header(header::DATE, now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    if !answer.content_type.is_empty() {
        reply = reply.header(header::CONTENT_TYPE, answer.content_type);
    }
    for (name, value) in &answer.headers {
        reply = reply.header(*name, value);
    }
    let body = Full::new(Bytes::from(answer.body.clone()));
    reply.body(body).unwrap_or_else(|_| Response::new(Full::default()))
}
