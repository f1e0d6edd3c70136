//! Sending one message to one channel: judged, pinned, signed, and over within [`DEADLINE`].
//!
//! No redirect is followed, no proxy of the environment is asked, and nothing of the answer's body is read: its status
//! is the answer.

use std::time::Duration;

use reqwest::Response;
use reqwest::StatusCode;
use reqwest::header;
use url::Url;

use crate::graph::Time;
use crate::notify::channel::Channel;
use crate::notify::guard;
use crate::notify::guard::Lookup;
use crate::notify::guard::Refused;
use crate::notify::guard::Target;
use crate::notify::sign;

/// How long one try may take, the lookup included. The specification asks for 15 to 30 s.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);

/// Longest rest that a receiver can ask for. Without it one answer could silence a channel for good.
const MAX_REST: Duration = Duration::from_hours(1);

/// A try that did not succeed, in our own words: nothing of what the receiver sent, and no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// The guard let nothing out.
    #[error("nothing was sent: {0}")]
    Refused(#[from] Refused),
    /// The time ran out.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Late,
    /// No connection, or it broke.
    #[error("no connection could be made, or it broke")]
    Unreachable,
    /// Another status than of the 200s.
    #[error("the receiver answered {status}")]
    Status {
        /// Which.
        status: u16,
        /// How long it wants to be left alone.
        rest: Option<Duration>,
    },
    /// It wants no more messages.
    #[error("the receiver answered 410: it wants no more messages")]
    Gone,
    /// This program cannot speak TLS here.
    #[error("no client could be made: this machine has no certificates to trust")]
    Client,
}

impl Failed {
    /// Whether another try could end otherwise.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Gone => false,
            Self::Refused(_)
            | Self::Late
            | Self::Unreachable
            | Self::Status { .. }
            | Self::Client => true,
        }
    }

    /// How long the receiver wants to be left alone.
    pub const fn rest(&self) -> Option<Duration> {
        match self {
            Self::Status { rest, .. } => *rest,
            Self::Refused(_) | Self::Late | Self::Unreachable | Self::Gone | Self::Client => None,
        }
    }
}

/// Sends a message as `id`, which is the same for every try of it.
pub async fn send(
    channel: &Channel,
    lookup: &dyn Lookup,
    id: &str,
    body: &[u8],
    now: Time,
) -> Result<(), Failed> {
    let sent = async {
        let target = guard::admit(channel.url(), channel.allowed(), lookup).await?;
        let client = client(channel.url(), &target).map_err(|_| Failed::Client)?;
        let signed = sign::sign(channel.keys(), id, now, body);
        let request = client
            .post(channel.url().clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", signed.id)
            .header("webhook-timestamp", signed.timestamp)
            .header("webhook-signature", signed.signature)
            .body(body.to_vec());
        let answer = request
            .send()
            .await
            .map_err(|error| if error.is_timeout() { Failed::Late } else { Failed::Unreachable })?;
        judged(&answer)
    };
    let sent = tokio::time::timeout(DEADLINE, Box::pin(sent));
    sent.await.unwrap_or(Err(Failed::Late))
}

/// A client for this one request, which knows no other address of the host than those that were judged.
pub fn client(url: &Url, target: &Target) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .no_proxy()
        .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
    if let (Target::Pinned(addresses), Some(host)) = (target, url.host_str()) {
        builder = builder.resolve_to_addrs(host, addresses);
    }
    if url.scheme() == "http" {
        // Nothing to verify: a machine without certificates can still speak to a host of its own.
        builder = builder.tls_certs_only(Vec::new());
    }
    builder.build()
}

fn judged(answer: &Response) -> Result<(), Failed> {
    match answer.status() {
        status if status.is_success() => Ok(()),
        StatusCode::GONE => Err(Failed::Gone),
        status => Err(Failed::Status { status: status.as_u16(), rest: rest(answer, MAX_REST) }),
    }
}

/// When a receiver wants to be asked again, at most so far away. Whole seconds: the other form, a date, would need its
/// hour.
pub fn rest(answer: &Response, most: Duration) -> Option<Duration> {
    let text = answer.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let rest = Duration::from_secs(text.trim().parse().ok()?);
    Some(rest.min(most))
}
