//! Deeds: push, merge, deploy, read a secret … for each product yes, no and unknown, and why.

use portcullis::graph::Action;
use portcullis::graph::Capability;
use portcullis::graph::Demand;
use portcullis::graph::Known;
use portcullis::graph::NodeNo;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::World;

use crate::spec::graph::build;
use crate::spec::graph::id;
use crate::spec::graph::join;
use crate::spec::graph::protect::restrict;
use crate::spec::graph::set;
use crate::spec::graph::unknown;
use crate::spec::graph::with;

/// What is expected of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Yes,
    No,
    Unknown,
}
use Is::No;
use Is::Unknown;
use Is::Yes;

/// What one world differs by.
type Twist = fn(&mut World);

/// The main branch of repository 9.
pub(super) const MAIN: &str = "c1/ref/9:refs/heads/main";

/// A person of each level, a key that reads and a token that writes; nothing restricted, everything told.
pub(super) fn cloud() -> World {
    let mut world = with(
        Product::Cloud,
        &[
            "user/1 member group/writers",
            "group/writers write repository/9",
            "user/2 admin repository/9",
            "user/3 read repository/9",
            "user/4 member group/idle",
            "key/1 read repository/9",
            "token/1 write repository/9",
            "repository/9 deploys_to environment/5",
            "variable/1 in workspace/1",
            "variable/2 in repository/9",
            "variable/3 in environment/5",
            "workspace/1 runs_on runner/6",
            "repository/9 runs_on runner/7",
        ],
    );
    set(&mut world, "workspace/1", |node| node.text("slug", "acme").flag("premium", true));
    set(&mut world, "repository/9", |node| {
        node.flag("archived", false)
            .flag("pipelines", true)
            .flag("own_restrictions", true)
            .text("default_branch", "main")
    });
    set(&mut world, "environment/5", |node| node.flag("admin_only", false));
    world
}

/// The same on a Data Center, where everybody is licensed and a key writes.
pub(super) fn server() -> World {
    let mut world = with(
        Product::DataCenter,
        &[
            "user/1 member group/writers",
            "group/writers write repository/9",
            "user/2 admin repository/9",
            "user/3 read repository/9",
            "user/4 member group/idle",
            "key/1 write repository/9",
            "token/1 write repository/9",
            "user/1 licensed workspace/1",
            "user/2 licensed workspace/1",
            "user/3 licensed workspace/1",
            "user/4 licensed workspace/1",
        ],
    );
    set(&mut world, "repository/9", |node| {
        node.flag("archived", false).whole("required_approvals", 0).text("default_branch", "main")
    });
    world
}

pub(super) fn demand(graph: &Snapshot, deed: Capability, thing: &str) -> Demand {
    let target = graph.target(Action::Capability(deed), thing).unwrap();
    graph.demand(deed, &target)
}

fn node(graph: &Snapshot, who: &str) -> NodeNo {
    graph.find(&id(who)).unwrap()
}

fn answer(world: &World, who: &str, deed: &str, thing: &str) -> Is {
    let graph = build(world);
    let demand = demand(&graph, Capability::from_text(deed).unwrap(), thing);
    let who = node(&graph, who);
    let met = graph.meets(who, &demand);
    let ways = graph.ways(who, &demand);
    assert_eq!(
        met == Known::Value(true),
        !ways.all.is_empty(),
        "a yes has its ways, and only a yes"
    );
    assert_eq!(
        met == Known::Value(true),
        graph.missing(who, &demand).is_empty(),
        "else something is missing"
    );
    match met {
        Known::Value(true) => Yes,
        Known::Value(false) | Known::Nothing => No,
        Known::Unknown(_) => Unknown,
    }
}

fn check(base: fn() -> World, cases: &[(&str, Twist, &str, &str, Is)]) {
    for (said, twist, who, what, wanted) in cases {
        let mut world = base();
        twist(&mut world);
        let (deed, thing) = what.split_once(' ').unwrap();
        let thing = if thing == "main" { MAIN.to_owned() } else { format!("c1/{thing}") };
        assert_eq!(answer(&world, who, deed, &thing), *wanted, "{said}: {who} {what}");
    }
}

