//! A piece of evidence: what somebody brought, when it was true, until when it counts, and what it says. What it says is
//! a table of ours; the file itself is kept by whoever brought it, and here only its hash.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use uuid::Uuid;

use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::words;

/// A day.
const DAY: Duration = Duration::from_hours(24);

/// The longest that a piece counts after it was true. What nobody has looked at for longer is no evidence.
pub const LONGEST: Duration = Duration::from_hours(24 * 400);

/// How long before its end somebody is reminded, at most; of what lives shorter, when half of its life is over.
const REMINDED: Duration = Duration::from_hours(24 * 14);

words! {
    /// What a piece is.
    pub enum EvidenceKind {
        /// The people of a workspace, with second factors and last logins.
        UserDirectory = "user-directory",
        /// A picture of the page that demands a second factor of everybody, or does not.
        SecondFactorPolicy = "second-factor-policy",
        /// Who joined and who left.
        JoinersLeavers = "joiners-leavers",
        /// How repositories are classified.
        Classification = "classification",
    }
}

words! {
    /// Whether a piece speaks of everybody.
    pub enum Coverage {
        /// Whoever it leaves out is left out on purpose.
        Whole = "whole",
        /// It says nothing of whom it leaves out.
        Part = "part",
    }
}

words! {
    /// What a picture is said to show.
    pub enum Shows {
        /// A second factor is demanded of everybody.
        Enforced = "enforced",
        /// It is not.
        NotEnforced = "not-enforced",
    }
}

/// What is kept of a piece beside what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Head {
    /// Its id.
    pub id: Uuid,
    /// The connection it is about.
    pub connection: ConnectionId,
    /// What it is.
    pub kind: EvidenceKind,
    /// Whether it speaks of everybody.
    pub coverage: Coverage,
    /// When it was true.
    pub as_of: Time,
    /// When it was brought.
    pub brought: Time,
    /// Until when it counts.
    pub until: Time,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Rows that were read: people, or rules of a manifest.
    pub rows: u64,
    /// The file's name.
    pub file: String,
    /// Who brought it.
    pub by: String,
    /// Why, if they said so.
    pub reason: String,
    /// When it was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Time>,
}

/// A piece as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What is known of it.
    pub head: Head,
    /// What it says; none once it was withdrawn or is long over.
    pub content: Option<Content>,
    /// Ids of those who were erased from it: it says nothing of them, and their absence nothing either.
    pub erased: BTreeSet<String>,
}

/// What a piece says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// Of people's accounts.
    Directory(Vec<Member>),
    /// Of the policy of second factors.
    Policy(Shows),
    /// Of who joined and left.
    People(Vec<Comer>),
    /// Of repositories.
    Classes(Vec<ClassRule>),
}

/// Somebody, as a list names him. At least one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The row he stands in.
    pub row: u64,
    /// An id of his, in whichever system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// His e-mail address, in small letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// His name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A line of a user directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub who: Named,
    /// Whether he has a second factor; none: the list does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<bool>,
    /// When he was last signed in.
    pub last_login: Login,
}

/// When somebody was last signed in, as a list says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// Then.
    At(Time),
    /// Never.
    Never,
    /// It does not say.
    Untold,
}

/// A line of a list of joiners and leavers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comer {
    /// Who.
    pub who: Named,
    /// When he joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Time>,
    /// Whether he left.
    pub left: Left,
}

/// Whether somebody left, as a list says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// On this day; it may be to come.
    On(Time),
    /// At the latest when the list was true.
    Before,
    /// He has not.
    No,
}

/// A rule of a manifest: what it is about, and the class of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRule {
    /// The row it stands in.
    pub row: u64,
    /// What it is about.
    pub of: Selector,
    /// The class.
    pub class: String,
}

/// What a rule of a manifest is about, from the most to the least particular.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selector {
    /// One repository: its id, or `PROJECT/slug` (Cloud: `workspace/slug`).
    Repository(String),
    /// Repositories whose slug fits; `*` stands for anything. With a `/` it is the whole name.
    Name(String),
    /// Repositories of which the graph says this.
    Property(String, String),
    /// Repositories of the project with this key.
    Project(String),
}

