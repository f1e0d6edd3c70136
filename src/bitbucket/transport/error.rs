//! Why an answer of Bitbucket could not be had: one variant a cause, each sentence naming what would settle it.
//!
//! Nothing of a foreign body is quoted but names of scopes: an error text ends up in records and pages.

use std::time::Duration;

use crate::bitbucket::datacenter::database::DatabaseError;
use crate::graph::Id;
use crate::graph::Why;

/// Most scopes named in one sentence.
const MAX_SCOPES: usize = 8;

/// Longest scope name that is quoted.
const MAX_SCOPE_BYTES: usize = 64;

/// How keys of events begin.
const EVENT_FAMILIES: [&str; 6] =
    ["repo:", "pr:", "project:", "mirror:", "pullrequest:", "pipeline:"];

/// Longest key of an event that is quoted.
const MAX_EVENT_BYTES: usize = 64;

/// Most events named in one sentence.
const MAX_EVENTS_NAMED: usize = 30;

/// Why an answer could not be had. Its sentence is a gap's why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// 401: Bitbucket does not take the credential. Data Center says the same to one that may not ask this.
    #[error(
        "Bitbucket refused the connection's credential (401): renew it, or use one that may read {what}"
    )]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// Whether Data Center named the caller all the same: the credential is good, and another token would not help.
        caller_known: bool,
    },
    /// 403: the credential may not. The scopes are the missing ones, where Bitbucket names them.
    #[error("the connection's credential may not read {what} (403): {}", needed(.scopes))]
    Forbidden {
        /// What was asked for.
        what: &'static str,
        /// Missing scopes, as Bitbucket names them.
        scopes: Vec<String>,
    },
    /// 404: missing, or hidden from this credential.
    #[error(
        "Bitbucket does not show {what} to the connection's credential (404): it is gone, or access to it is needed"
    )]
    Missing {
        /// What was asked for.
        what: &'static str,
    },
    /// 410: Bitbucket has taken this part of its API away.
    #[error("Bitbucket no longer answers for {what} (410): this part of its API was removed")]
    Gone {
        /// What was asked for.
        what: &'static str,
    },
    /// 429, or the rest after one.
    #[error("Bitbucket's rate limit is used up: ask again in {} s", .again.as_secs().max(1))]
    Limited {
        /// When to ask again.
        again: Duration,
    },
    /// 5xx and Cloud's 555.
    #[error("Bitbucket failed to answer for {what} ({status}): ask again later")]
    Unavailable {
        /// What was asked for.
        what: &'static str,
        /// The status.
        status: u16,
    },
    /// 400 that names events of webhooks: this Bitbucket does not have them.
    #[error("this Bitbucket does not know {} ({what})", quoted(.events))]
    NoSuchEvents {
        /// What was asked for.
        what: &'static str,
        /// Their keys, as we wrote them.
        events: Vec<String>,
    },
    /// Any other status.
    #[error("Bitbucket did not accept the question for {what} ({status})")]
    Unexpected {
        /// What was asked for.
        what: &'static str,
        /// The status.
        status: u16,
    },
    /// 3xx. Redirects are never followed: they would carry the credential away.
    #[error(
        "Bitbucket answered for {what} with a redirect ({status}), which is not followed: it was renamed or moved, or the configured address is not its own"
    )]
    Redirected {
        /// What was asked for.
        what: &'static str,
        /// The status.
        status: u16,
    },
    /// No answer within the deadline.
    #[error("Bitbucket did not answer for {what} in time")]
    TimedOut {
        /// What was asked for.
        what: &'static str,
    },
    /// No connection, or one that broke before an answer.
    #[error("no connection to Bitbucket: check the network, the address and its certificate")]
    Unreachable,
    /// The answer ended too early.
    #[error("Bitbucket's answer for {what} broke off: ask again")]
    Truncated {
        /// What was asked for.
        what: &'static str,
    },
    /// Something other than JSON: a login or proxy page, mostly.
    #[error(
        "something that is not JSON answered for {what}: a proxy or login page stands before Bitbucket, or the configured address is not its own"
    )]
    NotJson {
        /// What was asked for.
        what: &'static str,
    },
    /// JSON, but not what Bitbucket documents.
    #[error("Bitbucket's answer for {what} is not what it documents ({why})")]
    Form {
        /// What was asked for.
        what: &'static str,
        /// Where, or which field; never what stood there.
        why: String,
    },
    /// More than is read.
    #[error("Bitbucket's answer for {what} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// More pages than are read, or pages that lead in a circle.
    #[error("the list of {what} does not end within {limit} pages")]
    TooLong {
        /// What was asked for.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A next page that lies elsewhere. Following it would carry the credential there.
    #[error("the next page of {what} lies outside Bitbucket's own address and was not fetched")]
    ForeignPage {
        /// What was asked for.
        what: &'static str,
    },
    /// Bitbucket has not computed it.
    #[error(
        "Bitbucket has not indexed which pull requests hold this commit: switch on the app `Pull Request Commit Links`, or ask again later"
    )]
    NotIndexed,
    /// A new refresh token could not be put where it survives; it is not used until it is.
    #[error("the new OAuth refresh token could not be kept: is the store writable?")]
    NotKept,
    /// Somebody was taken for somebody, and no list names that one.
    #[error(
        "Bitbucket takes the credential and does not list whom it acts as: a token of a project or repository belongs to a hidden service user"
    )]
    Unlisted,
    /// This product has no such thing.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The operator left it out: it is not asked for, so nobody knows.
    #[error("{0} was not asked for: it lies outside the scope of the connection")]
    OutOfScope(&'static str),
    /// Whether it lies outside is not known, so that it is not asked for either.
    #[error(
        "whether `{0}` lies within the scope of the connection is not known yet, so nothing was asked of it: the next reading tells, and `portcullis sync` reads now"
    )]
    Unplaced(Id),
    /// A Data Center repository whose project key and slug nobody has told.
    #[error(
        "the project key and name of `{0}` are not known yet: a webhook or discovery tells them"
    )]
    Unaddressed(Id),
    /// A Data Center repository whose last known project key and slug are another repository's now.
    #[error(
        "`{0}` was renamed or moved, and its old name is another repository's now: a webhook or discovery tells the new one"
    )]
    Moved(Id),
    /// An id, hash or name that cannot be part of an address.
    #[error("`{0}` cannot be asked for: it is not {1}")]
    Unaskable(String, &'static str),
    /// Bitbucket's own database does not tell.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl FetchError {
    /// The sentence, as the why of a gap.
    pub fn why(&self) -> Why {
        Why::said(self.to_string())
    }

    /// A word for metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Forbidden { .. } => "forbidden",
            Self::Missing { .. } => "missing",
            Self::Gone { .. } => "gone",
            Self::Limited { .. } => "limited",
            Self::Unavailable { .. } => "unavailable",
            Self::NoSuchEvents { .. } => "no_such_events",
            Self::Unexpected { .. } => "unexpected",
            Self::Redirected { .. } => "redirected",
            Self::TimedOut { .. } => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Truncated { .. } => "truncated",
            Self::NotJson { .. } => "not_json",
            Self::Form { .. } => "form",
            Self::TooLarge { .. } => "too_large",
            Self::TooLong { .. } => "too_long",
            Self::ForeignPage { .. } => "foreign_page",
            Self::NotIndexed => "not_indexed",
            Self::NotKept => "not_kept",
            Self::Unlisted => "unlisted",
            Self::Unsupported(_) => "unsupported",
            Self::OutOfScope(_) => "out_of_scope",
            Self::Unplaced(_) => "unplaced",
            Self::Unaddressed(_) => "unaddressed",
            Self::Moved(_) => "moved",
            Self::Unaskable(..) => "unaskable",
            Self::Database(_) => "database",
        }
    }

    /// Whether the same question may be answered later without anyone changing anything.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::Limited { .. }
            | Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::Unreachable
            | Self::Truncated { .. }
            | Self::NotKept
            | Self::NotIndexed
            | Self::Unplaced(_)
            | Self::Database(DatabaseError::Unreachable | DatabaseError::TimedOut(_)) => true,
            Self::Refused { .. }
            | Self::Forbidden { .. }
            | Self::Missing { .. }
            | Self::Gone { .. }
            | Self::NoSuchEvents { .. }
            | Self::Unexpected { .. }
            | Self::Redirected { .. }
            | Self::NotJson { .. }
            | Self::Form { .. }
            | Self::TooLarge { .. }
            | Self::TooLong { .. }
            | Self::ForeignPage { .. }
            | Self::Unlisted
            | Self::Unsupported(_)
            | Self::OutOfScope(_)
            | Self::Unaddressed(_)
            | Self::Moved(_)
            | Self::Unaskable(..)
            | Self::Database(_) => false,
        }
    }

    /// A 400, with the events of webhooks that its body names, if it names any.
    pub(crate) fn not_taken(what: &'static str, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let words = text.split(|sign: char| !(sign.is_ascii_lowercase() || "_:".contains(sign)));
        let is_event = |word: &&str| {
            EVENT_FAMILIES.iter().any(|family| word.starts_with(family))
                && word.len() <= MAX_EVENT_BYTES
        };
        let events: Vec<String> =
            words.filter(is_event).map(str::to_owned).take(MAX_EVENTS_NAMED).collect();
        if events.is_empty() {
            return Self::Unexpected { what, status: 400 };
        }
        Self::NoSuchEvents { what, events }
    }

    /// A 403, with the scopes that its body names as required and not granted.
    pub(crate) fn forbidden(what: &'static str, body: &[u8]) -> Self {
        let scopes = serde_json::from_slice::<Refusal>(body)
            .map(|refusal| refusal.error.detail.missing())
            .unwrap_or_default();
        Self::Forbidden { what, scopes }
    }
}

fn needed(scopes: &[String]) -> String {
    if scopes.is_empty() {
        return "it needs more rights there".to_owned();
    }
    format!("it lacks {}", quoted(scopes))
}

fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

#[derive(serde::Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(serde::Deserialize)]
struct RefusalError {
    detail: Scopes,
}

#[derive(serde::Deserialize)]
struct Scopes {
    required: Vec<String>,
    #[serde(default)]
    granted: Vec<String>,
}

impl Scopes {
    fn missing(self) -> Vec<String> {
        let plain = |scope: &String| {
            scope.len() <= MAX_SCOPE_BYTES
                && scope.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_.".contains(&b))
        };
        let granted = self.granted;
        self.required
            .into_iter()
            .filter(|scope| plain(scope) && !granted.contains(scope))
            .take(MAX_SCOPES)
            .collect()
    }
}
