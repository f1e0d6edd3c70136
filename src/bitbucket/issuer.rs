//! The public keys of those who sign tokens, Bitbucket for its steps and other CI for theirs: fetched from configured
//! places, kept, and refreshed with care.
//!
//! What a key set is, and whether a token is good, is known in `event::caller`. An address is never taken from a token:
//! every customer of Bitbucket can sign tokens under an issuer of his own.

mod place;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use moka::Expiry;
use moka::future::Cache;

use crate::bitbucket::client::Trust;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::http;
use crate::event::caller::KeySet;
use crate::event::caller::Signing;

pub use place::Place;

/// How long a key set may take to come.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Most issuers: one per connection and other CI.
const MAX_ISSUERS: u64 = 1_000;

/// Who signs tokens, from configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// The exact `iss` of its tokens.
    pub url: String,
    /// Where its keys are.
    pub keys: Place,
    /// What it may sign with; keys for anything else are passed over.
    pub signing: Vec<Signing>,
}

impl Issuer {
    /// Of a Cloud workspace, by its slug. Source: "Integrate Pipelines with resource servers using OIDC".
    pub fn cloud(api_url: &str, workspace: &str) -> Self {
        let api_url = api_url.trim_end_matches('/');
        let url = format!("{api_url}/workspaces/{workspace}/pipelines-config/identity/oidc");
        Self::at(&url)
    }

    /// Whose set lies at `{url}/keys.json`, as Bitbucket's do.
    fn at(url: &str) -> Self {
        let signing = vec![Signing::Rs256];
        Self { keys: Place::Beside, url: url.to_owned(), signing }
    }
}

/// Why an issuer's keys could not be had. Keys known from before are used instead, for a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The issuer did not answer.
    #[error("the keys of `{0}` could not be read: {1}")]
    Unread(String, FetchError),
    /// The issuer answered with something that is not a set of keys.
    #[error("the keys of `{0}` cannot be used: {1}")]
    Unusable(String, crate::event::caller::KeyError),
    /// The address is not https.
    #[error("the keys of `{0}` cannot be read: the address must be https, or loopback")]
    Address(String),
    /// The issuer describes somebody else.
    #[error("the keys of `{0}` cannot be read: its openid-configuration is that of `{1}`")]
    Described(String, String),
    /// The file cannot be read.
    #[error("the keys of `{0}` cannot be read from their file: {1}")]
    File(String, String),
    /// The client could not be set up.
    #[error("the HTTP client could not be set up")]
    Client,
}

impl KeyError {
    /// A word for metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unread(..) => "unread",
            Self::Unusable(..) => "unusable",
            Self::Address(_) => "address",
            Self::Described(..) => "described",
            Self::File(..) => "file",
            Self::Client => "client",
        }
    }
}

/// How long key sets stand.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A set younger than this is not asked for again.
    pub fresh: Duration,
    /// Least time between two refreshes of one issuer, whatever tokens name.
    pub refresh: Duration,
    /// How long a set is used while its issuer does not answer.
    pub keep: Duration,
    /// How long a first failure stands.
    pub failed: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            fresh: Duration::from_mins(30),
            refresh: Duration::from_mins(1),
            keep: Duration::from_hours(24),
            failed: Duration::from_secs(5),
        }
    }
}

type Outcome = Result<Set, KeyError>;

/// Keys by issuer. Cloning shares them.
#[derive(Clone)]
pub struct Keys {
    /// Made when keys are read first: reading this machine's CA certificates is a good part of a start.
    http: Arc<OnceLock<reqwest::Client>>,
    patience: Patience,
    /// The last good set, or a first failure.
    kept: Cache<Issuer, Outcome>,
    /// The last refresh: while it stands here, there is no other.
    refreshed: Cache<Issuer, Outcome>,
    /// Issuers of which nothing was read yet and which do not answer, and since when.
    dumb: Arc<Mutex<HashMap<Issuer, Instant>>>,
}

#[derive(Clone)]
struct Set {
    keys: Arc<KeySet>,
    read: Instant,
}

impl Default for Keys {
    fn default() -> Self {
        Self::with(Patience::default())
    }
}

impl Keys {
    /// No keys yet, and this patience.
    pub fn with(patience: Patience) -> Self {
        let lives = Lives { keep: patience.keep, failed: patience.failed };
        let kept = Cache::builder().max_capacity(MAX_ISSUERS).expire_after(lives).build();
        let refreshed =
            Cache::builder().max_capacity(MAX_ISSUERS).time_to_live(patience.refresh).build();
        Self { http: Arc::default(), patience, kept, refreshed, dumb: Arc::default() }
    }

