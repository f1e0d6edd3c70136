//! What is odd in real databases, and what the article on permission reports gets wrong: each case once, by name.

use std::collections::BTreeMap;

use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::Relation;
use portcullis::graph::World;
use portcullis::graph::attribute::Value;

use crate::spec::estate::CONNECTION;
use crate::spec::estate::fill::SCHEMA;
use crate::spec::estate::graph;
use crate::spec::estate::postgres;
use crate::spec::estate::told;

/// root (1) administers by himself, adm (2) by a group written in another case; alice (3) owns `~ALICE` and administers
/// ONE; bob (4) and erin (7) are in `devs`, she through `inner`, and the two groups hold each other; carol (5) was
/// deleted; dave (6) is inactive; nolic (8) has no licence; frank (9) is in a directory that is off; zoe (10) is in a
/// group of a directory that is not her account's. Project and repository numbers are the same on purpose.
const ESTATE: &str = r#"
INSERT INTO stash_user SELECT generate_series(1, 10);
INSERT INTO stash_user VALUES (20), (21), (22), (23);
INSERT INTO sta_normal_user (user_id, name, slug, deleted_timestamp) VALUES
  (1, 'root', 'root', NULL), (2, 'adm', 'adm', NULL), (3, 'alice', 'alice', NULL), (4, 'Bob', 'bob', NULL),
  (5, 'carol', 'carol', '2026-01-01'), (6, 'dave', 'dave', NULL), (7, 'erin', 'erin', NULL),
  (8, 'nolic', 'nolic', NULL), (9, 'frank', 'frank', NULL), (10, 'zoe', 'zoe', NULL);
INSERT INTO sta_service_user (user_id, display_name, active, name, slug, label) VALUES
  (20, 'deploy', true, 'a', 'a', 'ssh-access-keys'), (21, 'ci', true, 'b', 'b', 'access-tokens'),
  (22, 'mirror', true, 'c', 'c', 'something-else'), (23, 'narrow', true, 'd', 'd', 'access-tokens');
INSERT INTO project (id, name, project_key, project_type) VALUES
  (1, 'One', 'ONE', 0), (2, 'Two', 'TWO', 0), (3, 'Alice', '~ALICE', 1), (4, 'Pub', 'PUB', 0);
INSERT INTO sta_normal_project VALUES (1, false), (2, false), (4, true);
INSERT INTO sta_personal_project VALUES (3, 3);
INSERT INTO repository
  (id, slug, name, state, project_id, scm_id, hierarchy_id, is_forkable, is_public, is_archived) VALUES
  (1, 'api', 'api', 1, 1, 'git', 'h', true, false, false), (2, 'web', 'web', 1, 1, 'git', 'h', false, true, false),
  (3, 'svc', 'svc', 1, 2, 'git', 'h', true, false, false), (4, 'dot', 'dot', 1, 3, 'git', 'h', true, false, false),
  (5, 'oss', 'oss', 1, 4, 'git', 'h', true, false, true);
INSERT INTO sta_repo_origin VALUES (4, 1);
INSERT INTO cwd_user (user_name, lower_user_name, display_name, email_address, directory_id, is_active) VALUES
  ('root', 'root', 'Root', NULL, 100, 'T'), ('adm', 'adm', 'Adm', NULL, 100, 'T'),
  ('alice', 'alice', 'Alice', 'alice@example.com', 100, 'T'), ('alice', 'alice', 'Other', NULL, 200, 'F'),
  ('Bob', 'bob', 'Bob', NULL, 200, 'T'), ('dave', 'dave', 'Dave', NULL, 100, 'F'),
  ('erin', 'erin', 'Erin', NULL, 200, 'T'), ('nolic', 'nolic', 'Nolic', NULL, 100, 'T'),
  ('frank', 'frank', 'Frank', NULL, 300, 'T'), ('zoe', 'zoe', 'Zoe', NULL, 100, 'T');
