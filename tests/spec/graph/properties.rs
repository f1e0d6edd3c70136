//! What holds for every estate: proofs replay, the level is the most they prove, and a grant never takes away.

use std::collections::BTreeSet;

use proptest::prelude::*;

use portcullis::graph::Builder;
use portcullis::graph::Delta;
use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::Product;
use portcullis::graph::World;
use portcullis::graph::difference;
use portcullis::graph::proves;
use portcullis::graph::world::Packed;

use crate::spec::graph::build;
use crate::spec::graph::estate;
use crate::spec::graph::id;
use crate::spec::graph::join;
use crate::spec::graph::set;
use crate::spec::graph::unknown;

const PEOPLE: &[&str] = &["user/1", "user/2", "user/3", "token/1", "key/1", "agent/1"];
const GROUPS: &[&str] = &["group/a", "group/b", "group/c", "group/d"];
const PLACES: &[&str] = &["repository/9", "repository/10", "project/7", "project/8"];

/// Every edge that can be between them.
fn edges() -> Vec<String> {
    let mut all = Vec::new();
    let joins = ["member", "owner", "read", "write", "create", "admin", "licensed"];
    let ends: Vec<&str> = [PEOPLE, GROUPS, PLACES, &["workspace/1"]].concat();
    for from in PEOPLE.iter().chain(GROUPS) {
        for to in &ends {
            for is in joins {
                let word = portcullis::graph::Relation::from_text(is).unwrap();
                if from != to && word.joins(id(from).kind(), id(to).kind()) {
                    all.push(format!("{from} {is} {to}"));
                }
            }
        }
    }
    all
}

fn world(product: Product, chosen: &BTreeSet<usize>, marks: u8) -> World {
    let mut world = estate(product);
    for edge in
        ["repository/10 in project/8", "project/8 in workspace/1", "workspace/1 default project/7"]
    {
        join(&mut world, edge);
    }
    for at in ["repository/10", "project/8"] {
        set(&mut world, at, |node| node.text("visibility", "private"));
    }
    let all = edges();
    for edge in chosen {
        join(&mut world, &all[*edge]);
    }
    for who in PEOPLE.iter().chain(GROUPS) {
        if world.nodes.iter().all(|node| node.id != id(who)) {
            world.nodes.push(portcullis::graph::world::Node::new(id(who), who));
        }
    }
    let default = ["none", "read", "write", "create"][usize::from(marks & 3)];
    set(&mut world, "project/7", |node| node.text("default", default));
    for (bit, at) in [(4, "repository/9"), (8, "project/8")] {
        if marks & bit != 0 {
            set(&mut world, at, |node| node.text("visibility", "public"));
        }
    }
    set(&mut world, "user/3", |node| node.flag("active", marks & 16 == 0));
    set(&mut world, "workspace/1", |node| node.flag("anonymous", marks & 32 != 0));
    world
}

fn worlds() -> impl Strategy<Value = (Product, BTreeSet<usize>, u8)> {
    let product = prop_oneof![Just(Product::Cloud), Just(Product::DataCenter)];
    (product, prop::collection::btree_set(0..edges().len(), 0..40), any::<u8>())
}

fn identities() -> impl Iterator<Item = Id> {
    PEOPLE.iter().chain(GROUPS).map(|text| id(text))
}

