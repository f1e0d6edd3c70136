//! Audit lines: what a Bitbucket's own log says somebody did, and which change of the graph each line explains.
//!
//! Of a line no more is kept than it takes to say who changed what, and when: ids, the product's word for the deed, the
//! time. No address of a network, no browser, no value that was set.
//!
//! A line and a change belong together when they speak of the same things and the line's time lies between the reading
//! that did not show the change and the one that did. Several lines may explain one change (granted, then raised), and
//! one line several (a group that is deleted takes all its memberships along).

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::reconcile::Changed;
use crate::words;

/// How far Bitbucket's clock may be from ours: a line so little outside of a change's time still explains it.
pub const SKEW: Duration = Duration::from_mins(2);

/// The attribute by which an organisation's log names people of a Cloud workspace.
pub const ACCOUNT: &str = "account_id";

words! {
    /// What kind of deed a line tells.
    pub enum Deed as "AuditDeed" {
        /// A grant, a membership, an account.
        Permission = "permission",
        /// A rule about branches, merges or reviews.
        Restriction = "restriction",
        /// A key, a token, a consumer.
        Credential = "credential",
        /// A webhook.
        Hook = "hook",
        /// A runner.
        Runner = "runner",
        /// A variable.
        Variable = "variable",
        /// A repository came, went, moved or was changed.
        Repository = "repository",
        /// The same of a project.
        Project = "project",
        /// An app was installed, switched or taken away.
        App = "app",
        /// A setting of security: two-step verification, allowed addresses, the audit log itself.
        Setting = "setting",
    }
}

/// Somebody or something that a line names, as the log names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Party {
    /// The word for its kind, as in ids.
    pub kind: String,
    /// The native part of its id, or for a person of Cloud the Atlassian account's id.
    pub key: String,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doer {
    /// Somebody.
    Party(Party),
    /// Bitbucket itself.
    System,
    /// The log does not say.
    Nobody,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// What makes it this line: the log's own id, or a hash of what it says where it has none. The same line read twice
    /// has one id.
    pub id: String,
    /// When it was done, by Bitbucket's clock.
    pub at: Time,
    /// What kind of deed.
    pub deed: Deed,
    /// The product's own word for it.
    pub action: String,
    /// Who did it.
    pub who: Doer,
    /// What it was done to.
    pub about: Vec<Party>,
    /// The word for the kind of place a grant is on, where the action tells and no place is named.
    pub place: Option<String>,
}

/// A change that readings found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundChange {
    /// What kind of thing changed.
    pub what: Changed,
    /// The kind of event that it is.
    pub event: String,
    /// The thing; of a grant, who holds it.
    pub thing: Id,
    /// Of a grant, on what.
    pub on: Option<Id>,
    /// The repository, project or workspace it belongs to.
    pub place: Option<Id>,
    /// It was not so yet at this time.
    pub after: Time,
    /// It was so by this time.
    pub until: Time,
}

impl Party {
    /// Somebody or something of a kind.
    pub fn new(kind: Kind, key: &str) -> Self {
        Self { kind: kind.as_str().to_owned(), key: key.to_owned() }
    }

    fn kind(&self) -> Option<Kind> {
        self.kind.parse().ok()
    }
}

/// How a log's names become ids.
#[derive(Debug)]
pub struct Names {
    connection: ConnectionId,
    accounts: HashMap<String, Id>,
}

impl Names {
    /// Of a connection, as the graph knows its people.
    pub fn of(connection: &ConnectionId, graph: &Snapshot) -> Self {
        let people = [Kind::User, Kind::App, Kind::Token];
        let accounts = people.into_iter().flat_map(|kind| graph.all(kind)).filter_map(|no| {
            let id = graph.node(no).map(|node| node.id.clone())?;
            let account = graph.text(no, ACCOUNT).value().map(|text| (*text).to_owned())?;
            (id.connection() == *connection).then_some((account, id))
        });
        Self { connection: connection.clone(), accounts: accounts.collect() }
    }

    /// The id of what a log names; none for a kind or a name that cannot be one.
    pub fn id(&self, party: &Party) -> Option<Id> {
        let kind = party.kind()?;
        if let Some(id) = self.accounts.get(&party.key).filter(|_| kind == Kind::User) {
            return Some(id.clone());
        }
        Id::new(&self.connection, kind, &party.key).ok()
    }

