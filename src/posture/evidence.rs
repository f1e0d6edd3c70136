//! What people brought because no API tells it: second factors, who has left, how repositories are classified.

use crate::graph::Id;
use crate::graph::Known;
use crate::graph::Time;

/// What evidence says today.
#[derive(Clone, Debug, Default)]
pub struct Held {}

/// A person, as evidence may name him.
#[derive(Clone, Copy, Debug)]
pub struct Person<'p> {
    /// His id in the graph.
    pub id: &'p Id,
    /// His e-mail address, where it can be read.
    pub email: Option<&'p str>,
    /// His name.
    pub name: Option<&'p str>,
}

/// A repository, as evidence may name it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// Its id in the graph.
    pub id: &'p Id,
    /// `PROJECT/slug` (Cloud: `workspace/slug`).
    pub name: Option<&'p str>,
    /// Its project's key.
    pub project: Option<&'p str>,
}

impl Held {
    /// Whether somebody has a second factor.
    pub const fn second_factor(&self, _person: Person<'_>) -> Known<bool> {
        Known::unknown("no list of second factors was brought: `portcullis evidence import`")
    }

    /// When somebody was last signed in; nothing for never.
    pub const fn last_login(&self, _person: Person<'_>) -> Known<Time> {
        Known::unknown("no list of last logins was brought: `portcullis evidence import`")
    }

    /// When somebody left; nothing for one who has not.
    pub const fn left(&self, _person: Person<'_>) -> Known<Time> {
        Known::unknown("no list of leavers was brought: `portcullis evidence import`")
    }

    /// Whether this connection demands a second factor of everybody.
    pub const fn second_factor_enforced(&self) -> Known<bool> {
        Known::unknown(
            "no proof of the policy of second factors was brought: `portcullis evidence import`",
        )
    }

    /// How a repository is classified; nothing for one that a list leaves out.
    pub const fn class(&self, _place: Place<'_>) -> Known<String> {
        Known::unknown("no list of classifications was brought: `portcullis evidence import`")
    }
}
