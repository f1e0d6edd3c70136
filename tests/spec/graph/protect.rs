//! Protection: which rules cover a ref, whom they let through, and whether its changes are reviewed.

use portcullis::graph::Known;
use portcullis::graph::Product;
use portcullis::graph::Protection;
use portcullis::graph::World;

use crate::spec::graph::build;
use crate::spec::graph::estate;
use crate::spec::graph::id;
use crate::spec::graph::join;
use crate::spec::graph::set;
use crate::spec::graph::unknown;

/// A restriction on a place: kind, match and pattern (or branch type), and a value.
pub(super) fn restrict(world: &mut World, number: u32, place: &str, rule: [&str; 3], value: u64) {
    let at = format!("restriction/{number}");
    join(world, &format!("{at} restricts {place}"));
    let [kind, found, pattern] = rule;
    let model = ["branching_model", "model_branch", "model_category"].contains(&found);
    set(world, &at, |node| {
        let node = node.text("kind", kind).text("match", found).whole("value", value);
        node.text(if model { "branch_type" } else { "pattern" }, pattern)
    });
}

fn protection(world: &World, name: &str, refs: &[&str]) -> Protection {
    let graph = build(world);
    let refs: Vec<String> = refs.iter().map(|&text| text.to_owned()).collect();
    graph.protecting(graph.find(&id("repository/9")).unwrap(), name, &refs)
}

fn covers(product: Product, found: &str, pattern: &str, name: &str) -> bool {
    let mut world = estate(product);
    restrict(&mut world, 1, "repository/9", ["no-deletes", found, pattern], 0);
    protection(&world, name, &[]).protected == Known::Value(true)
}

#[test]
fn clouds_star_crosses_slashes_and_branches_only() {
    let cases = [
        ("main", "refs/heads/main", true),
        ("main", "refs/heads/Main", false),
        ("main", "refs/heads/mainline", false),
        ("main", "refs/tags/main", false),
        ("release/*", "refs/heads/release/1", true),
        ("release/*", "refs/heads/release/1/hotfix", true),
        ("release/*", "refs/heads/release/", true),
        ("release/*", "refs/heads/release", false),
        ("release/*", "refs/heads/x/release/1", false),
        ("*", "refs/heads/any/thing", true),
        ("*-lts", "refs/heads/a/b-lts", true),
        ("a*b*c", "refs/heads/aXbYbc", true),
        ("a*b*c", "refs/heads/aXcYb", false),
        ("rel?ase", "refs/heads/release", false),
        ("rel?ase", "refs/heads/rel?ase", true),
        ("main", "refs/heads/refs/heads/main", false),
        ("refs/heads/main", "refs/heads/main", false),
        ("refs/heads/main", "refs/heads/refs/heads/main", true),
        ("-main", "refs/heads/-main", true),
        ("main", "refs/heads/\u{202e}main", false),
        ("", "refs/heads/main", false),
        ("ma*ü", "refs/heads/maiü", true),
    ];
    for (pattern, name, wanted) in cases {
        assert_eq!(covers(Product::Cloud, "glob", pattern, name), wanted, "{pattern} {name}");
    }
}

#[test]
fn data_centers_patterns_are_ant_style() {
    let cases = [
        ("main", "refs/heads/main", true),
        ("main", "refs/tags/main", true),
        ("main", "refs/heads/team/main", true),
        ("main", "refs/heads/xmain", false),
        ("release/*", "refs/heads/release/1", true),
        ("release/*", "refs/heads/release/1/2", false),
        ("release/**", "refs/heads/release/1/2", true),
        ("release/", "refs/heads/release/1/2", true),
        ("release/", "refs/heads/release", false),
        ("refs/heads/release/*", "refs/heads/release/1", true),
        ("refs/heads/release/*", "refs/heads/x/refs/heads/release/1", false),
        ("refs/heads/**/main", "refs/heads/main", true),
        ("refs/heads/**/main", "refs/heads/a/b/main", true),
        ("refs/heads/**/main", "refs/heads/xmain", false),
        ("refs/**", "refs/tags/v1", true),
        ("v?.*", "refs/tags/v1.0", true),
        ("v?.*", "refs/tags/v12.0", false),
        ("refs/heads/-x", "refs/heads/-x", true),
        ("refs/heads/*", "refs/heads/refs/heads/x", false),
        ("*", "refs/heads/refs/heads/x", true),
    ];
    for (pattern, name, wanted) in cases {
        assert_eq!(
            covers(Product::DataCenter, "pattern", pattern, name),
            wanted,
            "{pattern} {name}"
        );
    }
    assert!(covers(Product::DataCenter, "branch", "refs/heads/main", "refs/heads/main"));
    assert!(covers(Product::DataCenter, "branch", "main", "refs/heads/main"));
    assert!(!covers(
        Product::DataCenter,
        "branch",
        "refs/heads/main",
        "refs/heads/refs/heads/main"
    ));
    assert!(covers(Product::DataCenter, "any", "", "refs/tags/x"));
}

