//! Paths: each holds edge by edge, proves its level, and reads as a sentence.

use portcullis::graph::Level;
use portcullis::graph::MAX_PATHS;
use portcullis::graph::Path;
use portcullis::graph::Paths;
use portcullis::graph::Product;
use portcullis::graph::World;
use portcullis::graph::proves;

use crate::spec::graph::build;
use crate::spec::graph::estate;
use crate::spec::graph::id;
use crate::spec::graph::join;
use crate::spec::graph::set;
use crate::spec::graph::with;

fn paths(world: &World, who: &str) -> (Paths, Vec<String>) {
    let graph = build(world);
    let find = |text: &str| graph.find(&id(text)).unwrap();
    let paths = graph.paths(find(who), find("repository/9"));
    for path in &paths.all {
        let proved = proves(path, world, &id(who), &id("repository/9"));
        assert_eq!(proved, Some(path.level), "{path:?}");
    }
    let lines = paths.all.iter().map(|path| graph.line(find(who), path)).collect();
    (paths, lines)
}

fn check(product: Product, edges: &[&str], wanted: &[&str]) {
    assert_eq!(paths(&with(product, edges), "user/1").1, wanted, "{edges:?}");
}

#[test]
fn a_path_reads_as_a_sentence() {
    let mut world = with(
        Product::Cloud,
        &["user/1 member group/release-managers", "group/release-managers write project/7"],
    );
    set(&mut world, "user/1", |mut node| {
        node.name = Some("Mia".to_owned());
        node
    });
    let (_, lines) = paths(&world, "user/1");
    assert_eq!(lines, ["Mia → member of release-managers → write on project BILL → billing"]);
}

#[test]
fn every_source_has_its_path_the_strongest_first() {
    check(
        Product::Cloud,
        &[
            "user/1 read repository/9",
            "user/1 member group/a",
            "group/a admin repository/9",
            "group/a write project/7",
            "user/1 owner workspace/1",
        ],
        &[
            "1 → owner of workspace Acme",
            "1 → member of a → admin on repository BILL/billing",
            "1 → member of a → write on project BILL → billing",
            "1 → read on repository BILL/billing",
        ],
    );
    check(Product::Cloud, &["user/1 member group/a", "group/b read repository/9"], &[]);
}

#[test]
fn data_center_shows_the_licence_and_the_default() {
    let mut world = with(
        Product::DataCenter,
        &[
            "user/1 member group/staff",
            "group/staff licensed workspace/1",
            "workspace/1 default project/7",
            "user/1 owner project/7",
        ],
    );
    set(&mut world, "project/7", |node| node.text("default", "write"));
    let (paths, lines) = paths(&world, "user/1");
    assert_eq!(
        lines,
        [
            "1 → owner of project BILL → billing",
            "1 → member of staff → licensed → write by default on project BILL → billing",
        ]
    );
    assert!(paths.all.iter().all(|path| path.licence.len() == 2));
}

#[test]
fn each_licence_is_a_way_to_what_is_given_by_default() {
    let mut world = with(
        Product::DataCenter,
        &[
            "user/1 member group/staff",
            "group/staff licensed workspace/1",
            "user/1 licensed workspace/1",
            "workspace/1 default project/7",
        ],
    );
    set(&mut world, "project/7", |node| node.text("default", "read"));
    let (_, lines) = paths(&world, "user/1");
    assert_eq!(
        lines,
        [
            "1 → licensed → read by default on project BILL → billing",
            "1 → member of staff → licensed → read by default on project BILL → billing",
        ]
    );
}

#[test]
fn without_a_licence_nothing_is_proved() {
    let world = with(Product::DataCenter, &["user/1 admin repository/9"]);
    assert_eq!(paths(&world, "user/1").0, Paths::default());
}

#[test]
fn public_is_a_ground_of_its_own() {
    let mut world = estate(Product::Cloud);
    join(&mut world, "user/1 member group/a");
    set(&mut world, "repository/9", |node| node.text("visibility", "public"));
    assert_eq!(paths(&world, "user/1").1, ["1 → anyone reads public BILL/billing"]);
    let mut world = with(Product::DataCenter, &["user/1 licensed workspace/1"]);
    set(&mut world, "project/7", |node| node.text("visibility", "public"));
    assert_eq!(paths(&world, "user/1").1, ["1 → billing → anyone reads public BILL"]);
}

#[test]
fn every_chain_through_nested_groups_is_told_once() {
    let (paths, lines) = paths(
        &with(
            Product::DataCenter,
            &[
                "user/1 licensed workspace/1",
                "user/1 member group/a",
                "user/1 member group/b",
                "group/a member group/c",
                "group/b member group/c",
                "group/c member group/a",
                "group/c read repository/9",
            ],
        ),
        "user/1",
    );
    assert!(!paths.more);
    assert_eq!(
        lines,
        [
            "1 → member of a → member of c → read on repository BILL/billing",
            "1 → member of b → member of c → read on repository BILL/billing",
        ]
    );
}

#[test]
fn a_flood_of_paths_is_bounded_and_says_so() {
    let mut world = with(Product::DataCenter, &["user/1 licensed workspace/1"]);
    // Every group of a layer is in every group of the next: 6^5 chains.
    for layer in 0..5 {
        for (from, to) in (0..6).flat_map(|from| (0..6).map(move |to| (from, to))) {
            match layer {
                0 if to == 0 => join(&mut world, &format!("user/1 member group/l0x{from}")),
                0 => {}
                _ => join(
                    &mut world,
                    &format!("group/l{}x{from} member group/l{layer}x{to}", layer - 1),
                ),
            }
        }
    }
    (0..6).for_each(|at| join(&mut world, &format!("group/l4x{at} write repository/9")));
    let (paths, _) = paths(&world, "user/1");
    assert!(paths.more);
    assert_eq!(paths.all.len(), MAX_PATHS);
    assert_eq!(paths.all[0].level, Level::Write);
}

#[test]
fn a_forged_path_proves_nothing() {
    let world = with(
        Product::Cloud,
        &["user/1 member group/a", "group/a write project/7", "user/2 admin repository/9"],
    );
    let (found, _) = paths(&world, "user/1");
    let good = &found.all[0];
    let proved = |path: &Path, who: &str| proves(path, &world, &id(who), &id("repository/9"));
    assert_eq!(proved(good, "user/1"), Some(Level::Write));
    assert_eq!(proved(good, "user/2"), None, "it starts at somebody else");
    for left_out in 0..good.steps.len() {
        let mut short = good.clone();
        short.steps.remove(left_out);
        assert_eq!(proved(&short, "user/1"), None, "step {left_out} is needed");
    }
    let mut raised = good.clone();
    raised.steps[1].is = portcullis::graph::Relation::Admin;
    assert_eq!(proved(&raised, "user/1"), None);
    let mut sourced = good.clone();
    sourced.steps[0].source = Some("made up".to_owned());
    assert_eq!(proved(&sourced, "user/1"), None);
}

#[test]
fn a_hostile_name_cannot_turn_the_line_round() {
    let mut world = with(Product::Cloud, &["user/1 write repository/9"]);
    set(&mut world, "user/1", |mut node| {
        node.name = Some("\u{202e}aiM\n\"x\"".to_owned());
        node
    });
    let (_, lines) = paths(&world, "user/1");
    assert_eq!(lines, ["\\u{202e}aiM\\n\"x\" → write on repository BILL/billing"]);
}