    /// Who did it; none: nobody, or the system itself.
    pub fn doer(&self, who: &Doer) -> Option<Id> {
        match who {
            Doer::Party(party) => self.id(party),
            Doer::System | Doer::Nobody => None,
        }
    }
}

/// Every pair of a line and a change that it explains, by their places in the lists. Cost: for each line the changes that
/// name one of its things.
pub fn matched(
    names: &Names,
    lines: &[AuditLine],
    changes: &[FoundChange],
) -> BTreeSet<(usize, usize)> {
    let mut by_id: HashMap<&Id, Vec<usize>> = HashMap::new();
    for (at, change) in changes.iter().enumerate() {
        for id in [Some(&change.thing), change.on.as_ref(), change.place.as_ref()] {
            by_id.entry(id.unwrap_or(&change.thing)).or_default().push(at);
        }
    }
    let mut pairs = BTreeSet::new();
    for (at, line) in lines.iter().enumerate() {
        let about: Vec<Id> = line.about.iter().filter_map(|party| names.id(party)).collect();
        let near = about.iter().filter_map(|id| by_id.get(id)).flatten();
        for place in near {
            let fits = changes.get(*place).is_some_and(|change| explains(line, &about, change));
            if fits {
                pairs.insert((at, *place));
            }
        }
    }
    pairs
}

/// Whether a line explains a change.
fn explains(line: &AuditLine, about: &[Id], change: &FoundChange) -> bool {
    let deed = line.deed;
    let within = line.at.plus(SKEW) > change.after && line.at <= change.until.plus(SKEW);
    if !within {
        return false;
    }
    match change.what {
        Changed::Permission => deed == Deed::Permission && granted(line, about, change),
        Changed::Restriction => deed == Deed::Restriction && touches(about, change),
        Changed::Credential => {
            matches!(deed, Deed::Credential | Deed::App) && touches(about, change)
        }
        Changed::Hook => deed == Deed::Hook && touches(about, change),
        Changed::Runner => deed == Deed::Runner && touches(about, change),
        Changed::Variable => deed == Deed::Variable && touches(about, change),
        Changed::Repository => {
            let general = deed == Deed::Permission && !about.iter().any(is_holder);
            (deed == Deed::Repository || general) && about.contains(&change.thing)
        }
        // A default permission is a setting of its project, and a deed about permissions.
        Changed::Project => {
            let general = deed == Deed::Permission && !about.iter().any(is_holder);
            (deed == Deed::Project || general) && about.contains(&change.thing)
        }
    }
}

/// Whether a grant, membership or account is what the line speaks of: who holds it and on what, where the line names
/// both; else the one of them that it names.
fn granted(line: &AuditLine, about: &[Id], change: &FoundChange) -> bool {
    let Some(on) = &change.on else { return about == [change.thing.clone()] };
    let (holders, places): (Vec<&Id>, Vec<&Id>) = about.iter().partition(|id| is_holder(id));
    let has = |list: &[&Id], id: &Id| list.contains(&id);
    if !places.is_empty() {
        // A project's line does not speak of grants in its repositories, nor a repository's of others.
        return has(&holders, &change.thing) && has(&places, on);
    }
    if on.kind() == Kind::Group {
        let whole = holders.len() == 1 && (has(&holders, on) || has(&holders, &change.thing));
        return whole || (has(&holders, &change.thing) && has(&holders, on));
    }
    // No place is named: a global permission, or an account or a group that went with all it had.
    let kind = line.place.as_deref().and_then(|word| word.parse::<Kind>().ok());
    has(&holders, &change.thing) && kind.is_none_or(|kind| kind == on.kind())
}

fn touches(about: &[Id], change: &FoundChange) -> bool {
    if about.contains(&change.thing) {
        return true;
    }
    // Another thing of the same kind is named: it is about that one.
    let other = about.iter().any(|id| id.kind() == change.thing.kind());
    !other && change.place.as_ref().is_some_and(|place| about.contains(place))
}

const fn is_group_or_person(kind: Kind) -> bool {
    matches!(kind, Kind::User | Kind::Group | Kind::App | Kind::Token)
}

fn is_holder(id: &Id) -> bool {
    is_group_or_person(id.kind())
}