impl EvidenceKind {
    /// As it is said in a sentence.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::UserDirectory => "the user directory",
            Self::SecondFactorPolicy => "the proof of the policy of second factors",
            Self::JoinersLeavers => "the list of joiners and leavers",
            Self::Classification => "the manifest of classifications",
        }
    }

    /// How long a piece counts after it was true, where nobody says. People come and go every month; second factors and
    /// logins are looked at every quarter; a policy and a manifest once a year, since what changes them is rare and seen.
    pub const fn life(self) -> Duration {
        match self {
            Self::JoinersLeavers => DAY.saturating_mul(31),
            Self::UserDirectory => DAY.saturating_mul(90),
            Self::SecondFactorPolicy | Self::Classification => DAY.saturating_mul(365),
        }
    }

    /// What it speaks of where nobody says: an export, a page and a manifest are whole, a list of leavers is what its
    /// month had.
    pub const fn coverage(self) -> Coverage {
        match self {
            Self::JoinersLeavers => Coverage::Part,
            Self::UserDirectory | Self::SecondFactorPolicy | Self::Classification => {
                Coverage::Whole
            }
        }
    }
}

impl Head {
    /// Whether it counts at `now`: the one question that everybody asks of its dates.
    pub fn counts(&self, now: Time) -> bool {
        self.withdrawn.is_none() && now < self.until
    }

    /// When somebody is reminded of its end.
    pub fn reminds(&self) -> Time {
        let half = Duration::from_millis(self.until.since(self.brought) / 2);
        self.until.minus(half.min(REMINDED))
    }
}

impl Content {
    /// How many lines it has.
    pub fn rows(&self) -> u64 {
        let rows = match self {
            Self::Directory(members) => members.len(),
            Self::Policy(_) => 0,
            Self::People(comers) => comers.len(),
            Self::Classes(rules) => rules.len(),
        };
        rows as u64
    }

    /// Lines of a user directory; none of anything else.
    pub fn members(&self) -> &[Member] {
        match self {
            Self::Directory(members) => members,
            Self::Policy(_) | Self::People(_) | Self::Classes(_) => &[],
        }
    }

    /// Lines of a list of joiners and leavers; none of anything else.
    pub fn comers(&self) -> &[Comer] {
        match self {
            Self::People(comers) => comers,
            Self::Directory(_) | Self::Policy(_) | Self::Classes(_) => &[],
        }
    }

    /// Rules of a manifest; none of anything else.
    pub fn classes(&self) -> &[ClassRule] {
        match self {
            Self::Classes(rules) => rules,
            Self::Directory(_) | Self::Policy(_) | Self::People(_) => &[],
        }
    }

    /// What a picture is said to show.
    pub const fn shows(&self) -> Option<Shows> {
        match self {
            Self::Policy(shows) => Some(*shows),
            Self::Directory(_) | Self::People(_) | Self::Classes(_) => None,
        }
    }

    /// Who stands in a line, counted from 0.
    pub fn person(&self, line: usize) -> Option<&Named> {
        let member = self.members().get(line).map(|member| &member.who);
        member.or_else(|| self.comers().get(line).map(|comer| &comer.who))
    }

    /// Everybody it names, in its order.
    pub fn people(&self) -> impl Iterator<Item = &Named> {
        let members = self.members().iter().map(|member| &member.who);
        members.chain(self.comers().iter().map(|comer| &comer.who))
    }

    /// The same without whoever is meant; whether anybody was.
    pub fn without(&mut self, is_meant: impl Fn(&Named) -> bool) -> bool {
        let before = self.rows();
        match self {
            Self::Directory(members) => members.retain(|member| !is_meant(&member.who)),
            Self::People(comers) => comers.retain(|comer| !is_meant(&comer.who)),
            Self::Policy(_) | Self::Classes(_) => {}
        }
        self.rows() < before
    }
}
