//! The simulator works levels out by itself, the slow way and from the products' pages; the graph must agree on every
//! identity and repository of random estates, and prove each answer.

use std::collections::BTreeSet;

use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::World;
use portcullis::graph::proves;
use portcullis::graph::world::Connection;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::simulator::cloud;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::ProjectLevel;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud::Workspace;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DataCenter;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::DcLevel;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;
use portcullis::simulator::oracle::cloud_table;
use portcullis::simulator::oracle::dc_table;

use crate::spec::graph::build;

/// Estates of each product.
const ESTATES: u64 = 30;

/// Writes facts down, edges once.
struct Scribe {
    world: World,
    edges: BTreeSet<(Id, Relation, Id)>,
}

impl Scribe {
    fn new(product: Product) -> Self {
        let connection = Connection { id: "sim".parse().unwrap(), product, name: None };
        let as_of = "2026-11-21T18:05:00Z".parse().unwrap();
        Self { world: World::new(connection, as_of), edges: BTreeSet::new() }
    }

    fn id(&self, kind: Kind, native: &str) -> Id {
        Id::new(&self.world.connection.id, kind, native).unwrap()
    }

    fn node(&mut self, kind: Kind, native: &str, name: &str, adorn: impl Fn(Node) -> Node) -> Id {
        let id = self.id(kind, native);
        self.world.nodes.push(adorn(Node::new(id.clone(), name)));
        id
    }

    fn edge(&mut self, from: &Id, is: Relation, to: &Id) {
        self.edges.insert((from.clone(), is, to.clone()));
    }

    fn finish(mut self) -> World {
        let edges = self.edges.into_iter().map(|(from, is, to)| Edge::new(from, is, to));
        self.world.edges.extend(edges);
        // Through the file, so that the file is part of what is compared.
        World::read(&self.world.write()).unwrap()
    }
}

fn sight(open: bool) -> &'static str {
    if open { "public" } else { "private" }
}

fn cloud_world(acme: &Workspace) -> World {
    let mut scribe = Scribe::new(Product::Cloud);
    let top = scribe.node(Kind::Workspace, &acme.uuid.to_string(), &acme.name, |node| node);
    for person in &acme.people {
        let id = scribe.node(Kind::User, &person.uuid.to_string(), &person.display_name, |n| n);
        match person.role {
            Role::Owner => scribe.edge(&id, Relation::Owner, &top),
            Role::CreateProject => scribe.edge(&id, Relation::Create, &top),
            Role::Member => scribe.edge(&id, Relation::Member, &top),
            Role::Outside => {}
        }
    }
    for group in &acme.groups {
        let id = scribe.node(Kind::Group, &group.slug, &group.name, |node| node);
        for member in &group.members {
            let member = scribe.id(Kind::User, &member.to_string());
            scribe.edge(&member, Relation::Member, &id);
        }
    }
    let holder = |scribe: &Scribe, holder: &Holder| match holder {
        Holder::User(user) => scribe.id(Kind::User, &user.to_string()),
        Holder::Group(slug) => scribe.id(Kind::Group, slug),
    };
    for project in &acme.projects {
        let see = |node: Node| node.text("visibility", sight(!project.is_private));
        let id = scribe.node(Kind::Project, &project.uuid.to_string(), &project.name, see);
        scribe.edge(&id, Relation::In, &top);
        for grant in &project.grants {
            let from = holder(&scribe, &grant.to);
            match grant.level {
                ProjectLevel::None => {}
                ProjectLevel::Read => scribe.edge(&from, Relation::Read, &id),
                ProjectLevel::Write => scribe.edge(&from, Relation::Write, &id),
                ProjectLevel::CreateRepo => scribe.edge(&from, Relation::Create, &id),
                ProjectLevel::Admin => scribe.edge(&from, Relation::Admin, &id),
            }
        }
    }
    for repository in &acme.repositories {
        let see = |node: Node| node.text("visibility", sight(!repository.is_private));
        let id = scribe.node(Kind::Repository, &repository.uuid.to_string(), &repository.name, see);
        let home = acme.projects.iter().find(|project| project.key == repository.project).unwrap();
        let home = scribe.id(Kind::Project, &home.uuid.to_string());
        scribe.edge(&id, Relation::In, &home);
        for grant in &repository.grants {
            let from = holder(&scribe, &grant.to);
            match grant.level {
                cloud::Level::None => {}
                cloud::Level::Read => scribe.edge(&from, Relation::Read, &id),
                cloud::Level::Write => scribe.edge(&from, Relation::Write, &id),
                cloud::Level::Admin => scribe.edge(&from, Relation::Admin, &id),
            }
        }
    }
    scribe.finish()
}

fn dc_project(level: ProjectPermission) -> Relation {
    match level {
        ProjectPermission::Read => Relation::Read,
        ProjectPermission::Write => Relation::Write,
        ProjectPermission::RepoCreate => Relation::Create,
        ProjectPermission::Admin => Relation::Admin,
    }
}

