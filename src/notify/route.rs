//! Who hears what: a table that is read from top to bottom, the first line that fits decides. What no line fits goes to
//! the security contact of its connection.
//!
//! It knows ids and names as texts and decides nothing about them: what happened is handed in, channels come out.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::graph::ConnectionId;
use crate::graph::covers_text;
use crate::notify::ChannelId;
use crate::words;

words! {
    /// What can be told of.
    pub enum On {
        /// A decision whose rule says Alert.
        Alert = "alert",
        /// One whose rule says Approve.
        Approve = "approve",
        /// One whose rule says Block.
        Block = "block",
        /// A posture rule fails, and it was not told.
        Finding = "finding",
        /// The gateway itself is in trouble.
        Alarm = "alarm",
        /// The gate is paused, or not any more.
        Pause = "pause",
        /// Evidence ends, or has ended.
        Evidence = "evidence",
    }
}

words! {
    /// How bad the rule says it is, mildest first.
    pub enum Severity {
        /// Good to know.
        Info = "info",
        /// Some day.
        Low = "low",
        /// This month.
        Medium = "medium",
        /// Today.
        High = "high",
        /// Drop everything.
        Critical = "critical",
    }
}

words! {
    /// When it is told, soonest last.
    pub enum When {
        /// Never.
        Never = "never",
        /// With the daily digest.
        Digest = "digest",
        /// At once.
        Now = "now",
    }
}

/// What happened, as far as the table asks.
#[derive(Clone, Copy, Debug)]
pub struct Cause<'a> {
    /// What.
    pub on: On,
    /// How bad.
    pub severity: Option<Severity>,
    /// The rule's id.
    pub rule: Option<&'a str>,
    /// Where.
    pub connection: Option<&'a ConnectionId>,
    /// The project's key.
    pub project: Option<&'a str>,
    /// The repository as people write it.
    pub repository: Option<&'a str>,
    /// Whether the rule is in shadow there.
    pub force: Force,
}

/// Whether a rule bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It does.
    Bites,
    /// It is in shadow: asked and recorded, stopping nobody.
    Shadow,
}

/// Who is meant by a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// This channel.
    Channel(ChannelId),
    /// Whoever owns the repository or its project; without an owner the security contact.
    Owner,
    /// The security contact of the connection.
    SecurityContact,
}

/// One line of the table. What it leaves out it does not ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Any of these.
    pub on: BTreeSet<On>,
    /// At least so bad.
    pub severity: Option<Severity>,
    /// This rule, or a rule of this area.
    pub rules: Option<String>,
    /// On this connection.
    pub connection: Option<ConnectionId>,
    /// In a project whose key fits, `*` standing for anything.
    pub project: Option<String>,
    /// Who hears it; never nobody.
    pub to: Vec<To>,
    /// When.
    pub tell: When,
    /// When, if the rule is in shadow.
    pub shadow: When,
}

/// Who owns what: `*` stands for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// What is owned.
    pub of: Owned,
    /// Who hears of it.
    pub channel: ChannelId,
}

/// What an owner owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned {
    /// Projects with such keys.
    Project(String),
    /// Repositories with such names.
    Repository(String),
}

/// The whole table.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// Read from top to bottom.
    pub routes: Vec<Route>,
    /// Read from top to bottom.
    pub owners: Vec<Owner>,
    /// Whom each connection falls back on.
    pub contacts: BTreeMap<ConnectionId, ChannelId>,
}

/// Shadow is worth a line a day, and no ring.
pub const SHADOW: When = When::Digest;

impl Routes {
    /// Who hears of it, and when; nobody, if no line fits and nobody is the security contact.
    pub fn hearers(&self, cause: &Cause<'_>) -> BTreeMap<ChannelId, When> {
        let (to, when) = match self.routes.iter().find(|route| route.fits(cause)) {
            Some(route) => (route.to.as_slice(), route.when(cause.force)),
            None => (&[To::SecurityContact][..], fallback(cause.force)),
        };
        if when == When::Never {
            return BTreeMap::new();
        }
        to.iter().flat_map(|one| self.channels(one, cause)).map(|id| (id.clone(), when)).collect()
    }

    fn channels<'a>(&'a self, to: &'a To, cause: &Cause<'_>) -> Vec<&'a ChannelId> {
        match to {
            To::Channel(id) => vec![id],
            To::Owner => match self.owner(cause) {
                Some(owner) => vec![owner],
                None => self.contacts_of(cause),
            },
            To::SecurityContact => self.contacts_of(cause),
        }
    }

    /// What concerns no connection concerns all of them.
    fn contacts_of(&self, cause: &Cause<'_>) -> Vec<&ChannelId> {
        match cause.connection {
            Some(connection) => self.contacts.get(connection).into_iter().collect(),
            None => self.contacts.values().collect(),
        }
    }

    fn owner(&self, cause: &Cause<'_>) -> Option<&ChannelId> {
        self.owner_of(cause.project, cause.repository)
    }

    /// Who owns what is in a project of this key or a repository of this name, if the table says so.
    pub fn owner_of(&self, project: Option<&str>, repository: Option<&str>) -> Option<&ChannelId> {
        let owner = self.owners.iter().find(|owner| match &owner.of {
            Owned::Project(keys) => project.is_some_and(|key| covers_text(keys, key)),
            Owned::Repository(names) => repository.is_some_and(|name| covers_text(names, name)),
        });
        owner.map(|owner| &owner.channel)
    }
}

const fn fallback(force: Force) -> When {
    match force {
        Force::Bites => When::Now,
        Force::Shadow => SHADOW,
    }
}

impl Route {
    const fn when(&self, force: Force) -> When {
        match force {
            Force::Bites => self.tell,
            Force::Shadow => self.shadow,
        }
    }

    fn fits(&self, cause: &Cause<'_>) -> bool {
        let area = |rule: &str| rule.split('/').next().unwrap_or_default().to_owned();
        let of_rules = |wanted: &String| {
            cause.rule.is_some_and(|rule| rule == wanted || area(rule) == *wanted)
        };
        let in_project =
            |keys: &String| cause.project.is_some_and(|project| covers_text(keys, project));
        self.on.contains(&cause.on)
            && self.severity.is_none_or(|least| cause.severity >= Some(least))
            && self.rules.as_ref().is_none_or(of_rules)
            && self.connection.as_ref().is_none_or(|wanted| cause.connection == Some(wanted))
            && self.project.as_ref().is_none_or(in_project)
    }
}
