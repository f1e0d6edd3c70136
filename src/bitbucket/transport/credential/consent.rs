//! A person's consent: a refresh token that is good once, and the access token that came with the last one.
//!
//! The new refresh token is kept durably before anything else is done with the answer it came in (Cloud, CHANGE-3052:
//! refresh tokens rotate; Data Center's may: one that comes replaces the last, and where none comes the last stays good).
//! One asks while the others wait; and what has begun is finished even if whoever asked gives up, because
//! a token that was spent and not kept ends the consent.

use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use reqwest::header;
use reqwest::header::HeaderValue;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use crate::bitbucket::client::Keeper;
use crate::bitbucket::client::SettingsError;
use crate::bitbucket::transport::Answer;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::MAX_ANSWER_BYTES;
use crate::bitbucket::transport::credential::LONGEST_LIFE;
use crate::bitbucket::transport::credential::PATIENCE;
use crate::bitbucket::transport::credential::REFUSED_FOR;
use crate::bitbucket::transport::credential::WHAT;
use crate::bitbucket::transport::credential::hidden;
use crate::bitbucket::transport::credential::login;
use crate::bitbucket::transport::receive;
use crate::secret::Secret;

/// A consumer that acts for the person who authorized it.
pub(crate) struct Consent {
    inner: Arc<Inner>,
    /// Refreshing that is under way; it ends with the client.
    tasks: Mutex<JoinSet<()>>,
}

/// Where tokens are, and how a consumer says there who it is.
pub(crate) struct TokenPlace {
    url: Url,
    consumer: Consumer,
}

enum Consumer {
    /// Cloud: by a header.
    Login(HeaderValue),
    /// Data Center: in the form, and it tells its redirect address each time.
    Fields { key: Secret<String>, secret: Secret<String>, redirect: String },
}

struct Inner {
    place: TokenPlace,
    keeper: Keeper,
    state: tokio::sync::Mutex<State>,
}

struct State {
    refresh: Secret<String>,
    /// Whether the refresh token is where it survives.
    kept: bool,
    token: Option<(HeaderValue, Instant)>,
    refused: Option<Instant>,
}

#[derive(serde::Deserialize)]
struct Wire {
    access_token: String,
    expires_in: u64,
    token_type: String,
    refresh_token: Option<String>,
}

impl Consent {
    /// A consent whose newest refresh token is this one, and is kept.
    pub(crate) fn new(place: TokenPlace, refresh: Secret<String>, keeper: Keeper) -> Self {
        let state = State { refresh, kept: true, token: None, refused: None };
        let inner = Inner { place, keeper, state: tokio::sync::Mutex::new(state) };
        Self { inner: Arc::new(inner), tasks: Mutex::default() }
    }

    /// The header's value.
    pub(crate) async fn header(
        &self,
        http: &reqwest::Client,
        deadline: Deadline,
    ) -> Result<HeaderValue, FetchError> {
        if let Ok(state) = self.inner.state.try_lock()
            && let Some(header) = state.good()
        {
            return Ok(header);
        }
        let (tell, told) = oneshot::channel();
        let (inner, http) = (Arc::clone(&self.inner), http.clone());
        {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            while tasks.try_join_next().is_some() {}
            tasks.spawn(async move {
                // Whoever asked may have given up: the token is there for the next one.
                let _ = tell.send(inner.current(&http).await);
            });
        }
        let answer = async { told.await.unwrap_or(Err(FetchError::Unreachable)) };
        deadline.hold(WHAT, answer).await
    }

    /// Forgets a token that was refused, if there is no newer one: of many who were refused, the first one gets another.
    pub(crate) async fn refused(&self, header: &HeaderValue) {
        let mut state = self.inner.state.lock().await;
        if state.token.as_ref().is_some_and(|(held, _)| held == header) {
            state.token = None;
        }
    }

    /// Whether there is another token to try.
    pub(crate) async fn forget(&self) -> bool {
        !self.inner.state.lock().await.is_refused()
    }
}

impl State {
    fn good(&self) -> Option<HeaderValue> {
        let (header, until) = self.token.as_ref()?;
        (Instant::now() < *until).then(|| header.clone())
    }

    fn is_refused(&self) -> bool {
        self.refused.is_some_and(|since| since.elapsed() < REFUSED_FOR)
    }
}

