//! A stream to an address that takes batches: a SIEM's collector, a log store, OPA's own kind of log service.
//!
//! A batch counts as taken when it is answered with a 2xx, and with nothing else. Such a receiver usually stands inside
//! the network, so a private address is no reason to refuse; but what never leaves a machine or a link (a cloud's
//! metadata service stands there) is, whatever the name says at the moment: it is looked up once a batch, and the
//! connection goes to what was judged. No redirect is followed and no proxy of the environment is asked.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header;
use url::Host;
use url::Url;

use crate::notify::guard;
use crate::notify::guard::Reach;
use crate::notify::post;
use crate::secret::Secret;

/// How long one try may take, the lookup included.
const DEADLINE: Duration = Duration::from_secs(30);

/// Longest rest that a receiver can ask for. Without it one answer could silence a stream for good.
const MAX_REST: Duration = Duration::from_mins(10);

/// Where batches go.
pub struct Feed {
    url: Url,
    token: Option<Secret<String>>,
}

/// Without what may hold a token.
impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feed({}://{})", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their media type.
    pub kind: &'static str,
    /// How they are coded, if they are.
    pub coding: Option<&'static str>,
}

/// Why there is no such feed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// No address. It is not shown: it may hold a token.
    #[error("it is no address: write it like `https://siem.example.com/portcullis`")]
    Address,
    /// It could be read on the way.
    #[error("only https is spoken, and http to this machine or to a host that `allow` names")]
    Plain,
    /// A user, a password, or what is never sent.
    #[error("it holds a user, a password or a fragment: a receiver knows us by `token`")]
    Extra,
    /// Where nothing is ever sent.
    #[error("its address is {0}, to which nothing is ever sent")]
    Never(IpAddr),
}

/// Why a batch was not taken, in our own words: nothing of what the receiver sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// Its name has no address, or one of them is refused.
    #[error("its name could not be looked up, or leads where nothing is ever sent")]
    Lookup,
    /// The time ran out.
    #[error("no answer within {} s", DEADLINE.as_secs())]
    Late,
    /// No connection, or it broke.
    #[error("no connection could be made, or it broke")]
    Unreachable,
    /// No client could be made.
    #[error("no client could be made: this machine has no certificates to trust")]
    Client,
    /// Another status than of the 200s.
    #[error("the receiver answered {status}")]
    Status {
        /// Which.
        status: u16,
        /// How long it wants to be left alone.
        rest: Option<Duration>,
    },
}

impl Feed {
    /// At an address. `allow` names hosts that may be spoken to over http.
    pub fn new(
        url: &str,
        token: Option<Secret<String>>,
        allow: &[String],
    ) -> Result<Self, FeedError> {
        let url = Url::parse(url).map_err(|_| FeedError::Address)?;
        let host = url.host().ok_or(FeedError::Address)?;
        let named = || allow.iter().any(|name| *name == host.to_string());
        match url.scheme() {
            "https" => {}
            "http" if is_here(&host) || named() => {}
            _ => return Err(FeedError::Plain),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(FeedError::Extra);
        }
        let literal = match host {
            Host::Ipv4(ip) => Some(IpAddr::from(ip)),
            Host::Ipv6(ip) => Some(IpAddr::from(ip)),
            Host::Domain(_) => None,
        };
        match literal.map(|ip| guard::judge_address(ip, Reach::Private).map_err(|_| ip)) {
            Some(Err(ip)) => Err(FeedError::Never(ip)),
            Some(Ok(())) | None => Ok(Self { url, token }),
        }
    }

    /// Sends a batch under a key that is the same for every try of it.
    pub async fn send(&self, key: &str, body: Body) -> Result<(), Failed> {
        let sent = tokio::time::timeout(DEADLINE, Box::pin(self.sent(key, body)));
        sent.await.unwrap_or(Err(Failed::Late))
    }

    async fn sent(&self, key: &str, body: Body) -> Result<(), Failed> {
        let mut request = self
            .client()
            .await?
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, body.kind)
            .header("idempotency-key", key);
        if let Some(coding) = body.coding {
            request = request.header(header::CONTENT_ENCODING, coding);
        }
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let answer =
            request.body(body.bytes).send().await.map_err(|error| {
                if error.is_timeout() { Failed::Late } else { Failed::Unreachable }
            })?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Failed::Status { status: status.as_u16(), rest: rest(status, &answer) }),
        }
    }

    /// A client for this one batch, which knows no other address of the host than those that were judged.
    async fn client(&self) -> Result<reqwest::Client, Failed> {
        let target = guard::pin(&self.url, Reach::Private, &guard::System).await;
        post::client(&self.url, &target.map_err(|_| Failed::Lookup)?).map_err(|_| Failed::Client)
    }
}

/// This machine itself: what goes there does not leave it.
fn is_here(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => *name == "localhost",
    }
}

/// Only a receiver that is busy says when to come back.
fn rest(status: StatusCode, answer: &reqwest::Response) -> Option<Duration> {
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            post::rest(answer, MAX_REST)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Feed;
    use super::FeedError;

    #[test]
    fn nothing_goes_out_in_the_open_or_to_an_address_that_is_nobodys() {
        let allow = vec!["logs.internal".to_owned()];
        for good in [
            "https://siem.example.com/in",
            "https://10.1.2.3:8088/in",
            "http://127.0.0.1:9/in",
            "http://[::1]:9/in",
            "http://localhost/in",
            "http://logs.internal/in",
        ] {
            assert!(Feed::new(good, None, &allow).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://siem.example.com/in", FeedError::Plain),
            ("ftp://siem.example.com/in", FeedError::Plain),
            ("http://10.1.2.3/in", FeedError::Plain),
            ("siem.example.com", FeedError::Address),
            ("https://me:secret@siem.example.com/in", FeedError::Extra),
            ("https://siem.example.com/in#part", FeedError::Extra),
            ("https://169.254.169.254/in", FeedError::Never([169, 254, 169, 254].into())),
            ("https://0.0.0.0/in", FeedError::Never([0, 0, 0, 0].into())),
        ] {
            assert_eq!(Feed::new(bad, None, &allow).unwrap_err(), why, "{bad}");
        }
        for bad in [
            "https://[fe80::1]/in",
            "https://[::ffff:169.254.169.254]/in",
            "https://[64:ff9b::a9fe:a9fe]/in",
            "https://255.255.255.255/in",
            "https://250.1.2.3/in",
            "https://[ff02::1]/",
        ] {
            assert!(matches!(Feed::new(bad, None, &allow), Err(FeedError::Never(_))), "{bad}");
        }
    }
}
