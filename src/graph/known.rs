//! A fact is known, known to be none, or unknown with its why. "Missing" does not exist.

use std::borrow::Cow;

/// Why a fact could not be learned: one plain sentence that names what would settle it (a scope, a switch, a plan).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Why(Cow<'static, str>);

impl Why {
    /// The fact was not told by the source that usually tells it, and nobody has asked yet.
    pub const NOT_TOLD: Self = Self(Cow::Borrowed("nothing we have read tells it"));

    /// A fixed sentence.
    pub const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A sentence with particulars.
    pub fn said(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The sentence.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A fact in three values. [`Known::Nothing`] is written as `null`; [`Known::Unknown`] is left out and listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It is this.
    Value(T),
    /// It is known that there is none.
    Nothing,
    /// It could not be learned.
    Unknown(Why),
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self::Unknown(Why::NOT_TOLD)
    }
}

impl<T> Known<T> {
    /// Unknown for a fixed reason.
    pub const fn unknown(why: &'static str) -> Self {
        Self::Unknown(Why::fixed(why))
    }

    /// `Some` is a value; `None` is known to be none.
    pub fn or_nothing(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Self::Value)
    }

    /// `Some` is a value; `None` was not told.
    pub fn or_untold(value: Option<T>) -> Self {
        value.map_or(Self::Unknown(Why::NOT_TOLD), Self::Value)
    }

    /// The value, if there is one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Unknown(_) => None,
        }
    }

    /// The value to change, if there is one.
    pub const fn value_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Nothing | Self::Unknown(_) => None,
        }
    }

    /// Whether it could not be learned.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Why it is unknown, if it is.
    pub const fn why(&self) -> Option<&Why> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Value(_) | Self::Nothing => None,
        }
    }

    /// Takes `told` where this fact is unknown; a known fact stays.
    pub fn learn(&mut self, told: Self) {
        if self.is_unknown() {
            *self = told;
        }
    }

    /// The fact seen through `view`.
    pub fn map<U>(self, view: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Value(value) => Known::Value(view(value)),
            Self::Nothing => Known::Nothing,
            Self::Unknown(why) => Known::Unknown(why),
        }
    }
}

impl<T> From<T> for Known<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T> Known<T> {
    /// Takes `why` where this fact is unknown and nobody has said why.
    pub fn learn_why(&mut self, why: &Why) {
        if matches!(self, Self::Unknown(known) if *known == Why::NOT_TOLD) {
            *self = Self::Unknown(why.clone());
        }
    }
}
