//! Whose a finding is: from the surest to the least sure, and the security contact where nothing names anybody.

use portcullis::graph::Admins;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::posture::Held;
use portcullis::posture::Owner;
use portcullis::posture::owner::Ground;
use portcullis::posture::owner::infer;
use serde_json::Value;
use serde_json::json;

/// A workspace with one repository in one project; these edges beside.
fn world(attributes: &Value, edges: &[[&str; 3]]) -> Snapshot {
    let id = |told: &str| format!("acme/{told}");
    let node = |told: &str, name: &str| json!({"id": id(told), "name": name});
    let mut project = json!({"id": id("project/bill"), "name": "Billing", "key": "BILL"});
    for (name, value) in attributes.as_object().unwrap() {
        project[name] = value.clone();
    }
    let base = [["project/bill", "in", "workspace/w"], ["repository/r", "in", "project/bill"]];
    let edges = base
        .iter()
        .chain(edges)
        .map(|[from, is, to]| json!({"from": id(from), "is": is, "to": id(to)}));
    let world = json!({
        "version": 1, "connection": {"id": "acme", "product": "cloud"},
        "as_of": "2026-11-21T18:05:00.000Z",
        "nodes": [
            {"id": id("workspace/w"), "name": "Acme", "slug": "acme"},
            project,
            {"id": id("repository/r"), "name": "site", "slug": "site"},
            node("user/mia", "Mia"), node("user/omar", "Omar"), node("user/nadia", "Nadia"),
        ],
        "edges": edges.collect::<Vec<_>>(), "unknown": [],
    });
    let world = World::read(world.to_string().as_bytes()).unwrap();
    Snapshot::build(1, &[world]).unwrap()
}

fn of(graph: &Snapshot, about: &str, named: Option<&str>) -> Owner {
    let node = graph.find(&format!("acme/{about}").parse().unwrap()).unwrap();
    let held = Held::default();
    let ground = Ground { held: &held, named, contact: Some("security") };
    infer(graph, node, &ground, &mut Admins::new())
}

fn told(owner: &Owner) -> (&str, &str) {
    (&owner.name, &owner.sure)
}

#[test]
fn what_a_configuration_names_goes_first() {
    let graph = world(&json!({}), &[["user/mia", "admin", "repository/r"]]);
    assert_eq!(told(&of(&graph, "repository/r", Some("billing-team"))), ("billing-team", "told"));
}

#[test]
fn who_leads_the_project_goes_before_who_administers() {
    let lead = json!({"lead": "acme/user/omar"});
    let graph = world(&lead, &[["user/mia", "admin", "repository/r"]]);
    let owner = of(&graph, "repository/r", None);
    assert_eq!(told(&owner), ("Omar", "told"));
    assert!(owner.why.contains("lead"), "{}", owner.why);
}

#[test]
fn the_only_one_who_administers_just_this_place_is_inferred() {
    let edges = [["user/mia", "admin", "repository/r"], ["user/nadia", "owner", "workspace/w"]];
    let owner = of(&world(&json!({}), &edges), "repository/r", None);
    assert_eq!(told(&owner), ("Mia", "inferred"), "who administers everything is left aside");
    assert_eq!(owner.id.unwrap().as_str(), "acme/user/mia");
}

#[test]
fn of_several_of_whom_nothing_more_is_known_none_is_guessed() {
    let edges = [["user/mia", "admin", "repository/r"], ["user/omar", "admin", "repository/r"]];
    let owner = of(&world(&json!({}), &edges), "repository/r", None);
    assert_eq!(told(&owner), ("security", "unknown"));
}

#[test]
fn an_account_is_its_own_and_a_place_of_nobody_is_the_contacts() {
    let graph = world(&json!({}), &[]);
    assert_eq!(told(&of(&graph, "user/mia", None)), ("Mia", "told"));
    assert_eq!(told(&of(&graph, "repository/r", None)), ("security", "unknown"));
}
