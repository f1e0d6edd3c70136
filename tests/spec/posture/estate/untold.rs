//! What was not read of environments, runners, variables and apps leaves open what hangs on it: it makes nothing pass,
//! and nothing fail. What was read is enough where it is enough.

use portcullis::graph::World;
use portcullis::posture::Held;
use portcullis::posture::Outcome::Fail;
use portcullis::posture::Outcome::Pass;
use portcullis::posture::Outcome::Unknown;
use serde_json::Value;
use serde_json::json;

use crate::spec::posture::estate::Judged;
use crate::spec::posture::estate::Line;
use crate::spec::posture::estate::holds;

const WHY: &str = "the scope `x` is missing";

/// A workspace with two repositories of two projects, everything of it known.
fn acme() -> Value {
    json!({
        "version": 1,
        "connection": {"id": "acme-cloud", "product": "cloud"},
        "as_of": "2026-11-21T18:05:00.000Z",
        "nodes": [
            {"id": "acme-cloud/workspace/1", "name": "acme", "slug": "acme", "premium": true},
            {"id": "acme-cloud/project/1", "name": "Payments", "key": "PAY"},
            {"id": "acme-cloud/project/2", "name": "Web", "key": "WEB"},
            {"id": "acme-cloud/repository/1", "name": "billing", "slug": "billing", "pipelines": true, "visibility": "private", "model_production": null},
            {"id": "acme-cloud/repository/2", "name": "site", "slug": "site", "pipelines": false, "visibility": "private", "model_production": null},
            {"id": "acme-cloud/user/1", "name": "Ana", "active": true},
            {"id": "acme-cloud/key/1", "name": "deploy", "active": true},
            {"id": "acme-cloud/environment/1", "name": "Live", "tier": "staging", "admin_only": false},
            {"id": "acme-cloud/environment/2", "name": "Shop", "tier": "production", "admin_only": true},
            {"id": "acme-cloud/variable/1", "name": "API_TOKEN", "secured": false},
            {"id": "acme-cloud/variable/2", "name": "SHOP_TOKEN", "secured": true},
            {"id": "acme-cloud/runner/1", "name": "shared", "labels": ["linux"], "active": true},
            {"id": "acme-cloud/runner/2", "name": "own", "labels": ["linux", "big"], "active": true},
        ],
        "edges": [
            edge("project/1 in workspace/1"),
            edge("project/2 in workspace/1"),
            edge("repository/1 in project/1"),
            edge("repository/2 in project/2"),
            edge("user/1 write repository/1"),
            edge("user/1 member workspace/1"),
            edge("key/1 write repository/1"),
            edge("repository/1 deploys_to environment/1"),
            edge("repository/1 deploys_to environment/2"),
            edge("variable/1 in repository/2"),
            edge("variable/2 in environment/2"),
            edge("repository/2 runs_on runner/2"),
            edge("workspace/1 runs_on runner/1"),
        ],
        "unknown": [],
    })
}

fn edge(words: &str) -> Value {
    let [from, is, to] = words.split(' ').collect::<Vec<_>>().try_into().unwrap();
    json!({"from": format!("acme-cloud/{from}"), "is": is, "to": format!("acme-cloud/{to}")})
}

/// The value of a field of a node; null for one that has no such field.
fn set(world: &mut Value, node: &str, field: &str, value: Value) {
    let id = format!("acme-cloud/{node}");
    let nodes = world["nodes"].as_array_mut().unwrap();
    nodes.iter_mut().find(|one| one["id"] == id).unwrap()[field] = value;
}

/// Takes away a field of a node, or leaves a list of it unread, and says why.
fn unread(world: &mut Value, node: &str, field: &str) {
    let id = format!("acme-cloud/{node}");
    let nodes = world["nodes"].as_array_mut().unwrap();
    let told = nodes.iter_mut().find(|one| one["id"] == id).unwrap();
    told.as_object_mut().unwrap().remove(field);
    let gap = json!({"about": id, "field": field, "why": WHY});
    world["unknown"].as_array_mut().unwrap().push(gap);
}

