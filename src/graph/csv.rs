//! A world as a spreadsheet: who is granted what, a row each, in the shape of Data Center's export of users and their
//! permissions, for both products.
//!
//! ```text
//! scope,project_key,project_id,repository_slug,repository_id,public,user_name,user_id,display_name,email,active,group_name,group_id,permission
//! PROJECT,PAY,7,,,false,mia,3,Mia,mia@example.com,true,Developers,developers,PROJECT_WRITE
//! ```
//!
//! A grant to a group has a row for everyone in it, through groups in groups too; a group with nobody in it has none,
//! since it lets nobody in. A row that names a group and no user says that not all of its members are known. A row that
//! names neither is the project's default permission (`NO_ACCESS` where there is none), `UNKNOWN` where the grants of
//! a place could not be read, and without a permission a place that nobody is granted explicitly.
//!
//! Not here: branch restrictions, keys, tokens and hooks, which this shape has no column for; and what follows from the
//! grants, which is [`Snapshot`](crate::graph::Snapshot)'s to say.

pub mod read;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::World;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

/// The columns, in their order.
pub const COLUMNS: [&str; 14] = [
    "scope",
    "project_key",
    "project_id",
    "repository_slug",
    "repository_id",
    "public",
    "user_name",
    "user_id",
    "display_name",
    "email",
    "active",
    "group_name",
    "group_id",
    "permission",
];

/// The permission of a row that says: none.
pub const NO_ACCESS: &str = "NO_ACCESS";

/// The permission of a row that says: the grants of this place could not be read to the end.
pub const UNKNOWN: &str = "UNKNOWN";

/// What a spreadsheet would take for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The whole world as CSV (RFC 4180: CRLF, quotes doubled, a header always). Equal worlds give equal bytes. Cost: each
/// grant to a group once for each of its members.
pub fn permissions(world: &World) -> String {
    let pages = Pages::of(world);
    let mut out = line(&COLUMNS.map(str::to_owned));
    for place in pages.places() {
        let rows = pages.rows(place);
        let bare = || BTreeSet::from([(String::new(), String::new(), Cells::default())]);
        for (_, _, row) in if rows.is_empty() { bare() } else { rows } {
            out.push_str(&line(&pages.full(place, row)));
        }
    }
    out
}

/// A cell as it is written: one that a spreadsheet would calculate is led in by an apostrophe.
pub fn guarded(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// A cell as it stands in a line of RFC 4180, for every CSV of ours: guarded, and quoted where a reader could take it for
/// more than one.
pub fn written(text: &str) -> String {
    let cell = guarded(text);
    let plain = !cell.contains(['"', ',', ';', '\t', '\r', '\n']) && cell.trim() == cell;
    if plain { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

/// A cell as it was before [`guarded`].
pub fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'').filter(|inner| is_formula(inner)).unwrap_or(text)
}

/// Apostrophes before a formula count too, so that guarding can be undone.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// The word of a grant on a place of this kind; none where this word grants nothing there.
pub const fn word(is: Relation, on: Kind) -> Option<&'static str> {
    Some(match (on, is) {
        (Kind::Workspace, Relation::Licensed) => "LICENSED_USER",
        (Kind::Workspace, Relation::Create) => "PROJECT_CREATE",
        (Kind::Workspace, Relation::Admin) => "ADMIN",
        (Kind::Workspace | Kind::Project, Relation::Owner) => "OWNER",
        (Kind::Workspace, Relation::Member) => "MEMBER",
        (Kind::Project, Relation::Read) => "PROJECT_READ",
        (Kind::Project, Relation::Write) => "PROJECT_WRITE",
        (Kind::Project, Relation::Create) => "REPO_CREATE",
        (Kind::Project, Relation::Admin) => "PROJECT_ADMIN",
        (Kind::Repository, Relation::Read) => "REPO_READ",
        (Kind::Repository, Relation::Write) => "REPO_WRITE",
        (Kind::Repository, Relation::Admin) => "REPO_ADMIN",
        (
            _,
            Relation::Member
            | Relation::Owner
            | Relation::Read
            | Relation::Write
            | Relation::Create
            | Relation::Admin
            | Relation::Licensed
            | Relation::Default
            | Relation::ActsFor
            | Relation::Holds
            | Relation::In
            | Relation::Exempt
            | Relation::Restricts
            | Relation::DeploysTo
            | Relation::RunsOn,
        ) => return None,
    })
}