#[test]
fn no_pattern_runs_away() {
    let name = format!("refs/heads/{}", "a".repeat(900));
    let pattern = "*a".repeat(400) + "b";
    assert!(!covers(Product::Cloud, "glob", &pattern, &name));
    assert!(!covers(Product::DataCenter, "pattern", &("**/".repeat(300) + "b"), &name));
}

#[test]
fn a_name_too_long_to_compare_is_not_called_open() {
    let mut world = estate(Product::Cloud);
    restrict(&mut world, 1, "repository/9", ["push", "glob", "*"], 0);
    let name = format!("refs/heads/{}", "a".repeat(1_200));
    assert!(protection(&world, &name, &["*"]).protected.is_unknown());
}

#[test]
fn the_branching_model_decides_for_its_own_rules() {
    let model = [
        (
            "development",
            "model_development",
            "develop",
            "refs/heads/develop",
            "refs/heads/develop2",
        ),
        ("production", "model_production", "main", "refs/heads/main", "refs/heads/maint"),
        ("release", "model_release", "release/", "refs/heads/release/1", "refs/heads/released"),
        ("hotfix", "model_hotfix", "hotfix/", "refs/heads/hotfix/1/2", "refs/tags/hotfix/1"),
    ];
    for (word, attribute, value, inside, outside) in model {
        for (product, found) in
            [(Product::Cloud, "branching_model"), (Product::DataCenter, "model_category")]
        {
            let mut world = estate(product);
            restrict(&mut world, 1, "repository/9", ["push", found, word], 0);
            let untold = protection(&world, inside, &[]);
            assert!(untold.protected.is_unknown(), "the model was not read");
            set(&mut world, "repository/9", |node| node.text(attribute, value));
            assert_eq!(protection(&world, inside, &[]).protected, Known::Value(true), "{word}");
            assert_eq!(protection(&world, outside, &[]).protected, Known::Value(false), "{word}");
        }
    }
}

#[test]
fn the_connections_own_globs_protect_too() {
    let world = estate(Product::Cloud);
    let on = |name, refs: &[&str]| protection(&world, name, refs).protected == Known::Value(true);
    assert!(on("refs/heads/main", &["main"]));
    assert!(on("refs/heads/release/1/2", &["main", "release/*"]));
    assert!(!on("refs/tags/main", &["main"]));
    assert!(on("refs/tags/v1", &["refs/tags/v*"]));
    assert!(!on("refs/heads/refs/heads/main", &["main", "refs/heads/main"]));
    assert!(!on("refs/heads/main", &[]));
}

#[test]
fn a_switch_protects_nothing() {
    let mut world = estate(Product::Cloud);
    restrict(
        &mut world,
        1,
        "repository/9",
        ["reset_pullrequest_approvals_on_change", "glob", "main"],
        0,
    );
    assert_eq!(protection(&world, "refs/heads/main", &[]).protected, Known::Value(false));
    restrict(&mut world, 2, "repository/9", ["force", "glob", "main"], 0);
    assert_eq!(protection(&world, "refs/heads/main", &[]).protected, Known::Value(true));
}

#[test]
fn project_rules_are_told_on_data_center_alone() {
    let mut world = estate(Product::Cloud);
    assert!(protection(&world, "refs/heads/main", &[]).project_rules.is_unknown());
    world = estate(Product::DataCenter);
    assert_eq!(protection(&world, "refs/heads/main", &[]).project_rules, Known::Value(false));
    restrict(&mut world, 1, "project/7", ["read-only", "branch", "refs/heads/main"], 0);
    let found = protection(&world, "refs/heads/main", &[]);
    assert_eq!(found.project_rules, Known::Value(true));
    assert_eq!(found.protected, Known::Value(false), "no rule of the repository");
    unknown(&mut world, "repository/9", "restrictions");
    assert!(protection(&world, "refs/heads/main", &[]).protected.is_unknown());
}

#[test]
fn exempt_groups_are_resolved_to_people() {
    let mut world = estate(Product::Cloud);
    restrict(&mut world, 1, "repository/9", ["push", "glob", "main"], 0);
    assert_eq!(protection(&world, "refs/heads/main", &[]).exempt, Known::Value(vec![]), "nobody");
    assert_eq!(protection(&world, "refs/heads/x", &[]).exempt, Known::Nothing, "no rule");
    join(&mut world, "user/2 member group/ops");
    join(&mut world, "group/ops exempt restriction/1");
    join(&mut world, "token/1 exempt restriction/1");
    let people = Known::Value(vec![id("token/1"), id("user/2")]);
    assert_eq!(protection(&world, "refs/heads/main", &[]).exempt, people);
    unknown(&mut world, "group/ops", "members");
    assert!(protection(&world, "refs/heads/main", &[]).exempt.is_unknown());
}