INSERT INTO cwd_group (group_name, lower_group_name, directory_id, is_active) VALUES
  ('stash-users', 'stash-users', 100, 'T'), ('Admins', 'admins', 100, 'T'), ('Devs', 'devs', 200, 'T'),
  ('inner', 'inner', 200, 'T'), ('dead', 'dead', 100, 'F'), ('crew', 'crew', 200, 'T'),
  ('twice', 'twice', 100, 'T'), ('twice', 'twice', 200, 'T'), ('outer', 'outer', 100, 'T');
INSERT INTO cwd_membership
  (membership_type, parent_name, lower_parent_name, child_name, lower_child_name, directory_id)
  SELECT t, p, lower(p), c, lower(c), d FROM (VALUES
  ('GROUP_USER', 'stash-users', 'root', 100), ('GROUP_USER', 'stash-users', 'adm', 100),
  ('GROUP_USER', 'stash-users', 'alice', 100), ('GROUP_USER', 'stash-users', 'dave', 100),
  ('GROUP_USER', 'stash-users', 'carol', 100), ('GROUP_USER', 'stash-users', 'zoe', 100),
  ('GROUP_USER', 'Admins', 'adm', 100), ('GROUP_GROUP', 'Devs', 'inner', 200), ('GROUP_GROUP', 'inner', 'Devs', 200),
  ('GROUP_USER', 'inner', 'erin', 200), ('GROUP_USER', 'Devs', 'Bob', 200), ('GROUP_USER', 'dead', 'alice', 100),
  ('GROUP_USER', 'Devs', 'frank', 300), ('GROUP_USER', 'crew', 'zoe', 200),
  ('GROUP_USER', 'twice', 'alice', 100), ('GROUP_USER', 'twice', 'erin', 200),
  ('GROUP_GROUP', 'outer', 'twice', 100)) v (t, p, c, d);
INSERT INTO sta_global_permission (perm_id, group_name, user_id) VALUES
  (9, 'stash-users', NULL), (7, NULL, 1), (6, 'admins', NULL), (9, 'devs', NULL);
INSERT INTO sta_project_permission (perm_id, project_id, group_name, user_id) VALUES
  (4, 1, NULL, 3), (3, 1, 'devs', NULL), (2, 2, NULL, NULL), (2, 1, NULL, 20), (11, 2, NULL, 4), (4, 1, NULL, 8),
  (4, 2, 'dead', NULL), (4, 2, NULL, 5), (4, 2, NULL, 6), (2, 4, 'crew', NULL), (4, 4, 'outer', NULL);
INSERT INTO sta_repo_permission (perm_id, repo_id, group_name, user_id) VALUES
  (8, 3, 'devs', NULL), (0, 1, NULL, 4), (1, 3, NULL, 20), (8, 1, NULL, 21), (1, 3, NULL, 22), (8, 3, NULL, 23);
INSERT INTO "AO_6978BB_RESTRICTED_REF" VALUES
  (1, 'BRANCH', 'refs/heads/main', 'read-only', 1, 'REPOSITORY'),
  (2, 'PATTERN', 'release/*', 'no-deletes', 1, 'PROJECT'),
  (3, 'MODEL_BRANCH', 'production', 'pull-request-only', 3, 'repository'),
  (4, 'ANY_REF', 'ANY_REF_MATCHER_ID', 'fast-forward-only', 99, 'PROJECT');
INSERT INTO "AO_6978BB_PERMITTED_ENTITY" ("FK_RESTRICTED_ID", "GROUP_ID", "USER_ID", "ACCESS_KEY_ID") VALUES
  (1, NULL, 4, NULL), (1, 'devs', NULL, NULL), (1, NULL, NULL, 1), (2, NULL, NULL, 77);
INSERT INTO "AO_FB71B4_SSH_PUBLIC_KEY" VALUES
  (1, 20, 'ssh-ed25519 CANARY', 'deploy'), (2, 3, 'ssh-rsa CANARY', 'laptop');
INSERT INTO "AO_E5A814_ACCESS_TOKEN" VALUES
  ('100', 'ci', 'CANARY', 21), ('101', 'mine', 'CANARY', 3), ('102', 'narrow', 'CANARY', 23);
