//! What was not read: where a list of grants, keys, members, places or webhooks is missing, what rests on it is unknown,
//! and what is known all the same is found.

use portcullis::graph::Id;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::attribute::Value;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::policy::subject::About;
use portcullis::posture::Held;
use portcullis::posture::Outcome::Fail;
use portcullis::posture::Outcome::Pass;
use portcullis::posture::Outcome::Unknown;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::look;
use portcullis::posture::look::Ground;

use crate::spec::findings_table::scene::brought;
use crate::spec::posture::estate::Judged;
use crate::spec::posture::estate::NOW;
use crate::spec::posture::estate::holds;

/// A server with a production repository, one key that reads it, a leaver, an app and an old webhook; whatever more is
/// known of it.
fn server(edges: &str, unknown: &str) -> World {
    let text = r#"{"version":1,"connection":{"id":"acme-dc","product":"datacenter"},"as_of":"2026-11-21T18:05:00.000Z","nodes":[
        {"id":"acme-dc/workspace/1","name":"server"},
        {"id":"acme-dc/project/1","name":"One","key":"ONE"},{"id":"acme-dc/project/2","name":"Two","key":"TWO"},
        {"id":"acme-dc/repository/1","name":"ONE/api","model_production":"main"},
        {"id":"acme-dc/user/1","name":"Ana","active":true},{"id":"acme-dc/user/2","name":"Ben","active":true},
        {"id":"acme-dc/group/1","name":"ops"},
        {"id":"acme-dc/app/1","name":"linter","active":true},
        {"id":"acme-dc/key/1","name":"deploy","kind":"access key","created_at":"2026-01-01T00:00:00.000Z","last_used_at":"2026-01-01T00:00:00.000Z"},
        {"id":"acme-dc/hook/1","name":"ci","host":"ci.acme.example","active":true,"external":true}],
        "edges":[{"from":"acme-dc/repository/1","is":"in","to":"acme-dc/project/1"},
        {"from":"acme-dc/user/1","is":"licensed","to":"acme-dc/workspace/1"},{"from":"acme-dc/user/2","is":"licensed","to":"acme-dc/workspace/1"},
        {"from":"acme-dc/user/2","is":"admin","to":"acme-dc/project/1"},
        {"from":"acme-dc/hook/1","is":"in","to":"acme-dc/repository/1"},
        {"from":"acme-dc/key/1","is":"read","to":"acme-dc/repository/1"}EDGES],"unknown":[UNKNOWN]}"#;
    World::read(text.replace("EDGES", edges).replace("UNKNOWN", unknown).as_bytes()).unwrap()
}

fn leavers(names: &'static str) -> Held {
    let list = (EvidenceKind::JoinersLeavers, names.as_bytes(), None);
    brought(&"acme-dc".parse().unwrap(), vec![list], NOW)
}

