//! Sending webhooks as each product sends them, and the log of what became of each.
//!
//! Cloud waits 10 s, tries again only after a 5xx and at most twice more, and drops bodies over 256 KB. Data Center
//! never tries again; five failures in a row make it skip the endpoint for 10 s, then longer. Neither promises order.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use reqwest::Client;
use reqwest::redirect::Policy;
use uuid::Uuid;

/// Cloud drops larger bodies unsent.
pub const CLOUD_MOST_BYTES: usize = 256 * 1024;
/// Cloud's attempts in all, counting the first.
const CLOUD_ATTEMPTS: u32 = 3;
/// Data Center's failures in a row before it skips an endpoint.
const BREAKER_FAILURES: u32 = 5;
/// First time an endpoint is skipped; doubles with every further failure.
const BREAKER_FIRST_SKIP: Duration = Duration::from_secs(10);
/// Longest time an endpoint is skipped.
const BREAKER_LONGEST_SKIP: Duration = Duration::from_hours(10);
/// How much of a receiver's answer is kept.
const KEPT_ANSWER: usize = 64 * 1024;

/// Which product sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Bitbucket Cloud.
    Cloud,
    /// Bitbucket Data Center.
    DataCenter,
}

/// One webhook body on its way.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Which product sends it.
    pub sender: Sender,
    /// Cloud the braced UUID of the hook, Data Center its number.
    pub hook: String,
    /// Where to.
    pub url: String,
    /// Event key.
    pub event: String,
    /// The exact bytes.
    pub body: Vec<u8>,
    /// Signing secret.
    pub secret: Option<String>,
    /// Whether the receiver's certificate must be good.
    pub verify_tls: bool,
}

/// What became of one webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Id in `X-Request-UUID` (Cloud) or `X-Request-Id` (Data Center); the same for each attempt.
    pub request: Uuid,
    /// What was sent.
    pub sent: Outgoing,
    /// `X-Hub-Signature`, when there is a secret.
    pub signature: Option<String>,
    /// Each attempt in order; empty if it was never sent.
    pub attempts: Vec<Attempt>,
    /// How it ended.
    pub outcome: Outcome,
}

impl Delivery {
    /// A delivery that was never tried.
    pub(crate) fn unsent(sent: Outgoing, outcome: Outcome) -> Delivery {
        let signature = sent.secret.as_deref().map(|secret| sign(secret, &sent.body));
        Delivery { request: Uuid::new_v4(), sent, signature, attempts: Vec::new(), outcome }
    }
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The receiver's status; none if it did not answer.
    pub status: Option<u16>,
    /// The receiver's answer, or what went wrong.
    pub answer: String,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Answered 2xx.
    Delivered,
    /// Answered otherwise, and for good.
    Refused,
    /// No answer in time.
    TimedOut,
    /// Could not connect, or the connection broke.
    Broken,
    /// Larger than Cloud delivers.
    TooLarge,
    /// Data Center's breaker was open.
    Skipped,
}

/// Endpoints that Data Center has lost patience with, by URL.
#[derive(Debug, Default)]
pub(crate) struct Breakers(BTreeMap<String, Breaker>);

#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    until: Option<Timestamp>,
}

impl Breakers {
    /// Whether deliveries to this URL are skipped now.
    pub(crate) fn is_open(&self, url: &str, now: Timestamp) -> bool {
        self.0.get(url).and_then(|breaker| breaker.until).is_some_and(|until| now < until)
    }

    /// Learns how a delivery ended; a success forgives everything.
    pub(crate) fn learn(&mut self, url: &str, outcome: Outcome, now: Timestamp) {
        if outcome == Outcome::Delivered {
            self.0.remove(url);
            return;
        }
        let breaker = self.0.entry(url.to_owned()).or_default();
        breaker.failures += 1;
        if let Some(beyond) = breaker.failures.checked_sub(BREAKER_FAILURES) {
            let skip = BREAKER_FIRST_SKIP.saturating_mul(2_u32.saturating_pow(beyond));
            breaker.until = now.checked_add(skip.min(BREAKER_LONGEST_SKIP)).ok();
        }
    }
}

/// The two ways to call: with and without looking at the certificate.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    strict: Client,
    lenient: Client,
}

impl Post {
    pub(crate) fn new() -> Result<Post, reqwest::Error> {
        let client = || Client::builder().no_proxy().redirect(Policy::none());
        let lenient = client().danger_accept_invalid_certs(true).build()?;
        Ok(Post { strict: client().build()?, lenient })
    }

    /// Sends once, or up to three times for Cloud; `patience` is how long each attempt may take.
    pub(crate) async fn deliver(&self, sent: Outgoing, patience: Duration) -> Delivery {
        let mut delivery = Delivery::unsent(sent, Outcome::TooLarge);
        if delivery.sent.sender == Sender::Cloud && delivery.sent.body.len() > CLOUD_MOST_BYTES {
            return delivery;
        }
        let most = match delivery.sent.sender {
            Sender::Cloud => CLOUD_ATTEMPTS,
            Sender::DataCenter => 1,
        };
        for number in 1..=most {
            let (attempt, outcome) = self.attempt(&delivery, number, patience).await;
            let again = attempt.status.is_some_and(|status| status >= 500);
            delivery.attempts.push(attempt);
            delivery.outcome = outcome;
            if !again {
                break;
            }
        }
        delivery
    }

    async fn attempt(
        &self,
        delivery: &Delivery,
        number: u32,
        patience: Duration,
    ) -> (Attempt, Outcome) {
        let sent = &delivery.sent;
        let client = if sent.verify_tls { &self.strict } else { &self.lenient };
        let mut request = client
            .post(&sent.url)
            .timeout(patience)
            .header("X-Event-Key", &sent.event)
            .body(sent.body.clone());
        request = match sent.sender {
            Sender::Cloud => request
                .header("Content-Type", "application/json")
                .header("User-Agent", "Bitbucket-Webhooks/2.0")
                .header("X-Hook-UUID", sent.hook.trim_matches(['{', '}']))
                .header("X-Request-UUID", delivery.request.to_string())
                .header("X-Attempt-Number", number.to_string()),
            Sender::DataCenter => request
                .header("Content-Type", "application/json; charset=utf-8")
                .header("User-Agent", "Atlassian HttpClient / Bitbucket")
                .header("X-Request-Id", delivery.request.to_string()),
        };
        if let Some(signature) = &delivery.signature {
            request = request.header("X-Hub-Signature", signature);
        }
        match request.send().await {
            Ok(answer) => {
                let status = answer.status();
                let text = answer.text().await.unwrap_or_default();
                let answer = text.chars().take(KEPT_ANSWER).collect();
                let outcome =
                    if status.is_success() { Outcome::Delivered } else { Outcome::Refused };
                (Attempt { status: Some(status.as_u16()), answer }, outcome)
            }
            Err(error) => {
                let outcome = if error.is_timeout() { Outcome::TimedOut } else { Outcome::Broken };
                (Attempt { status: None, answer: error.to_string() }, outcome)
            }
        }
    }
}

/// `sha256=` and the lower-case hex HMAC of the body.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, body)))
}