fn plain(_: &mut World) {}

fn push_rule(world: &mut World) {
    restrict(world, 1, "repository/9", ["push", "glob", "main"], 0);
}

fn push_rule_for_writers(world: &mut World) {
    push_rule(world);
    join(world, "group/writers exempt restriction/1");
}

fn approvals(world: &mut World) {
    restrict(world, 3, "repository/9", ["require_approvals_to_merge", "glob", "main"], 1);
}

fn enforced(world: &mut World) {
    approvals(world);
    restrict(world, 4, "repository/9", ["enforce_merge_checks", "glob", "main"], 0);
}

#[test]
fn who_pushes_on_cloud() {
    check(
        cloud,
        &[
            ("a writer without a rule", plain, "user/1", "push main", Yes),
            ("a token that writes", plain, "token/1", "push main", Yes),
            ("a reader", plain, "user/3", "push main", No),
            ("a key of Cloud reads", plain, "key/1", "push main", No),
            ("nobody's member", plain, "user/4", "push main", No),
            ("a rule names nobody", push_rule, "user/1", "push main", No),
            ("an administrator is not named either", push_rule, "user/2", "push main", No),
            ("a rule names the group", push_rule_for_writers, "user/1", "push main", Yes),
            (
                "who is named but does not write",
                |w| {
                    push_rule(w);
                    join(w, "user/3 exempt restriction/1");
                },
                "user/3",
                "push main",
                No,
            ),
            (
                "one of two rules names him",
                |w| {
                    push_rule_for_writers(w);
                    restrict(w, 2, "repository/9", ["push", "glob", "m*"], 0);
                },
                "user/1",
                "push main",
                Unknown,
            ),
            (
                "and nobody whom neither names",
                |w| {
                    push_rule_for_writers(w);
                    restrict(w, 2, "repository/9", ["push", "glob", "m*"], 0);
                },
                "user/2",
                "push main",
                No,
            ),
            (
                "both rules name him",
                |w| {
                    push_rule_for_writers(w);
                    restrict(w, 2, "repository/9", ["push", "glob", "m*"], 0);
                    join(w, "user/1 exempt restriction/2");
                },
                "user/1",
                "push main",
                Yes,
            ),
            (
                "two rules about merging disagree",
                |w| {
                    restrict(w, 1, "repository/9", ["restrict_merges", "glob", "main"], 0);
                    restrict(w, 2, "repository/9", ["restrict_merges", "glob", "*"], 0);
                    join(w, "user/1 exempt restriction/2");
                },
                "user/1",
                "merge main",
                Unknown,
            ),
            (
                "a rule about merging",
                |w| {
                    restrict(w, 1, "repository/9", ["restrict_merges", "glob", "main"], 0);
                },
                "user/1",
                "push main",
                Yes,
            ),
            (
                "a rule of a kind that is newer than we are",
                |w| {
                    restrict(w, 1, "repository/9", ["pipelines_only", "glob", "main"], 0);
                },
                "user/1",
                "push main",
                Unknown,
            ),
            (
                "a rule over another branch",
                |w| {
                    restrict(w, 1, "repository/9", ["push", "glob", "release/*"], 0);
                },
                "user/1",
                "push main",
                Yes,
            ),
            (
                "the project's rules are not told",
                |w| {
                    set(w, "repository/9", |node| node.flag("own_restrictions", false));
                },
                "user/1",
                "push main",
                Unknown,
            ),
            (
                "a tag has no rules",
                |w| {
                    push_rule(w);
                    set(w, "repository/9", |node| node.flag("own_restrictions", false));
                },
                "user/1",
                "push ref/9:refs/tags/v1",
                Yes,
            ),
            (
                "an unknown project rule makes no yes of a no",
                |w| {
                    push_rule(w);
                    set(w, "repository/9", |node| node.flag("own_restrictions", false));
                },
                "user/1",
                "push main",
                No,
            ),
            (
                "rules were not read",
                |w| unknown(w, "repository/9", "restrictions"),
                "user/1",
                "push main",
                Unknown,
            ),
            (
                "rules were not read, and a reader",
                |w| unknown(w, "repository/9", "restrictions"),
                "user/3",
                "push main",
                No,
            ),
            (
                "whom the rule names was not read",
                |w| {
                    push_rule(w);
                    unknown(w, "restriction/1", "exempt");
                },
                "user/1",
                "push main",
                Unknown,
            ),
            (
                "who is in the named group was not read",
                |w| {
                    push_rule(w);
                    join(w, "group/idle exempt restriction/1");
                    unknown(w, "group/idle", "members");
                },
                "user/1",
                "push main",
                Unknown,
            ),
            (
                "a token is named with a group in doubt",
                |w| {
                    push_rule(w);
                    join(w, "token/1 exempt restriction/1");
                    join(w, "group/idle exempt restriction/1");
                    unknown(w, "group/idle", "members");
                },
                "token/1",
                "push main",
                Yes,
            ),
            (
                "an archived repository",
                |w| set(w, "repository/9", |node| node.flag("archived", true)),
                "user/2",
                "push main",
                No,
            ),
        ],
    );
}

