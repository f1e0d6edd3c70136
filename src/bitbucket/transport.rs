//! Requests to Bitbucket: one client, bounded in time, size and number, to configured addresses only.
//!
//! Redirects are not followed, addresses of a payload are not asked, and every refusal is a [`FetchError`] of its own
//! kind. What an answer means is not known here.

mod credential;
mod error;
mod span;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::Method;
use reqwest::Response;
use reqwest::header;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::Instrument as _;
use url::Url;

use crate::bitbucket::budget::Budget;
use crate::bitbucket::budget::Share;
use crate::bitbucket::budget::jitter;
use crate::bitbucket::client::SettingsError;
use crate::bitbucket::client::Trust;
use crate::bitbucket::client::is_loopback;
use crate::bitbucket::journal::Journal;
use crate::bitbucket::meter::Meters;
use crate::bitbucket::tally::Line;
use crate::bitbucket::tally::Tally;
use crate::graph::Time;
use crate::words;

pub(crate) use credential::Consent;
pub(crate) use credential::Held;
pub(crate) use credential::TokenPlace;
pub(crate) use credential::exchange;
pub(crate) use credential::withdraw;
pub use error::FetchError;

/// Longest answer, bytes. A page of a hundred repositories has 300 KiB; without a bound one answer could fill memory.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Most pages of one list. At 100 rows a page it ends a list that never ends, far beyond the largest estates.
pub const MAX_PAGES: usize = 2_000;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);

/// How long discovery waits for one answer.
const CRAWLED: Duration = Duration::from_secs(30);

/// Least pause before the one repetition of a failed read; up to four times as much.
const PAUSE: Duration = Duration::from_millis(50);

words! {
    /// What a call is for: the label of the call counter.
    pub enum CallClass {
        /// Permissions, settings, pull requests, who we are.
        Metadata = "metadata",
        /// Commits, and which refs and pull requests hold them.
        CommitIdentity = "commit-identity",
        /// Pipelines and steps.
        ExecutedScript = "executed-script",
        /// A pipeline's definition, of which facts are kept and no line. A connection switches it on.
        PipelineDefinition = "pipeline-definition",
        /// Statuses, and webhooks of our own.
        Write = "write",
    }
}

/// When a question must be answered or given up, retries included.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// So much time from now.
    pub fn within(time: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(time).unwrap_or(now))
    }

    /// What is left of it.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Waits for an answer, at most until then.
    pub(crate) async fn hold<T>(
        self,
        what: &'static str,
        answer: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        tokio::time::timeout_at(self.0, answer).await.unwrap_or(Err(FetchError::TimedOut { what }))
    }
}

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) url: Url,
    /// For sentences: `the pipeline`, `the members of the workspace`.
    pub(crate) what: &'static str,
    pub(crate) class: CallClass,
    pub(crate) share: Share,
}

/// What came back with a status of the 200s.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// `X-AUSERNAME` of Data Center, as sent.
    pub(crate) user: Option<String>,
    /// `Date`: what time it is there.
    pub(crate) date: Option<Time>,
    json: bool,
    body: Vec<u8>,
}

/// What is done there besides asking.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act<'a> {
    /// Makes something.
    Post(&'a serde_json::Value),
    /// Puts something in the place of what was there.
    Put(&'a serde_json::Value),
    /// Takes something away.
    Delete,
}

impl<'a> Act<'a> {
    /// Its method, and the word for it.
    const fn method(self) -> (Method, &'static str) {
        match self {
            Self::Post(_) => (Method::POST, "POST"),
            Self::Put(_) => (Method::PUT, "PUT"),
            Self::Delete => (Method::DELETE, "DELETE"),
        }
    }

    const fn body(self) -> Option<&'a serde_json::Value> {
        match self {
            Self::Post(body) | Self::Put(body) => Some(body),
            Self::Delete => None,
        }
    }
}

