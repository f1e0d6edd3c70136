//! Who may use the operator surface: the bearer of the operator token, or a browser with a session.
//!
//! Three guards stand before every door but the probes: the Host header must be a name of ours (else a page on the
//! internet could make its own name point at loopback and read the console: DNS rebinding), the credential must hold,
//! and what changes something must come from a page of ours (else any page could make the operator's browser send it):
//! the browser says so itself, and the form carries what only a page of this very session was given.
//!
//! It is deliberately no role model: whoever passes is *the operator*, and the record says so. Where a change takes two
//! people, the configuration names some, each with a token of their own; they may do what the operator may.

use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::header;
use http::request::Parts;
use http::uri::Authority;
use sha2::Digest;
use sha2::Sha256;
use tokio::time::Instant;

use crate::decision::pause::By;
use crate::http::route::Caller;
use crate::http::route::Route;
use crate::http::session;
use crate::http::session::Code;
use crate::http::session::FormToken;
use crate::http::session::Sessions;

/// The operator token, as a hash: the file is its only readable copy.
#[derive(Debug, Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Of the token as it stands in the file, without the line end.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.trim_end()).into())
    }

    fn matches(self, offered: &str) -> bool {
        let offered: [u8; 32] = Sha256::digest(offered).into();
        verify_slices_are_equal(&self.0, &offered).is_ok()
    }
}

/// How the session's cookie travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// Over plain HTTP on loopback, where `Secure` cookies are not kept by every browser.
    Loopback,
    /// Over TLS only, bound to the host (`__Host-`).
    Tls,
}

impl Cookie {
    fn name(self) -> &'static str {
        match self {
            Self::Loopback => "portcullis",
            Self::Tls => "__Host-portcullis",
        }
    }

    fn set(self, value: &str, rest: &str) -> Option<HeaderValue> {
        let secure = match self {
            Self::Loopback => "",
            Self::Tls => "; Secure",
        };
        let text =
            format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{rest}", self.name());
        HeaderValue::try_from(text).ok()
    }
}

/// How the operator surface is guarded.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The token that the API takes as Bearer.
    pub token: TokenHash,
    /// People with a token of their own, by name.
    pub people: Vec<(String, TokenHash)>,
    /// The names under which the surface may be called, without ports. Loopback's own names are usual:
    /// `localhost`, `127.0.0.1`, `[::1]`.
    pub hosts: Vec<String>,
    /// The session's cookie.
    pub cookie: Cookie,
    /// Links and sessions.
    pub sessions: session::Settings,
}

/// Who asks, once let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Nobody in particular: the route is for anyone.
    Anyone,
    /// The operator, by token.
    Bearer,
    /// The operator, in a browser.
    Session,
    /// A person by a token of their own: their place in [`Settings::people`].
    Person(usize),
}

/// Why a request was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The Host header is none of ours.
    #[error("this gateway does not answer under that Host; `[operator] hosts` lists its names")]
    UnknownHost,
    /// Neither a token nor a session.
    #[error(
        "this needs the operator token as Bearer, or a session: open the link that the gateway printed"
    )]
    NoCredential,
    /// A token that is not the operator's, several, or a session that has ended.
    #[error("the operator token is wrong or the session has ended")]
    BadCredential,
    /// A browser that is not on this machine.
    #[error("without sign-in, the console is answered on loopback only")]
    NotLoopback,
    /// A change that does not come from a page of ours.
    #[error("this change does not come from a page of this gateway")]
    CrossSite,
    /// A change in a session whose form does not carry the session's token.
    #[error(
        "this form is not from a page of this session: load the page again and send it once more"
    )]
    NoFormToken,
    /// A link that has been opened before, or is too old.
    #[error(
        "this link is unknown, used or too old; `portcullis serve` prints a new one at its start"
    )]
    SpentLink,
}

/// Stands before the doors of the operator surface.
#[derive(Debug, Clone)]
pub struct Doorkeeper {
    settings: Settings,
    sessions: Arc<Sessions>,
}

impl Doorkeeper {
    /// With no session open yet.
    pub fn new(settings: Settings) -> Self {
        let sessions = Arc::new(Sessions::new(settings.sessions));
        Self { settings, sessions }
    }

    /// Lets a request in or says why not. Cost: two hashes.
    pub fn admit(
        &self,
        route: &Route,
        head: &Parts,
        from: SocketAddr,
        now: Instant,
    ) -> Result<Asker, Refused> {
        match route.caller {
            Caller::Probe => return Ok(Asker::Anyone),
            Caller::Anyone => return self.known_host(&head.headers).map(|()| Asker::Anyone),
            Caller::Operator => self.known_host(&head.headers)?,
            Caller::Signature | Caller::Asker | Caller::Person => {
                return Err(Refused::NoCredential);
            }
        }
        match bearer(&head.headers)? {
            Some(token) => self.holder(token).ok_or(Refused::BadCredential),
            None => self.session(head, from, now).map(|()| Asker::Session),
        }
    }