#[test]
fn who_pushes_on_data_center() {
    check(
        server,
        &[
            ("a writer without a rule", plain, "user/1", "push main", Yes),
            ("a key that writes", plain, "key/1", "push main", Yes),
            ("a reader", plain, "user/3", "push main", No),
            (
                "a rule for pull requests only",
                |w| {
                    restrict(
                        w,
                        1,
                        "repository/9",
                        ["pull-request-only", "branch", "refs/heads/main"],
                        0,
                    );
                },
                "user/2",
                "push main",
                No,
            ),
            (
                "who is named by it",
                |w| {
                    restrict(
                        w,
                        1,
                        "repository/9",
                        ["pull-request-only", "branch", "refs/heads/main"],
                        0,
                    );
                    join(w, "key/1 exempt restriction/1");
                },
                "key/1",
                "push main",
                Yes,
            ),
            (
                "each rule has to name him",
                |w| {
                    restrict(
                        w,
                        1,
                        "repository/9",
                        ["pull-request-only", "branch", "refs/heads/main"],
                        0,
                    );
                    restrict(w, 2, "project/7", ["read-only", "any", ""], 0);
                    join(w, "user/1 exempt restriction/1");
                },
                "user/1",
                "push main",
                No,
            ),
            (
                "and both do",
                |w| {
                    restrict(
                        w,
                        1,
                        "repository/9",
                        ["pull-request-only", "branch", "refs/heads/main"],
                        0,
                    );
                    restrict(w, 2, "project/7", ["read-only", "any", ""], 0);
                    join(w, "user/1 exempt restriction/1");
                    join(w, "group/writers exempt restriction/2");
                },
                "user/1",
                "push main",
                Yes,
            ),
            (
                "deleting and rewriting are other deeds",
                |w| {
                    restrict(w, 1, "repository/9", ["no-deletes", "any", ""], 0);
                    restrict(w, 2, "repository/9", ["fast-forward-only", "any", ""], 0);
                },
                "user/1",
                "push main",
                Yes,
            ),
            (
                "the default branch is there",
                |w| {
                    restrict(w, 1, "repository/9", ["no-creates", "any", ""], 0);
                },
                "user/1",
                "push main",
                Yes,
            ),
            (
                "a branch nobody has seen may not be made",
                |w| {
                    restrict(w, 1, "repository/9", ["no-creates", "any", ""], 0);
                },
                "user/1",
                "push ref/9:refs/heads/new",
                Unknown,
            ),
            (
                "a kind that is newer than we are",
                |w| {
                    restrict(w, 1, "repository/9", ["signed-only", "any", ""], 0);
                },
                "user/1",
                "push main",
                Unknown,
            ),
            (
                "the project's rules were not read",
                |w| unknown(w, "project/7", "restrictions"),
                "user/1",
                "push main",
                Unknown,
            ),
            (
                "tags have rules too",
                |w| {
                    restrict(w, 1, "repository/9", ["read-only", "pattern", "refs/tags/*"], 0);
                },
                "user/1",
                "push ref/9:refs/tags/v1",
                No,
            ),
            (
                "archived",
                |w| set(w, "repository/9", |node| node.flag("archived", true)),
                "user/2",
                "push main",
                No,
            ),
        ],
    );
}