/// What a row says beside its place.
#[derive(Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cells {
    user: Option<Id>,
    group: Option<Id>,
    permission: String,
}

/// A row with what it is sorted by: user and group, as people read them.
type Rows = BTreeSet<(String, String, Cells)>;

/// The world, looked up by what a row needs.
struct Pages<'w> {
    nodes: BTreeMap<&'w Id, &'w Node>,
    /// Grants by place.
    grants: BTreeMap<&'w Id, Vec<(&'w Id, Relation)>>,
    /// Members of groups, by group.
    members: BTreeMap<&'w Id, Vec<&'w Id>>,
    /// Repository → project.
    homes: BTreeMap<&'w Id, &'w Id>,
    /// What is unknown, by node and field.
    unknown: BTreeSet<(&'w Id, &'w str)>,
}

impl<'w> Pages<'w> {
    fn of(world: &'w World) -> Self {
        let mut pages = Self {
            nodes: world.nodes.iter().map(|node| (&node.id, node)).collect(),
            grants: BTreeMap::new(),
            members: BTreeMap::new(),
            homes: BTreeMap::new(),
            unknown: world.unknown.iter().map(|gap| (&gap.about, gap.field.as_str())).collect(),
        };
        for edge in &world.edges {
            let holder = matches!(edge.from.kind(), Kind::User | Kind::Group);
            match (edge.is, edge.to.kind()) {
                (Relation::Member, Kind::Group) => {
                    pages.members.entry(&edge.to).or_default().push(&edge.from);
                }
                (Relation::In, Kind::Project) if edge.from.kind() == Kind::Repository => {
                    pages.homes.insert(&edge.from, &edge.to);
                }
                (is, on) if holder && word(is, on).is_some() => {
                    pages.grants.entry(&edge.to).or_default().push((&edge.from, is));
                }
                (_, _) => {}
            }
        }
        pages
    }

