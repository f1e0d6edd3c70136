//! The credential of a connection as a header: fixed, or an OAuth token that is fetched once for everybody.

mod consent;

use std::fmt;
use std::time::Duration;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use moka::Expiry;
use moka::future::Cache;
use reqwest::header;
use reqwest::header::HeaderValue;
use url::Url;

use crate::bitbucket::client::SettingsError;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::MAX_ANSWER_BYTES;
use crate::bitbucket::transport::receive;
use crate::secret::Secret;

pub(crate) use consent::Consent;
pub(crate) use consent::TokenPlace;
pub(crate) use consent::exchange;
pub(crate) use consent::withdraw;

/// How long a token may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a refusal stands. A consumer that asks on after a refusal is locked out for a while.
const REFUSED_FOR: Duration = Duration::from_secs(30);

/// Longest life of a token that is believed.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

const WHAT: &str = "the OAuth token";

/// What is put into `Authorization`.
pub(crate) enum Held {
    /// The same each time.
    Fixed(HeaderValue),
    /// A token that lives for two hours or so.
    Token(Box<Consumer>),
    /// A token that lives as long, for a person who consented.
    Consent(Box<Consent>),
}

/// An OAuth consumer and its token.
pub(crate) struct Consumer {
    url: Url,
    login: HeaderValue,
    /// One token, or for a while the refusal; fetched by one asker while the others wait.
    token: Cache<(), Outcome>,
}

type Outcome = Result<Token, FetchError>;

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    life: Duration,
}

impl Held {
    /// A bearer token.
    pub(crate) fn bearer(token: &Secret<String>) -> Result<Self, SettingsError> {
        Ok(Self::Fixed(hidden(&format!("Bearer {}", token.expose()))?))
    }

    /// User and password, or e-mail address and API token.
    pub(crate) fn basic(user: &str, secret: &Secret<String>) -> Result<Self, SettingsError> {
        Ok(Self::Fixed(login(user, secret)?))
    }

    /// An OAuth consumer that gets its tokens there.
    pub(crate) fn consumer(
        url: Url,
        key: &Secret<String>,
        secret: &Secret<String>,
    ) -> Result<Self, SettingsError> {
        let login = login(key.expose(), secret)?;
        let token = Cache::builder().max_capacity(1).expire_after(Lives).build();
        Ok(Self::Token(Box::new(Consumer { url, login, token })))
    }

    /// The header's value. Fetches a token if there is none, or the one there is has lived four fifths of its life.
    pub(crate) async fn header(
        &self,
        http: &reqwest::Client,
        deadline: Deadline,
    ) -> Result<HeaderValue, FetchError> {
        match self {
            Self::Fixed(header) => Ok(header.clone()),
            Self::Token(consumer) => deadline.hold(WHAT, consumer.header(http)).await,
            Self::Consent(consent) => consent.header(http, deadline).await,
        }
    }

    /// Bitbucket refused this header.
    pub(crate) async fn refused(&self, header: &HeaderValue) {
        match self {
            Self::Fixed(_) | Self::Token(_) => {}
            Self::Consent(consent) => consent.refused(header).await,
        }
    }

    /// Forgets a token that was refused. False: there is no other one to try.
    pub(crate) async fn forget(&self) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Token(consumer) => consumer.forget().await,
            Self::Consent(consent) => consent.forget().await,
        }
    }
}

impl Consumer {
    /// A refusal stays: asking on would prolong it.
    async fn forget(&self) -> bool {
        // None: a parallel call was refused too and has forgotten it already; both try the next one.
        let worth = self.token.get(&()).await.is_none_or(|outcome| outcome.is_ok());
        if worth {
            self.token.invalidate(&()).await;
        }
        worth
    }

    async fn header(&self, http: &reqwest::Client) -> Result<HeaderValue, FetchError> {
        let fetch = async { Deadline::within(PATIENCE).hold(WHAT, self.fetch(http)).await };
        self.token.get_with((), fetch).await.map(|token| token.header)
    }

    async fn fetch(&self, http: &reqwest::Client) -> Outcome {
        let request = http
            .post(self.url.clone())
            .header(header::AUTHORIZATION, self.login.clone())
            .header(header::ACCEPT, "application/json")
            .form(&[("grant_type", "client_credentials")]);
        let response = request.send().await.map_err(|_| FetchError::Unreachable)?;
        let answer = match receive(response, WHAT, MAX_ANSWER_BYTES).await {
            Ok(answer) => answer,
            // How OAuth says that it does not know the consumer.
            Err(FetchError::Unexpected { status: 400, .. }) => {
                return Err(FetchError::Refused { what: WHAT, caller_known: false });
            }
            Err(error) => return Err(error),
        };
        let wire: WireToken = answer.decode(WHAT)?;
        if !wire.token_type.eq_ignore_ascii_case("bearer") {
            let why = "`token_type` is not bearer".to_owned();
            return Err(FetchError::Form { what: WHAT, why });
        }
        let header = hidden(&format!("Bearer {}", wire.access_token)).map_err(|_| {
            FetchError::Form { what: WHAT, why: "`access_token` cannot be sent".to_owned() }
        })?;
        let life = Duration::from_secs(wire.expires_in).min(LONGEST_LIFE).mul_f64(0.8);
        Ok(Token { header, life })
    }
}

/// Cloud: "Use OAuth on Bitbucket Cloud", client credentials.
#[derive(serde::Deserialize)]
struct WireToken {
    access_token: String,
    expires_in: u64,
    token_type: String,
}

/// How long an outcome stands: a token four fifths of its life, a refusal a while, a failure not at all.
struct Lives;

impl Expiry<(), Outcome> for Lives {
    fn expire_after_create(&self, (): &(), outcome: &Outcome, _: Instant) -> Option<Duration> {
        Some(match outcome {
            Ok(token) => token.life,
            Err(error) if error.may_pass() => Duration::ZERO,
            Err(_) => REFUSED_FOR,
        })
    }
}

fn login(user: &str, secret: &Secret<String>) -> Result<HeaderValue, SettingsError> {
    hidden(&format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret.expose()))))
}

/// A header value that `Debug` does not show.
fn hidden(text: &str) -> Result<HeaderValue, SettingsError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| SettingsError::Credential)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