#[test]
fn who_merges() {
    check(
        cloud,
        &[
            ("a writer", plain, "user/1", "merge main", Yes),
            ("a rule about pushing", push_rule, "user/1", "merge main", Yes),
            (
                "a rule about merging",
                |w| {
                    restrict(w, 1, "repository/9", ["restrict_merges", "glob", "main"], 0);
                },
                "user/1",
                "merge main",
                No,
            ),
            ("a tag", plain, "user/1", "merge ref/9:refs/tags/v1", No),
            ("a reader", plain, "user/3", "merge main", No),
            (
                "the project's rules are not told",
                |w| {
                    set(w, "repository/9", |node| node.flag("own_restrictions", false));
                },
                "user/1",
                "merge main",
                Unknown,
            ),
        ],
    );
    check(
        server,
        &[
            ("a writer", plain, "user/1", "merge main", Yes),
            ("a key cannot press the button", plain, "key/1", "merge main", No),
            ("nor can a repository's token", plain, "token/1", "merge main", No),
            (
                "pull requests only",
                |w| {
                    restrict(w, 1, "repository/9", ["pull-request-only", "any", ""], 0);
                },
                "user/1",
                "merge main",
                Yes,
            ),
            (
                "read-only",
                |w| {
                    restrict(w, 1, "repository/9", ["read-only", "any", ""], 0);
                },
                "user/2",
                "merge main",
                No,
            ),
        ],
    );
}

#[test]
fn who_merges_unreviewed() {
    check(
        cloud,
        &[
            ("nothing asks for an approval", plain, "user/1", "merge-unreviewed main", Yes),
            ("an approval that only advises", approvals, "user/1", "merge-unreviewed main", Yes),
            ("an approval that is enforced", enforced, "user/1", "merge-unreviewed main", No),
            (
                "it is enforced on administrators too",
                enforced,
                "user/2",
                "merge-unreviewed main",
                No,
            ),
            (
                "without Premium checks advise",
                |w| {
                    enforced(w);
                    set(w, "workspace/1", |node| node.flag("premium", false));
                },
                "user/1",
                "merge-unreviewed main",
                Yes,
            ),
            (
                "the plan is not known",
                |w| {
                    enforced(w);
                    unknown(w, "workspace/1", "premium");
                },
                "user/1",
                "merge-unreviewed main",
                Unknown,
            ),
            (
                "the plan is not known, and a reader",
                |w| {
                    enforced(w);
                    unknown(w, "workspace/1", "premium");
                },
                "user/3",
                "merge-unreviewed main",
                No,
            ),
        ],
    );
    check(
        server,
        &[
            ("no approval is required", plain, "user/1", "merge-unreviewed main", Yes),
            (
                "one is",
                |w| set(w, "repository/9", |node| node.whole("required_approvals", 1)),
                "user/2",
                "merge-unreviewed main",
                No,
            ),
            (
                "that was not read",
                |w| unknown(w, "repository/9", "required_approvals"),
                "user/1",
                "merge-unreviewed main",
                Unknown,
            ),
        ],
    );
}

fn off(world: &mut World) {
    set(world, "repository/9", |node| node.flag("pipelines", false));
}

fn premium(world: &mut World, premium: bool) {
    set(world, "workspace/1", |node| node.flag("premium", premium));
}

