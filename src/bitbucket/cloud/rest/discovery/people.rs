//! Members, owners and groups.

use serde::Deserialize;

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::cloud::rest::discovery::PATIENCE;
use crate::bitbucket::cloud::rest::discovery::grant;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::scribe::unless_over;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::audit::ACCOUNT;
use crate::graph::world::Node;

const GROUPS: &str = "the groups of the workspace";

#[derive(Deserialize)]
struct Membership {
    user: Account,
    permission: Option<String>,
}

/// API 1.0: the only one that tells groups, and it may go any day.
#[derive(Deserialize)]
struct Group {
    slug: String,
    name: Option<String>,
    members: Option<Vec<Account>>,
}

/// A group where it is granted something.
#[derive(Deserialize)]
pub(super) struct NamedGroup {
    slug: String,
    name: Option<String>,
}

/// One row of an explicit list.
#[derive(Deserialize)]
pub(super) struct Grant {
    permission: String,
    user: Option<Account>,
    group: Option<NamedGroup>,
}

/// The explicit grants of a place: users and groups.
pub(super) type Grants = (Result<Vec<Grant>, FetchError>, Result<Vec<Grant>, FetchError>);

impl Cloud {
    pub(super) async fn people(&self, scribe: &mut Scribe, top: &Id) -> Result<(), FetchError> {
        let source = "workspaces/members";
        let members = unless_over(self.crawl(&["members"], "the members of the workspace").await)?;
        for row in scribe.rows::<Membership>(top, "members", members) {
            if let Some(id) = person(scribe, &row.user) {
                scribe.join(&id, Relation::Member, top, source);
            }
        }
        let what = "who owns the workspace";
        let roles = unless_over(self.crawl(&["permissions"], what).await)?;
        for row in scribe.rows::<Membership>(top, "grants", roles) {
            let owns = row.permission.as_deref() == Some("owner");
            if let Some(id) = person(scribe, &row.user).filter(|_| owns) {
                let is = if id.kind() == Kind::User { Relation::Owner } else { Relation::Admin };
                scribe.join(&id, is, top, "workspaces/permissions");
            }
        }
        let groups = unless_over(self.groups().await)?;
        for group in scribe.rows::<Group>(top, "groups", groups) {
            write_group(scribe, group);
        }
        Ok(())
    }

    /// GET `/1.0/groups/{workspace}/`: a bare list, all of it.
    async fn groups(&self) -> Result<Vec<Group>, FetchError> {
        let call = self.crawl_call(&[], GROUPS)?;
        let call = crate::bitbucket::transport::Call { url: self.groups_url()?, ..call };
        self.transport().get_once(&call, Deadline::within(PATIENCE)).await
    }
}

/// Writes an account and gives its id; none for one without a UUID.
pub(super) fn person(scribe: &mut Scribe, account: &Account) -> Option<Id> {
    let id = account.id(scribe.connection())?;
    let name = account.display_name.as_deref().or(account.nickname.as_deref()).unwrap_or_default();
    let mut node = Node::new(id.clone(), name);
    if let (Kind::User, Some(nickname)) = (id.kind(), &account.nickname) {
        node = node.text("nickname", nickname);
    }
    if let (Kind::User, Some(account)) = (id.kind(), &account.atlassian) {
        node = node.text(ACCOUNT, account);
    }
    if let Some(active) = account.is_active {
        node = node.flag("active", active);
    }
    scribe.node(node);
    Some(id)
}

fn write_group(scribe: &mut Scribe, group: Group) {
    let Some(id) = scribe.id(Kind::Group, &group.slug) else { return };
    let name = group.name.as_deref().unwrap_or(&group.slug);
    scribe.node(Node::new(id.clone(), name).text("slug", &group.slug));
    let Some(members) = group.members else {
        scribe.gap(&id, "members", "Cloud does not tell who is in this group".to_owned());
        return;
    };
    for member in &members {
        if let Some(member) = person(scribe, member) {
            scribe.join(&member, Relation::Member, &id, "1.0/groups");
        }
    }
}

/// A group that is named in a list: one that the list of groups did not tell has unknown members.
pub(super) fn named_group(scribe: &mut Scribe, group: &NamedGroup) -> Option<Id> {
    let id = scribe.id(Kind::Group, &group.slug)?;
    if !scribe.knows(&id) {
        let name = group.name.as_deref().unwrap_or(&group.slug);
        scribe.node(Node::new(id.clone(), name).text("slug", &group.slug));
        let why = "the groups of the workspace could not be read, or this one is kept elsewhere";
        scribe.gap(&id, "members", why.to_owned());
    }
    Some(id)
}

/// Writes the explicit grants of a project or repository.
pub(super) fn write_grants(
    scribe: &mut Scribe,
    place: &Id,
    (users, groups): Grants,
    source: &'static str,
) {
    let mut rows = scribe.rows(place, "grants", users);
    rows.extend(scribe.rows(place, "grants", groups));
    for row in rows {
        let holder = match (&row.user, &row.group) {
            (Some(user), _) => person(scribe, user),
            (None, Some(group)) => named_group(scribe, group),
            (None, None) => None,
        };
        match (holder, grant(&row.permission), row.permission.as_str()) {
            (Some(holder), Some(is), _) => scribe.join(&holder, is, place, source),
            (_, None, "none") => {}
            (None, Some(_), _) | (_, None, _) => {
                let why = "Bitbucket names a grant that we cannot read".to_owned();
                scribe.gap(place, "grants", why);
            }
        }
    }
}