/// The reference algorithm, told again over the world alone, as slowly as it is written down.
fn oracle(world: &World, who: &Id, place: &Id) -> Level {
    let mut reached = BTreeSet::from([who.clone()]);
    loop {
        let more: Vec<Id> = world
            .edges
            .iter()
            .filter(|edge| edge.is.as_str() == "member" && edge.to.kind() == Kind::Group)
            .filter(|edge| reached.contains(&edge.from) && !reached.contains(&edge.to))
            .map(|edge| edge.to.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        reached.extend(more);
    }
    let node = |id: &Id| world.nodes.iter().find(|node| node.id == *id).unwrap();
    let text = |id: &Id, name: &str| format!("{:?}", node(id).attributes.get(name));
    if text(who, "active").contains("false") {
        return Level::None;
    }
    let home = world.edges.iter().find(|edge| edge.from == *place && edge.is.as_str() == "in");
    let project = home.map(|edge| edge.to.clone()).filter(|to| to.kind() == Kind::Project);
    let server = world.connection.product == Product::DataCenter;
    let person = matches!(who.kind(), Kind::User | Kind::Group);
    let global = |words: &[&str]| {
        world.edges.iter().any(|edge| {
            reached.contains(&edge.from)
                && edge.to.kind() == Kind::Workspace
                && words.contains(&edge.is.as_str())
        })
    };
    let licensed = global(&["licensed", "create", "admin", "owner"]);
    let is_public = |at: &Id| text(at, "visibility").contains("public");
    let open = is_public(place) || (server && project.as_ref().is_some_and(is_public));
    let anonymous = text(&id("workspace/1"), "anonymous").contains("true");
    let mut best = Level::None;
    if open && (!server || anonymous || (person && licensed)) {
        best = Level::Read;
    }
    if server && person && !licensed {
        return best;
    }
    if global(&["admin", "owner"]) {
        best = best.max(Level::Admin);
    }
    if global(&["write"]) {
        best = best.max(Level::Write);
    }
    if global(&["read"]) {
        best = best.max(Level::Read);
    }
    for edge in &world.edges {
        let here = edge.to == *place || Some(&edge.to) == project.as_ref();
        if !here || !reached.contains(&edge.from) {
            continue;
        }
        best = best.max(match edge.is.as_str() {
            "read" => Level::Read,
            "write" | "create" => Level::Write,
            "admin" | "owner" => Level::Admin,
            _ => Level::None,
        });
    }
    let defaulted = text(project.as_ref().unwrap_or(place), "default");
    if server && person {
        for (word, level) in
            [("read", Level::Read), ("write", Level::Write), ("create", Level::Write)]
        {
            if defaulted.contains(word) {
                best = best.max(level);
            }
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_level_is_what_the_slow_algorithm_says((product, chosen, marks) in worlds()) {
        let world = world(product, &chosen, marks);
        let graph = build(&world);
        for who in identities() {
            for place in ["repository/9", "repository/10"].map(id) {
                let found = graph.effective(graph.find(&who).unwrap(), graph.find(&place).unwrap());
                prop_assert_eq!(found.level, oracle(&world, &who, &place), "{} on {}", who, place);
                prop_assert_eq!(found.unknown, None);
            }
        }
    }

    #[test]
    fn a_span_is_what_the_levels_of_all_repositories_add_up_to((product, chosen, marks) in worlds()) {
        // What is public is nobody's span.
        let world = world(product, &chosen, marks & !0b1100);
        let graph = build(&world);
        let sizes = graph.sizes();
        for who in identities() {
            let levels = ["repository/9", "repository/10"].map(|place| oracle(&world, &who, &id(place)));
            let reached = levels.iter().filter(|level| **level > Level::None).count();
            let span = graph.span(graph.find(&who).unwrap(), &sizes);
            let most = levels.into_iter().max().unwrap();
            let creates = span.level == Level::Create && most < Level::Create;
            prop_assert!(creates || span.level == most, "{}: {} and {}", who, span.level, most);
            prop_assert_eq!(span.repositories, reached as u64, "{}", who);
            prop_assert_eq!(span.unknown, None, "{}", who);
        }
    }

    #[test]
    fn the_level_is_the_most_that_a_path_proves((product, chosen, marks) in worlds()) {
        let world = world(product, &chosen, marks);
        let graph = build(&world);
        for who in identities() {
            for place in PLACES.iter().copied().chain(["workspace/1"]).map(id) {
                let (from, to) = (graph.find(&who).unwrap(), graph.find(&place).unwrap());
                let level = graph.effective(from, to).level;
                let paths = graph.paths(from, to);
                for path in &paths.all {
                    let proved = proves(path, &world, &who, &place);
                    prop_assert_eq!(proved, Some(path.level), "{} on {}: {:?}", who, place, path);
                }
                let best = paths.all.first().map_or(Level::None, |path| path.level);
                prop_assert_eq!(best, level, "{} on {}", who, place);
                let mut seen = BTreeSet::new();
                for path in &paths.all {
                    prop_assert!(seen.insert((&path.steps, &path.ground)), "twice: {:?}", path);
                }
            }
        }
    }

    #[test]
    fn who_can_is_everyone_who_can((product, chosen, marks) in worlds()) {
        let graph = build(&world(product, &chosen, marks));
        for place in PLACES.iter().copied().chain(["workspace/1"]).map(id) {
            let place = graph.find(&place).unwrap();
            for level in [Level::Read, Level::Write, Level::Create, Level::Admin] {
                let holders = graph.who_can(level, place);
                prop_assert_eq!(&holders.listed.unknown, &None);
                for who in PEOPLE.iter().map(|text| graph.find(&id(text)).unwrap()) {
                    let can = graph.effective(who, place).level >= level;
                    let listed = holders.listed.nodes.contains(&who);
                    let active = graph.flag(who, "active") != portcullis::graph::Known::Value(false);
                    let open = holders.anyone && active;
                    prop_assert_eq!(can, listed || open, "{:?} {} {:?}", who, level, graph.node(place));
                }
            }
        }
    }

    #[test]
    fn what_is_reached_is_what_each_repository_tells((product, chosen, marks) in worlds()) {
        let graph = build(&world(product, &chosen, marks));
        for who in identities() {
            let who = graph.find(&who).unwrap();
            let told: Vec<_> = graph
                .all(Kind::Repository)
                .map(|repository| (repository, graph.effective(who, repository).level))
                .filter(|(_, level)| *level > Level::None)
                .collect();
            let mut reached = graph.reached(who).repositories;
            reached.sort_by_key(|(repository, _)| graph.node(*repository).unwrap().id.clone());
            prop_assert_eq!(reached, told);
        }
    }

    #[test]
    fn one_more_grant_never_lowers_a_level(
        (product, chosen, marks) in worlds(),
        more in 0..edges().len(),
    ) {
        let before = build(&world(product, &chosen, marks));
        let mut chosen = chosen;
        chosen.insert(more);
        let after = build(&world(product, &chosen, marks));
        for who in identities() {
            for place in PLACES.iter().map(|text| id(text)) {
                let level = |graph: &portcullis::graph::Snapshot| {
                    graph.effective(graph.find(&who).unwrap(), graph.find(&place).unwrap()).level
                };
                prop_assert!(level(&after) >= level(&before), "{} on {}", who, place);
            }
        }
    }

    #[test]
    fn every_world_keeps_its_bytes((product, chosen, marks) in worlds()) {
        let world = world(product, &chosen, marks);
        let bytes = world.write();
        prop_assert_eq!(World::read(&bytes).unwrap().write(), bytes.clone());
        prop_assert_eq!(build(&world).world(&world.connection.id).unwrap().write(), bytes);
    }

    #[test]
    fn a_packed_world_is_the_same_world((product, chosen, marks) in worlds(), cut in any::<prop::sample::Index>()) {
        let mut world = world(product, &chosen, marks);
        for (number, edge) in world.edges.iter_mut().enumerate().filter(|(at, _)| at % 3 > 0) {
            edge.source = Some(format!("route {}", number % 5));
        }
        let bytes = world.pack().unwrap();
        let packed = Packed::open(&bytes).unwrap();
        prop_assert_eq!(packed.clone().into_world(), World::read(&world.write()).unwrap());
        let mut builder = Builder::default();
        builder.packed(packed).unwrap();
        let graph = builder.build(1).unwrap();
        prop_assert_eq!(graph.world(&world.connection.id).unwrap().write(), world.write());
        let part = cut.index(bytes.len());
        prop_assert!(Packed::open(&bytes[..part]).is_err(), "cut short at {}", part);
    }

    #[test]
    fn a_broken_packed_world_is_refused_or_another_and_never_a_crash(
        (product, chosen, marks) in worlds(),
        breaks in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = world(product, &chosen, marks).pack().unwrap();
        for (at, byte) in breaks {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(packed) = Packed::open(&bytes) {
            let mut builder = Builder::default();
            if builder.packed(packed.clone()).is_ok() {
                let _ = builder.build(1);
            }
            packed.into_world();
        }
    }

    #[test]
    fn a_changed_graph_is_the_graph_of_the_changed_world(
        (product, chosen, marks) in worlds(),
        others in prop::collection::btree_set(0..edges().len(), 0..40),
    ) {
        let (before, after) = (world(product, &chosen, marks), world(product, &others, marks ^ 5));
        let changed = build(&before).change(&difference(&before, &after)).unwrap();
        prop_assert_eq!(changed.world(&after.connection.id).unwrap().write(), after.write());
        let straight = build(&after);
        for who in identities() {
            for place in PLACES.iter().map(|text| id(text)) {
                let level = |graph: &portcullis::graph::Snapshot| {
                    graph.effective(graph.find(&who).unwrap(), graph.find(&place).unwrap())
                };
                prop_assert_eq!(level(&changed), level(&straight));
            }
        }
    }

    #[test]
    fn two_graphs_differ_as_their_worlds_do(
        (product, chosen, marks) in worlds(),
        others in prop::collection::btree_set(0..edges().len(), 0..40),
        gone in prop::option::of(0..PEOPLE.len()),
        gaps in (any::<bool>(), any::<bool>()),
    ) {
        let mut before = world(product, &chosen, marks);
        let mut after = world(product, &others, marks ^ 9);
        for (is, world) in [(gaps.0, &mut before), (gaps.1, &mut after)] {
            if is {
                unknown(world, "group/a", "members");
            }
        }
        if let Some(gone) = gone.map(|at| id(PEOPLE[at])) {
            after.nodes.retain(|node| node.id != gone);
            after.edges.retain(|edge| edge.from != gone && edge.to != gone);
        }
        for (before, after) in [(&before, &after), (&after, &before), (&before, &before)] {
            let (old, new) = (build(before), build(after));
            let [left, right] = old.differing(&new, &before.connection.id).unwrap();
            let short = Delta::between(Some(&left), &right);
            prop_assert_eq!(&short, &Delta::between(Some(before), after));
            prop_assert_eq!(left.nodes.is_empty() && right.nodes.is_empty(), before == after);
        }
    }

    #[test]
    fn what_a_later_reading_could_change_was_called_unknown(
        (product, chosen, marks) in worlds(),
        hidden in 0..edges().len(),
    ) {
        // An edge that a reader missed, and the list it would have stood in.
        let missed = edges()[hidden].clone();
        let (from, to) = (missed.split(' ').next().unwrap(), missed.split(' ').nth(2).unwrap());
        let list = if id(to).kind() == Kind::Group { "members" } else { "grants" };
        let mut chosen = chosen;
        chosen.remove(&hidden);
        let mut before = world(product, &chosen, marks);
        unknown(&mut before, to, list);
        let mut other = world(product, &chosen, marks);
        if list == "members" && id(from).kind() != Kind::Key {
            unknown(&mut other, from, "groups");
        } else {
            unknown(&mut other, to, list);
        }
        chosen.insert(hidden);
        let after = build(&world(product, &chosen, marks));
        for before in [build(&before), build(&other)] {
            for who in identities() {
                for place in ["repository/9", "repository/10"].map(id) {
                    let find = |graph: &portcullis::graph::Snapshot, id: &Id| graph.find(id).unwrap();
                    let then = before.effective(find(&before, &who), find(&before, &place));
                    let now = after.effective(find(&after, &who), find(&after, &place));
                    let same = then.level == now.level;
                    prop_assert!(same || then.unknown.is_some(), "{} on {}: {}", who, place, missed);
                    let held = before.who_can(now.level, find(&before, &place)).listed;
                    prop_assert!(same || held.unknown.is_some(), "{} on {}: {}", who, place, missed);
                }
            }
        }
    }
}