#[test]
fn who_runs_deploys_and_reads_secrets() {
    check(
        cloud,
        &[
            ("a writer", plain, "user/1", "edit-pipeline repository/9", Yes),
            (
                "a protected branch does not help",
                push_rule,
                "user/1",
                "edit-pipeline repository/9",
                Yes,
            ),
            ("a reader", plain, "user/3", "edit-pipeline repository/9", No),
            ("pipelines are off", off, "user/1", "edit-pipeline repository/9", No),
            ("who can switch them on", off, "user/2", "edit-pipeline repository/9", Yes),
            (
                "whether they are on is not known",
                |w| unknown(w, "repository/9", "pipelines"),
                "user/1",
                "edit-pipeline repository/9",
                Unknown,
            ),
            ("an administrator deploys", plain, "user/2", "deploy environment/5", Yes),
            ("Premium may keep branches out", plain, "user/1", "deploy environment/5", Unknown),
            (
                "without Premium nothing does",
                |w| premium(w, false),
                "user/1",
                "deploy environment/5",
                Yes,
            ),
            (
                "administrators only",
                |w| {
                    set(w, "environment/5", |node| node.flag("admin_only", true));
                    premium(w, false);
                },
                "user/1",
                "deploy environment/5",
                No,
            ),
            (
                "administrators only, and one",
                |w| set(w, "environment/5", |node| node.flag("admin_only", true)),
                "user/2",
                "deploy environment/5",
                Yes,
            ),
            ("a reader does not", plain, "user/3", "deploy environment/5", No),
            (
                "an environment of no repository",
                |w| {
                    w.edges.retain(|edge| edge.to != id("environment/5"));
                    join(w, "variable/3 in environment/5");
                },
                "user/2",
                "deploy environment/5",
                Unknown,
            ),
            ("a repository's variable", plain, "user/1", "read-secret variable/2", Yes),
            ("a workspace's variable", plain, "user/1", "read-secret variable/1", Yes),
            ("neither to a reader", plain, "user/3", "read-secret variable/1", No),
            (
                "a workspace whose projects were not read",
                |w| unknown(w, "workspace/1", "projects"),
                "user/3",
                "read-secret variable/1",
                Unknown,
            ),
            (
                "an environment's, as who deploys there",
                plain,
                "user/1",
                "read-secret variable/3",
                Unknown,
            ),
            ("an administrator", plain, "user/2", "read-secret variable/3", Yes),
            (
                "kept to administrators",
                |w| {
                    set(w, "environment/5", |node| node.flag("admin_only", true));
                    premium(w, false);
                },
                "user/1",
                "read-secret variable/3",
                No,
            ),
            ("a workspace's runner", plain, "user/1", "run-on runner/6", Yes),
            ("a repository's runner", plain, "user/1", "run-on runner/7", Yes),
            (
                "a runner that is off",
                |w| set(w, "runner/7", |node| node.flag("active", false)),
                "user/1",
                "run-on runner/7",
                No,
            ),
            (
                "whose else it is was not read",
                |w| unknown(w, "project/7", "runners"),
                "user/3",
                "run-on runner/7",
                Unknown,
            ),
            (
                "an administrator changes controls",
                plain,
                "user/2",
                "change-controls repository/9",
                Yes,
            ),
            ("a writer does not", plain, "user/1", "change-controls repository/9", No),
            ("nor does he the project's", plain, "user/2", "change-controls project/7", No),
            (
                "grants were not read",
                |w| unknown(w, "project/7", "grants"),
                "user/1",
                "change-controls repository/9",
                Unknown,
            ),
        ],
    );
    check(
        server,
        &[
            ("no pipelines there", plain, "user/2", "edit-pipeline repository/9", No),
            (
                "nor does it deploy",
                |w| join(w, "repository/9 deploys_to environment/5"),
                "user/2",
                "deploy environment/5",
                Unknown,
            ),
            (
                "no step there holds a variable",
                |w| join(w, "variable/2 in repository/9"),
                "user/2",
                "read-secret variable/2",
                No,
            ),
            (
                "who deploys there is another system's matter",
                |w| {
                    join(w, "repository/9 deploys_to environment/5");
                    join(w, "variable/3 in environment/5");
                },
                "user/2",
                "read-secret variable/3",
                Unknown,
            ),
            (
                "no runner of its own",
                |w| join(w, "repository/9 runs_on runner/7"),
                "user/2",
                "run-on runner/7",
                No,
            ),
            ("controls are its own", plain, "user/2", "change-controls repository/9", Yes),
        ],
    );
}

