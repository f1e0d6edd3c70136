//! What an `approval` says, checked: somebody must be able to satisfy it.
//!
//! Written the same in a finding and in a rule's metadata. Groups are names here; they become ids when a bundle is
//! activated, which is not this file's matter.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use crate::graph::Id;
use crate::graph::Kind;
use crate::policy::finding::Approvers;
use crate::policy::finding::Barred;
use crate::policy::finding::Demand;

/// Most approvals that one ticket may ask for. Beyond it no team would ever be complete.
pub const MAX_COUNT: u32 = 20;

/// Most people that may be named one by one; more belong into a group.
pub const MAX_USERS: usize = 100;

/// Longest group name.
pub const MAX_GROUP: usize = 200;

/// How long a ticket waits when the demand does not say: a working day and its night.
pub const EXPIRES_IN: Duration = Duration::from_hours(24);

/// Longest wait. A question older than this is another question.
pub const MAX_EXPIRES_IN: Duration = Duration::from_hours(24 * 30);

/// How long a grant may be used when the demand does not say.
pub const GRANT_FOR: Duration = Duration::from_hours(1);

/// Longest use of a grant. A longer one would be a standing permission.
pub const MAX_GRANT_FOR: Duration = Duration::from_hours(24 * 7);

/// An `approval` as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    from: From,
    #[serde(default = "one")]
    count: u32,
    /// Left out: whoever acts may not approve himself.
    #[serde(default = "not_oneself")]
    not: Vec<Barred>,
    expires_in: Option<String>,
    grant_for: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    group: Option<String>,
    #[serde(default)]
    users: Vec<String>,
}

const fn one() -> u32 {
    1
}

fn not_oneself() -> Vec<Barred> {
    vec![Barred::Actor]
}

/// Why nobody could satisfy an `approval`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// No source of approvers.
    #[error("`approval.from` names neither a `group` nor `users`")]
    Nobody,
    /// A group without a name, or a text that is none.
    #[error("`approval.from.group` must be a name of 1 to {MAX_GROUP} characters")]
    Group,
    /// Not the id of a person.
    #[error("`{0}` in `approval.from.users` is not the id of a person, like `acme-cloud/user/…`")]
    User(String),
    /// Too many people.
    #[error("`approval.from.users` names more than {MAX_USERS} people: use a group")]
    Users,
    /// Zero, or more than anyone could gather.
    #[error("`approval.count` is {0}: use 1 to {MAX_COUNT}")]
    Count(u32),
    /// More approvals than people.
    #[error("`approval.count` is {count}, but only {people} people are named")]
    TooFew {
        /// Approvals asked for.
        count: u32,
        /// People named.
        people: usize,
    },
    /// Not a duration, or out of bounds.
    #[error(
        "`{text}` in `approval.{field}` is not a duration from 1s to {most}: write it like `30m` or `4h`"
    )]
    Length {
        /// Which field.
        field: &'static str,
        /// What it says.
        text: String,
        /// The longest.
        most: &'static str,
    },
}

impl Said {
    /// The demand, if somebody can satisfy it.
    pub fn checked(self) -> Result<Demand, DemandError> {
        let people: BTreeSet<&String> = self.from.users.iter().collect();
        match &self.from.group {
            Some(name) if name.trim().is_empty() || name.chars().count() > MAX_GROUP => {
                return Err(DemandError::Group);
            }
            None if people.is_empty() => return Err(DemandError::Nobody),
            Some(_) | None => {}
        }
        if people.len() > MAX_USERS {
            return Err(DemandError::Users);
        }
        if let Some(wrong) = self.from.users.iter().find(|user| !is_person(user)) {
            return Err(DemandError::User(wrong.chars().take(80).collect()));
        }
        if !(1..=MAX_COUNT).contains(&self.count) {
            return Err(DemandError::Count(self.count));
        }
        if self.from.group.is_none() && people.len() < usize::try_from(self.count).unwrap_or(0) {
            return Err(DemandError::TooFew { count: self.count, people: people.len() });
        }
        let expires_in =
            length("expires_in", self.expires_in, EXPIRES_IN, (MAX_EXPIRES_IN, "30d"))?;
        let grant_for = length("grant_for", self.grant_for, GRANT_FOR, (MAX_GRANT_FOR, "7d"))?;
        let mut users = self.from.users;
        users.sort();
        users.dedup();
        Ok(Demand {
            from: Approvers { group: self.from.group, users },
            count: self.count,
            not: self.not,
            expires_in,
            grant_for,
        })
    }
}

/// The demand of a fault or an unknown fact whose rule names nobody: no group and no people, so that only an operator
/// of the gateway can grant it.
pub fn of_an_operator() -> Demand {
    Demand {
        from: Approvers::default(),
        count: 1,
        not: not_oneself(),
        expires_in: EXPIRES_IN.as_secs(),
        grant_for: GRANT_FOR.as_secs(),
    }
}

fn is_person(text: &str) -> bool {
    text.parse::<Id>().is_ok_and(|id| id.kind() == Kind::User)
}

fn length(
    field: &'static str,
    said: Option<String>,
    usual: Duration,
    (most, most_text): (Duration, &'static str),
) -> Result<u64, DemandError> {
    let Some(text) = said else { return Ok(usual.as_secs()) };
    match duration(&text) {
        Some(told) if told <= most => Ok(told.as_secs()),
        Some(_) | None => Err(DemandError::Length {
            field,
            text: text.chars().take(40).collect(),
            most: most_text,
        }),
    }
}

/// A duration as people write it: a whole number above zero and `s`, `m`, `h` or `d`.
pub fn duration(text: &str) -> Option<Duration> {
    let unit = match text.chars().next_back()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len().checked_sub(1)?)?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(unit).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}
