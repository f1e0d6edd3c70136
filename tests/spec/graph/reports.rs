//! Reports against what is written down by hand, and identities that are no people.

use portcullis::gateway::access;
use portcullis::gateway::access::Wish;
use portcullis::graph::Links;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::Subject;
use portcullis::graph::World;

use crate::spec::graph::build;
use crate::spec::graph::id;
use crate::spec::graph::join;
use crate::spec::graph::protect::restrict;
use crate::spec::graph::set;
use crate::spec::graph::unknown;
use crate::spec::graph::with;

/// The two companies of the documentation.
fn example(bytes: &[u8]) -> Snapshot {
    Snapshot::build(1, &[World::read(bytes).unwrap()]).unwrap()
}

fn cloud() -> Snapshot {
    example(include_bytes!("../../../docs/examples/acme-cloud.json"))
}

fn server() -> Snapshot {
    example(include_bytes!("../../../docs/examples/acme-datacenter.json"))
}

/// The rows, cells joined, without the connection.
fn rows(graph: &Snapshot, subject: Subject) -> Vec<String> {
    let table = graph.table(subject, &Links::default());
    let line = |cells: &[portcullis::graph::Cell]| {
        cells.iter().skip(1).map(portcullis::graph::Cell::shown).collect::<Vec<_>>().join("|")
    };
    table.rows.iter().map(|row| line(&row.cells)).collect()
}

#[test]
fn the_examples_are_as_the_program_writes_them() {
    for bytes in [
        include_bytes!("../../../docs/examples/acme-cloud.json").as_slice(),
        include_bytes!("../../../docs/examples/acme-datacenter.json").as_slice(),
    ] {
        assert_eq!(World::read(bytes).unwrap().write(), bytes);
    }
}

#[test]
fn global_permissions_name_the_group_and_count_its_people() {
    assert_eq!(
        rows(&server(), Subject::Global),
        ["admin||Mia Berg||1", "licensed|stash-users|||3"]
    );
    assert_eq!(rows(&cloud(), Subject::Global), ["owner||Mia||1"]);
}

#[test]
fn project_permissions_resolve_groups_and_leave_personal_projects_out() {
    assert_eq!(
        rows(&server(), Subject::Projects),
        [
            "OPS|Operations|no grant of its own|||",
            "PAY|Payments|admin||No Licence|",
            "PAY|Payments|write|Devs|Omar Haddad|",
            "PAY|Payments|write|Devs|Ravi Iyer|",
        ]
    );
}

#[test]
fn a_group_nobody_could_read_is_a_row_and_a_note() {
    let mut world = with(Product::Cloud, &["group/a write project/7"]);
    unknown(&mut world, "group/a", "members");
    let graph = build(&world);
    assert_eq!(rows(&graph, Subject::Projects), ["BILL|Billing|write|a|unknown|"]);
    let table = graph.table(Subject::Projects, &Links::default());
    assert_eq!(table.notes, ["members of group a: members was not read"]);
}

#[test]
fn a_repository_without_a_grant_of_its_own_has_its_row() {
    assert_eq!(
        rows(&server(), Subject::Repositories),
        [
            "OPS|dns|no grant of its own||||",
            "PAY|ledger|admin||Omar Haddad||1",
            "PAY|ledger|write|||deployer|",
            "PAY|ledger|write|||jenkins|",
            "PAY|reports|no grant of its own||||",
            "~RAVI|notes|no grant of its own||||",
        ]
    );
}

#[test]
fn a_missing_default_permission_is_said() {
    let graph = server();
    assert_eq!(rows(&graph, Subject::Defaults), ["OPS|Operations|Read", "PAY|Payments|No Access"]);
    assert!(rows(&cloud(), Subject::Defaults).is_empty());
    let notes = cloud().table(Subject::Defaults, &Links::default()).notes;
    assert_eq!(notes, ["acme: Bitbucket Cloud has no default permission of a project"]);
}

#[test]
fn public_projects_say_whom_that_lets_in() {
    assert_eq!(
        rows(&server(), Subject::Visibility),
        [
            "OPS|Operations|public|every licensed user reads every repository|0",
            "PAY|Payments|private|nobody beyond its grants|0",
        ]
    );
    assert_eq!(
        rows(&cloud(), Subject::Visibility)[1],
        "WEB|Website|public|anyone sees the project; each repository says for itself who reads it|1"
    );
}