INSERT INTO "AO_E5A814_ACCESS_TOKEN_PERM" ("FK_ACCESS_TOKEN_ID", "PERMISSION") VALUES
  ('100', 8), ('101', 2), ('101', 1), ('102', 0);
"#;

async fn estate() -> Option<World> {
    let server = postgres::server().await?;
    let (database, _) = server.database(&format!("{SCHEMA}{ESTATE}")).await;
    Some(told(&server.url(&database)).await.unwrap().world)
}

fn id(kind: Kind, native: &str) -> Id {
    Id::new(&CONNECTION.parse().unwrap(), kind, native).unwrap()
}

fn places(world: &World, rule: &str) -> Vec<String> {
    let rule = id(Kind::Restriction, rule);
    let edges =
        world.edges.iter().filter(|edge| edge.is == Relation::Restricts && edge.from == rule);
    edges.map(|edge| edge.to.to_string()).collect()
}

fn attribute<'w>(world: &'w World, id: &Id, name: &str) -> Option<&'w Value> {
    world.nodes.iter().find(|node| node.id == *id).unwrap().attributes.get(name)
}

fn gap<'w>(world: &'w World, about: &Id, field: &str) -> Option<&'w str> {
    let mut gaps = world.unknown.iter();
    gaps.find(|gap| gap.about == *about && gap.field == field).map(|gap| gap.why.as_str())
}

#[tokio::test]
async fn unlicensed_inactive_and_deleted_people_hold_nothing_whatever_their_grants_say() {
    let Some(world) = estate().await else { return };
    let graph = graph(&world);
    let level = |who: &str, place: &str| {
        let who = graph.find(&id(Kind::User, who)).unwrap();
        let place = graph.find(&id(Kind::Repository, place)).unwrap();
        graph.effective(who, place).level
    };
    let (api, web, svc, dot, oss) = ("1", "2", "3", "4", "5");
    let wanted: BTreeMap<&str, [Level; 5]> = BTreeMap::from([
        ("1", [Level::Admin; 5]),
        ("2", [Level::Admin; 5]),
        // Through a default permission, her own project, and a group within a group.
        ("3", [Level::Admin, Level::Admin, Level::Read, Level::Admin, Level::Admin]),
        // The project's grant to his group is more than the repository's to him.
        ("4", [Level::Write, Level::Write, Level::Admin, Level::None, Level::Read]),
        ("5", [Level::None; 5]),
        ("6", [Level::None; 5]),
        ("7", [Level::Write, Level::Write, Level::Admin, Level::None, Level::Read]),
        ("8", [Level::None; 5]),
        ("9", [Level::None; 5]),
        ("10", [Level::None, Level::Read, Level::Read, Level::None, Level::Read]),
    ]);
    for (who, wanted) in wanted {
        let found = [api, web, svc, dot, oss].map(|place| level(who, place));
        assert_eq!(found, wanted, "user {who}");
    }
    for who in ["5", "6", "9"] {
        assert_eq!(attribute(&world, &id(Kind::User, who), "active"), Some(&Value::Flag(false)));
    }
}

#[tokio::test]
async fn a_rule_of_one_repository_is_not_told_of_its_siblings_nor_of_another_project() {
    let Some(world) = estate().await else { return };
    assert_eq!(places(&world, "1"), ["acme-dc/repository/1"]);
    assert_eq!(places(&world, "2"), ["acme-dc/project/1"]);
    // By the number alone it would be `~ALICE`'s, project 3.
    assert_eq!(places(&world, "3"), ["acme-dc/repository/3"]);
    assert_eq!(places(&world, "4"), Vec::<String>::new(), "its project is gone");
    let rule = id(Kind::Restriction, "1");
    let exempt = world.edges.iter().filter(|edge| edge.is == Relation::Exempt && edge.to == rule);
    let mut exempt: Vec<String> = exempt.map(|edge| edge.from.to_string()).collect();
    exempt.sort();
    assert_eq!(exempt, ["acme-dc/group/devs", "acme-dc/key/1", "acme-dc/user/4"]);
    let why = gap(&world, &id(Kind::Restriction, "2"), "exempt").unwrap();
    assert!(why.contains("access key"), "{why}");
}

