//! Users, groups and global permissions.

use serde::Deserialize;

use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::datacenter::rest::discovery::List;
use crate::bitbucket::datacenter::rest::discovery::grant;
use crate::bitbucket::datacenter::rest::discovery::unless_over;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    id: Option<u64>,
    slug: Option<String>,
    name: String,
    display_name: Option<String>,
    email_address: Option<String>,
    active: Option<bool>,
    #[serde(rename = "type")]
    type_: Option<String>,
    /// Milliseconds; told in the administrators' list alone, and left out for one who was never signed in.
    last_authentication_timestamp: Option<i64>,
    created_timestamp: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Group {
    name: String,
}

/// One row of an explicit list.
#[derive(Deserialize)]
pub(super) struct Grant {
    permission: String,
    user: Option<User>,
    group: Option<Group>,
}

/// The explicit grants of a place: users and groups.
pub(super) type Grants = (List<Grant>, List<Grant>);

impl DataCenter {
    pub(super) async fn people(&self, scribe: &mut Scribe, top: &Id) -> Result<(), FetchError> {
        let users = unless_over(self.crawl(&["admin", "users"], "the users").await)?;
        let mut people = Vec::new();
        for user in scribe.rows::<User>(top, "members", users) {
            if let Some(id) = person(scribe, &user) {
                scribe.node(seen(id.clone(), &user));
                people.extend(user.slug.map(|slug| (id, slug)));
            }
        }
        self.credentials(scribe, top, &people).await?;
        let groups = unless_over(self.crawl(&["admin", "groups"], "the groups").await)?;
        for group in scribe.rows::<Group>(top, "groups", groups) {
            self.group(scribe, &group).await?;
        }
        let what = "the global permissions";
        let users = unless_over(self.crawl(&["admin", "permissions", "users"], what).await)?;
        let groups = unless_over(self.crawl(&["admin", "permissions", "groups"], what).await)?;
        let mut rows: Vec<Grant> = scribe.rows(top, "grants", users);
        rows.extend(scribe.rows(top, "grants", groups));
        for row in rows {
            write_global(scribe, top, &row);
        }
        Ok(())
    }

    /// Members of a group, those of groups within it too: `users?group=` resolves them, and no list tells the nesting.
    async fn group(&self, scribe: &mut Scribe, group: &Group) -> Result<(), FetchError> {
        let Some(id) = write_group(scribe, group) else { return Ok(()) };
        let filter = ("group", group.name.as_str());
        let members = self.crawl_with(&["users"], filter, "a group's members").await;
        for member in scribe.rows::<User>(&id, "members", unless_over(members)?) {
            if let Some(member) = person(scribe, &member) {
                scribe.join(&member, Relation::Member, &id, "users?group");
            }
        }
        Ok(())
    }
}

/// Only the highest is told; administrators are licensed, whatever the list says of that.
fn write_global(scribe: &mut Scribe, top: &Id, row: &Grant) {
    let source = "admin/permissions";
    let Some(holder) = holder(scribe, row) else {
        scribe.gap(top, "grants", "Data Center names a holder that we cannot read".to_owned());
        return;
    };
    let words: &[Relation] = match row.permission.as_str() {
        "LICENSED_USER" => &[Relation::Licensed],
        "PROJECT_CREATE" => &[Relation::Licensed, Relation::Create],
        "ADMIN" | "SYS_ADMIN" => &[Relation::Licensed, Relation::Admin],
        _ => &[],
    };
    for is in words {
        scribe.join(&holder, *is, top, source);
    }
}

/// Writes a user and gives the id; none for one without a number. The service users of keys and tokens are no people.
pub(super) fn person(scribe: &mut Scribe, user: &User) -> Option<Id> {
    let id = scribe.id(Kind::User, &user.id?.to_string())?;
    let name = user.display_name.as_deref().unwrap_or(&user.name);
    let mut node = Node::new(id.clone(), name).text("nickname", &user.name);
    if let Some(slug) = &user.slug {
        node = node.text("slug", slug);
    }
    if let Some(email) = &user.email_address {
        node = node.text("email", email);
    }
    if let Some(active) = user.active {
        node = node.flag("active", active);
    }
    if user.type_.as_deref() == Some("SERVICE") {
        node = node.text("kind", "service");
    }
    scribe.node(node);
    Some(id)
}

/// What the administrators' list tells beside: since when, and when last.
fn seen(id: Id, user: &User) -> Node {
    let instant = |millis: Option<i64>| {
        millis.map_or(Value::Nothing, |millis| Value::Text(Time::from_millis(millis).to_string()))
    };
    let node = Node::unnamed(id).with("last_used_at", instant(user.last_authentication_timestamp));
    match user.created_timestamp {
        Some(_) => node.with("created_at", instant(user.created_timestamp)),
        None => node,
    }
}

/// Writes a group; its name in small letters is its id.
pub(super) fn write_group(scribe: &mut Scribe, group: &Group) -> Option<Id> {
    let id = scribe.id(Kind::Group, &group.name.to_lowercase())?;
    scribe.node(Node::new(id.clone(), &group.name));
    Some(id)
}

/// A group that is named in a list: one that the list of groups did not tell has unknown members.
pub(super) fn named_group(scribe: &mut Scribe, name: &str) -> Option<Id> {
    let known = scribe.id(Kind::Group, &name.to_lowercase()).is_some_and(|id| scribe.knows(&id));
    let id = write_group(scribe, &Group { name: name.to_owned() })?;
    if !known {
        let why = "the list of groups could not be read, or does not hold this one";
        scribe.gap(&id, "members", why.to_owned());
    }
    Some(id)
}

fn holder(scribe: &mut Scribe, row: &Grant) -> Option<Id> {
    match (&row.user, &row.group) {
        (Some(user), _) => person(scribe, user),
        (None, Some(group)) => named_group(scribe, &group.name),
        (None, None) => None,
    }
}

/// Writes the explicit grants of a project or repository.
pub(super) fn write_grants(scribe: &mut Scribe, place: &Id, (users, groups): Grants) {
    let mut rows = scribe.rows(place, "grants", users);
    rows.extend(scribe.rows(place, "grants", groups));
    for row in rows {
        if let (Some(holder), Some(is)) = (holder(scribe, &row), grant(&row.permission)) {
            scribe.join(&holder, is, place, "permissions");
        } else {
            let why = "Data Center names a grant that we cannot read".to_owned();
            scribe.gap(place, "grants", why);
        }
    }
}
