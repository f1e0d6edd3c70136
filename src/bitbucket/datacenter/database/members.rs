//! Groups and who is in them, groups within groups too.
//!
//! A group of one name in several directories is one group to a grant, and each directory tells its members; but a
//! group within a group means the one of the same directory. Where that makes a difference, its members are written
//! into the outer group instead of the group itself.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use crate::bitbucket::datacenter::database::DatabaseError;
use crate::bitbucket::datacenter::database::people::DIRECTORIES;
use crate::bitbucket::datacenter::database::people::Holders;
use crate::bitbucket::datacenter::database::people::Person;
use crate::bitbucket::datacenter::database::session::Session;
use crate::bitbucket::scribe::Scribe;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::world::Node;

const SOURCE: &str = "cwd_membership";

const GROUPS: &str = "SELECT g.group_name::text, g.lower_group_name::text, g.directory_id::bigint, \
    g.is_active = 'T' FROM cwd_group g JOIN d ON d.id = g.directory_id ORDER BY d.place, g.lower_group_name";

const MEMBERS: &str = "SELECT m.directory_id::bigint, m.membership_type::text, m.lower_parent_name::text, \
    m.lower_child_name::text FROM cwd_membership m JOIN d ON d.id = m.directory_id";

/// A group as one directory knows it.
type InDirectory = (i64, String);

/// Who is in a group of one directory.
#[derive(Default)]
struct Inside {
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

/// Reads and writes groups and memberships.
pub(super) async fn read(
    session: &Session<'_>,
    scribe: &mut Scribe,
    known: &Holders,
) -> Result<(), DatabaseError> {
    let mut inside: BTreeMap<InDirectory, Inside> = BTreeMap::new();
    for row in session.rows("the groups", &format!("{DIRECTORIES}{GROUPS}")).await? {
        let (name, lower): (String, String) = (row.get(0)?, row.get(1)?);
        if let Some(id) = scribe.id(Kind::Group, &lower) {
            scribe.node(Node::new(id, &name));
        }
        // One that is switched off lets nobody in.
        if row.get(3)? {
            inside.insert((row.get(2)?, lower), Inside::default());
        }
    }
    for row in session.rows("the members of groups", &format!("{DIRECTORIES}{MEMBERS}")).await? {
        let (directory, kind): (i64, Option<String>) = (row.get(0)?, row.get(1)?);
        let (parent, child): (String, String) = (row.get(2)?, row.get(3)?);
        let nested = kind.as_deref() == Some("GROUP_GROUP");
        if nested && !inside.contains_key(&(directory, child.clone())) {
            continue;
        }
        if let Some(group) = inside.get_mut(&(directory, parent)) {
            let members = if nested { &mut group.groups } else { &mut group.users };
            members.insert(child);
        }
    }
    write(scribe, &inside, known);
    Ok(())
}

fn write(scribe: &mut Scribe, inside: &BTreeMap<InDirectory, Inside>, known: &Holders) {
    let living = known.people.values().filter(|person| !person.deleted);
    let people: HashMap<&str, &Person> =
        living.map(|person| (person.login.as_str(), person)).collect();
    let mut homes: HashMap<&str, usize> = HashMap::new();
    for (_, name) in inside.keys() {
        *homes.entry(name).or_default() += 1;
    }
    for ((directory, name), group) in inside {
        let Some(id) = scribe.id(Kind::Group, name) else { continue };
        let mut users: BTreeSet<&str> = group.users.iter().map(String::as_str).collect();
        for inner in &group.groups {
            match scribe.id(Kind::Group, inner) {
                Some(inner_id) if homes.get(inner.as_str()) == Some(&1) => {
                    scribe.join(&inner_id, Relation::Member, &id, SOURCE);
                }
                Some(_) | None => users.extend(everyone(inside, (*directory, inner))),
            }
        }
        let found: Vec<&Person> =
            users.iter().filter_map(|user| people.get(user)).copied().collect();
        for person in &found {
            scribe.join(&person.id, Relation::Member, &id, SOURCE);
        }
        let elsewhere = found.iter().filter(|person| person.directory != Some(*directory)).count();
        doubt(scribe, &id, elsewhere);
    }
}

/// Everyone in a group of one directory, through groups in it.
fn everyone<'i>(
    inside: &'i BTreeMap<InDirectory, Inside>,
    (directory, group): (i64, &'i str),
) -> BTreeSet<&'i str> {
    let (mut users, mut seen, mut left) = (BTreeSet::new(), BTreeSet::new(), vec![group]);
    while let Some(group) = left.pop() {
        if !seen.insert(group) {
            continue;
        }
        if let Some(found) = inside.get(&(directory, group.to_owned())) {
            users.extend(found.users.iter().map(String::as_str));
            left.extend(found.groups.iter().map(String::as_str));
        }
    }
    users
}

/// Whether Bitbucket adds up memberships of all directories is a setting that these tables do not tell.
fn doubt(scribe: &mut Scribe, group: &Id, elsewhere: usize) {
    if elsewhere > 0 {
        let why = format!(
            "{elsewhere} of its members are counted from another directory than their account's; whether Bitbucket does so too is a setting that the tables do not tell"
        );
        scribe.gap(group, "members", why);
    }
}