impl Inner {
    async fn current(&self, http: &reqwest::Client) -> Result<HeaderValue, FetchError> {
        let mut state = self.state.lock().await;
        if let Some(header) = state.good() {
            return Ok(header);
        }
        if state.is_refused() {
            return Err(FetchError::Refused { what: WHAT, caller_known: false });
        }
        self.keep(&mut state).await?;
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", state.refresh.expose().as_str())];
        let asked = self.place.ask(http, &form).await;
        if let Err(FetchError::Refused { .. }) = &asked {
            state.refused = Some(Instant::now());
        }
        let wire = asked?;
        if let Some(next) = wire.refresh_token {
            state.refresh = Secret::new(next);
            state.kept = false;
            self.keep(&mut state).await?;
        }
        let header = bearer(&wire.access_token, &wire.token_type)?;
        let life = Duration::from_secs(wire.expires_in).min(LONGEST_LIFE).mul_f64(0.8);
        state.refused = None;
        state.token = Some((header.clone(), Instant::now() + life));
        Ok(header)
    }

    /// Puts the refresh token where it survives, if it is not there. Until that works it is not spent.
    async fn keep(&self, state: &mut State) -> Result<(), FetchError> {
        if !state.kept {
            (self.keeper)(state.refresh.clone()).await.map_err(|_| FetchError::NotKept)?;
            state.kept = true;
        }
        Ok(())
    }
}

impl TokenPlace {
    /// Cloud's.
    pub(crate) fn cloud(
        url: Url,
        (key, secret): (&Secret<String>, &Secret<String>),
    ) -> Result<Self, SettingsError> {
        let login = login(key.expose(), secret)?;
        Ok(Self { url, consumer: Consumer::Login(login) })
    }

    /// Data Center's: `rest/oauth2/latest/token`, or `revoke` beside it.
    pub(crate) fn datacenter(
        url: Url,
        (key, secret): (&Secret<String>, &Secret<String>),
        redirect: &str,
    ) -> Self {
        let (key, secret) = (key.clone(), secret.clone());
        Self { url, consumer: Consumer::Fields { key, secret, redirect: redirect.to_owned() } }
    }

    async fn ask(&self, http: &reqwest::Client, form: &[(&str, &str)]) -> Result<Wire, FetchError> {
        self.post(http, form).await?.decode(WHAT)
    }

    async fn post(
        &self,
        http: &reqwest::Client,
        form: &[(&str, &str)],
    ) -> Result<Answer, FetchError> {
        let mut form = form.to_vec();
        let mut request = http.post(self.url.clone()).header(header::ACCEPT, "application/json");
        match &self.consumer {
            Consumer::Login(login) => {
                request = request.header(header::AUTHORIZATION, login.clone());
            }
            Consumer::Fields { key, secret, redirect } => {
                form.push(("client_id", key.expose()));
                form.push(("client_secret", secret.expose()));
                if !redirect.is_empty() {
                    form.push(("redirect_uri", redirect));
                }
            }
        }
        let request = request.form(&form);
        let exchange = async {
            let response = request.send().await.map_err(|_| FetchError::Unreachable)?;
            receive(response, WHAT, MAX_ANSWER_BYTES).await
        };
        match Deadline::within(PATIENCE).hold(WHAT, exchange).await {
            // How OAuth says that it does not know the consumer, or that the token was spent.
            Err(FetchError::Unexpected { status: 400, .. }) => {
                Err(FetchError::Refused { what: WHAT, caller_known: false })
            }
            answer => answer,
        }
    }
}

/// Spends a code for the first refresh token. With a verifier where the consent was asked for with a challenge (PKCE).
pub(crate) async fn exchange(
    http: &reqwest::Client,
    place: &TokenPlace,
    code: &Secret<String>,
    verifier: Option<&Secret<String>>,
) -> Result<Secret<String>, FetchError> {
    let mut form = vec![("grant_type", "authorization_code"), ("code", code.expose().as_str())];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier.expose().as_str())));
    let wire = place.ask(http, &form).await?;
    let missing = || FetchError::Form { what: WHAT, why: "there is no `refresh_token`".to_owned() };
    wire.refresh_token.map(Secret::new).ok_or_else(missing)
}

/// Gives a refresh token back (RFC 7009).
pub(crate) async fn withdraw(
    http: &reqwest::Client,
    place: &TokenPlace,
    refresh: &Secret<String>,
) -> Result<(), FetchError> {
    let form = [("token", refresh.expose().as_str()), ("token_type_hint", "refresh_token")];
    place.post(http, &form).await.map(drop)
}

fn bearer(token: &str, kind: &str) -> Result<HeaderValue, FetchError> {
    let wrong = |why: &str| FetchError::Form { what: WHAT, why: why.to_owned() };
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(wrong("`token_type` is not bearer"));
    }
    hidden(&format!("Bearer {token}")).map_err(|_| wrong("`access_token` cannot be sent"))
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
