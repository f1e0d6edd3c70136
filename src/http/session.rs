//! Who has opened the console in a browser: one-time links and the sessions they become.
//!
//! Everything is in memory and bounded; a restart signs everybody out. Only hashes of links and sessions are kept, so
//! that a memory image opens nothing. Time is handed in. It is deliberately no sign-in of persons: a session says
//! that somebody held a link which the gateway printed for its operator.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use sha2::Digest;
use sha2::Sha256;
use tokio::time::Instant;

/// How long links and sessions last, and how many there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A session that is not used ends after this. Default 1 h.
    pub idle: Duration,
    /// A session ends after this, used or not. Default 12 h: one working day.
    pub longest: Duration,
    /// A link that is not opened ends after this. Default 1 h.
    pub link: Duration,
    /// Sessions at a time. Default 256; the one unused for longest makes room. Without it, opening links fills memory.
    pub sessions: usize,
    /// Links at a time. Default 16; the oldest makes room.
    pub links: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let hour = Duration::from_hours(1);
        Self { idle: hour, longest: 12 * hour, link: hour, sessions: 256, links: 16 }
    }
}

/// 256 random bits as 64 hex digits: a link's code or a session's id. It is shown once and kept only as a hash.
pub struct Code(String);

impl Code {
    fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0_u8; 32];
        getrandom::fill(&mut bits)?;
        Ok(Self(hex::encode(bits)))
    }

    /// The digits, for the one place that hands them out.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What every form of a session's pages carries, so that a change comes from a page that this session was shown. It
/// follows from the session's id, which only the browser's cookie holds, and does not lead back to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormToken(Option<String>);

impl FormToken {
    /// The field of a form that carries it.
    pub const FIELD: &'static str = "form-token";

    /// Of the session with this id.
    pub fn of(session: &str) -> Self {
        let digest = Sha256::new().chain_update("portcullis-form-v1\n").chain_update(session);
        Self(Some(hex::encode(digest.finalize())))
    }

    /// Of no session: it fits nothing.
    pub const fn none() -> Self {
        Self(None)
    }

    /// As it stands in a form; empty without a session.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether this is what the form brought, compared in constant time.
    pub fn fits(&self, brought: &str) -> bool {
        let own = self.0.as_ref().map(String::as_bytes);
        own.is_some_and(|own| verify_slices_are_equal(own, brought.as_bytes()).is_ok())
    }
}

type Hash = [u8; 32];

#[derive(Debug, Clone, Copy)]
struct Session {
    opened: Instant,
    used: Instant,
}

#[derive(Debug, Default)]
struct Known {
    links: HashMap<Hash, Instant>,
    sessions: HashMap<Hash, Session>,
}

/// All links and sessions of one gateway.
#[derive(Debug)]
pub struct Sessions {
    settings: Settings,
    known: Mutex<Known>,
}

impl Sessions {
    /// None yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, known: Mutex::default() }
    }

    /// A new one-time link's code. Errors: only if the system has no randomness.
    pub fn link(&self, now: Instant) -> Result<Code, getrandom::Error> {
        let code = Code::random()?;
        let mut known = self.known();
        known.links.retain(|_, made| now.saturating_duration_since(*made) < self.settings.link);
        make_room(&mut known.links, self.settings.links, |made| *made);
        known.links.insert(hash(code.reveal()), now);
        Ok(code)
    }

    /// Spends a link: a new session's id, or `None` when the link is unknown, spent or too old.
    pub fn open(&self, code: &str, now: Instant) -> Result<Option<Code>, getrandom::Error> {
        let id = Code::random()?;
        let mut known = self.known();
        let made = known.links.remove(&hash(code));
        if made.is_none_or(|made| now.saturating_duration_since(made) >= self.settings.link) {
            return Ok(None);
        }
        known.sessions.retain(|_, session| self.holds(*session, now));
        make_room(&mut known.sessions, self.settings.sessions, |session| session.used);
        known.sessions.insert(hash(id.reveal()), Session { opened: now, used: now });
        Ok(Some(id))
    }

    /// Whether this is the id of a session that still holds; if so, it has now been used.
    pub fn holds_now(&self, id: &str, now: Instant) -> bool {
        let mut known = self.known();
        match known.sessions.get_mut(&hash(id)) {
            Some(session) if self.holds(*session, now) => {
                session.used = now;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Ends a session.
    pub fn close(&self, id: &str) {
        self.known().sessions.remove(&hash(id));
    }

    fn holds(&self, session: Session, now: Instant) -> bool {
        let (age, idle) = (
            now.saturating_duration_since(session.opened),
            now.saturating_duration_since(session.used),
        );
        age < self.settings.longest && idle < self.settings.idle
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics while it is held, and each change is whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lookups go by the hash, so how long one takes tells nothing about the code.
fn hash(code: &str) -> Hash {
    Sha256::digest(code).into()
}

fn make_room<V>(map: &mut HashMap<Hash, V>, limit: usize, age: impl Fn(&V) -> Instant) {
    while map.len() >= limit.max(1) {
        let Some(oldest) = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| *key)
        else {
            return;
        };
        map.remove(&oldest);
    }
}