/// Who made a change, of those who did such a thing there in its time; none: nobody is named, or more than one.
pub fn actor(doers: &[Option<Id>]) -> Result<Id, usize> {
    let distinct: BTreeSet<&Id> = doers.iter().flatten().collect();
    match (distinct.len(), distinct.first()) {
        (1, Some(only)) => Ok((*only).clone()),
        (many, _) => Err(many),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        text.parse().unwrap()
    }

    fn line(deed: Deed, at: i64, about: &[(Kind, &str)]) -> AuditLine {
        AuditLine {
            id: at.to_string(),
            at: Time::from_millis(at),
            deed,
            action: "a.deed".to_owned(),
            who: Doer::Party(Party::new(Kind::User, "1")),
            about: about.iter().map(|(kind, key)| Party::new(*kind, key)).collect(),
            place: None,
        }
    }

    fn change(what: Changed, thing: &str, on: Option<&str>, place: Option<&str>) -> FoundChange {
        FoundChange {
            what,
            event: "permission.changed".to_owned(),
            thing: id(thing),
            on: on.map(id),
            place: place.map(id),
            after: Time::from_millis(1_000_000),
            until: Time::from_millis(2_000_000),
        }
    }

    #[track_caller]
    fn check(line: &AuditLine, change: &FoundChange, wanted: bool) {
        let names = Names { connection: "dc".parse().unwrap(), accounts: HashMap::new() };
        let found = matched(&names, std::slice::from_ref(line), std::slice::from_ref(change));
        assert_eq!(found.len() == 1, wanted, "{line:?} / {change:?}");
    }

    #[test]
    fn a_grant_is_explained_by_the_line_that_names_both_ends_in_its_time() {
        let grant = change(
            Changed::Permission,
            "dc/user/7",
            Some("dc/repository/3"),
            Some("dc/repository/3"),
        );
        let both = [(Kind::User, "7"), (Kind::Repository, "3")];
        check(&line(Deed::Permission, 1_500_000, &both), &grant, true);
        check(&line(Deed::Permission, 500_000, &both), &grant, false);
        check(&line(Deed::Permission, 2_500_000, &both), &grant, false);
        check(&line(Deed::Restriction, 1_500_000, &both), &grant, false);
        let other = [(Kind::User, "8"), (Kind::Repository, "3")];
        check(&line(Deed::Permission, 1_500_000, &other), &grant, false);
        let elsewhere = [(Kind::User, "7"), (Kind::Repository, "4")];
        check(&line(Deed::Permission, 1_500_000, &elsewhere), &grant, false);
    }

    #[test]
    fn a_global_grant_names_no_place_and_is_no_grant_on_a_repository() {
        let mut global = line(Deed::Permission, 1_500_000, &[(Kind::User, "7")]);
        global.place = Some("workspace".to_owned());
        let on = |place| change(Changed::Permission, "dc/user/7", Some(place), Some(place));
        check(&global, &on("dc/workspace/server"), true);
        check(&global, &on("dc/repository/3"), false);
    }

    #[test]
    fn a_group_that_goes_takes_its_memberships_along() {
        let member = change(Changed::Permission, "dc/user/7", Some("dc/group/devs"), None);
        check(&line(Deed::Permission, 1_500_000, &[(Kind::Group, "devs")]), &member, true);
        let joined = [(Kind::Group, "devs"), (Kind::User, "7")];
        check(&line(Deed::Permission, 1_500_000, &joined), &member, true);
        let other = [(Kind::Group, "devs"), (Kind::User, "8")];
        check(&line(Deed::Permission, 1_500_000, &other), &member, false);
    }

    #[test]
    fn a_rule_is_explained_by_its_place_unless_another_rule_is_named() {
        let rule = change(Changed::Restriction, "dc/restriction/5", None, Some("dc/repository/3"));
        let place = (Kind::Repository, "3");
        check(&line(Deed::Restriction, 1_500_000, &[place]), &rule, true);
        check(&line(Deed::Restriction, 1_500_000, &[place, (Kind::Restriction, "5")]), &rule, true);
        check(
            &line(Deed::Restriction, 1_500_000, &[place, (Kind::Restriction, "6")]),
            &rule,
            false,
        );
    }

    #[test]
    fn who_did_it_is_one_or_nobody() {
        let (ada, ben) = (id("dc/user/1"), id("dc/user/2"));
        assert_eq!(actor(&[Some(ada.clone()), Some(ada.clone())]), Ok(ada.clone()));
        assert_eq!(actor(&[Some(ada), Some(ben)]), Err(2));
        assert_eq!(actor(&[None]), Err(0));
    }
}