#[test]
fn every_repository_is_listed_once_in_its_project() {
    let layout = rows(&server(), Subject::Layout);
    assert_eq!(layout.len(), 4);
    assert_eq!(layout[0], "OPS|Operations|dns|OPS/dns|acme-dc/repository/13|private|yes");
    let mut world = with(Product::Cloud, &[]);
    join(&mut world, "project/8 in workspace/1");
    assert!(
        rows(&build(&world), Subject::Layout).contains(&"8|8|||||".to_owned()),
        "an empty project"
    );
}

#[test]
fn a_repositorys_rule_is_on_no_other_repository() {
    assert_eq!(
        rows(&server(), Subject::BranchRules),
        [
            "PAY|ledger|project|no-deletes|pattern|release/**|||||acme-dc/restriction/3",
            "PAY|ledger|project|pull-request-only|model_branch|development||Omar Haddad||jenkins|acme-dc/restriction/1",
            "PAY|ledger|repository|read-only|branch|refs/heads/release/1.0|||||acme-dc/restriction/2",
            "PAY|reports|project|no-deletes|pattern|release/**|||||acme-dc/restriction/3",
            "PAY|reports|project|pull-request-only|model_branch|development||Omar Haddad||jenkins|acme-dc/restriction/1",
        ]
    );
    // The number of a repository may be that of a project: the scope decides, not the number.
    let mut world =
        with(Product::DataCenter, &["repository/7 in project/8", "repository/11 in project/7"]);
    restrict(&mut world, 1, "repository/7", ["read-only", "any", ""], 0);
    let graph = build(&world);
    let listed = rows(&graph, Subject::BranchRules);
    assert_eq!(listed, ["8|7|repository|read-only|any||0||||c1/restriction/1"]);
}

#[test]
fn users_have_a_row_for_each_grant_that_reaches_them() {
    let table = server().table(Subject::Users, &Links::default());
    let csv = table.csv();
    let mut lines = csv.split("\r\n");
    assert_eq!(
        lines.next().unwrap(),
        "user_name,display_name,email_address,active,group_name,project_key,repository_slug,permission"
    );
    let omar: Vec<&str> = lines.filter(|line| line.starts_with("omar,")).collect();
    assert_eq!(
        omar,
        [
            "omar,Omar Haddad,omar@acme.example,true,,PAY,ledger,REPO_ADMIN",
            "omar,Omar Haddad,omar@acme.example,true,Devs,PAY,,PROJECT_WRITE",
            "omar,Omar Haddad,omar@acme.example,true,stash-users,,,LICENSED_USER",
        ]
    );
    assert!(
        csv.contains("ravi,Ravi Iyer,ravi@acme.example,true,Devs,PAY,,PROJECT_WRITE\r\n"),
        "through a nested group"
    );
}

#[test]
fn rows_lead_to_the_page_where_they_are_changed() {
    let base = Links::new([(
        "acme-dc".parse().unwrap(),
        "https://bitbucket.acme.example/git/".to_owned(),
    )]);
    let at = |graph: &Snapshot, subject, links: &Links| {
        graph.table(subject, links).rows.last().unwrap().change_at.clone()
    };
    let graph = server();
    let told = |subject| at(&graph, subject, &base).unwrap();
    assert_eq!(told(Subject::Global), "https://bitbucket.acme.example/git/admin/permissions");
    assert_eq!(
        told(Subject::Projects),
        "https://bitbucket.acme.example/git/projects/PAY/permissions"
    );
    assert_eq!(
        told(Subject::Repositories),
        "https://bitbucket.acme.example/git/projects/~RAVI/repos/notes/permissions"
    );
    assert_eq!(at(&graph, Subject::Global, &Links::default()), None, "its address is not known");
    let told = at(&cloud(), Subject::Repositories, &Links::default());
    assert_eq!(told.as_deref(), Some("https://bitbucket.org/acme/site/admin/permissions"));
}

fn wish() -> Wish {
    Wish { rotate_days: 90, ..Wish::default() }
}

fn names(found: &[access::Identity]) -> Vec<String> {
    found
        .iter()
        .map(|identity| format!("{} {}", identity.kind, identity.who.name.clone().unwrap()))
        .collect()
}

