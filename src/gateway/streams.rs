//! Streams: every decision, in the order of the record, into a file or to an HTTPS address; for log stores and SIEMs.
//!
//! Nothing is queued: a stream has a place in the record, and reads from the store what comes after it. So a sink that is
//! slow or gone for a day holds up nobody, and what it missed waits for it in the record. The place moves on only when a
//! batch is on the sink's disk (file) or was answered with a 2xx (HTTPS). What a batch is made of is kept before it is
//! sent for the first time, so that it is sent again byte for byte, under the same `Idempotency-Key`, also after a
//! restart.

pub mod feed;
pub mod file;

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::Digest;
use sha2::Sha256;
use tokio::task::JoinSet;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::decision::Record;
use crate::decision::line;
use crate::decision::line::Named;
use crate::decision::line::Shape;
use crate::gateway::Gateway;
use crate::gateway::meters::streams::Meter;
use crate::gateway::streams::feed::Feed;
use crate::gateway::streams::file::FileError;
use crate::gateway::streams::file::Line;
use crate::gateway::streams::file::Lines;
use crate::gateway::telling::Filter;
use crate::store::StoreError;
pub use crate::store::StreamBegin;
use crate::store::StreamPlace;

/// Decisions of a batch.
const BATCH: usize = 200;

/// Bytes of a batch, one line more at most. Without it, a batch of large documents would be more than a sink takes.
const BATCH_BYTES: usize = 1 << 20;

/// How long decisions are gathered once one is there, so that a busy gate writes batches and not lines.
const GATHERED: Duration = Duration::from_millis(250);

/// The first wait after a failure; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait, unless the sink asks for more.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A stream as it is configured.
#[derive(Debug)]
pub struct Settings {
    /// Its name: of its place in the store, its metrics and its log lines.
    pub id: String,
    /// Where to.
    pub to: To,
    /// In which shape.
    pub shape: Shape,
    /// What goes out of what holds names and texts.
    pub parts: Vec<Named>,
    /// Where it begins the first time.
    pub begin: StreamBegin,
}

/// Where lines go.
#[derive(Debug)]
pub enum To {
    /// Into this file.
    File(std::path::PathBuf),
    /// To this address.
    Feed(Feed),
}

/// Why a batch did not go out.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Feed(#[from] feed::Failed),
    #[error("a decision could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the writing task ended")]
    Ended,
}

/// A batch, ready to go.
struct Batch {
    lines: Vec<Line>,
    /// The place after it.
    until: u64,
}

/// A stream at work.
struct Stream {
    gateway: Arc<Gateway>,
    settings: Arc<Settings>,
    place: StreamPlace,
    /// Only a file has one.
    lines: Option<Lines>,
    meter: Meter,
}

/// Runs every stream until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut tasks = JoinSet::new();
    for settings in &gateway.streams {
        tasks.spawn(keep(Arc::clone(&gateway), Arc::clone(settings)));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a stream ended by itself");
        }
    }
}

