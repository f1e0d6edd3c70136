//! Data Center's side as the world file that an operator would write of it.

use std::path::Path;

use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::world::Connection;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::simulator::datacenter::DataCenter;
use portcullis::simulator::datacenter::DcHolder;

use super::DATACENTER;

fn id(kind: Kind, native: &str) -> Id {
    Id::new(&DATACENTER.parse().unwrap(), kind, native).unwrap()
}

fn user(dc: &DataCenter, name: &str) -> Id {
    id(Kind::User, &dc.user(name).unwrap().id.to_string())
}

fn holder(dc: &DataCenter, holder: &DcHolder) -> Id {
    match holder {
        DcHolder::User(name) => user(dc, name),
        DcHolder::Group(name) => id(Kind::Group, &name.to_lowercase()),
    }
}

/// Writes it.
pub fn write(dc: &DataCenter, as_of: i64, file: &Path) {
    let server = id(Kind::Workspace, "server");
    let mut nodes = vec![Node::new(server.clone(), "Acme")];
    let mut edges = Vec::new();
    for user in &dc.users {
        nodes.push(
            Node::new(id(Kind::User, &user.id.to_string()), &user.display_name)
                .flag("active", user.active),
        );
    }
    for group in &dc.groups {
        let node = id(Kind::Group, &group.name.to_lowercase());
        nodes.push(Node::new(node.clone(), &group.name));
        for member in &group.members {
            edges.push(Edge::new(user(dc, member), Relation::Member, node.clone()));
        }
    }
    for grant in &dc.global {
        let is = if grant.level.word() == "LICENSED_USER" {
            Relation::Licensed
        } else {
            Relation::Admin
        };
        edges.push(Edge::new(holder(dc, &grant.to), is, server.clone()));
    }
    for project in &dc.projects {
        let node = id(Kind::Project, &project.id.to_string());
        let told = Node::new(node.clone(), &project.name)
            .text("key", &project.key)
            .text("default", "none");
        nodes.push(told.text("visibility", "private"));
        edges.push(Edge::new(node.clone(), Relation::In, server.clone()));
        for grant in &project.grants {
            edges.push(Edge::new(holder(dc, &grant.to), Relation::Admin, node.clone()));
        }
    }
    for repository in &dc.repositories {
        let node = id(Kind::Repository, &repository.id.to_string());
        let told = Node::new(node.clone(), &format!("{}/{}", repository.project, repository.slug));
        nodes.push(
            told.text("slug", &repository.slug)
                .text("visibility", "private")
                .flag("archived", false),
        );
        let project = dc.project(&repository.project).unwrap();
        edges.push(Edge::new(node, Relation::In, id(Kind::Project, &project.id.to_string())));
    }
    let connection = Connection {
        id: DATACENTER.parse().unwrap(),
        product: Product::DataCenter,
        name: Some("Acme".to_owned()),
    };
    let world =
        World { connection, as_of: Time::from_millis(as_of), nodes, edges, unknown: Vec::new() };
    std::fs::write(file, world.write()).unwrap();
}