/// Takes away an edge.
fn cut(world: &mut Value, words: &str) {
    let cut = edge(words);
    world["edges"].as_array_mut().unwrap().retain(|one| *one != cut);
}

fn check(change: impl FnOnce(&mut Value), lines: &[Line]) {
    let mut world = acme();
    change(&mut world);
    let world = World::read(world.to_string().as_bytes()).unwrap();
    holds(&Judged::of(&world, &Held::default()), lines);
}

const KEY: &str = "write-key-to-production";
const ON_DEMAND: &str = "on-demand-pipelines-possible";

#[test]
fn an_environment_of_unknown_tier_may_be_production() {
    check(|_| {}, &[(KEY, "deploy", Fail, "billing"), (ON_DEMAND, "acme/billing", Pass, "")]);
    let staged = |world: &mut Value| set(world, "environment/2", "tier", json!("test"));
    check(staged, &[(KEY, "deploy", Pass, ""), (ON_DEMAND, "acme/billing", Pass, "")]);
    check(
        |world| {
            staged(world);
            unread(world, "environment/1", "tier");
        },
        &[(KEY, "deploy", Unknown, WHY), (ON_DEMAND, "acme/billing", Unknown, WHY)],
    );
    // What its branching model says is enough, and so is another environment.
    check(
        |world| {
            staged(world);
            unread(world, "environment/1", "tier");
            set(world, "repository/1", "model_production", json!("main"));
        },
        &[(KEY, "deploy", Fail, "billing")],
    );
    check(
        |world| unread(world, "environment/1", "tier"),
        &[(KEY, "deploy", Fail, "billing"), (ON_DEMAND, "acme/billing", Unknown, WHY)],
    );
}

#[test]
fn who_deploys_to_production_is_unknown_while_its_permission_or_the_plan_is() {
    check(
        |world| unread(world, "environment/2", "admin_only"),
        &[(ON_DEMAND, "acme/billing", Unknown, WHY)],
    );
    // A permission that the plan does not enforce keeps nobody out.
    check(
        |world| unread(world, "workspace/1", "premium"),
        &[
            (ON_DEMAND, "acme/billing", Unknown, WHY),
            ("variable-not-protected", "SHOP_TOKEN", Unknown, WHY),
        ],
    );
    check(
        |world| set(world, "workspace/1", "premium", json!(false)),
        &[
            (ON_DEMAND, "acme/billing", Fail, "deploy to Shop"),
            ("variable-not-protected", "SHOP_TOKEN", Fail, "kept by no deployment permission"),
        ],
    );
    // Without one it is open on every plan.
    check(
        |world| {
            set(world, "environment/2", "admin_only", json!(false));
            unread(world, "workspace/1", "premium");
        },
        &[(ON_DEMAND, "acme/billing", Fail, "deploy to Shop")],
    );
    // One that is known to be open is enough, whatever else was not read.
    check(
        |world| {
            set(world, "environment/2", "admin_only", json!(false));
            unread(world, "environment/1", "tier");
            unread(world, "repository/1", "environments");
        },
        &[(ON_DEMAND, "acme/billing", Fail, "deploy to Shop")],
    );
}

const SHARED: &str = "runner-shared-widely";

