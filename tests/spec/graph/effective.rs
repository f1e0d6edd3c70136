//! Effective levels: the products' own tables, row by row.

use portcullis::graph::Known;
use portcullis::graph::Level;
use portcullis::graph::Product;
use portcullis::graph::World;

use crate::spec::graph::build;
use crate::spec::graph::estate;
use crate::spec::graph::join;
use crate::spec::graph::set;
use crate::spec::graph::unknown;
use crate::spec::graph::with;

fn level(world: &World, who: &str, what: &str) -> Level {
    let graph = build(world);
    let find = |text: &str| graph.resolve(&format!("c1/{text}")).unwrap();
    let effective = graph.effective(find(who), find(what));
    assert_eq!(effective.unknown, None, "{who} on {what}");
    effective.level
}

fn check(product: Product, edges: &[&str], who: &str, wanted: &str) {
    let found = level(&with(product, edges), who, "repository/9");
    assert_eq!(found.as_str(), wanted, "{product}: {edges:?}");
}

/// Data Center, where user 1 is licensed.
fn served(edges: &[&str], wanted: &str) {
    let licensed: Vec<&str> =
        edges.iter().copied().chain(["user/1 licensed workspace/1"]).collect();
    check(Product::DataCenter, &licensed, "user/1", wanted);
}

#[test]
fn cloud_takes_the_most_of_all_sources() {
    let cases: &[(&[&str], &str)] = &[
        (&["user/1 owner workspace/1"], "admin"),
        (&["user/1 member group/a", "group/a admin workspace/1"], "admin"),
        (&["user/1 member workspace/1"], "none"),
        (&["user/1 create workspace/1"], "none"),
        (&["user/1 read project/7"], "read"),
        (&["user/1 write project/7"], "write"),
        (&["user/1 create project/7"], "write"),
        (&["user/1 admin project/7"], "admin"),
        (&["user/1 read repository/9"], "read"),
        (&["user/1 write repository/9"], "write"),
        (&["user/1 admin repository/9"], "admin"),
        (&["user/1 member group/a", "group/a write repository/9"], "write"),
        (&["user/1 member group/a", "group/a create project/7"], "write"),
        (&["user/1 read repository/9", "user/1 admin project/7"], "admin"),
        (&["user/1 admin repository/9", "user/1 read project/7"], "admin"),
        (&["user/1 member group/a", "group/b admin repository/9"], "none"),
    ];
    for (edges, wanted) in cases {
        check(Product::Cloud, edges, "user/1", wanted);
    }
}

#[test]
fn the_rows_of_data_centers_matrix_hold() {
    let cases: &[(&[&str], &str)] = &[
        (&["user/1 admin workspace/1"], "admin"),
        (&["user/1 create workspace/1"], "none"),
        (&[], "none"),
        (&["user/1 admin project/7"], "admin"),
        (&["user/1 create project/7"], "write"),
        (&["user/1 write project/7"], "write"),
        (&["user/1 read project/7"], "read"),
        (&["user/1 admin repository/9"], "admin"),
        (&["user/1 write repository/9"], "write"),
        (&["user/1 read repository/9"], "read"),
        (&["user/1 owner project/7"], "admin"),
        (&["user/1 read repository/9", "user/1 write project/7"], "write"),
    ];
    for (edges, wanted) in cases {
        served(edges, wanted);
    }
}

#[test]
fn weight_is_not_implication() {
    // REPO_WRITE outweighs PROJECT_READ, and is nothing on the project or beside it.
    let world = with(
        Product::DataCenter,
        &["user/1 licensed workspace/1", "user/1 admin repository/9", "repository/10 in project/7"],
    );
    let mut world = world;
    set(&mut world, "repository/10", |node| node.text("visibility", "private"));
    assert_eq!(level(&world, "user/1", "repository/9"), Level::Admin);
    assert_eq!(level(&world, "user/1", "repository/10"), Level::None);
    assert_eq!(level(&world, "user/1", "project/7"), Level::None);
}

#[test]
fn projects_and_the_workspace_have_levels_too() {
    let edges =
        ["user/1 licensed workspace/1", "user/1 create project/7", "user/1 create workspace/1"];
    let world = with(Product::DataCenter, &edges);
    assert_eq!(level(&world, "user/1", "project/7"), Level::Create);
    assert_eq!(level(&world, "user/1", "workspace/1"), Level::Create);
}