#[test]
fn a_way_says_which_rule_lets_it_through() {
    let mut world = cloud();
    push_rule_for_writers(&mut world);
    let graph = build(&world);
    let pushes = demand(&graph, Capability::Push, MAIN);
    let lines = |who: &str| -> Vec<String> {
        graph.ways(node(&graph, who), &pushes).all.into_iter().map(|way| way.line).collect()
    };
    assert_eq!(
        lines("user/1"),
        [
            "1 → member of writers → write on repository BILL/billing; the rule `push` on `main` lets it through as member of writers"
        ]
    );
    assert_eq!(lines("user/2"), Vec::<String>::new());
    assert_eq!(
        graph.missing(node(&graph, "user/2"), &pushes),
        ["the rule `push` on `main` lets only writers through"]
    );
    assert_eq!(
        graph.missing(node(&graph, "user/3"), &pushes),
        ["needs write on BILL, has read", "the rule `push` on `main` lets only writers through"]
            .map(|line| line.replace("BILL,", "BILL/billing,"))
    );
    let secret = demand(&graph, Capability::ReadSecret, "c1/variable/2");
    let ways = graph.ways(node(&graph, "token/1"), &secret);
    assert_eq!(
        ways.all[0].line,
        "1 → write on repository BILL/billing → variable 2; pipelines are on"
    );
}

#[test]
fn things_are_named_as_people_name_them() {
    let mut world = cloud();
    set(&mut world, "environment/5", |mut node| {
        node.name = Some("Production".to_owned());
        node.text("slug", "production")
    });
    for (at, name) in [("variable/1", "KEY"), ("variable/2", "KEY"), ("variable/3", "KEY")] {
        set(&mut world, at, |mut node| {
            node.name = Some(name.to_owned());
            node
        });
    }
    let graph = build(&world);
    let named = |text: &str| graph.thing(text).map(|thing| thing.id(&graph).unwrap().to_string());
    for (text, wanted) in [
        ("acme/billing@main", MAIN),
        ("BILL/billing@refs/heads/main", MAIN),
        ("ref:acme/billing:refs/heads/main", MAIN),
        ("repository:acme/billing@main", MAIN),
        ("c1/repository/9@main", MAIN),
        (MAIN, MAIN),
        ("acme/billing@feature/a@b", "c1/ref/9:refs/heads/feature/a@b"),
        ("acme/billing@refs/tags/v1", "c1/ref/9:refs/tags/v1"),
        ("acme/billing", "c1/repository/9"),
        ("repository:ACME/billing", "c1/repository/9"),
        ("environment:acme/billing:production", "c1/environment/5"),
        ("environment:Production", "c1/environment/5"),
        ("variable:acme:KEY", "c1/variable/1"),
        ("variable:acme/billing:Production:KEY", "c1/variable/3"),
        ("runner:acme/billing:7", "c1/runner/7"),
    ] {
        assert_eq!(named(text).as_deref(), Ok(wanted), "{text}");
    }
    for text in [
        "acme/nothing@main",
        "acme/billing@",
        "variable:acme/billing:NONE",
        "environment:acme/billing:x",
        "x",
        "ref:acme/billing:main",
    ] {
        let told = named(text).unwrap_err().to_string();
        assert!(told.starts_with("the graph knows no"), "{text}: {told}");
    }
    let told = named("variable:acme/billing:KEY").unwrap_err().to_string();
    assert!(told.contains("c1/variable/2, c1/variable/3"), "two are called so: {told}");
}

#[test]
fn a_question_is_asked_of_its_own_kind_of_thing() {
    let graph = build(&cloud());
    for (action, thing, wanted) in [
        (
            "push",
            "acme/billing",
            "`push` is asked of a ref, such as `acme/billing@main`; `acme/billing` is a repository",
        ),
        ("write", "acme/billing@main", "of a ref ask `push`"),
        ("deploy", "acme/billing", "an environment, such as"),
        ("read-secret", "user:1", "a variable, such as"),
        ("run-on", "acme/billing", "a runner"),
        ("edit-pipeline", "project:BILL", "a repository, such as"),
        ("change-controls", "runner:6", "a repository, project or workspace"),
    ] {
        let told = graph.target(Action::from_text(action).unwrap(), thing).unwrap_err().to_string();
        assert!(told.contains(wanted), "{action} {thing}: {told}");
    }
    assert_eq!(Action::from_text("fly"), None);
    assert_eq!(Action::from_text("none"), None);
    for word in Action::WORDS {
        assert_eq!(Action::from_text(word).unwrap().as_str(), *word);
    }
}
