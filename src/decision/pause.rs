//! The brake: for a while nothing is held back, and everything goes on being decided and recorded. A pause has a reason,
//! somebody who wanted it, where two are asked for a second person, and an end that comes by itself.
//!
//! It changes plans, never verdicts. It knows no clock and keeps nothing: both are handed in.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use crate::decision::waiver::in_force;
use crate::graph::Time;

/// Longest reason, characters: it stands in the record for as long as names do.
pub const MAX_REASON: usize = 500;

/// How long a pause waits for its second person. Without an end, a forgotten one could be confirmed months later.
pub const CONFIRM_WITHIN: Duration = Duration::from_hours(1);

/// Who changed how the gate behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Whoever holds the operator token, or a session from it: nobody in particular.
    Operator,
    /// A person whom the configuration names, by a token of their own.
    Person(String),
}

impl By {
    /// As a record says it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Operator => "operator session",
            Self::Person(name) => name,
        }
    }
}

/// Whether the gate is paused at a moment, and until when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brake {
    /// It is not.
    #[default]
    Off,
    /// It is.
    On {
        /// Id of the pause.
        pause: Uuid,
        /// When it ends by itself.
        until: Time,
    },
}

/// How many people a pause takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Whoever may operate the gate.
    #[default]
    One,
    /// Two people whom the configuration names.
    Two,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Why; written by people, about people.
    pub reason: String,
    /// For how long.
    pub length: Duration,
    /// Who asks.
    pub by: By,
    /// When.
    pub at: Time,
}

/// A pause: asked for, or in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Its id.
    pub id: Uuid,
    /// Why.
    pub reason: String,
    /// Who asked for it.
    pub by: By,
    /// When it was asked for.
    pub asked: Time,
    /// For how long, milliseconds.
    pub length_ms: u64,
    /// The second person, where one was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<By>,
    /// From when to when it is in force; none: it waits for the second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// Its half-time has been told.
    #[serde(default)]
    pub half_told: bool,
}

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// It begins.
    pub from: Time,
    /// It ends by itself.
    pub until: Time,
}

/// What time alone brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Half of it is over.
    Half,
    /// It is over.
    End,
    /// The second person did not come in time.
    Lapse,
}

/// Why somebody cannot pause the gate, or confirm a pause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No reason.
    #[error("a pause needs a reason: whoever reads the record must understand it")]
    NoReason,
    /// Too much of it.
    #[error("the reason is longer than {MAX_REASON} characters")]
    LongReason,
    /// No time, or more than the configuration lets.
    #[error("a pause lasts at least one second and at most {0} s (`[pause] longest`)")]
    Length(u64),
    /// Two people are asked for, and this is nobody in particular.
    #[error(
        "a pause takes two people here (`[pause] second_person`): use the token of a person whom `[[operator.person]]` names"
    )]
    Nobody,
    /// The same person twice.
    #[error("the second person must be another one")]
    SamePerson,
    /// It is in force.
    #[error("this pause is in force and needs nobody else")]
    InForce,
    /// It waited too long.
    #[error("this pause waited too long for its second person: ask again")]
    Late,
}

impl Pause {
    /// A pause as asked for: in force at once, or waiting for the second person.
    pub fn ask(id: Uuid, wish: Wish, demand: Demand, longest: Duration) -> Result<Self, Refused> {
        let reason = wish.reason.trim();
        if reason.is_empty() {
            return Err(Refused::NoReason);
        }
        if reason.chars().count() > MAX_REASON {
            return Err(Refused::LongReason);
        }
        if wish.length < Duration::from_secs(1) || wish.length > longest {
            return Err(Refused::Length(longest.as_secs()));
        }
        if demand == Demand::Two && wish.by == By::Operator {
            return Err(Refused::Nobody);
        }
        let asked = Self {
            id,
            reason: reason.to_owned(),
            by: wish.by,
            asked: wish.at,
            length_ms: u64::try_from(wish.length.as_millis()).unwrap_or(u64::MAX),
            second: None,
            span: None,
            half_told: false,
        };
        Ok(match demand {
            Demand::One => asked.begun(wish.at),
            Demand::Two => asked,
        })
    }

    /// The same with its second person: in force from now on.
    pub fn confirm(&self, by: By, now: Time) -> Result<Self, Refused> {
        if self.span.is_some() {
            return Err(Refused::InForce);
        }
        if now >= self.asked.plus(CONFIRM_WITHIN) {
            return Err(Refused::Late);
        }
        match &by {
            By::Operator => Err(Refused::Nobody),
            By::Person(_) if by == self.by => Err(Refused::SamePerson),
            By::Person(_) => Ok(Self { second: Some(by), ..self.clone() }.begun(now)),
        }
    }

    fn begun(self, now: Time) -> Self {
        let until = now.plus(self.length());
        Self { span: Some(Span { from: now, until }), ..self }
    }

    /// For how long.
    pub const fn length(&self) -> Duration {
        Duration::from_millis(self.length_ms)
    }

    /// Whether it holds the gate open at this moment.
    pub fn brake(&self, now: Time) -> Brake {
        match self.span {
            Some(span) if in_force(span.until, now) => {
                Brake::On { pause: self.id, until: span.until }
            }
            Some(_) | None => Brake::Off,
        }
    }

    /// What time has brought about by now and was not told yet.
    pub fn due(&self, now: Time) -> Option<Due> {
        let Some(span) = self.span else {
            return (now >= self.asked.plus(CONFIRM_WITHIN)).then_some(Due::Lapse);
        };
        let half = span.from.plus(self.length() / 2);
        match () {
            () if !in_force(span.until, now) => Some(Due::End),
            () if now >= half && !self.half_told => Some(Due::Half),
            () => None,
        }
    }
}
