//! Rows into a world: each row understood by itself, and at the end what the file as a whole did not tell.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::bitbucket::datacenter::csv::Settings;
use crate::bitbucket::datacenter::csv::header::Column;
use crate::bitbucket::datacenter::csv::header::Header;
use crate::bitbucket::datacenter::csv::header::plain;
use crate::bitbucket::datacenter::csv::place::Names;
use crate::bitbucket::datacenter::csv::quoted;
use crate::bitbucket::datacenter::csv::words::Permission;
use crate::bitbucket::datacenter::csv::words::Scope;
use crate::bitbucket::scribe::Scribe;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::World;
use crate::graph::world::Connection;
use crate::graph::world::Node;

/// The source of every edge.
const SOURCE: &str = "csv";

/// What this shape has no column for, by kind of place.
const NEVER: [(Kind, &[&str]); 3] = [
    (Kind::Workspace, &["anonymous", "hooks", "projects"]),
    (Kind::Project, &["restrictions", "keys", "hooks", "repositories"]),
    (Kind::Repository, &["restrictions", "keys", "hooks", "default_branch", "archived"]),
];

/// A world in the making.
pub(super) struct Writing<'h> {
    header: &'h Header,
    product: Product,
    scribe: Scribe,
    names: Names,
    top: Id,
    /// Every place, with what its row says of who can see it.
    places: BTreeMap<Id, Option<bool>>,
    /// Projects whose default permission was told: the highest word.
    defaults: BTreeMap<Id, Relation>,
    without_default: BTreeSet<Id>,
    /// Levels at which the file has any row.
    scopes: BTreeSet<Scope>,
    /// Keys of personal projects.
    personal: BTreeMap<Id, String>,
    /// Projects whose owner was told.
    owned: BTreeSet<Id>,
    /// Everybody, with whether the account is active.
    people: BTreeMap<Id, Option<bool>>,
    /// Everybody by name, in small letters.
    logins: BTreeMap<String, Id>,
}

/// A row's place.
struct Place {
    scope: Scope,
    id: Id,
    project: Option<Id>,
}

impl<'h> Writing<'h> {
    pub(super) fn new(settings: &Settings<'_>, header: &'h Header) -> Result<Self, String> {
        let connection = Connection {
            id: settings.connection.clone(),
            product: settings.product,
            name: settings.names.and_then(|world| world.connection.name.clone()),
        };
        let mut names = Names::new(&settings.connection, settings.product, settings.names);
        let mut scribe = Scribe::new(connection);
        let mut known = settings.names.into_iter().flat_map(|world| &world.nodes);
        let top = match known.find(|node| node.id.kind() == Kind::Workspace) {
            Some(node) => Node { attributes: BTreeMap::new(), ..node.clone() },
            None => whole(settings, &mut names)?,
        };
        let id = top.id.clone();
        scribe.node(top);
        Ok(Self {
            header,
            product: settings.product,
            scribe,
            names,
            places: BTreeMap::from([(id.clone(), None)]),
            top: id,
            defaults: BTreeMap::new(),
            without_default: BTreeSet::new(),
            scopes: BTreeSet::new(),
            personal: BTreeMap::new(),
            owned: BTreeSet::new(),
            people: BTreeMap::new(),
            logins: BTreeMap::new(),
        })
    }

    /// Writes one row, or says what is wrong with it.
    pub(super) fn row(&mut self, number: usize, row: &[String]) -> Result<(), String> {
        let place = self.place(row)?;
        let user = self.user(row)?;
        let group = self.group(row)?;
        let word = self.cell(row, Column::Permission);
        let permission = Permission::read(word, place.scope);
        self.scopes.insert(place.scope);
        if let (Some(user), Some(group)) = (&user, &group) {
            self.scribe.join(user, Relation::Member, group, SOURCE);
        }
        if let (None, Some(group)) = (&user, &group) {
            let why = "the file names the group, and not everyone who is in it";
            self.scribe.gap(group, "members", why.to_owned());
        }
        let holder = group.or(user);
        match permission {
            Permission::Grants(scope, words) => self.grant(&place, (scope, words), holder),
            Permission::Nothing => {
                if holder.is_none() && place.scope == Scope::Project {
                    self.without_default.insert(place.id);
                }
                Ok(())
            }
            // A place without grants, or somebody without any.
            Permission::Empty if holder.is_none() || place.scope == Scope::Global => Ok(()),
            Permission::Empty => Err("it names somebody and no permission".to_owned()),
            Permission::Unknown | Permission::Foreign => {
                let why = format!(
                    "row {number} of the file names the permission {}, whose meaning is not known",
                    quoted(word)
                );
                self.scribe.gap(&place.id, "grants", why);
                Ok(())
            }
        }
    }