    /// Whose token it is.
    fn holder(&self, token: &str) -> Option<Asker> {
        if self.settings.token.matches(token) {
            return Some(Asker::Bearer);
        }
        self.settings.people.iter().position(|(_, own)| own.matches(token)).map(Asker::Person)
    }

    /// Who that is, as the record says it.
    pub fn by(&self, asker: Asker) -> By {
        let named = match asker {
            Asker::Person(place) => self.settings.people.get(place),
            Asker::Anyone | Asker::Bearer | Asker::Session => None,
        };
        named.map_or(By::Operator, |(name, _)| By::Person(name.clone()))
    }

    /// Whether the operator asks, on a surface that is not the operator's: what is read there is for others too.
    pub fn knows(&self, head: &Parts, from: SocketAddr, now: Instant) -> bool {
        match bearer(&head.headers) {
            Ok(Some(token)) => self.holder(token).is_some(),
            Ok(None) => self.session(head, from, now).is_ok(),
            Err(_) => false,
        }
    }

    /// A code for a one-time link, to be printed. Errors: only if the system has no randomness.
    pub fn link(&self, now: Instant) -> Result<Code, getrandom::Error> {
        self.sessions.link(now)
    }

    /// Spends a link's code: the `Set-Cookie` of the new session. No randomness counts as a spent link.
    pub fn enter(
        &self,
        code: &str,
        from: SocketAddr,
        now: Instant,
    ) -> Result<HeaderValue, Refused> {
        if !from.ip().to_canonical().is_loopback() {
            return Err(Refused::NotLoopback);
        }
        let id = self.sessions.open(code, now).ok().flatten().ok_or(Refused::SpentLink)?;
        self.settings.cookie.set(id.reveal(), "").ok_or(Refused::SpentLink)
    }

    /// What the forms of the request's session carry.
    pub fn form_token(&self, headers: &HeaderMap) -> FormToken {
        self.cookie(headers).map_or_else(FormToken::none, FormToken::of)
    }

    /// Ends the request's session, if it has one: the `Set-Cookie` that makes the browser forget it.
    pub fn leave(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        self.cookie(headers).inspect(|id| self.sessions.close(id));
        self.settings.cookie.set("", "; Max-Age=0")
    }

    fn session(&self, head: &Parts, from: SocketAddr, now: Instant) -> Result<(), Refused> {
        let id = self.cookie(&head.headers).ok_or(Refused::NoCredential)?;
        if !from.ip().to_canonical().is_loopback() {
            return Err(Refused::NotLoopback);
        }
        if !matches!(head.method, Method::GET | Method::HEAD) {
            own_page(&head.headers)?;
        }
        if self.sessions.holds_now(id, now) { Ok(()) } else { Err(Refused::BadCredential) }
    }

    fn known_host(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let authority =
            text(headers, &header::HOST).and_then(|host| host.parse::<Authority>().ok());
        let known = |authority: &Authority| {
            self.settings.hosts.iter().any(|host| host.eq_ignore_ascii_case(authority.host()))
        };
        authority.filter(known).map(|_| ()).ok_or(Refused::UnknownHost)
    }

    fn cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs =
            lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut ours =
            pairs.filter(|(name, _)| *name == self.settings.cookie.name()).map(|(_, value)| value);
        // Two of them: one was planted, and we cannot know which.
        ours.next().filter(|_| ours.next().is_none())
    }
}

/// The one Bearer token, if an Authorization header is there at all.
pub(in crate::http) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(line), rest) = (lines.next(), lines.next()) else { return Ok(None) };
    let pair = line.to_str().ok().and_then(|line| line.split_once(' '));
    let token = pair
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    token.filter(|_| rest.is_none()).map(Some).ok_or(Refused::BadCredential)
}

/// A browser says itself whether a request comes from the same origin; an older one says at least which origin.
/// Without both it is no browser with a session.
fn own_page(headers: &HeaderMap) -> Result<(), Refused> {
    const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let same = match headers.get(&SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => origin(headers).is_some_and(|origin| Some(origin) == text(headers, &header::HOST)),
    };
    if same { Ok(()) } else { Err(Refused::CrossSite) }
}

fn origin(headers: &HeaderMap) -> Option<&str> {
    let origin = text(headers, &header::ORIGIN)?;
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
}

/// The header's value if it is there exactly once.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next()?, values.next());
    first.to_str().ok().filter(|_| second.is_none())
}