#[test]
fn every_identity_that_is_no_person_is_listed_with_what_is_known() {
    let graph = cloud();
    let now = graph.as_of();
    let all = access::identities(&graph, &wish(), now).identities;
    assert_eq!(
        names(&all),
        [
            "token ci",
            "key deploy-2021",
            "runner linux-1",
            "hook ci.partner.example",
            "agent refactor-bot"
        ]
    );
    let [token, key, runner, hook, agent] = &all[..] else { panic!("five") };
    assert_eq!(
        (token.most.as_str(), key.most.as_str()),
        ("write on acme/billing", "read on acme/billing")
    );
    assert_eq!(
        (runner.most.as_str(), hook.most.as_str()),
        ("runs builds of Acme", "hears of acme/billing")
    );
    assert_eq!(key.owner.sure.as_str(), "told");
    assert_eq!(key.owner.who[0].name.as_deref(), Some("Ravi"));
    assert_eq!(
        key.rotation_due.unwrap().to_string(),
        "2021-05-31T09:00:00.000Z",
        "90 days after it was made"
    );
    assert_eq!(token.rotation_due, token.expires);
    let owner = (token.owner.sure.as_str(), token.owner.why.as_str());
    assert_eq!(owner, ("unknown", "Bitbucket does not tell whose it is"));
    assert_eq!(agent.acts_for.as_ref().unwrap().name.as_deref(), Some("Omar"));
    assert_eq!(agent.principal_most.as_deref(), Some("write on PAY"));
    assert_eq!(hook.changed_by[0].name.as_deref(), Some("Mia"));
    assert!(hook.unknown.contains_key("last_used"), "nothing tells when a hook was used");
    assert_eq!(key.age_days, Some(2090));
}

#[test]
fn what_cannot_be_told_is_listed_apart() {
    let graph = cloud();
    let now = graph.as_of();
    let ask = |wish: Wish| {
        let found = access::identities(&graph, &wish, now);
        (names(&found.identities), names(&found.maybe))
    };
    let (unused, maybe) = ask(Wish { unused_days: Some(180), ..wish() });
    assert_eq!(unused, ["key deploy-2021"]);
    assert_eq!(maybe, ["runner linux-1", "hook ci.partner.example", "agent refactor-bot"]);
    let (expiring, _) = ask(Wish { expiring_days: Some(30), ..wish() });
    assert_eq!(expiring, ["token ci", "key deploy-2021"]);
    let (unowned, maybe) = ask(Wish { unowned: true, ..wish() });
    assert!(maybe.is_empty());
    assert_eq!(
        unowned,
        ["token ci", "runner linux-1", "hook ci.partner.example"],
        "Mia owns Acme, not each thing in it"
    );
    let (keys, _) = ask(Wish { kind: Some("key".to_owned()), ..wish() });
    assert_eq!(keys, ["key deploy-2021"]);
}

#[test]
fn an_owner_is_not_guessed_where_somebody_else_may_administer() {
    let mut world = with(Product::Cloud, &["user/1 admin repository/9", "hook/1 in repository/9"]);
    let owner = |world: &World| {
        let graph = build(world);
        let hook = graph.find(&id("hook/1")).unwrap();
        graph.ownership(hook, &graph.changers(hook)).sure.as_str()
    };
    assert_eq!(owner(&world), "inferred");
    join(&mut world, "user/9 owner workspace/1");
    assert_eq!(owner(&world), "inferred", "who administers everything says nothing of this");
    unknown(&mut world, "project/7", "grants");
    assert_eq!(owner(&world), "unknown");
    world.unknown.clear();
    join(&mut world, "user/2 admin repository/9");
    assert_eq!(owner(&world), "unknown");
    set(&mut world, "user/2", |node| node.flag("active", false));
    assert_eq!(owner(&world), "inferred", "one who is switched off administers nothing");
}

#[test]
fn a_place_whose_lists_were_not_read_is_not_told_as_one_without_a_grant() {
    for (field, place) in [
        ("grants", "project/7"),
        ("keys", "project/7"),
        ("grants", "repository/9"),
        ("keys", "repository/9"),
    ] {
        let mut world = with(Product::Cloud, &[]);
        let subject = if place == "project/7" { Subject::Projects } else { Subject::Repositories };
        let told = |world: &World| {
            let table = build(world).table(subject, &Links::default());
            assert_eq!(table.rows.len(), 1);
            (table.rows[0].cells[3].clone(), table.notes)
        };
        let none = portcullis::graph::Cell::Text("no grant of its own".to_owned());
        assert_eq!(told(&world), (none, vec![]));
        unknown(&mut world, place, field);
        let (cell, notes) = told(&world);
        let why = format!("{field} was not read");
        assert_eq!(cell, portcullis::graph::Cell::Unknown { unknown: why.clone() }, "{place}");
        assert!(notes.len() == 1 && notes[0].contains(&why), "{notes:?}");
    }
}
