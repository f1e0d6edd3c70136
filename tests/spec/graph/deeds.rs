//! What holds of deeds in every estate: who can is can asked of everyone; a withheld fact makes an answer unknown or
//! leaves it as it is; and every edge of a way is needed, or another listed way does without it.

use std::collections::BTreeSet;

use proptest::prelude::*;

use portcullis::graph::Capability;
use portcullis::graph::Demand;
use portcullis::graph::Kind;
use portcullis::graph::Known;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::world::Node;

use crate::spec::graph::build;
use crate::spec::graph::capability::MAIN;
use crate::spec::graph::capability::demand;
use crate::spec::graph::estate;
use crate::spec::graph::id;
use crate::spec::graph::join;
use crate::spec::graph::protect::restrict;
use crate::spec::graph::set;
use crate::spec::graph::unknown;

const WHO: &[&str] = &["user/1", "user/2", "user/3", "token/1", "key/1", "agent/1"];
const GROUPS: &[&str] = &["group/a", "group/b", "group/c"];
const RULES: &[&str] = &["restriction/1", "restriction/2", "restriction/3"];

/// Every edge that is there or not.
fn pool() -> Vec<String> {
    let mut all = Vec::new();
    let places = ["repository/9", "repository/10", "project/7", "workspace/1"];
    for from in WHO.iter().chain(GROUPS) {
        for to in GROUPS.iter().chain(&places).chain(RULES) {
            for is in ["member", "read", "write", "admin", "owner", "licensed", "exempt"] {
                let word = Relation::from_text(is).unwrap();
                if from != to && word.joins(id(from).kind(), id(to).kind()) {
                    all.push(format!("{from} {is} {to}"));
                }
            }
        }
    }
    all
}

/// An estate with rules, environments, variables and runners; `marks` says how they are set.
fn world(product: Product, chosen: &BTreeSet<usize>, marks: u16) -> World {
    let mut world = estate(product);
    let on = |bit: u16| marks & (1 << bit) != 0;
    for edge in [
        "repository/10 in project/7",
        "repository/9 deploys_to environment/5",
        "variable/1 in workspace/1",
        "variable/2 in repository/9",
        "variable/3 in environment/5",
        "workspace/1 runs_on runner/6",
        "repository/9 runs_on runner/7",
    ] {
        join(&mut world, edge);
    }
    for who in WHO.iter().chain(GROUPS) {
        world.nodes.push(Node::new(id(who), who));
    }
    let cloud = product == Product::Cloud;
    let kinds = if cloud {
        ["push", "restrict_merges", "push"]
    } else {
        ["pull-request-only", "read-only", "no-creates"]
    };
    let by = if cloud { "glob" } else { "pattern" };
    for (at, kind) in (0_u16..).zip(kinds) {
        let place = if !cloud && at == 2 { "project/7" } else { "repository/9" };
        let pattern = if on(at) { "main" } else { "elsewhere" };
        restrict(&mut world, u32::from(at) + 1, place, [kind, by, pattern], 0);
    }
    restrict(
        &mut world,
        4,
        "repository/9",
        ["require_approvals_to_merge", by, if on(3) { "main" } else { "x" }],
        1,
    );
    restrict(
        &mut world,
        5,
        "repository/9",
        ["enforce_merge_checks", by, if on(4) { "main" } else { "x" }],
        0,
    );
    for place in ["repository/9", "repository/10"] {
        set(&mut world, place, |node| {
            node.flag("archived", false)
                .flag("pipelines", on(5) || place == "repository/10")
                .flag("own_restrictions", on(6))
                .text("visibility", "private")
                .text("default_branch", "main")
                .whole("required_approvals", u64::from(on(7)))
        });
    }
    set(&mut world, "workspace/1", |node| node.flag("premium", on(8)));
    set(&mut world, "environment/5", |node| node.flag("admin_only", on(9)));
    set(&mut world, "runner/7", |node| node.flag("active", on(10)));
    let all = pool();
    for edge in chosen {
        join(&mut world, &all[*edge]);
    }
    if product == Product::DataCenter {
        world.edges.retain(|edge| edge.is != Relation::Owner);
    }
    // A key is given no more than this by either product.
    let most: &[Relation] =
        if cloud { &[Relation::Read] } else { &[Relation::Read, Relation::Write] };
    world.edges.retain(|edge| {
        edge.from.kind() != Kind::Key || edge.is == Relation::Exempt || most.contains(&edge.is)
    });
    world
}