#[tokio::test]
async fn no_default_permission_is_said_and_a_personal_project_is_not_called_private() {
    let Some(world) = estate().await else { return };
    let of =
        |project: &str, name: &str| attribute(&world, &id(Kind::Project, project), name).cloned();
    assert_eq!(of("1", "default"), Some(Value::Text("none".to_owned())));
    assert_eq!(of("2", "default"), Some(Value::Text("read".to_owned())));
    assert_eq!(of("3", "personal"), Some(Value::Flag(true)));
    assert_eq!(of("1", "personal"), Some(Value::Flag(false)), "type 0 is not `not private`");
    assert_eq!(of("4", "visibility"), Some(Value::Text("public".to_owned())));
    let fork = attribute(&world, &id(Kind::Repository, "4"), "parent");
    assert_eq!(fork, Some(&Value::Text("acme-dc/repository/1".to_owned())));
    let why = gap(&world, &id(Kind::Repository, "1"), "default_branch").unwrap();
    assert!(why.contains("REST"), "{why}");
}

#[tokio::test]
async fn keys_and_tokens_are_told_from_people_and_hold_no_more_than_their_permissions() {
    let Some(world) = estate().await else { return };
    let held = |kind: Kind, native: &str| {
        let holder = id(kind, native);
        let edges = world.edges.iter().filter(|edge| edge.from == holder);
        let mut held: Vec<String> = edges
            .map(|edge| format!("{} {}", edge.is, edge.to.as_str().replace("acme-dc/", "")))
            .collect();
        held.sort();
        held.retain(|line| !line.starts_with("exempt"));
        held
    };
    assert_eq!(
        held(Kind::Key, "1"),
        ["read project/1", "write repository/3"],
        "one key, two places"
    );
    assert_eq!(held(Kind::Token, "100"), ["admin repository/1"]);
    assert_eq!(held(Kind::Token, "101"), ["acts_for user/3"]);
    assert_eq!(held(Kind::Token, "102"), ["read repository/3"], "granted admin, made for reading");
    assert_eq!(held(Kind::User, "22"), ["write repository/3"]);
    let kind = attribute(&world, &id(Kind::User, "22"), "kind");
    assert_eq!(kind, Some(&Value::Text("service".to_owned())));
    let holds = |what: Id| {
        let (owner, is) = (id(Kind::User, "3"), Relation::Holds);
        world.edges.iter().any(|edge| edge.from == owner && edge.is == is && edge.to == what)
    };
    assert!(holds(id(Kind::Key, "2")) && holds(id(Kind::Token, "101")));
    let scopes = attribute(&world, &id(Kind::Token, "101"), "scopes");
    let wanted = ["REPO_WRITE", "PROJECT_READ"].map(str::to_owned).to_vec();
    assert_eq!(scopes, Some(&Value::List(wanted)));
    let text = String::from_utf8(world.write()).unwrap();
    assert!(!text.contains("CANARY"), "no key text and no hash");
}

#[tokio::test]
async fn members_of_another_directory_than_their_accounts_are_counted_and_doubted() {
    let Some(world) = estate().await else { return };
    let why = gap(&world, &id(Kind::Group, "crew"), "members").unwrap();
    assert!(why.starts_with("1 of its members"), "{why}");
    assert_eq!(gap(&world, &id(Kind::Group, "devs"), "members"), None);
    // `twice` is in two directories: the one within `outer` is that of `outer`'s own.
    let into = |group: &str, user: &str| {
        let (who, group) = (id(Kind::User, user), id(Kind::Group, group));
        let is = Relation::Member;
        world.edges.iter().any(|edge| edge.from == who && edge.is == is && edge.to == group)
    };
    assert!(into("outer", "3") && !into("outer", "7"));
    assert!(into("twice", "3") && into("twice", "7"));
}