#[test]
fn without_a_licence_every_grant_sleeps() {
    for grant in ["user/1 admin repository/9", "user/1 admin project/7", "user/1 owner project/7"] {
        check(Product::DataCenter, &[grant], "user/1", "none");
        served(&[grant], "admin");
    }
    check(
        Product::DataCenter,
        &["user/1 member group/a", "group/a licensed workspace/1", "user/1 write repository/9"],
        "user/1",
        "write",
    );
}

#[test]
fn who_is_switched_off_reaches_nothing() {
    let edges = ["user/1 licensed workspace/1", "user/1 admin repository/9"];
    for product in [Product::Cloud, Product::DataCenter] {
        let mut world = with(product, &edges);
        assert_eq!(level(&world, "user/1", "repository/9"), Level::Admin);
        set(&mut world, "user/1", |node| node.flag("active", false));
        assert_eq!(level(&world, "user/1", "repository/9"), Level::None);
    }
}

#[test]
fn a_default_permission_is_for_the_licensed() {
    let levels = [
        ("none", "none"),
        ("read", "read"),
        ("write", "write"),
        ("create", "write"),
        ("admin", "admin"),
    ];
    for (default, wanted) in levels {
        let mut world = with(
            Product::DataCenter,
            &["workspace/1 default project/7", "user/1 licensed workspace/1"],
        );
        join(&mut world, "user/2 read repository/9");
        join(&mut world, "key/3 read repository/9");
        set(&mut world, "project/7", |node| node.text("default", default));
        assert_eq!(level(&world, "user/1", "repository/9").as_str(), wanted);
        assert_eq!(level(&world, "user/2", "repository/9"), Level::None, "not licensed");
        assert_eq!(level(&world, "key/3", "repository/9"), Level::Read, "no person");
    }
}

#[test]
fn public_is_read_for_those_it_is_open_to() {
    let see = |product, place: &str, licensed, anonymous| {
        let mut world = estate(product);
        join(
            &mut world,
            if licensed { "user/1 licensed workspace/1" } else { "user/1 member group/x" },
        );
        set(&mut world, place, |node| node.text("visibility", "public"));
        set(&mut world, "workspace/1", |node| node.flag("anonymous", anonymous));
        level(&world, "user/1", "repository/9").as_str()
    };
    assert_eq!(see(Product::Cloud, "repository/9", false, false), "read");
    assert_eq!(see(Product::Cloud, "project/7", false, false), "none");
    for place in ["repository/9", "project/7"] {
        assert_eq!(see(Product::DataCenter, place, true, false), "read");
        assert_eq!(see(Product::DataCenter, place, false, false), "none");
        assert_eq!(see(Product::DataCenter, place, false, true), "read");
    }
}

#[test]
fn groups_in_groups_count_and_cycles_end() {
    let nest = [
        "user/1 member group/a",
        "group/a member group/b",
        "group/b member group/c",
        "group/c member group/a",
        "group/c write repository/9",
    ];
    served(&nest, "write");
    check(
        Product::DataCenter,
        &[nest.as_slice(), &["group/b licensed workspace/1"]].concat(),
        "user/1",
        "write",
    );
    served(&nest[..4], "none");
}

#[test]
fn machines_have_their_own_grants_and_need_no_licence() {
    for product in [Product::Cloud, Product::DataCenter] {
        for who in ["key/1", "token/1", "runner/1", "agent/1", "app/1"] {
            check(product, &[&format!("{who} read repository/9")], who, "read");
            check(product, &[&format!("{who} write project/7")], who, "write");
        }
        check(product, &["token/1 write workspace/1"], "token/1", "write");
        check(product, &["user/2 owner project/7", "token/1 acts_for user/2"], "token/1", "none");
    }
}