    fn grant(
        &mut self,
        place: &Place,
        (scope, words): (Scope, &'static [Relation]),
        holder: Option<Id>,
    ) -> Result<(), String> {
        // A permission of the project is shown on its repositories too: it is held on the project.
        let on = match (scope, place.scope) {
            (Scope::Project, Scope::Repository) => place.project.as_ref(),
            (told, row) => Some(&place.id).filter(|_| told == row),
        };
        let on = on.ok_or("the permission is not one of such a place")?.clone();
        match (holder, words.last()) {
            (Some(holder), _) => {
                if words.contains(&Relation::Owner) && scope == Scope::Project {
                    self.owned.insert(on.clone());
                }
                // Cloud has no licences.
                let cloud = self.product == Product::Cloud;
                for is in words.iter().filter(|is| !(cloud && **is == Relation::Licensed)) {
                    self.scribe.join(&holder, *is, &on, SOURCE);
                }
                Ok(())
            }
            (None, Some(&word)) if scope == Scope::Project => {
                let best = self.defaults.entry(on).or_insert(word);
                *best = (*best).max(word);
                Ok(())
            }
            (None, _) => Err("it names neither a user nor a group".to_owned()),
        }
    }

    fn place(&mut self, row: &[String]) -> Result<Place, String> {
        let (mut key, mut slug) =
            (self.cell(row, Column::ProjectKey), self.cell(row, Column::Repository));
        if let Some((home, inner)) = slug.split_once('/').filter(|_| key.is_empty()) {
            (key, slug) = (home, inner);
        }
        let scope = match (key.is_empty(), slug.is_empty()) {
            (true, true) => Scope::Global,
            (false, true) => Scope::Project,
            (false, false) => Scope::Repository,
            (true, false) => return Err("it names a repository and no project".to_owned()),
        };
        let word = self.cell(row, Column::Scope);
        let told = Scope::read(word);
        if !word.is_empty() && told != Some(scope) {
            let (word, wanted) = (quoted(word), format!("{scope:?}").to_lowercase());
            return Err(format!("its scope is {word}, but what it names makes it {wanted}"));
        }
        let public = flag(self.cell(row, Column::Public), "public")?;
        if scope == Scope::Global {
            return Ok(Place { scope, id: self.top.clone(), project: None });
        }
        let project_id = self.cell(row, Column::ProjectId);
        let project = self.names.id(Kind::Project, key, project_id)?;
        let personal = self.product == Product::DataCenter && key.starts_with('~');
        let node = Node::new(project.clone(), key).text("key", key).flag("personal", personal);
        self.scribe.node(node);
        if personal {
            self.personal.insert(project.clone(), key.to_owned());
        }
        self.scribe.join(&project, Relation::In, &self.top, SOURCE);
        let seen = public.filter(|_| scope == Scope::Project);
        self.see(&project, seen);
        if scope == Scope::Project {
            return Ok(Place { scope, id: project, project: None });
        }
        let name = format!("{key}/{slug}");
        let repository_id = self.cell(row, Column::RepositoryId);
        let id = self.names.id(Kind::Repository, &name, repository_id)?;
        self.scribe.node(Node::new(id.clone(), &name).text("slug", slug));
        self.scribe.join(&id, Relation::In, &project, SOURCE);
        self.see(&id, public);
        Ok(Place { scope, id, project: Some(project) })
    }

    /// Who can see a place: what any row of it says.
    fn see(&mut self, place: &Id, public: Option<bool>) {
        let told = self.places.entry(place.clone()).or_default();
        *told = told.or(public);
    }

    fn user(&mut self, row: &[String]) -> Result<Option<Id>, String> {
        let name = self.cell(row, Column::User);
        let native = self.cell(row, Column::UserId);
        if name.is_empty() && native.is_empty() {
            return Ok(None);
        }
        let id = self.names.id(Kind::User, name, native)?;
        let shown = self.cell(row, Column::DisplayName);
        let shown = if shown.is_empty() { name } else { shown };
        let mut node = Node::new(id.clone(), shown).text("nickname", name);
        let email = self.cell(row, Column::Email);
        if !email.is_empty() {
            node = node.text("email", email);
        }
        self.scribe.node(node);
        let active = flag(self.cell(row, Column::Active), "active")?;
        let told = self.people.entry(id.clone()).or_default();
        *told = told.or(active);
        self.logins.insert(name.to_lowercase(), id.clone());
        Ok(Some(id))
    }

    fn group(&mut self, row: &[String]) -> Result<Option<Id>, String> {
        let name = self.cell(row, Column::Group);
        if name.is_empty() {
            return Ok(None);
        }
        let id = self.names.id(Kind::Group, name, self.cell(row, Column::GroupId))?;
        self.scribe.node(Node::new(id.clone(), name));
        Ok(Some(id))
    }

    fn cell<'r>(&self, row: &'r [String], column: Column) -> &'r str {
        self.header.cell(row, column)
    }

    /// The world, with gaps where the file as a whole is silent, and how many ids were made of names.
    pub(super) fn finish(mut self, as_of: Time) -> (World, usize) {
        for (user, active) in std::mem::take(&mut self.people) {
            if let Some(active) = active {
                self.scribe.node(bare(&user).flag("active", active));
            } else if self.product == Product::DataCenter {
                let why = "the file does not tell whether the account is active".to_owned();
                self.scribe.gap(&user, "active", why);
            }
        }
        for (place, public) in std::mem::take(&mut self.places) {
            match public {
                Some(public) => {
                    let word = if public { "public" } else { "private" };
                    self.scribe.node(bare(&place).text("visibility", word));
                }
                None if place.kind() != Kind::Workspace => {
                    let why = "the file does not tell who can see it".to_owned();
                    self.scribe.gap(&place, "visibility", why);
                }
                None => {}
            }
            self.silent(&place);
            if place.kind() == Kind::Project {
                self.default(&place);
                self.owner(&place);
            }
        }
        (self.scribe.finish(as_of), self.names.made)
    }

    fn silent(&mut self, place: &Id) {
        let fields = NEVER.iter().filter(|(kind, _)| *kind == place.kind());
        for field in fields.flat_map(|(_, fields)| fields.iter()) {
            let why = "a CSV of permissions has no column for it".to_owned();
            self.scribe.gap(place, field, why);
        }
        let (scope, what) = if place.kind() == Kind::Workspace {
            (Scope::Global, "global permissions")
        } else {
            (Scope::Project, "permissions on projects")
        };
        if place.kind() == Kind::Repository {
            return;
        }
        if !self.scopes.contains(&scope) {
            self.scribe.gap(place, "grants", format!("the file has no row of {what}"));
        }
    }

    fn default(&mut self, project: &Id) {
        if self.product == Product::Cloud {
            return;
        }
        if let Some(word) = self.defaults.get(project) {
            self.scribe.node(bare(project).text("default", word.as_str()));
            self.scribe.join(&self.top, Relation::Default, project, SOURCE);
        } else if self.without_default.contains(project) {
            self.scribe.node(bare(project).text("default", "none"));
        } else {
            let why = "the file has no row of the project's default permission".to_owned();
            self.scribe.gap(project, "default", why);
        }
    }

    /// A personal project is its owner's whatever the grants say, and its key is made of his name.
    fn owner(&mut self, project: &Id) {
        let Some(key) = self.personal.get(project).filter(|_| !self.owned.contains(project)) else {
            return;
        };
        let owner = self.logins.get(&key.trim_start_matches('~').to_lowercase());
        if let Some(owner) = owner {
            self.scribe.join(owner, Relation::Owner, project, "project key");
        } else {
            let why = "the file does not tell whose personal project it is".to_owned();
            self.scribe.gap(project, "grants", why);
        }
    }
}

/// The whole of a connection of which no world is known.
fn whole(settings: &Settings<'_>, names: &mut Names) -> Result<Node, String> {
    let name = settings.connection.as_str();
    let native = if settings.product == Product::DataCenter { "server" } else { "" };
    Ok(Node::new(names.id(Kind::Workspace, name, native)?, name))
}

fn bare(id: &Id) -> Node {
    Node { id: id.clone(), name: None, attributes: BTreeMap::new() }
}

fn flag(word: &str, column: &str) -> Result<Option<bool>, String> {
    match plain(word).as_str() {
        "" => Ok(None),
        "true" | "yes" | "t" | "1" | "active" | "public" => Ok(Some(true)),
        "false" | "no" | "f" | "0" | "inactive" | "private" | "deactivated" => Ok(Some(false)),
        _ => Err(format!("{} is neither true nor false, in the column `{column}`", quoted(word))),
    }
}
