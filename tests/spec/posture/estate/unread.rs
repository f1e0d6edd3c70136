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
            {"id": "acme-cloud/workspace/1", "name": "acme", "premium": true},
            {"id": "acme-cloud/project/1", "name": "Payments", "key": "PAY"},
            {"id": "acme-cloud/project/2", "name": "Web", "key": "WEB"},
            {"id": "acme-cloud/repository/1", "name": "billing", "pipelines": true, "visibility": "private", "model_production": null},
            {"id": "acme-cloud/repository/2", "name": "site", "pipelines": false, "visibility": "private", "model_production": null},
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
    check(|_| {}, &[(KEY, "deploy", Fail, "billing"), (ON_DEMAND, "billing", Pass, "")]);
    let staged = |world: &mut Value| set(world, "environment/2", "tier", json!("test"));
    check(staged, &[(KEY, "deploy", Pass, ""), (ON_DEMAND, "billing", Pass, "")]);
    check(
        |world| {
            staged(world);
            unread(world, "environment/1", "tier");
        },
        &[(KEY, "deploy", Unknown, WHY), (ON_DEMAND, "billing", Unknown, WHY)],
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
        &[(KEY, "deploy", Fail, "billing"), (ON_DEMAND, "billing", Unknown, WHY)],
    );
}

#[test]
fn who_deploys_to_production_is_unknown_while_its_permission_or_the_plan_is() {
    check(
        |world| unread(world, "environment/2", "admin_only"),
        &[(ON_DEMAND, "billing", Unknown, WHY)],
    );
    // A permission that the plan does not enforce keeps nobody out.
    check(
        |world| unread(world, "workspace/1", "premium"),
        &[
            (ON_DEMAND, "billing", Unknown, WHY),
            ("variable-not-protected", "SHOP_TOKEN", Unknown, WHY),
        ],
    );
    check(
        |world| set(world, "workspace/1", "premium", json!(false)),
        &[
            (ON_DEMAND, "billing", Fail, "deploy to Shop"),
            ("variable-not-protected", "SHOP_TOKEN", Fail, "kept by no deployment permission"),
        ],
    );
    // Without one it is open on every plan.
    check(
        |world| {
            set(world, "environment/2", "admin_only", json!(false));
            unread(world, "workspace/1", "premium");
        },
        &[(ON_DEMAND, "billing", Fail, "deploy to Shop")],
    );
    // One that is known to be open is enough, whatever else was not read.
    check(
        |world| {
            set(world, "environment/2", "admin_only", json!(false));
            unread(world, "environment/1", "tier");
            unread(world, "repository/1", "environments");
        },
        &[(ON_DEMAND, "billing", Fail, "deploy to Shop")],
    );
}