fn dc_world(dc: &DataCenter) -> World {
    let mut scribe = Scribe::new(Product::DataCenter);
    let top = scribe.node(Kind::Workspace, "server", "Bitbucket", |node| {
        node.flag("anonymous", dc.public_access)
    });
    for user in &dc.users {
        let active = |node: Node| node.flag("active", user.active);
        scribe.node(Kind::User, &user.id.to_string(), &user.display_name, active);
    }
    for group in &dc.groups {
        scribe.node(Kind::Group, &group.name.to_lowercase(), &group.name, |node| node);
    }
    let user =
        |scribe: &Scribe, name: &str| scribe.id(Kind::User, &dc.user(name).unwrap().id.to_string());
    let group = |scribe: &Scribe, name: &str| scribe.id(Kind::Group, &name.to_lowercase());
    let holder = |scribe: &Scribe, holder: &DcHolder| match holder {
        DcHolder::User(name) => user(scribe, name),
        DcHolder::Group(name) => group(scribe, name),
    };
    for found in &dc.groups {
        let id = group(&scribe, &found.name);
        for member in &found.members {
            scribe.edge(&user(&scribe, member), Relation::Member, &id);
        }
        for inner in &found.groups {
            scribe.edge(&group(&scribe, inner), Relation::Member, &id);
        }
    }
    for grant in &dc.global {
        let from = holder(&scribe, &grant.to);
        let is = match grant.level {
            GlobalLevel::LicensedUser => Relation::Licensed,
            GlobalLevel::ProjectCreate => Relation::Create,
            GlobalLevel::Admin | GlobalLevel::SysAdmin => Relation::Admin,
        };
        scribe.edge(&from, is, &top);
    }
    for project in &dc.projects {
        let default = project.default_permission.map_or("none", |level| dc_project(level).as_str());
        let adorn = |node: Node| {
            let node = node.text("key", &project.key).text("default", default);
            node.text("visibility", sight(project.public))
        };
        let id = scribe.node(Kind::Project, &project.id.to_string(), &project.name, adorn);
        scribe.edge(&id, Relation::In, &top);
        if default != "none" {
            scribe.edge(&top, Relation::Default, &id);
        }
        if let Some(owner) = &project.owner {
            scribe.edge(&user(&scribe, owner), Relation::Owner, &id);
        }
        for grant in &project.grants {
            scribe.edge(&holder(&scribe, &grant.to), dc_project(grant.level), &id);
        }
    }
    for repository in &dc.repositories {
        let see = |node: Node| node.text("visibility", sight(repository.public));
        let id = scribe.node(Kind::Repository, &repository.id.to_string(), &repository.name, see);
        let home = dc.project(&repository.project).unwrap().id.to_string();
        scribe.edge(&id, Relation::In, &scribe.id(Kind::Project, &home));
        for grant in &repository.grants {
            let is = match grant.level {
                RepoPermission::Read => Relation::Read,
                RepoPermission::Write => Relation::Write,
                RepoPermission::Admin => Relation::Admin,
            };
            scribe.edge(&holder(&scribe, &grant.to), is, &id);
        }
    }
    scribe.finish()
}

/// Compares every row of the oracle's table, and replays every proof.
fn check(world: &World, rows: &[(String, String, Level)]) -> BTreeSet<Level> {
    let graph = build(world);
    let connection = &world.connection.id;
    let mut seen = BTreeSet::new();
    for (place, who, wanted) in rows {
        let place = Id::new(connection, Kind::Repository, place).unwrap();
        let who = Id::new(connection, Kind::User, who).unwrap();
        let (from, to) = (graph.find(&who).unwrap(), graph.find(&place).unwrap());
        let found = graph.effective(from, to);
        assert_eq!((found.level, found.unknown), (*wanted, None), "{who} on {place}");
        let paths = graph.paths(from, to);
        for path in &paths.all {
            assert_eq!(proves(path, world, &who, &place), Some(path.level), "{path:?}");
        }
        let best = paths.all.first().map_or(Level::None, |path| path.level);
        assert_eq!(best, *wanted, "{who} on {place}");
        seen.insert(*wanted);
    }
    seen
}

#[test]
fn cloud_levels_equal_the_oracle() {
    let mut seen = BTreeSet::new();
    for seed in 0..ESTATES {
        let company = Company::random_cloud(seed);
        let acme = &company.workspaces[0];
        let rows: Vec<(String, String, Level)> = cloud_table(acme)
            .into_iter()
            .map(|(place, who, _, level)| {
                let level = match level {
                    cloud::Level::None => Level::None,
                    cloud::Level::Read => Level::Read,
                    cloud::Level::Write => Level::Write,
                    cloud::Level::Admin => Level::Admin,
                };
                (place.to_string(), who.to_string(), level)
            })
            .collect();
        assert!(!rows.is_empty());
        seen.extend(check(&cloud_world(acme), &rows));
    }
    assert_eq!(seen.len(), 4, "the estates show every level");
}

#[test]
fn data_center_levels_equal_the_oracle() {
    let mut seen = BTreeSet::new();
    for seed in 0..ESTATES {
        for public_access in [false, true] {
            let mut company = Company::random_datacenter(seed);
            company.datacenter.public_access = public_access;
            let dc = &company.datacenter;
            let rows: Vec<(String, String, Level)> = dc_table(dc)
                .into_iter()
                .map(|(place, who, level)| {
                    let level = match level {
                        DcLevel::None => Level::None,
                        DcLevel::Read => Level::Read,
                        DcLevel::Write => Level::Write,
                        DcLevel::Admin => Level::Admin,
                    };
                    (place.to_string(), who.to_string(), level)
                })
                .collect();
            assert!(!rows.is_empty());
            seen.extend(check(&dc_world(dc), &rows));
        }
    }
    assert_eq!(seen.len(), 4, "the estates show every level");
}