#[test]
fn several_rules_let_through_any_on_cloud_and_only_all_on_data_center() {
    let exempt = |product, kind| {
        let mut world = estate(product);
        for (number, user) in [(1, "user/1"), (2, "user/2")] {
            let any = if product == Product::Cloud { "glob" } else { "any" };
            restrict(&mut world, number, "repository/9", [kind, any, "*"], 0);
            join(&mut world, &format!("{user} exempt restriction/{number}"));
            join(&mut world, &format!("user/3 exempt restriction/{number}"));
        }
        protection(&world, "refs/heads/main", &[]).exempt
    };
    let all = vec![id("user/1"), id("user/2"), id("user/3")];
    assert_eq!(exempt(Product::Cloud, "push"), Known::Value(all));
    assert_eq!(exempt(Product::DataCenter, "read-only"), Known::Value(vec![id("user/3")]));
}

fn guarded() -> World {
    let mut world = estate(Product::Cloud);
    set(&mut world, "workspace/1", |node| node.flag("premium", true));
    restrict(&mut world, 1, "repository/9", ["push", "glob", "main"], 0);
    restrict(&mut world, 2, "repository/9", ["require_approvals_to_merge", "glob", "main"], 1);
    restrict(&mut world, 3, "repository/9", ["enforce_merge_checks", "glob", "main"], 0);
    world
}

fn reviewed(change: impl Fn(&mut World)) -> Known<bool> {
    let mut world = guarded();
    change(&mut world);
    match protection(&world, "refs/heads/main", &[]).reviewed {
        Known::Unknown(_) => Known::unknown("unknown"),
        told => told,
    }
}

#[test]
fn reviewed_on_cloud_needs_every_part() {
    let no = Known::Value(false);
    let drop = |number: u32| {
        move |world: &mut World| {
            let gone = id(&format!("restriction/{number}"));
            world.edges.retain(|edge| edge.from != gone);
        }
    };
    assert_eq!(reviewed(|_| {}), Known::Value(true));
    for number in 1..=3 {
        assert_eq!(reviewed(drop(number)), no, "without rule {number}");
    }
    assert_eq!(reviewed(|w| set(w, "workspace/1", |n| n.flag("premium", false))), no);
    assert_eq!(reviewed(|w| set(w, "restriction/2", |n| n.whole("value", 0))), no);
    assert_eq!(reviewed(|w| join(w, "user/1 exempt restriction/1")), no);
    assert_eq!(reviewed(|w| join(w, "agent/1 exempt restriction/1")), no);
    assert_eq!(reviewed(|w| join(w, "token/1 exempt restriction/1")), Known::Value(true));
}

#[test]
fn reviewed_is_unknown_where_a_part_is() {
    let maybe = Known::unknown("unknown");
    let forget = |node: portcullis::graph::world::Node, name: &str| {
        let mut node = node;
        node.attributes.remove(name);
        node
    };
    assert_eq!(reviewed(|w| set(w, "workspace/1", |n| forget(n, "premium"))), maybe);
    assert_eq!(reviewed(|w| set(w, "restriction/2", |n| forget(n, "value"))), maybe);
    assert_eq!(reviewed(|w| unknown(w, "restriction/1", "exempt")), maybe);
    assert_eq!(reviewed(|w| unknown(w, "repository/9", "restrictions")), maybe);
    let both = |w: &mut World| {
        set(w, "workspace/1", |n| forget(n, "premium"));
        set(w, "restriction/2", |n| n.whole("value", 0));
    };
    assert_eq!(reviewed(both), Known::Value(false), "a plain no is enough");
}

#[test]
fn reviewed_on_data_center_counts_project_rules() {
    for (place, count, wanted) in
        [("repository/9", 1, true), ("project/7", 2, true), ("project/7", 0, false)]
    {
        let mut world = estate(Product::DataCenter);
        set(&mut world, "repository/9", |node| node.whole("required_approvals", count));
        assert_eq!(protection(&world, "refs/heads/main", &[]).reviewed, Known::Value(false));
        restrict(&mut world, 1, place, ["pull-request-only", "branch", "refs/heads/main"], 0);
        let found = protection(&world, "refs/heads/main", &[]);
        assert_eq!(found.reviewed, Known::Value(wanted), "{place} {count}");
        join(&mut world, "user/1 exempt restriction/1");
        assert_eq!(protection(&world, "refs/heads/main", &[]).reviewed, Known::Value(false));
    }
}