#[test]
fn an_agent_and_its_principal_are_told_apart() {
    let edges =
        ["agent/1 acts_for user/1", "agent/1 admin repository/9", "user/1 read repository/9"];
    let graph = build(&with(Product::Cloud, &edges));
    let find = |text: &str| graph.resolve(text).unwrap();
    let standing = graph.standing(find("c1/agent/1"), find("c1/repository/9"));
    assert_eq!(standing.own.level, Level::Admin);
    let Known::Value((person, level)) = standing.principal else { panic!("no principal") };
    assert_eq!((person, level.level), (find("c1/user/1"), Level::Read));
    let own = graph.standing(find("c1/user/1"), find("c1/repository/9"));
    assert_eq!(own.principal, Known::Nothing);
}

/// The level and whether it may be otherwise.
fn doubtful(world: &World, who: &str) -> (Level, Option<String>) {
    let graph = build(world);
    let find = |text: &str| graph.resolve(&format!("c1/{text}")).unwrap();
    let effective = graph.effective(find(who), find("repository/9"));
    (effective.level, effective.unknown.map(|why| why.as_str().to_owned()))
}

#[test]
fn an_unread_list_that_could_raise_a_level_says_so() {
    let base =
        ["user/1 read repository/9", "user/1 licensed workspace/1", "group/a write repository/9"];
    let lists = [
        ("user/1", "groups"),
        ("group/a", "members"),
        ("repository/9", "grants"),
        ("project/7", "grants"),
        ("workspace/1", "grants"),
        ("user/1", "active"),
    ];
    for (about, field) in lists {
        let mut world = with(Product::DataCenter, &base);
        assert_eq!(doubtful(&world, "user/1"), (Level::Read, None));
        unknown(&mut world, about, field);
        let wanted = format!("{field} was not read");
        assert_eq!(doubtful(&world, "user/1"), (Level::Read, Some(wanted)), "{about} {field}");
    }
}

#[test]
fn an_unread_list_that_cannot_raise_a_level_is_silent() {
    let edges =
        ["user/1 write repository/9", "group/a read repository/9", "user/2 admin repository/9"];
    let mut world = with(Product::Cloud, &edges);
    unknown(&mut world, "group/a", "members");
    unknown(&mut world, "repository/9", "visibility");
    unknown(&mut world, "repository/9", "variables");
    assert_eq!(doubtful(&world, "user/1"), (Level::Write, None));
    unknown(&mut world, "repository/9", "grants");
    assert_eq!(doubtful(&world, "user/2"), (Level::Admin, None));
}

#[test]
fn a_repository_without_a_project_or_sight_is_not_certain() {
    let mut world = with(Product::Cloud, &["user/1 read repository/9"]);
    world.edges.retain(|edge| edge.is != portcullis::graph::Relation::In);
    let (level, why) = doubtful(&world, "user/1");
    assert_eq!(
        (level, why.as_deref()),
        (Level::Read, Some("nothing we have read tells its project"))
    );
    let mut world = with(Product::Cloud, &["user/1 member group/a"]);
    assert_eq!(doubtful(&world, "user/1"), (Level::None, None));
    set(&mut world, "repository/9", |mut node| {
        node.attributes.remove("visibility");
        node
    });
    assert!(doubtful(&world, "user/1").1.is_some());
}

#[test]
fn a_world_without_its_workspace_is_not_certain() {
    let mut world = with(Product::Cloud, &["user/1 write repository/9", "key/1 read repository/9"]);
    assert_eq!(doubtful(&world, "user/1"), (Level::Write, None));
    world.nodes.retain(|node| node.id.kind() != portcullis::graph::Kind::Workspace);
    world.edges.retain(|edge| edge.to.kind() != portcullis::graph::Kind::Workspace);
    let (level, why) = doubtful(&world, "user/1");
    assert_eq!(level, Level::Write);
    assert!(why.unwrap().contains("who administers the workspace"));
    assert_eq!(doubtful(&world, "key/1"), (Level::Read, None), "a key owns no workspace");
}

#[test]
fn what_is_unknown_of_a_group_is_unknown_of_those_in_it() {
    let mut world = with(
        Product::DataCenter,
        &["user/1 member group/a", "group/a licensed workspace/1", "user/2 read repository/9"],
    );
    assert_eq!(doubtful(&world, "user/1"), (Level::None, None));
    unknown(&mut world, "group/a", "groups");
    assert_eq!(doubtful(&world, "user/1"), (Level::None, Some("groups was not read".to_owned())));
    assert_eq!(doubtful(&world, "user/2"), (Level::None, None));
}