/// Without `site`, whose pipelines are off, the runner of the workspace serves one repository of one project.
#[test]
fn what_a_runner_serves_is_unknown_while_a_list_or_a_switch_is() {
    let on = |world: &mut Value| set(world, "repository/2", "pipelines", json!(true));
    check(|_| {}, &[(SHARED, "shared", Pass, "")]);
    check(on, &[(SHARED, "shared", Fail, "serves 2 repositories of 2 projects")]);
    let lines: &[Line] = &[(SHARED, "shared", Unknown, WHY)];
    check(|world| unread(world, "repository/2", "pipelines"), lines);
    check(|world| unread(world, "workspace/1", "projects"), lines);
    check(|world| unread(world, "project/2", "repositories"), lines);
    check(|world| unread(world, "repository/1", "visibility"), lines);
    check(
        |world| {
            cut(world, "repository/1 in project/1");
            unread(world, "repository/1", "project");
        },
        &[(SHARED, "shared", Unknown, "runner.projects: the scope `x` is missing")],
    );
    // Two are too many, however many more there are.
    check(
        |world| {
            on(world);
            unread(world, "workspace/1", "projects");
        },
        &[(SHARED, "shared", Fail, "serves 2 repositories of 2 projects")],
    );
    check(
        |world| {
            set(world, "repository/1", "visibility", json!("public"));
            unread(world, "repository/2", "pipelines");
        },
        &[(SHARED, "shared", Fail, "everybody can see: acme/billing")],
    );
    // One that is registered nowhere we know of serves we know not what.
    check(
        |world| cut(world, "workspace/1 runs_on runner/1"),
        &[
            (SHARED, "shared", Unknown, "runner.projects"),
            ("runner-catches-others-steps", "shared", Unknown, "runner.catches"),
        ],
    );
}

#[test]
fn whose_steps_a_runner_catches_is_unknown_while_the_labels_are() {
    const CATCHES: &str = "runner-catches-others-steps";
    check(|_| {}, &[(CATCHES, "own", Fail, "all labels of shared")]);
    let gpu = |world: &mut Value| set(world, "runner/1", "labels", json!(["gpu"]));
    check(gpu, &[(CATCHES, "own", Pass, "")]);
    let lines: &[Line] = &[(CATCHES, "own", Unknown, WHY)];
    check(|world| unread(world, "runner/1", "labels"), lines);
    check(|world| unread(world, "runner/2", "labels"), lines);
    check(
        |world| {
            gpu(world);
            unread(world, "workspace/1", "runners");
        },
        lines,
    );
    check(
        |world| unread(world, "workspace/1", "runners"),
        &[(CATCHES, "own", Fail, "all labels of shared")],
    );
}

#[test]
fn who_learns_a_variable_is_unknown_while_the_switch_or_its_place_is() {
    const KEPT: &str = "variable-not-protected";
    check(|_| {}, &[(KEPT, "API_TOKEN", Pass, ""), (KEPT, "SHOP_TOKEN", Pass, "")]);
    check(|world| unread(world, "repository/2", "pipelines"), &[(KEPT, "API_TOKEN", Unknown, WHY)]);
    check(
        |world| cut(world, "variable/1 in repository/2"),
        &[(KEPT, "API_TOKEN", Unknown, "variable.kept")],
    );
    // A secured one that any step reads is enough; one of which it is not told whether it is secured may be one.
    let moved = |world: &mut Value| {
        cut(world, "variable/1 in repository/2");
        world["edges"].as_array_mut().unwrap().push(edge("variable/1 in repository/1"));
    };
    check(moved, &[(ON_DEMAND, "acme/billing", Pass, "")]);
    check(
        |world| {
            moved(world);
            unread(world, "variable/1", "secured");
        },
        &[(ON_DEMAND, "acme/billing", Unknown, WHY)],
    );
    check(
        |world| {
            moved(world);
            set(world, "variable/1", "secured", json!(true));
            unread(world, "workspace/1", "variables");
        },
        &[(ON_DEMAND, "acme/billing", Fail, "reads 1 secured variable")],
    );
}

#[test]
fn a_public_fork_is_found_whatever_another_is() {
    const FORKED: &str = "private-code-forked-in-public";
    let forked = |world: &mut Value| {
        set(world, "repository/2", "parent", json!("acme-cloud/repository/1"));
        let copy = json!({"id": "acme-cloud/repository/3", "name": "copy", "slug": "copy", "visibility": "public", "parent": "acme-cloud/repository/1"});
        world["nodes"].as_array_mut().unwrap().push(copy);
    };
    check(forked, &[(FORKED, "acme/billing", Fail, "copy")]);
    check(
        |world| {
            forked(world);
            unread(world, "repository/2", "visibility");
        },
        &[(FORKED, "acme/billing", Fail, "copy")],
    );
    check(
        |world| {
            forked(world);
            set(world, "repository/3", "visibility", json!("private"));
            unread(world, "repository/2", "visibility");
        },
        &[(FORKED, "acme/billing", Unknown, WHY)],
    );
}