    fn http(&self) -> Result<&reqwest::Client, KeyError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        // A machine without CA certificates trusts nobody: only loopback issuers can be read there.
        let usual = Trust::default();
        let made = http(true, &usual).or_else(|_| http(false, &usual));
        let made = made.map_err(|_| KeyError::Client)?;
        Ok(self.http.get_or_init(|| made))
    }

    /// The keys of an issuer whose set lies at `{issuer_url}/keys.json`, as Bitbucket's do.
    pub async fn keys(&self, issuer_url: &str, kid: &str) -> Result<Arc<KeySet>, KeyError> {
        self.keys_of(&Issuer::at(issuer_url), kid).await
    }

    /// Reads an issuer's keys now, whatever was read before: for a timer. The old ones stay if it does not answer. That
    /// it has none is no error before it had some: Cloud makes them with a workspace's first token.
    pub async fn renew(&self, issuer_url: &str) -> Result<(), KeyError> {
        self.renew_of(&Issuer::at(issuer_url)).await
    }

    /// The same for any issuer.
    pub async fn renew_of(&self, issuer: &Issuer) -> Result<(), KeyError> {
        let read = self.refresh(issuer).await.map(drop);
        let known = matches!(self.kept.get(issuer).await, Some(Ok(_)));
        let none = issuer.keys == Place::Beside
            && matches!(read, Err(KeyError::Unread(_, FetchError::Missing { .. })));
        let mut dumb = self.dumb.lock().unwrap_or_else(PoisonError::into_inner);
        if known || none {
            dumb.remove(issuer);
        } else {
            dumb.entry(issuer.clone()).or_insert_with(Instant::now);
        }
        if none && !known { Ok(()) } else { read }
    }

    /// How old an issuer's keys are. Of one that never answered: since when it has been asked in vain.
    pub async fn age(&self, issuer_url: &str) -> Duration {
        self.age_of(&Issuer::at(issuer_url)).await
    }

    /// The same for any issuer.
    pub async fn age_of(&self, issuer: &Issuer) -> Duration {
        if let Some(Ok(set)) = self.kept.get(issuer).await {
            return set.read.elapsed();
        }
        let dumb = self.dumb.lock().unwrap_or_else(PoisonError::into_inner);
        dumb.get(issuer).map_or(Duration::ZERO, Instant::elapsed)
    }

    /// The keys of an issuer. Costs nothing while they are fresh and `kid` is among them; else one fetch, shared by all
    /// who ask at the time, and at most one a minute. The answer may lack `kid` nevertheless.
    pub async fn keys_of(&self, issuer: &Issuer, kid: &str) -> Result<Arc<KeySet>, KeyError> {
        let kept = self.kept.get_with_by_ref(issuer, self.fetch(issuer)).await?;
        if kept.keys.key(kid).is_some() && kept.read.elapsed() < self.patience.fresh {
            return Ok(kept.keys);
        }
        // Old keys stay good while the issuer does not answer, or answers with something else.
        let newer = self.refreshed.get_with_by_ref(issuer, self.refresh(issuer)).await;
        Ok(newer.map_or(kept.keys, |newer| newer.keys))
    }

    /// The old set stays until a new one is read whole.
    async fn refresh(&self, issuer: &Issuer) -> Outcome {
        let set = self.fetch(issuer).await?;
        self.kept.insert(issuer.clone(), Ok(set.clone())).await;
        Ok(set)
    }

    async fn fetch(&self, issuer: &Issuer) -> Outcome {
        let json = place::read(self.http()?, issuer).await?;
        let keys = KeySet::read_for(&json, &issuer.signing)
            .map_err(|why| KeyError::Unusable(issuer.url.clone(), why))?;
        Ok(Set { keys: Arc::new(keys), read: Instant::now() })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

struct Lives {
    keep: Duration,
    failed: Duration,
}

impl Expiry<Issuer, Outcome> for Lives {
    fn expire_after_create(&self, _: &Issuer, outcome: &Outcome, _: Instant) -> Option<Duration> {
        Some(if outcome.is_ok() { self.keep } else { self.failed })
    }

    fn expire_after_update(
        &self,
        _: &Issuer,
        outcome: &Outcome,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(if outcome.is_ok() { self.keep } else { self.failed })
    }
}
