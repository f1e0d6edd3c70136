//! Questions that list: complete, in order, and honest about what was not read.

use portcullis::graph::Kind;
use portcullis::graph::Known;
use portcullis::graph::Level;
use portcullis::graph::Listed;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::World;

use crate::spec::graph::build;
use crate::spec::graph::id;
use crate::spec::graph::join;
use crate::spec::graph::set;
use crate::spec::graph::unknown;
use crate::spec::graph::with;

fn names(graph: &Snapshot, listed: &Listed) -> Vec<String> {
    listed.nodes.iter().map(|&node| graph.node(node).unwrap().id.to_string()).collect()
}

fn company() -> World {
    with(
        Product::DataCenter,
        &[
            "group/staff licensed workspace/1",
            "user/1 member group/staff",
            "user/2 member group/ops",
            "group/ops member group/staff",
            "user/3 write repository/9",
            "group/ops write project/7",
            "user/1 read repository/9",
            "key/4 read repository/9",
        ],
    )
}

#[test]
fn who_can_lists_people_and_machines_with_groups_resolved() {
    let graph = build(&company());
    let repository = graph.find(&id("repository/9")).unwrap();
    let who = |level| names(&graph, &graph.who_can(level, repository).listed);
    assert_eq!(who(Level::Write), ["c1/user/2"], "user 3 has no licence");
    assert_eq!(who(Level::Read), ["c1/key/4", "c1/user/1", "c1/user/2"]);
    assert!(who(Level::Admin).is_empty());
    assert!(!graph.who_can(Level::Read, repository).anyone);
}

#[test]
fn who_can_says_when_a_list_was_not_read() {
    let mut world = company();
    unknown(&mut world, "project/7", "grants");
    let graph = build(&world);
    let repository = graph.find(&id("repository/9")).unwrap();
    let why = graph.who_can(Level::Write, repository).listed.unknown.unwrap();
    assert_eq!(why.as_str(), "grants was not read");
}

#[test]
fn unread_access_keys_may_hold_what_a_key_can_hold_and_nothing_of_a_person() {
    for place in ["repository/9", "project/7"] {
        let mut world = company();
        join(&mut world, "key/5 read repository/8");
        unknown(&mut world, place, "keys");
        let graph = build(&world);
        let find = |text: &str| graph.find(&id(text)).unwrap();
        let repository = find("repository/9");
        let why = |level| graph.who_can(level, repository).listed.unknown;
        for level in [Level::Read, Level::Write] {
            assert_eq!(why(level).unwrap().as_str(), "keys was not read", "{place} {level}");
        }
        assert_eq!(why(Level::Admin), None, "no key administers");
        let unread = Known::unknown("keys was not read");
        assert_eq!(graph.can(find("key/5"), Level::Read, repository), unread);
        assert_eq!(graph.can(find("key/4"), Level::Read, repository), Known::Value(true));
        assert_eq!(graph.can(find("user/3"), Level::Read, repository), Known::Value(false));
        let reached = graph.reached(find("key/5"));
        assert_eq!(reached.unknown.unwrap().as_str(), "keys was not read");
        assert_eq!(graph.reached(find("user/1")).unknown, None, "{place}: his are all known");
    }
}

#[test]
fn can_is_unknown_only_where_it_hangs_on_the_unknown() {
    let mut world = company();
    unknown(&mut world, "group/ops", "members");
    let graph = build(&world);
    let find = |text: &str| graph.find(&id(text)).unwrap();
    let can = |who, level| graph.can(find(who), level, find("repository/9"));
    assert_eq!(can("user/1", Level::Read), Known::Value(true));
    assert_eq!(can("user/1", Level::Write), Known::unknown("members was not read"));
    assert_eq!(can("key/4", Level::Write), Known::Value(false), "a key is in no group");
}

#[test]
fn groups_and_members_are_resolved_through_groups() {
    let graph = build(&company());
    let find = |text: &str| graph.find(&id(text)).unwrap();
    let groups = graph.groups_of(find("user/2"));
    assert_eq!(names(&graph, &groups), ["c1/group/ops", "c1/group/staff"]);
    let members = graph.members_of(find("group/staff"));
    assert_eq!(names(&graph, &members), ["c1/user/1", "c1/user/2"]);
    assert_eq!(members.unknown, None);
    let mut world = company();
    unknown(&mut world, "group/ops", "members");
    let graph = build(&world);
    assert!(graph.members_of(graph.find(&id("group/staff")).unwrap()).unknown.is_some());
}

#[test]
fn a_step_reads_the_variables_of_every_scope_around_it() {
    let mut world = with(
        Product::Cloud,
        &[
            "repository/9 deploys_to environment/5",
            "repository/8 deploys_to environment/6",
            "variable/1 in workspace/1",
            "variable/2 in repository/9",
            "variable/3 in environment/5",
            "variable/4 in environment/6",
            "variable/5 in repository/8",
        ],
    );
    set(&mut world, "variable/3", |node| node.flag("secured", true));
    let graph = build(&world);
    let find = |text: &str| graph.find(&id(text)).unwrap();
    let read = |environment: Option<&str>| {
        let found = graph.variables_readable(find("repository/9"), environment.map(find));
        assert_eq!(found.unknown, None);
        found.all.into_iter().map(|v| (v.name, v.secured, v.scope)).collect::<Vec<_>>()
    };
    let untold = Known::Unknown(portcullis::graph::Why::NOT_TOLD);
    let workspace = ("1".to_owned(), untold.clone(), Kind::Workspace);
    let repository = ("2".to_owned(), untold, Kind::Repository);
    let environment = ("3".to_owned(), Known::Value(true), Kind::Environment);
    assert_eq!(read(Some("environment/5")), [workspace.clone(), repository.clone(), environment]);
    assert_eq!(read(None), [workspace.clone(), repository.clone()]);
    assert_eq!(read(Some("environment/6")), [workspace, repository], "not this repository's");
    let environments = graph.environments_of(find("repository/9"));
    assert_eq!(names(&graph, &environments), ["c1/environment/5"]);
}

#[test]
fn unread_variables_are_not_no_variables() {
    let mut world = company();
    unknown(&mut world, "workspace/1", "variables");
    let graph = build(&world);
    let found = graph.variables_readable(graph.find(&id("repository/9")).unwrap(), None);
    assert!(found.all.is_empty() && found.unknown.is_some());
}

#[test]
fn public_places_are_open_to_anyone() {
    let mut world = with(Product::Cloud, &["user/1 write repository/9"]);
    join(&mut world, "user/2 member group/a");
    set(&mut world, "repository/9", |node| node.text("visibility", "public"));
    let graph = build(&world);
    let repository = graph.find(&id("repository/9")).unwrap();
    let readers = graph.who_can(Level::Read, repository);
    assert!(readers.anyone);
    assert_eq!(names(&graph, &readers.listed), ["c1/user/1"]);
    assert!(!graph.who_can(Level::Write, repository).anyone);
}
