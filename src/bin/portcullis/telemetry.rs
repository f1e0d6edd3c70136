//! Sends traces to a collector, by OTLP over HTTP. Absent from the configuration, none of this exists.
//!
//! A span that ends is handed over without waiting; if the queue is full it is dropped and counted. One task empties the
//! queue, so that a collector that is down or slow costs the road nothing, and at the end it has a few seconds for the rest.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::Sampler;
use opentelemetry_sdk::trace::SdkTracer;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::trace::Span;
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_sdk::trace::SpanProcessor;
use portcullis::gateway::Gateway;
use portcullis::gateway::spans;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::Opts;
use prost::Message;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use url::Url;

/// Spans that wait to be sent, some 500 bytes each. More are dropped.
const QUEUE: usize = 8_192;

/// Spans of one request.
const BATCH: usize = 512;

/// How long spans wait for others.
const GATHER: Duration = Duration::from_secs(1);

/// How long the collector may take for one request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tries of one request, with a pause that is doubled between them; then its spans are dropped.
const TRIES: u32 = 3;

/// The first pause.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the end of the program waits for what was not sent yet.
const FLUSH: Duration = Duration::from_secs(3);

/// Where traces go.
pub struct Settings {
    /// The collector's address, its path with it.
    pub to: Url,
    /// Sent with every request.
    pub headers: HeaderMap,
    /// The part of the traces that is kept, 0 to 1.
    pub sample: f64,
    /// What they are called there.
    pub service: String,
    /// How far they reach.
    pub reach: spans::Settings,
}

/// Sending, until it is stopped.
pub struct Telemetry {
    /// Makes the spans.
    pub tracer: SdkTracer,
    reach: spans::Settings,
    counts: IntCounterVec,
    stop: watch::Sender<bool>,
    task: JoinSet<()>,
}

impl Telemetry {
    /// Begins sending.
    pub fn start(settings: Settings) -> Result<Self, String> {
        let said = Opts::new("portcullis_spans_total", "Spans of traces, by what became of them.");
        let counts = IntCounterVec::new(said, &["outcome"]).map_err(|error| error.to_string())?;
        let resource = Resource::builder_empty()
            .with_service_name(settings.service)
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("service.instance.id", uuid::Uuid::new_v4().to_string()),
            ])
            .build();
        let post = Post {
            http: client(&settings.to).map_err(|error| error.to_string())?,
            to: settings.to,
            headers: settings.headers,
            resource: (&resource).into(),
            sent: counts.with_label_values(&["sent"]),
            failed: counts.with_label_values(&["failed"]),
            is_well: true,
        };
        let (queue, waiting) = mpsc::channel(QUEUE);
        let queue = Queue { queue, dropped: counts.with_label_values(&["dropped"]) };
        let kept = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample)));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue)
            .with_sampler(kept)
            .with_resource(resource)
            .build();
        let (stop, stopping) = watch::channel(false);
        let mut task = JoinSet::new();
        task.spawn(post.run(waiting, stopping));
        let tracer = provider.tracer("portcullis");
        Ok(Self { tracer, reach: settings.reach, counts, stop, task })
    }

    /// Lets a gateway make traces, and shows on its metrics page what becomes of them.
    pub fn watch(&self, gateway: &Gateway) -> Result<(), prometheus::Error> {
        gateway.meters.registry().register(Box::new(self.counts.clone()))?;
        gateway.trace(self.reach);
        Ok(())
    }

    /// Sends what waits, for a few seconds at most.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let rest = async { while self.task.join_next().await.is_some() {} };
        if tokio::time::timeout(FLUSH, rest).await.is_err() {
            tracing::warn!("the collector did not take the last traces in time");
        }
    }
}

fn client(to: &Url) -> reqwest::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    if to.scheme() != "https" {
        // Nothing to verify: a machine without CA certificates can send to the collector beside it.
        builder = builder.tls_certs_only(Vec::new());
    }
    builder.build()
}

/// Where spans go when they end.
#[derive(Debug)]
struct Queue {
    queue: mpsc::Sender<SpanData>,
    dropped: IntCounter,
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.queue.try_send(span).is_err() {
            self.dropped.inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The road to the collector.
struct Post {
    http: reqwest::Client,
    to: Url,
    headers: HeaderMap,
    resource: ResourceAttributesWithSchema,
    sent: IntCounter,
    failed: IntCounter,
    is_well: bool,
}

/// Why spans were not taken.
struct NotTaken {
    why: String,
    may_pass: bool,
}

impl Post {
    /// Until it is told to stop, and then until nothing waits.
    async fn run(mut self, mut waiting: mpsc::Receiver<SpanData>, mut stop: watch::Receiver<bool>) {
        loop {
            let mut batch = Vec::new();
            gathered(&mut batch, &mut waiting, &mut stop).await;
            if *stop.borrow() {
                waiting.close();
            }
            if batch.is_empty() {
                return;
            }
            self.batch(batch).await;
        }
    }

    async fn batch(&mut self, spans: Vec<SpanData>) {
        let count = spans.len() as u64;
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        match self.sent(&body).await {
            Ok(()) => {
                self.sent.inc_by(count);
                if !self.is_well {
                    tracing::info!("the collector takes traces again");
                }
                self.is_well = true;
            }
            Err(error) => {
                self.failed.inc_by(count);
                if self.is_well {
                    tracing::warn!(why = %error.why, "the collector does not take traces; they are dropped until it does");
                }
                self.is_well = false;
            }
        }
    }

    async fn sent(&self, body: &[u8]) -> Result<(), NotTaken> {
        let mut pause = PAUSE;
        // One that was away a moment ago is asked once, not waited for: the queue fills meanwhile.
        let tries = if self.is_well { TRIES } else { 1 };
        for _ in 1..tries {
            match self.once(body).await {
                Err(error) if error.may_pass => tokio::time::sleep(pause).await,
                answer => return answer,
            }
            pause *= 2;
        }
        self.once(body).await
    }

    async fn once(&self, body: &[u8]) -> Result<(), NotTaken> {
        let request = self
            .http
            .post(self.to.clone())
            .headers(self.headers.clone())
            .header(reqwest::header::CONTENT_TYPE, "application/x-protobuf")
            .body(body.to_vec());
        let answer = request.send().await.map_err(|error| NotTaken {
            // Not the error's own words: they repeat the address, which may hold a key.
            why: if error.is_timeout() { "no answer in time" } else { "it cannot be reached" }
                .to_owned(),
            may_pass: true,
        })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let may_pass = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        Err(NotTaken { why: format!("it answered {}", status.as_u16()), may_pass })
    }
}

/// Takes what waits: at least one span, unless it is time to stop; at most a batch.
async fn gathered(
    batch: &mut Vec<SpanData>,
    waiting: &mut mpsc::Receiver<SpanData>,
    stop: &mut watch::Receiver<bool>,
) {
    if *stop.borrow() {
        waiting.close();
        waiting.recv_many(batch, BATCH).await;
        return;
    }
    tokio::select! {
        _ = waiting.recv_many(batch, BATCH) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    let full = async {
        while batch.len() < BATCH && waiting.recv_many(batch, BATCH - batch.len()).await > 0 {}
    };
    tokio::select! {
        () = full => {}
        () = tokio::time::sleep(GATHER) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}
