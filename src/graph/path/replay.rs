//! Replaying a proof against the world it speaks of, edge by edge. Slow and simple on purpose: it shares nothing with
//! the search that found the path, so that it can catch it.

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::World;
use crate::graph::attribute::Value;
use crate::graph::path::Ground;
use crate::graph::path::Path;
use crate::graph::path::Step;

/// The level that a path proves for an identity on a resource; none if an edge is missing or does not follow.
pub fn proves(path: &Path, world: &World, identity: &Id, resource: &Id) -> Option<Level> {
    let mut steps = path.steps.iter();
    steps.clone().chain(&path.licence).all(|step| holds(step, world)).then_some(())?;
    if is_flag(world, identity, "active", false) || !counts(path, world, identity) {
        return None;
    }
    match &path.ground {
        Ground::Public(place) => public(path, world, resource, place),
        Ground::Default => {
            let from = path.licence.len();
            let rest = path.steps.get(from..)?;
            let (grant, inside) = rest.split_first()?;
            let known = path.steps.get(..from)? == path.licence && grant.is == Relation::Default;
            let level = Level::from_text(text(world, &grant.to, "default")?)?;
            (known && up(inside, resource, &grant.to)).then(|| worth(level, resource))
        }
        Ground::Grant => {
            let mut here = identity;
            let grant = loop {
                let step = steps.next().filter(|step| step.from == *here)?;
                if step.is != Relation::Member {
                    break step;
                }
                here = &step.to;
            };
            let inside = steps.as_slice();
            let level = grant.is.level();
            let wide = grant.to.kind() == Kind::Workspace && inside.is_empty();
            let reaches = wide || up(inside, resource, &grant.to);
            (reaches && level > Level::None).then(|| worth(level, resource))
        }
    }
}

fn holds(step: &Step, world: &World) -> bool {
    let same = |edge: &&crate::graph::world::Edge| {
        edge.from == step.from && edge.is == step.is && edge.to == step.to
    };
    world.edges.iter().find(same).is_some_and(|edge| edge.source == step.source)
}

/// Whether the identity's grants count: on Data Center a person shows a licence.
fn counts(path: &Path, world: &World, identity: &Id) -> bool {
    let person = matches!(identity.kind(), Kind::User | Kind::Group);
    if world.connection.product == Product::Cloud || !person {
        return true;
    }
    let mut here = identity;
    for step in &path.licence {
        if step.from != *here {
            return false;
        }
        here = &step.to;
    }
    let last = path.licence.last().map(|step| step.is);
    let anonymous = world
        .nodes
        .iter()
        .filter(|node| node.id.kind() == Kind::Workspace)
        .any(|node| node.attributes.get("anonymous") == Some(&Value::Flag(true)));
    match last {
        Some(Relation::Licensed | Relation::Create | Relation::Admin | Relation::Owner) => true,
        Some(_) | None => anonymous && matches!(path.ground, Ground::Public(_)),
    }
}

fn public(path: &Path, world: &World, resource: &Id, place: &Id) -> Option<Level> {
    let opens = *place == *resource || world.connection.product == Product::DataCenter;
    let seen = text(world, place, "visibility") == Some("public");
    (opens && seen && up(&path.steps, resource, place)).then_some(Level::Read)
}

/// Whether these steps lead from the resource up to the place.
fn up(steps: &[Step], resource: &Id, place: &Id) -> bool {
    let mut here = resource;
    for step in steps {
        if step.is != Relation::In || step.from != *here {
            return false;
        }
        here = &step.to;
    }
    here == place
}

fn worth(level: Level, resource: &Id) -> Level {
    match (resource.kind(), level) {
        (Kind::Repository, Level::Create) => Level::Write,
        (_, Level::Owner) => Level::Admin,
        (_, other) => other,
    }
}

fn text<'w>(world: &'w World, id: &Id, attribute: &str) -> Option<&'w str> {
    let node = world.nodes.iter().find(|node| node.id == *id)?;
    match node.attributes.get(attribute) {
        Some(Value::Text(text)) => Some(text),
        Some(Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_)) | None => None,
    }
}

fn is_flag(world: &World, id: &Id, attribute: &str, value: bool) -> bool {
    let node = world.nodes.iter().find(|node| node.id == *id);
    node.is_some_and(|node| node.attributes.get(attribute) == Some(&Value::Flag(value)))
}