/// A client with its credential and budget.
pub(crate) struct Transport {
    http: reqwest::Client,
    held: Held,
    budget: Budget,
    /// The same: where calls are told for the record.
    tally: OnceLock<Arc<Tally>>,
    /// Set by the gateway that owns the client; without it nobody counts.
    meters: OnceLock<Meters>,
    /// Whether its calls name the trace they are made in.
    carries: AtomicBool,
    /// What discovery has read so far, while it reads.
    journal: ArcSwapOption<Journal>,
}

impl Transport {
    /// A client. `secure` = its addresses are https.
    pub(crate) fn new(
        held: Held,
        (secure, trust): (bool, &Trust),
        per_hour: Option<u32>,
    ) -> Result<Self, SettingsError> {
        let (http, budget) = (http(secure, trust)?, Budget::new(per_hour));
        let (tally, meters) = (OnceLock::new(), OnceLock::new());
        Ok(Self {
            http,
            held,
            budget,
            tally,
            meters,
            carries: AtomicBool::new(false),
            journal: ArcSwapOption::empty(),
        })
    }

    /// Requests sent, by class.
    pub(crate) fn calls(&self) -> Vec<(CallClass, u64)> {
        self.budget.calls()
    }

    /// Counts its calls there from now on; the first to ask stays.
    pub(crate) fn measure(&self, meters: &Meters) {
        let _ = self.meters.set(meters.clone());
    }

    /// Its calls name the trace they are made in, from now on.
    pub(crate) fn carry_traces(&self) {
        self.carries.store(true, Ordering::Relaxed);
    }

    /// What it may still ask, and whether it is refused.
    pub(crate) const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Tells its calls there from now on; the first to ask stays.
    pub(crate) fn tell_calls(&self, tally: &Arc<Tally>) {
        let _ = self.tally.set(Arc::clone(tally));
    }

    /// Discovery keeps what it reads there from now on, and asks for nothing that is there; none: nowhere.
    pub(crate) fn keep_in(&self, journal: Option<Arc<Journal>>) {
        self.journal.store(journal);
    }

    /// Where the answer to this call is kept: discovery's alone.
    pub(crate) fn journal(&self, call: &Call) -> Option<Arc<Journal>> {
        match call.share {
            Share::Live => None,
            Share::Crawl => self.journal.load_full(),
        }
    }

    /// Asks and decodes one object, unless it was read before this reading was cut short.
    pub(crate) async fn get_once<T: DeserializeOwned>(
        &self,
        call: &Call,
        deadline: Deadline,
    ) -> Result<T, FetchError> {
        let Some(journal) = self.journal(call) else { return self.get(call, deadline).await };
        if let Some(known) = journal.recall(&call.url) {
            return Ok(known);
        }
        let answer = self.read(call, deadline).await?;
        let told = answer.decode(call.what)?;
        journal.note::<T>(&call.url, &answer.decode(call.what)?);
        Ok(told)
    }

