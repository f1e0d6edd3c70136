//! Data Center's side as a world: Data Center is not discovered yet, so its graph is loaded as a world file would be.

use portcullis::graph::ConnectionId;
use portcullis::graph::Id;
use portcullis::graph::IdError;
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

use crate::demo::company::DATACENTER;

/// What the company's Data Center has, as it was made: users, groups, projects, repositories and grants.
pub fn of(dc: &DataCenter, as_of: Time) -> Result<World, IdError> {
    let mut making =
        Making { connection: DATACENTER.parse()?, nodes: Vec::new(), edges: Vec::new() };
    making.people(dc)?;
    making.places(dc)?;
    Ok(World {
        connection: Connection {
            id: making.connection,
            product: Product::DataCenter,
            name: Some("Acme".to_owned()),
        },
        as_of,
        nodes: making.nodes,
        edges: making.edges,
        unknown: Vec::new(),
    })
}

struct Making {
    connection: ConnectionId,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

impl Making {
    fn id(&self, kind: Kind, native: &str) -> Result<Id, IdError> {
        Id::new(&self.connection, kind, native)
    }

    fn holder(&self, dc: &DataCenter, holder: &DcHolder) -> Result<Id, IdError> {
        match holder {
            DcHolder::User(name) => self.user(dc, name),
            DcHolder::Group(name) => self.id(Kind::Group, &name.to_lowercase()),
        }
    }

    fn user(&self, dc: &DataCenter, name: &str) -> Result<Id, IdError> {
        let number = dc.users.iter().find(|user| user.name == name).map(|user| user.id);
        self.id(Kind::User, &number.map_or_else(String::new, |number| number.to_string()))
    }

    fn people(&mut self, dc: &DataCenter) -> Result<(), IdError> {
        let server = self.id(Kind::Workspace, "server")?;
        self.nodes.push(Node::new(server.clone(), "Acme"));
        for user in &dc.users {
            let id = self.id(Kind::User, &user.id.to_string())?;
            self.nodes.push(Node::new(id, &user.display_name).flag("active", user.active));
        }
        for group in &dc.groups {
            let id = self.id(Kind::Group, &group.name.to_lowercase())?;
            self.nodes.push(Node::new(id.clone(), &group.name));
            for member in &group.members {
                self.edges.push(Edge::new(self.user(dc, member)?, Relation::Member, id.clone()));
            }
        }
        for grant in &dc.global {
            let is = if grant.level.word() == "LICENSED_USER" {
                Relation::Licensed
            } else {
                Relation::Admin
            };
            self.edges.push(Edge::new(self.holder(dc, &grant.to)?, is, server.clone()));
        }
        Ok(())
    }

    fn places(&mut self, dc: &DataCenter) -> Result<(), IdError> {
        let server = self.id(Kind::Workspace, "server")?;
        for project in &dc.projects {
            let id = self.id(Kind::Project, &project.id.to_string())?;
            let node = Node::new(id.clone(), &project.name)
                .text("key", &project.key)
                .text("default", "none");
            self.nodes.push(node.text("visibility", "private"));
            self.edges.push(Edge::new(id.clone(), Relation::In, server.clone()));
            for grant in &project.grants {
                self.edges.push(Edge::new(
                    self.holder(dc, &grant.to)?,
                    Relation::Admin,
                    id.clone(),
                ));
            }
        }
        for repository in &dc.repositories {
            let id = self.id(Kind::Repository, &repository.id.to_string())?;
            let name = format!("{}/{}", repository.project, repository.slug);
            let node = Node::new(id.clone(), &name)
                .text("slug", &repository.slug)
                .text("visibility", "private");
            self.nodes.push(node.flag("archived", repository.archived));
            let project = dc.projects.iter().find(|project| project.key == repository.project);
            let project = self.id(
                Kind::Project,
                &project.map_or_else(String::new, |project| project.id.to_string()),
            )?;
            self.edges.push(Edge::new(id, Relation::In, project));
        }
        Ok(())
    }
}