/// One stream: begins as soon as the store tells where.
async fn keep(gateway: Arc<Gateway>, settings: Arc<Settings>) {
    let mut stop = gateway.stopping();
    let meter = gateway.meters.streams().of(&settings.id);
    let mut wait = FIRST_WAIT;
    let place = loop {
        match gateway.store.stream_place(&settings.id, settings.begin).await {
            Ok(place) => break place,
            Err(error) => {
                tracing::error!(stream = settings.id, %error, "where the stream stands cannot be read");
                meter.failed();
            }
        }
        tokio::select! {
            () = sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    };
    let lines = match &settings.to {
        To::File(path) => Some(Lines::at(path.clone())),
        To::Feed(_) => None,
    };
    let mut stream = Stream { gateway, settings, place, lines, meter };
    tokio::select! {
        () = stream.flow() => {}
        _ = stop.wait_for(|stopping| *stopping) => {}
    }
}

impl Stream {
    /// Batch after batch, for ever. May be dropped anywhere: the next life goes on where this one was.
    async fn flow(&mut self) {
        let mut news = self.gateway.store.news();
        let mut wait = FIRST_WAIT;
        let mut is_failing = false;
        loop {
            news.mark_unchanged();
            match self.step().await {
                Ok(Step::Sent) => {
                    if is_failing {
                        tracing::info!(stream = self.settings.id, "the stream flows again");
                    }
                    (wait, is_failing) = (FIRST_WAIT, false);
                }
                Ok(Step::Nothing) => {
                    self.meter.lag(0, Duration::ZERO);
                    // The sender lives in the store that is held here.
                    let _ = news.changed().await;
                    sleep(GATHERED).await;
                }
                Err(error) => {
                    if !is_failing {
                        tracing::error!(stream = self.settings.id, %error, "the stream stands still; it is tried again and misses nothing");
                    }
                    is_failing = true;
                    self.meter.failed();
                    self.measure().await;
                    sleep(rest(&error).unwrap_or(wait)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Step, Failed> {
        let Some(batch) = self.batch().await? else { return Ok(Step::Nothing) };
        let settings = Arc::clone(&self.settings);
        let count = batch.lines.len();
        match &settings.to {
            To::File(_) => self.write(batch.lines).await?,
            To::Feed(feed) => {
                if self.place.until != Some(batch.until) {
                    self.moves(StreamPlace { until: Some(batch.until), ..self.place }).await?;
                }
                self.send(feed, &batch).await?;
            }
        }
        self.moves(StreamPlace { next: batch.until, until: None }).await?;
        self.meter.sent(count);
        self.measure().await;
        Ok(Step::Sent)
    }

    /// The next batch; the one that was begun, if one was.
    async fn batch(&mut self) -> Result<Option<Batch>, Failed> {
        loop {
            let from = self.place.next;
            let found = self.gateway.store.decisions_from(Filter::default(), from, BATCH).await?;
            let end = self.place.until.unwrap_or(u64::MAX);
            let lines = self.lines_of(found.items.iter().filter(|(index, _)| *index < end))?;
            if let Some(last) = lines.last() {
                let until = last.index + 1;
                return Ok(Some(Batch { lines, until }));
            }
            if found.items.is_empty() && !found.more {
                return Ok(None);
            }
            // Other entries, as many as one look is long; or a batch that is not there any more.
            let next = if found.items.is_empty() { found.from } else { from };
            self.place = StreamPlace { next, until: None };
        }
    }

    fn lines_of<'a>(
        &self,
        decisions: impl Iterator<Item = &'a (u64, Record)>,
    ) -> Result<Vec<Line>, Failed> {
        let instance = self.gateway.store.instance().to_string();
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for (index, record) in decisions {
            let place = line::Place { index: *index, instance: &instance };
            let text = line::line(self.settings.shape, record, place, &self.settings.parts)?;
            bytes += text.len();
            lines.push(Line { index: *index, decision: record.public.decision, text });
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        Ok(lines)
    }

    /// Off the runtime: a disk can take its time.
    async fn write(&mut self, lines: Vec<Line>) -> Result<(), Failed> {
        let Some(mut file) = self.lines.take() else { return Err(Failed::Ended) };
        let written = spawn_blocking(move || {
            let written = file.append(&lines);
            (file, written)
        });
        let (file, written) = written.await.map_err(|_| Failed::Ended)?;
        self.lines = Some(file);
        Ok(written?)
    }

    async fn send(&self, feed: &Feed, batch: &Batch) -> Result<(), Failed> {
        let body = body(self.settings.shape, &batch.lines);
        let key = key(&self.gateway.store.instance().to_string(), &self.settings.id, &body.bytes);
        feed.send(&key, body).await.map_err(Failed::Feed)
    }

    async fn moves(&mut self, place: StreamPlace) -> Result<(), Failed> {
        self.gateway.store.move_stream(&self.settings.id, place).await?;
        self.place = place;
        Ok(())
    }

    /// How far behind it is. A figure that cannot be read stays as it was.
    async fn measure(&self) {
        if let Ok((decisions, since)) = self.gateway.store.stream_lag(self.place.next).await {
            let now = self.gateway.clock.now();
            let late = since.map_or(0, |since| now.since(since));
            self.meter.lag(decisions, Duration::from_millis(late));
        }
    }
}

/// What a step came to.
enum Step {
    Sent,
    Nothing,
}

/// How long the sink wants to be left alone.
fn rest(failed: &Failed) -> Option<Duration> {
    match failed {
        Failed::Feed(feed::Failed::Status { rest, .. }) => *rest,
        Failed::Feed(
            feed::Failed::Lookup
            | feed::Failed::Late
            | feed::Failed::Unreachable
            | feed::Failed::Client,
        )
        | Failed::Store(_)
        | Failed::File(_)
        | Failed::Json(_)
        | Failed::Ended => None,
    }
}

/// Ours as lines; OPA's as its own service is sent it: one array, compressed.
fn body(shape: Shape, lines: &[Line]) -> feed::Body {
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    match shape {
        Shape::Portcullis => {
            let text = texts.join("\n") + "\n";
            feed::Body { bytes: text.into_bytes(), kind: "application/x-ndjson", coding: None }
        }
        Shape::Opa => {
            let text = format!("[{}]", texts.join(","));
            let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
            let done = zipped.write_all(text.as_bytes()).and_then(|()| zipped.finish());
            // Writing into memory does not fail; if it did, the text itself would be as good.
            let (bytes, coding) =
                done.map_or_else(|_| (text.into_bytes(), None), |bytes| (bytes, Some("gzip")));
            feed::Body { bytes, kind: "application/json", coding }
        }
    }
}

/// The same for the same bytes of the same stream, and for no others.
fn key(instance: &str, stream: &str, body: &[u8]) -> String {
    let hash = Sha256::new().chain_update(instance).chain_update("\n").chain_update(stream);
    hex::encode(hash.chain_update("\n").chain_update(body).finalize())
}
