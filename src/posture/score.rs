//! How much of what is looked at is shown to be right, as a range: what is unknown is never counted as a pass.
//!
//! A check is one rule about one subject. **At least** so many of all checks pass, because that many are known to;
//! **at most** so many, if everything that cannot be told turned out well. No severities are weighed in: how bad the rest
//! is, is told beside it, by name.

use schemars::JsonSchema;
use serde::Serialize;

use crate::posture::Tally;

/// Checks by what they said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Score {
    /// Known to comply.
    pub pass: u64,
    /// Known not to.
    pub fail: u64,
    /// It cannot be told.
    pub unknown: u64,
    /// Failures that somebody lives with; they are in `fail` too.
    pub accepted: u64,
}

impl Score {
    /// The sum of these tallies.
    pub fn of<'t>(tallies: impl IntoIterator<Item = &'t Tally>) -> Self {
        let of = |tally: &Tally| Self {
            pass: tally.pass,
            fail: tally.fail,
            unknown: tally.unknown,
            accepted: tally.accepted,
        };
        tallies.into_iter().map(of).fold(Self::default(), Self::plus)
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            pass: self.pass.saturating_add(other.pass),
            fail: self.fail.saturating_add(other.fail),
            unknown: self.unknown.saturating_add(other.unknown),
            accepted: self.accepted.saturating_add(other.accepted),
        }
    }

    /// Failures that nobody lives with.
    pub const fn open(self) -> u64 {
        self.fail.saturating_sub(self.accepted)
    }

    /// All checks.
    pub const fn all(self) -> u64 {
        self.pass.saturating_add(self.fail).saturating_add(self.unknown)
    }

    /// The percentage that is known to pass, rounded down: 100 only where everything is. None where nothing was looked at.
    pub fn at_least(self) -> Option<u64> {
        percent(self.pass, self.all())
    }

    /// The percentage that would pass if all that is unknown did, rounded down.
    pub fn at_most(self) -> Option<u64> {
        percent(self.pass.saturating_add(self.unknown), self.all())
    }

    /// In one sentence.
    pub fn said(self) -> String {
        match (self.at_least(), self.at_most()) {
            (Some(least), Some(most)) if least == most && self.unknown == 0 => {
                format!("{least} % of {} checks pass.", self.all())
            }
            (Some(least), Some(most)) => format!(
                "At least {least} % of {} checks pass, at most {most} %: {} cannot be told, and {} as no pass.",
                self.all(),
                self.unknown,
                if self.unknown == 1 { "counts" } else { "count" }
            ),
            (_, _) => "Nothing has been looked at yet.".to_owned(),
        }
    }
}

/// Rounded down. None of nothing.
fn percent(part: u64, whole: u64) -> Option<u64> {
    // Wide enough for any two counts.
    let wide = (u128::from(part) * 100).checked_div(u128::from(whole))?;
    u64::try_from(wide).ok()
}