#[test]
fn what_a_definition_does_is_unknown_while_the_switch_an_image_or_a_variable_is() {
    const IMAGE: &str = "unsecured-image";
    const PRINTED: &str = "secret-printed-in-logs";
    let read = |world: &mut Value| {
        set(world, "workspace/1", "definitions", json!(true));
        set(world, "repository/1", "images", json!(["reg.acme.example pinned own"]));
        set(world, "repository/1", "echoes", json!(["DB_HOST"]));
        set(world, "repository/1", "deployments", json!([]));
        let variable = json!({"id": "acme-cloud/variable/3", "name": "DB_HOST", "secured": false});
        world["nodes"].as_array_mut().unwrap().push(variable);
        world["edges"].as_array_mut().unwrap().push(edge("variable/3 in repository/1"));
    };
    check(read, &[(IMAGE, "acme/billing", Pass, ""), (PRINTED, "acme/billing", Pass, "")]);
    for (line, outcome, why) in [
        ("reg.acme.example moving own", Fail, "by a tag"),
        ("docker.io pinned outside", Fail, "no registry of the organisation"),
        ("docker.io pinned", Unknown, "`own_hosts`"),
        ("docker.io outside", Fail, "no registry of the organisation"),
        ("reg.acme.example own", Unknown, "a variable names this image"),
        ("$ pinned", Unknown, "a variable names this image"),
        ("$", Unknown, "a variable names this image"),
    ] {
        check(
            |world| {
                read(world);
                set(world, "repository/1", "images", json!([line]));
            },
            &[(IMAGE, "acme/billing", outcome, why)],
        );
    }
    check(
        |world| {
            read(world);
            set(world, "repository/1", "images", json!(["docker.io moving outside"]));
            unread(world, "repository/1", "pipelines");
        },
        &[(IMAGE, "acme/billing", Unknown, WHY)],
    );
    check(
        |world| {
            read(world);
            unread(world, "variable/3", "secured");
        },
        &[(PRINTED, "acme/billing", Unknown, WHY)],
    );
    check(
        |world| {
            read(world);
            set(world, "variable/3", "secured", json!(true));
            unread(world, "repository/1", "environments");
        },
        &[(PRINTED, "acme/billing", Fail, "print DB_HOST")],
    );
}

const APPS: [&str; 2] = ["third-party-app-unowned", "third-party-app-wider-than-used"];
const KEYS: [&str; 5] = [
    "credential-never-rotated",
    "credential-not-used",
    "credential-wider-than-used",
    "key-older-than-180-days",
    "write-key-to-production",
];

/// A rule about apps neither passes nor is unknown on a key, and the other way round.
#[test]
fn a_rule_speaks_of_its_kinds_alone() {
    let mut world = acme();
    let app = json!({"id": "acme-cloud/app/1", "name": "Linter", "active": true});
    world["nodes"].as_array_mut().unwrap().push(app);
    world["edges"].as_array_mut().unwrap().push(edge("app/1 write repository/1"));
    let judged = |world: &Value| {
        let world = World::read(world.to_string().as_bytes()).unwrap();
        Judged::of(&world, &Held::default())
    };
    let whole = judged(&world);
    assert_eq!(whole.rules_of("Linter"), APPS);
    assert_eq!(whole.rules_of("deploy"), KEYS);
    // Of a place whose lists were not read, the same: keys are told by one list, apps by what is granted.
    let of = |field: &str| {
        let mut world = world.clone();
        unread(&mut world, "project/1", field);
        judged(&world).rules_of("Payments").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let beside = |rules: &[&str]| {
        let mut all: Vec<String> = rules.iter().map(|&rule| rule.to_owned()).collect();
        all.push("project-public".to_owned());
        all.sort();
        all
    };
    assert_eq!(of("keys"), beside(&KEYS));
    assert_eq!(of("grants"), beside(&APPS));
}