fn gap(about: &str, field: &str) -> String {
    format!(r#"{{"about":"acme-dc/{about}","field":"{field}","why":"{field} untold"}}"#)
}

#[test]
fn what_a_leaver_reaches_passes_only_where_every_grant_was_read() {
    let held = leavers(
        "name,left
Ana,2026-01-31
",
    );
    let rule = "leaver-still-has-access";
    holds(&Judged::of(&server("", ""), &held), &[(rule, "Ana", Pass, "")]);
    for (about, field) in [
        ("project/2", "grants"),
        ("workspace/1", "projects"),
        ("user/1", "groups"),
        ("workspace/1", "groups"),
        ("workspace/1", "credentials"),
        ("user/1", "holds"),
        ("user/1", "active"),
        ("repository/1", "hooks"),
    ] {
        let judged = Judged::of(&server("", &gap(about, field)), &held);
        holds(&judged, &[(rule, "Ana", Unknown, "untold")]);
    }
    // A group that gives something may have her in it.
    let open = gap("group/1", "members");
    let ops = r#",{"from":"acme-dc/group/1","is":"write","to":"acme-dc/project/2"}"#;
    holds(&Judged::of(&server(ops, &open), &held), &[(rule, "Ana", Unknown, "members untold")]);
    // What is known is found, whatever else is not.
    let write = r#",{"from":"acme-dc/user/1","is":"write","to":"acme-dc/project/1"}"#;
    let judged = Judged::of(&server(write, &gap("project/2", "grants")), &held);
    holds(&judged, &[(rule, "Ana", Fail, "is known to reach 1 repository, up to write")]);
}

/// A licence is enough where a project opens itself to all who have one.
#[test]
fn what_a_project_gives_to_everybody_a_leaver_has_too() {
    let held = leavers("name,left\nAna,2026-01-31\nBen,2026-01-31\n");
    let rule = "leaver-still-has-access";
    let opens = r#",{"from":"acme-dc/workspace/1","is":"default","to":"acme-dc/project/1"}"#;
    let with = |level: &str, unknown: &str| {
        let mut world = server(opens, unknown);
        let project =
            world.nodes.iter_mut().find(|node| node.name.as_deref() == Some("One")).unwrap();
        project.attributes.insert("default".to_owned(), Value::Text(level.to_owned()));
        Judged::of(&world, &held)
    };
    let reach = "is known to reach 1 repository, up to read";
    holds(&with("read", ""), &[(rule, "Ana", Fail, reach)]);
    let granted = "is known to reach 1 repository, up to admin";
    holds(&with("read", ""), &[(rule, "Ben", Fail, granted)]);
    // Nobody tells how much, or whether at all.
    let untold = Judged::of(&server(opens, ""), &held);
    holds(&untold, &[(rule, "Ana", Unknown, "nothing tells its level")]);
    let untold = Judged::of(&server("", &gap("project/2", "default")), &held);
    holds(&untold, &[(rule, "Ana", Unknown, "default untold")]);
}

#[test]
fn a_key_writes_nowhere_only_where_every_list_of_keys_was_read() {
    let (wide, production) = ("credential-wider-than-used", "write-key-to-production");
    let seen = Judged::of(&server("", ""), &Held::default());
    holds(&seen, &[(wide, "deploy", Pass, ""), (production, "deploy", Pass, "")]);
    for (about, field) in [("project/2", "keys"), ("project/1", "repositories")] {
        let judged = Judged::of(&server("", &gap(about, field)), &Held::default());
        holds(
            &judged,
            &[(wide, "deploy", Unknown, "untold"), (production, "deploy", Unknown, "untold")],
        );
        holds(
            &judged,
            &[("key-older-than-180-days", "deploy", Fail, "known to reach 1 repository")],
        );
    }
}

#[test]
fn an_app_of_which_no_place_is_known_is_not_said_to_be_nobodys() {
    let rule = "third-party-app-unowned";
    let judged = Judged::of(&server("", ""), &Held::default());
    holds(&judged, &[(rule, "linter", Unknown, "where it may do something")]);
    let placed = r#",{"from":"acme-dc/app/1","is":"write","to":"acme-dc/project/2"}"#;
    let judged = Judged::of(&server(placed, ""), &Held::default());
    holds(&judged, &[(rule, "linter", Fail, "Nobody looks after the app linter")]);
    let judged = Judged::of(&server(placed, &gap("project/1", "grants")), &Held::default());
    holds(&judged, &[(rule, "linter", Unknown, "grants untold")]);
}

#[test]
fn who_alone_looks_after_something_is_known_only_where_nobody_else_could() {
    let held = leavers(
        "name,left
Ben,2026-01-31
",
    );
    let lines = |outcome, why| {
        [("webhook-of-a-leaver", "ci", outcome, why), ("leaver-still-has-access", "Ben", Fail, "")]
    };
    holds(&Judged::of(&server("", ""), &held), &lines(Fail, "has left"));
    let unread = gap("repository/1", "grants");
    holds(&Judged::of(&server("", &unread), &held), &lines(Unknown, "grants untold"));
}

/// More than a document names, and the only one of production is the last.
#[test]
fn production_is_looked_for_behind_every_repository_that_a_key_reaches() {
    let mut world = server("", "");
    let id = |text: &str| text.parse::<Id>().unwrap();
    let (all, two) = (id("acme-dc/token/1"), id("acme-dc/key/2"));
    world.nodes.push(Node::new(all.clone(), "all"));
    world.nodes.push(Node::new(two.clone(), "two").text("kind", "access key"));
    world.edges.push(Edge::new(all, Relation::Write, id("acme-dc/workspace/1")));
    world.edges.push(Edge::new(two, Relation::Write, id("acme-dc/project/2")));
    for number in 2..=2_100 {
        let repository = id(&format!("acme-dc/repository/{number}"));
        let last = if number == 2_100 { Value::Text("main".to_owned()) } else { Value::Nothing };
        let node = Node::new(repository.clone(), &format!("TWO/r{number}"));
        world.nodes.push(node.with("model_production", last));
        world.edges.push(Edge::new(repository, Relation::In, id("acme-dc/project/2")));
    }
    let graph = Snapshot::build(1, &[world]).unwrap();
    let held = Held::default();
    let ground = Ground::new(&graph, &held, NOW);
    for (name, expected) in [("token:all", 2), ("key:two", 1)] {
        let document = look(&ground, graph.resolve(name).unwrap()).unwrap();
        let About::Credential(credential) = document.about else { panic!("{name}") };
        let all = credential.production.value().unwrap();
        assert_eq!(all.len(), expected, "{name}: {all:?}");
    }
}