    /// Asks and decodes one object.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        call: &Call,
        deadline: Deadline,
    ) -> Result<T, FetchError> {
        self.read(call, deadline).await?.decode(call.what)
    }

    /// Asks; a failed read is repeated once, after a short pause or the rest that Bitbucket asked for.
    pub(crate) async fn read(&self, call: &Call, deadline: Deadline) -> Result<Answer, FetchError> {
        let first = Box::pin(self.once(call, deadline, None)).await;
        let again = match &first {
            Ok(_) | Err(FetchError::Refused { caller_known: true, .. }) => false,
            // An OAuth token can end before its time: one fresh one is tried.
            Err(FetchError::Refused { .. }) => self.held.forget().await,
            Err(error) => error.may_pass() && !matches!(error, FetchError::TimedOut { .. }),
        };
        let pause = PAUSE.mul_f64(1.0 + 3.0 * jitter());
        if !again || deadline.left() < pause {
            return first;
        }
        tokio::time::sleep(pause).await;
        // A rest longer than the deadline: the first answer says it better.
        match Box::pin(self.once(call, deadline, None)).await {
            Err(FetchError::Limited { .. }) => first,
            second => second,
        }
    }

    /// Writes once. Whoever must be sure repeats it: every write of ours says the same again.
    pub(crate) async fn write(
        &self,
        call: &Call,
        body: &serde_json::Value,
        deadline: Deadline,
    ) -> Result<Answer, FetchError> {
        self.act(call, Act::Post(body), deadline).await
    }

    /// Does it once. Whoever must be sure looks, and does it again.
    pub(crate) async fn act(
        &self,
        call: &Call,
        act: Act<'_>,
        deadline: Deadline,
    ) -> Result<Answer, FetchError> {
        match Box::pin(self.once(call, deadline, Some(act))).await {
            Err(FetchError::Refused { caller_known: false, .. }) if self.held.forget().await => {
                Box::pin(self.once(call, deadline, Some(act))).await
            }
            answer => answer,
        }
    }

    async fn once(
        &self,
        call: &Call,
        deadline: Deadline,
        act: Option<Act<'_>>,
    ) -> Result<Answer, FetchError> {
        let _turn = self.budget.turn(call.share, deadline).await?;
        // Discovery waits long for its turn, but no longer than others for an answer.
        let deadline = match call.share {
            Share::Live => deadline,
            Share::Crawl => Deadline::within(CRAWLED),
        };
        let authorization = self.held.header(&self.http, deadline).await?;
        let (method, word) = act.map_or((Method::GET, "GET"), Act::method);
        let mut request = self
            .http
            .request(method, call.url.clone())
            .header(header::AUTHORIZATION, authorization.clone())
            .header(header::ACCEPT, "application/json");
        if let Some(body) = act.and_then(Act::body) {
            request = request.json(body);
        }
        let span = span::of(call, word);
        if self.carries.load(Ordering::Relaxed)
            && let Some(parent) = span::traceparent(&span)
        {
            request = request.header("traceparent", parent);
        }
        self.budget.count(call.class);
        let sent = Instant::now();
        let mut line = self.tally.get().map(|tally| tally.line(call, word));
        let exchange = self.exchange(request, call.what, line.as_mut()).instrument(span.clone());
        let answer = deadline.hold(call.what, exchange).await;
        span::answered(&span, &answer);
        if let Err(FetchError::Refused { caller_known: false, .. }) = &answer {
            self.held.refused(&authorization).await;
        }
        if let Some(meters) = self.meters.get() {
            meters.called(call.class, &answer, sent.elapsed());
        }
        answer
    }

    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        what: &'static str,
        mut line: Option<&mut Line<'_>>,
    ) -> Result<Answer, FetchError> {
        let response = request.send().await.map_err(|error| broken(&error, what))?;
        let status = response.status().as_u16();
        if let Some(line) = &mut line {
            line.answered(status);
        }
        if status == 429 {
            let again = self.budget.refused(retry_after(&response));
            return Err(FetchError::Limited { again });
        }
        self.budget.served();
        if let Some(per_hour) = limit(&response) {
            self.budget.told(per_hour);
        }
        let answer = receive(response, what, MAX_ANSWER_BYTES).await?;
        if let Some(line) = line {
            line.read(answer.body.len());
        }
        Ok(answer)
    }
}

impl Answer {
    /// The body as text, whatever it says it is.
    pub(crate) fn text(&self, what: &'static str) -> Result<&str, FetchError> {
        std::str::from_utf8(&self.body)
            .map_err(|_| FetchError::Form { what, why: "it is not UTF-8".to_owned() })
    }

    /// The body, if it says that it is JSON.
    pub(crate) fn json(&self, what: &'static str) -> Result<&[u8], FetchError> {
        if self.json && !self.body.is_empty() {
            Ok(&self.body)
        } else {
            Err(FetchError::NotJson { what })
        }
    }

