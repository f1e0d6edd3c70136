//! People, and the service users that access keys and tokens are granted things through.
//!
//! A person's name may stand in several directories: the record of the first one counts. One whom no active directory
//! knows is not active, and one who was deleted keeps grants for a week that give nothing.

use std::collections::HashMap;

use crate::bitbucket::datacenter::database::DatabaseError;
use crate::bitbucket::datacenter::database::session::Session;
use crate::bitbucket::scribe::Scribe;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::world::Node;

/// The active directories with their place in the order of asking.
pub(super) const DIRECTORIES: &str = "WITH d AS (SELECT m.directory_id AS id, min(m.list_index) AS place \
    FROM cwd_app_dir_mapping m JOIN cwd_directory c ON c.id = m.directory_id \
    WHERE c.is_active = 'T' GROUP BY m.directory_id) ";

const PEOPLE: &str = ", w AS (SELECT DISTINCT ON (u.lower_user_name) u.lower_user_name, u.display_name, \
    u.email_address, u.directory_id, u.is_active = 'T' AS active \
    FROM cwd_user u JOIN d ON d.id = u.directory_id ORDER BY u.lower_user_name, d.place) \
    SELECT n.user_id::bigint, n.name::text, n.slug::text, n.deleted_timestamp IS NOT NULL, \
    w.display_name::text, w.email_address::text, coalesce(w.active, false), w.directory_id::bigint \
    FROM sta_normal_user n LEFT JOIN w ON w.lower_user_name = lower(n.name) ORDER BY n.user_id";

const SERVICES: &str = "SELECT user_id::bigint, display_name::text, active, label::text \
    FROM sta_service_user ORDER BY user_id";

/// Whom a grant may be for, by number.
pub(super) struct Holders {
    pub(super) people: HashMap<i64, Person>,
    pub(super) services: HashMap<i64, Service>,
}

/// Somebody who signs in.
pub(super) struct Person {
    pub(super) id: Id,
    /// In small letters, as groups name their members.
    pub(super) login: String,
    /// The directory whose record counts.
    pub(super) directory: Option<i64>,
    /// Whether the account was deleted.
    pub(super) deleted: bool,
}

/// What stands for an access key or a token in grants.
pub(super) struct Service {
    name: String,
    active: bool,
    label: String,
    /// The keys and tokens it stands for, with the most each may do.
    pub(super) credentials: Vec<(Id, Relation)>,
}

/// Reads both, and writes the people.
pub(super) async fn read(
    session: &Session<'_>,
    scribe: &mut Scribe,
) -> Result<Holders, DatabaseError> {
    let statement = format!("{}{PEOPLE}", DIRECTORIES.trim_end());
    let mut people = HashMap::new();
    for row in session.rows("the users", &statement).await? {
        let (number, name, slug): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let deleted: bool = row.get(3)?;
        let (shown, email): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
        let active: bool = row.get(6)?;
        let Some(id) = scribe.id(Kind::User, &number.to_string()) else { continue };
        let mut node = Node::new(id.clone(), shown.as_deref().unwrap_or(&name))
            .text("nickname", &name)
            .text("slug", &slug)
            .flag("active", active && !deleted);
        if let Some(email) = email {
            node = node.text("email", &email);
        }
        if deleted {
            node = node.text("kind", "deleted");
        }
        scribe.node(node);
        let login = name.to_lowercase();
        people.insert(number, Person { id, login, directory: row.get(7)?, deleted });
    }
    let mut services = HashMap::new();
    for row in session.rows("the service users", SERVICES).await? {
        let service = Service {
            name: row.get(1)?,
            active: row.get(2)?,
            label: row.get(3)?,
            credentials: Vec::new(),
        };
        services.insert(row.get(0)?, service);
    }
    Ok(Holders { people, services })
}

/// Whom a row of grants names, each with the most it may do; or why that cannot be told.
pub(super) fn holders(
    scribe: &mut Scribe,
    known: &Holders,
    (group, user): (Option<String>, Option<i64>),
) -> Result<Vec<(Id, Relation)>, &'static str> {
    let whole = |id: Id| vec![(id, Relation::Admin)];
    let number = match (group, user) {
        (Some(name), None) => return named_group(scribe, &name).map(whole).ok_or(UNREADABLE),
        (None, Some(number)) => number,
        (Some(_), Some(_)) => return Err("a grant names both a user and a group"),
        (None, None) => return Err("a grant names nobody"),
    };
    if let Some(person) = known.people.get(&number) {
        return Ok(whole(person.id.clone()));
    }
    let Some(service) = known.services.get(&number) else {
        return Err("a grant is for a user whom the tables do not know");
    };
    if !service.credentials.is_empty() {
        return Ok(service.credentials.clone());
    }
    let id = scribe.id(Kind::User, &number.to_string()).ok_or(UNREADABLE)?;
    let node = Node::new(id.clone(), &service.name)
        .flag("active", service.active)
        .text("kind", "service")
        .text("feature", &service.label);
    scribe.node(node);
    Ok(whole(id))
}

const UNREADABLE: &str = "a grant names a holder that cannot be read";

/// A group that a grant names. One that no directory knows has nobody in it; the grant wakes up with the next group of
/// that name.
pub(super) fn named_group(scribe: &mut Scribe, name: &str) -> Option<Id> {
    let id = scribe.id(Kind::Group, &name.to_lowercase())?;
    scribe.node(Node::new(id.clone(), name));
    Some(id)
}
