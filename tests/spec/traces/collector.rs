//! A collector on loopback that takes traces as OTLP over HTTP, and reads them with OTLP's own types.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use http::HeaderMap;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::spec::rig::until;

/// A span as it came.
#[derive(Clone, Debug)]
pub struct Told {
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    pub kind: i32,
    pub began: u64,
    pub ended: u64,
    pub attributes: BTreeMap<String, String>,
    pub resource: BTreeMap<String, String>,
}

/// Takes everything it is sent.
pub struct Collector {
    pub url: String,
    told: Arc<Mutex<Vec<Told>>>,
    heads: Arc<Mutex<Vec<HeaderMap>>>,
    _tasks: JoinSet<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", socket.local_addr().unwrap());
        let (told, heads) = (Arc::<Mutex<Vec<Told>>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let (all, seen) = (Arc::clone(&told), Arc::clone(&heads));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = socket.accept().await {
                let (all, seen) = (Arc::clone(&all), Arc::clone(&seen));
                let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                    let (all, seen) = (Arc::clone(&all), Arc::clone(&seen));
                    async move {
                        let (head, body) = request.into_parts();
                        assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/v1/traces"));
                        assert_eq!(head.headers["content-type"], "application/x-protobuf");
                        let body = body.collect().await?.to_bytes();
                        let message = ExportTraceServiceRequest::decode(body).unwrap();
                        seen.lock().unwrap().push(head.headers);
                        all.lock().unwrap().extend(read(message));
                        Ok::<_, hyper::Error>(Response::new(Full::<Bytes>::default()))
                    }
                });
                open.spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    let _gone = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { url, told, heads, _tasks: tasks }
    }

    pub fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    pub fn heads(&self) -> Vec<HeaderMap> {
        self.heads.lock().unwrap().clone()
    }

    /// Every span of the trace with one such span, once there is one, and one of each of those names.
    pub async fn trace_with(&self, holds: impl Fn(&Told) -> bool, names: &[&str]) -> Vec<Told> {
        until("a trace", async || {
            let all = self.told();
            let trace = all.iter().find(|span| holds(span))?.trace.clone();
            let mine: Vec<Told> = all.into_iter().filter(|span| span.trace == trace).collect();
            let has = |name: &&str| mine.iter().any(|span| span.name == *name);
            names.iter().all(has).then_some(mine)
        })
        .await
    }
}

fn read(message: ExportTraceServiceRequest) -> Vec<Told> {
    let mut told = Vec::new();
    for of in message.resource_spans {
        let resource = map(of.resource.unwrap().attributes);
        for span in of.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            told.push(Told {
                trace: hex::encode(span.trace_id),
                id: hex::encode(span.span_id),
                parent: hex::encode(span.parent_span_id),
                name: span.name,
                kind: span.kind,
                began: span.start_time_unix_nano,
                ended: span.end_time_unix_nano,
                attributes: map(span.attributes),
                resource: resource.clone(),
            });
        }
    }
    told
}

fn map(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = pairs.into_iter();
    pairs.map(|pair| (pair.key, text(pair.value.unwrap().value.unwrap()))).collect()
}