    /// The whole first, then projects, then repositories, each by its name.
    fn places(&self) -> Vec<&'w Id> {
        let order = |id: &Id| (id.kind() != Kind::Workspace, id.kind() == Kind::Repository);
        let is_place =
            |id: &&Id| matches!(id.kind(), Kind::Workspace | Kind::Project | Kind::Repository);
        let mut places: Vec<&Id> = self.nodes.keys().copied().filter(is_place).collect();
        places.sort_by_key(|id| (order(id), self.key(id), self.slug(id), (*id).clone()));
        places
    }

    fn rows(&self, place: &'w Id) -> Rows {
        let mut rows = Rows::new();
        for &(holder, is) in self.grants.get(place).into_iter().flatten() {
            let permission = word(is, place.kind()).unwrap_or_default();
            self.grant(&mut rows, holder, permission);
        }
        if place.kind() == Kind::Workspace {
            self.people_without(&mut rows);
        }
        let mut alone = |permission: &str| {
            let cells = Cells { permission: permission.to_owned(), ..Cells::default() };
            rows.insert((String::new(), String::new(), cells));
        };
        if self.unknown.contains(&(place, "grants")) {
            alone(UNKNOWN);
        }
        match self.text(place, "default").as_str() {
            "none" => alone(NO_ACCESS),
            level => {
                let level = Relation::from_text(level).and_then(|is| word(is, place.kind()));
                level.into_iter().for_each(alone);
            }
        }
        rows
    }

    /// A grant to a user is a row, one to a group a row for everyone in it.
    fn grant(&self, rows: &mut Rows, holder: &'w Id, permission: &str) {
        let mut add = |user: Option<&Id>, group: Option<&Id>| {
            let sorted = user.map(|user| self.login(user)).unwrap_or_default();
            let by = group.map(|group| self.name(group)).unwrap_or_default();
            let cells = Cells {
                user: user.cloned(),
                group: group.cloned(),
                permission: permission.to_owned(),
            };
            rows.insert((sorted, by, cells));
        };
        if holder.kind() == Kind::User {
            return add(Some(holder), None);
        }
        let (people, open) = self.people(holder);
        for user in people {
            add(Some(user), Some(holder));
        }
        if open {
            add(None, Some(holder));
        }
    }

    /// Those who have nothing in the whole are people of it too.
    fn people_without(&self, rows: &mut Rows) {
        let named: BTreeSet<Id> = rows.iter().filter_map(|row| row.2.user.clone()).collect();
        for user in self.nodes.keys().filter(|id| id.kind() == Kind::User) {
            if !named.contains(*user) {
                let cells = Cells {
                    user: Some((*user).clone()),
                    group: None,
                    permission: NO_ACCESS.to_owned(),
                };
                rows.insert((self.login(user), String::new(), cells));
            }
        }
    }

    /// Everyone in a group, through groups in it too, and whether there may be others.
    fn people(&self, group: &'w Id) -> (BTreeSet<&'w Id>, bool) {
        let (mut people, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), false);
        let mut left = vec![group];
        while let Some(group) = left.pop() {
            if !seen.insert(group) {
                continue;
            }
            open |= self.unknown.contains(&(group, "members"));
            for &member in self.members.get(group).into_iter().flatten() {
                if member.kind() == Kind::Group {
                    left.push(member);
                } else if member.kind() == Kind::User {
                    people.insert(member);
                }
            }
        }
        (people, open)
    }

    /// A row with its place.
    fn full(&self, place: &Id, row: Cells) -> [String; 14] {
        let home = self.homes.get(place).copied();
        let project = if place.kind() == Kind::Project { Some(place) } else { home };
        let repository = Some(place).filter(|id| id.kind() == Kind::Repository);
        let native = |id: Option<&Id>| id.map(|id| id.native().to_owned()).unwrap_or_default();
        let of = |id: Option<&Id>, name: &str| id.map(|id| self.text(id, name)).unwrap_or_default();
        let (user, group) = (row.user.as_ref(), row.group.as_ref());
        let public = match self.text(place, "visibility").as_str() {
            "public" => "true",
            "private" => "false",
            _ => "",
        };
        [
            scope(place.kind()).to_owned(),
            of(project, "key"),
            native(project),
            of(repository, "slug"),
            native(repository),
            public.to_owned(),
            user.map(|user| self.login(user)).unwrap_or_default(),
            native(user),
            user.map(|user| self.name(user)).unwrap_or_default(),
            of(user, "email"),
            of(user, "active"),
            group.map(|group| self.name(group)).unwrap_or_default(),
            native(group),
            row.permission,
        ]
    }

    /// An attribute as text; empty where it is unknown or none.
    fn text(&self, id: &Id, attribute: &str) -> String {
        match self.nodes.get(id).and_then(|node| node.attributes.get(attribute)) {
            Some(Value::Text(text)) => text.clone(),
            Some(Value::Flag(flag)) => flag.to_string(),
            Some(Value::Whole(number)) => number.to_string(),
            Some(Value::Nothing | Value::List(_)) | None => String::new(),
        }
    }

    fn name(&self, id: &Id) -> String {
        self.nodes.get(id).and_then(|node| node.name.clone()).unwrap_or_default()
    }

    /// The name someone signs in with, where it is told.
    fn login(&self, user: &Id) -> String {
        let nickname = self.text(user, "nickname");
        if nickname.is_empty() { self.name(user) } else { nickname }
    }

    fn key(&self, place: &Id) -> String {
        let home = self.homes.get(place).copied().unwrap_or(place);
        self.text(home, "key")
    }

    fn slug(&self, place: &Id) -> String {
        self.text(place, "slug")
    }
}

const fn scope(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Project) {
        "PROJECT"
    } else if matches!(kind, Kind::Repository) {
        "REPOSITORY"
    } else {
        "GLOBAL"
    }
}

fn line(cells: &[String; 14]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| written(cell)).collect();
    format!("{}\r\n", cells.join(","))
}