    /// The JSON of it.
    pub(crate) fn decode<T: DeserializeOwned>(&self, what: &'static str) -> Result<T, FetchError> {
        serde_json::from_slice(self.json(what)?).map_err(|error| {
            if error.is_eof() {
                return FetchError::Truncated { what };
            }
            // The parser's own words quote what stood there: a command, or a variable's value.
            let why = format!("line {}, column {}", error.line(), error.column());
            FetchError::Form { what, why }
        })
    }
}

/// An HTTP client: no redirects, no proxy of the environment, no cookies. What is not encrypted stays on this machine,
/// so it goes through no proxy elsewhere: that one would read the credential.
pub(crate) fn http(secure: bool, trust: &Trust) -> Result<reqwest::Client, SettingsError> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .no_proxy()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    if !secure {
        // Nothing to verify on loopback: a machine without CA certificates can still run a test server.
        builder = builder.tls_certs_only(Vec::new());
    } else if let Some(pem) = &trust.authorities {
        let read = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
        let authorities = read.ok().filter(|found| !found.is_empty());
        builder = builder.tls_certs_merge(authorities.ok_or(SettingsError::Authorities)?);
    }
    if let Some(address) = &trust.proxy {
        if !secure && !Url::parse(address).is_ok_and(|url| is_loopback(&url)) {
            return Err(SettingsError::OpenProxy);
        }
        let proxy = reqwest::Proxy::all(address.as_str()).map_err(|_| SettingsError::Proxy)?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|_| SettingsError::Client)
}

/// Reads an answer's body and sorts its status.
pub(crate) async fn receive(
    mut response: Response,
    what: &'static str,
    limit: usize,
) -> Result<Answer, FetchError> {
    let status = response.status().as_u16();
    let user = text_of(&response, "x-ausername");
    let date = text_of(&response, "date").and_then(|text| instant(&text));
    let json = is_json(&response);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| FetchError::Truncated { what })? {
        if body.len() + chunk.len() > limit {
            return Err(FetchError::TooLarge { what, limit });
        }
        body.extend_from_slice(&chunk);
    }
    judge(what, Answer { status, user, date, json, body })
}

fn judge(what: &'static str, answer: Answer) -> Result<Answer, FetchError> {
    Err(match answer.status {
        200..=299 => return Ok(answer),
        300..=399 => FetchError::Redirected { what, status: answer.status },
        400 => FetchError::not_taken(what, &answer.body),
        401 => FetchError::Refused { what, caller_known: answer.user.is_some() },
        403 => FetchError::forbidden(what, &answer.body),
        404 => FetchError::Missing { what },
        410 => FetchError::Gone { what },
        429 => FetchError::Limited { again: CONNECT },
        status @ 500..=599 => FetchError::Unavailable { what, status },
        status => FetchError::Unexpected { what, status },
    })
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, as RFC 9110 writes a date.
fn instant(text: &str) -> Option<Time> {
    let told = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Time::from_millis(told.timestamp().as_millisecond()))
}

fn broken(error: &reqwest::Error, what: &'static str) -> FetchError {
    if error.is_timeout() { FetchError::TimedOut { what } } else { FetchError::Unreachable }
}

fn text_of(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// A packed body was not asked for: what it holds is not read.
fn is_json(response: &Response) -> bool {
    let kind = text_of(response, "content-type").unwrap_or_default().to_ascii_lowercase();
    let packed = text_of(response, "content-encoding").is_some_and(|how| how != "identity");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    !packed && (kind == "application/json" || kind.ends_with("+json"))
}

/// `X-RateLimit-Limit`: calls an hour, where Bitbucket tells it.
fn limit(response: &Response) -> Option<u32> {
    text_of(response, "x-ratelimit-limit")?.trim().parse().ok()
}

/// Whole seconds. The other form, a date, would need the hour.
fn retry_after(response: &Response) -> Option<Duration> {
    text_of(response, "retry-after")?.trim().parse().ok().map(Duration::from_secs)
}