fn worlds() -> impl Strategy<Value = (Product, BTreeSet<usize>, u16)> {
    let product = prop_oneof![Just(Product::Cloud), Just(Product::DataCenter)];
    (product, prop::collection::btree_set(0..pool().len(), 5..45), any::<u16>())
}

/// Every question there is.
const QUESTIONS: &[(Capability, &str)] = &[
    (Capability::Push, MAIN),
    (Capability::Merge, MAIN),
    (Capability::MergeUnreviewed, MAIN),
    (Capability::EditPipeline, "c1/repository/9"),
    (Capability::Deploy, "c1/environment/5"),
    (Capability::ReadSecret, "c1/variable/1"),
    (Capability::ReadSecret, "c1/variable/2"),
    (Capability::ReadSecret, "c1/variable/3"),
    (Capability::RunOn, "c1/runner/6"),
    (Capability::RunOn, "c1/runner/7"),
    (Capability::ChangeControls, "c1/repository/9"),
    (Capability::ChangeControls, "c1/project/7"),
];

fn demands(graph: &Snapshot) -> Vec<Demand> {
    QUESTIONS.iter().map(|(deed, thing)| demand(graph, *deed, thing)).collect()
}

/// Facts that a reader may not have: attributes, and lists with the edges that stand in them.
fn withheld(world: &World) -> Vec<(String, World)> {
    let mut all = Vec::new();
    let mut without = |said: String, change: &dyn Fn(&mut World)| {
        let mut other = world.clone();
        change(&mut other);
        all.push((said, other));
    };
    for node in &world.nodes {
        let about = node.id.as_str().strip_prefix("c1/").unwrap();
        for name in node.attributes.keys().filter(|name| *name != "slug" && *name != "key") {
            without(format!("{about} {name} unknown"), &|other| unknown(other, about, name));
            // Whether something is switched on counts as yes where it is left out.
            if name == "active" {
                continue;
            }
            without(format!("{about} {name} left out"), &|other| {
                set(other, about, |mut node| {
                    node.attributes.remove(name);
                    node
                });
            });
        }
    }
    let lists: &[(&str, &[Relation], &[&str])] = &[
        (
            "grants",
            &[
                Relation::Read,
                Relation::Write,
                Relation::Create,
                Relation::Admin,
                Relation::Owner,
                Relation::Licensed,
            ],
            &["repository/9", "repository/10", "project/7", "workspace/1"],
        ),
        (
            "keys",
            &[Relation::Read, Relation::Write],
            &["repository/9", "repository/10", "project/7"],
        ),
        ("members", &[Relation::Member], GROUPS),
        ("exempt", &[Relation::Exempt], RULES),
        ("restrictions", &[Relation::Restricts], &["repository/9", "project/7"]),
        ("variables", &[Relation::In], &["environment/5"]),
    ];
    for (list, words, places) in lists {
        for place in *places {
            let at = id(place);
            without(format!("{place} {list}"), &|other| {
                other.edges.retain(|edge| {
                    let listed = match *list {
                        "variables" => edge.from.kind() == Kind::Variable,
                        "keys" => edge.from.kind() == Kind::Key,
                        "grants" => edge.from.kind() != Kind::Key,
                        _ => true,
                    };
                    !(edge.to == at && words.contains(&edge.is) && listed)
                });
                unknown(other, place, list);
            });
        }
    }
    let from: &[(&str, Relation, &[&str])] = &[
        (
            "groups",
            Relation::Member,
            &["user/1", "user/2", "token/1", "agent/1", "group/a", "group/b"],
        ),
        ("environments", Relation::DeploysTo, &["repository/9"]),
        ("runners", Relation::RunsOn, &["repository/9", "workspace/1"]),
        ("project", Relation::In, &["repository/9", "repository/10"]),
    ];
    for (list, word, places) in from {
        for place in *places {
            let at = id(place);
            without(format!("{place} {list}"), &|other| {
                other.edges.retain(|edge| !(edge.from == at && edge.is == *word));
                unknown(other, place, list);
            });
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_can_is_can_asked_of_everyone((product, chosen, marks) in worlds()) {
        let graph = build(&world(product, &chosen, marks));
        for (demand, question) in demands(&graph).iter().zip(QUESTIONS) {
            let allowed = graph.who_meets(demand);
            for who in WHO.iter().map(|who| graph.find(&id(who)).unwrap()) {
                let listed = allowed.nodes.contains(&who);
                let maybe = allowed.maybe.iter().any(|(node, _)| *node == who);
                match graph.meets(who, demand) {
                    Known::Value(true) => prop_assert!(listed && !maybe, "{:?} {:?}", question, graph.node(who)),
                    Known::Value(false) | Known::Nothing => prop_assert!(!listed && !maybe, "{:?} {:?}", question, graph.node(who)),
                    Known::Unknown(_) => {
                        prop_assert!(!listed && (maybe || allowed.unknown.is_some()), "{:?} {:?}", question, graph.node(who));
                    }
                }
            }
        }
    }

    #[test]
    fn a_withheld_fact_never_makes_another_certain_answer((product, chosen, marks) in worlds()) {
        let full = world(product, &chosen, marks);
        let graph = build(&full);
        let before = demands(&graph);
        for (said, partial) in withheld(&full) {
            let other = build(&partial);
            let after = demands(&other);
            for ((before, after), question) in before.iter().zip(&after).zip(QUESTIONS) {
                let held = other.who_meets(after);
                for who in WHO {
                    let then = graph.meets(graph.find(&id(who)).unwrap(), before);
                    let now = other.meets(other.find(&id(who)).unwrap(), after);
                    let same = then.value() == now.value() && then.is_unknown() == now.is_unknown();
                    prop_assert!(same || now.is_unknown(), "{} {:?} without {}: {:?} became {:?}", who, question, said, then, now);
                    let node = other.find(&id(who)).unwrap();
                    let open = held.unknown.is_some() || held.maybe.iter().any(|(one, _)| *one == node);
                    prop_assert!(then != Known::Value(true) || held.nodes.contains(&node) || open, "{} {:?} without {}", who, question, said);
                }
            }
        }
    }

    #[test]
    fn without_one_edge_of_a_way_the_answer_changes_or_another_way_is_listed((product, chosen, marks) in worlds()) {
        let full = world(product, &chosen, marks);
        let graph = build(&full);
        for (demand, (deed, thing)) in demands(&graph).iter().zip(QUESTIONS) {
            for who in WHO {
                let ways = graph.ways(graph.find(&id(who)).unwrap(), demand);
                for step in ways.all.iter().flat_map(|way| &way.steps) {
                    let mut other = full.clone();
                    let before = other.edges.len();
                    other.edges.retain(|edge| (&edge.from, edge.is, &edge.to) != (&step.from, step.is, &step.to));
                    prop_assert_eq!(other.edges.len() + 1, before, "a step is an edge of the world");
                    let smaller = build(&other);
                    let again = crate::spec::graph::capability::demand(&smaller, *deed, thing);
                    let still = smaller.meets(smaller.find(&id(who)).unwrap(), &again) == Known::Value(true);
                    let spared = ways.all.iter().any(|way| !way.steps.contains(step));
                    prop_assert!(!still || spared || ways.more, "{} {:?} {} without {:?}", who, deed, thing, step);
                }
            }
        }
    }
}
