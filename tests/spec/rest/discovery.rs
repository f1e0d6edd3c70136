//! A discovered workspace is the workspace: every level as Bitbucket's own rules have it, every list whole or a gap.

use std::collections::BTreeSet;
use std::sync::Mutex;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Progress;
use portcullis::bitbucket::Switches;
use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::attribute::Value;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::ProjectLevel;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::company::Company;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::oracle::cloud_table;

use crate::spec::rest::cloud_at;
use crate::spec::rest::secret;

const ESTATES: u64 = 30;

const SCOPES: &[&str] = &[
    "account",
    "project",
    "project:admin",
    "repository",
    "repository:admin",
    "pullrequest",
    "pipeline",
    "runner",
    "webhook",
];

fn now() -> Time {
    "2026-11-21T18:05:00Z".parse().unwrap()
}

/// Serves this company; the client is its workspace's first owner with these scopes.
async fn serve(mut company: Company, scopes: &[&str]) -> (Simulator, Client) {
    let owner = company.workspaces[0].people[0].uuid;
    let token = company.issue(CloudCredential::new(owner, CredentialKind::AccessToken, scopes));
    let simulator = Simulator::start(company).await.unwrap();
    let client = cloud_at(&simulator.cloud_api(), Credential::Bearer(secret(&token)));
    (simulator, client)
}

async fn discover(client: &Client) -> World {
    let world = client.discover(now(), |_| {}).await.unwrap();
    let bytes = world.write();
    assert_eq!(World::read(&bytes).unwrap().write(), bytes, "a world that can be kept");
    world
}

fn level(level: cloud::Level) -> Level {
    match level {
        cloud::Level::None => Level::None,
        cloud::Level::Read => Level::Read,
        cloud::Level::Write => Level::Write,
        cloud::Level::Admin => Level::Admin,
    }
}

/// Bots are apps, people are users.
fn identity(world: &World, uuid: &str) -> Option<Id> {
    [Kind::User, Kind::App]
        .into_iter()
        .map(|kind| Id::new(&world.connection.id, kind, uuid).unwrap())
        .find(|id| world.nodes.iter().any(|node| node.id == *id))
}

fn gaps(world: &World) -> BTreeSet<(Kind, &str)> {
    world.unknown.iter().map(|gap| (gap.about.kind(), gap.field.as_str())).collect()
}

#[tokio::test]
async fn every_level_of_thirty_estates_is_what_bitbucket_would_enforce() {
    let mut seen = BTreeSet::new();
    for seed in 0..ESTATES {
        let company = Company::random_cloud(seed);
        let rows = cloud_table(&company.workspaces[0]);
        let (_simulator, client) = serve(company, SCOPES).await;
        let world = discover(&client).await;
        let graph = Snapshot::build(1, std::slice::from_ref(&world)).unwrap();
        for (place, who, _, wanted) in rows {
            // A bot that is nowhere granted anything is nowhere named.
            let Some(who) = identity(&world, &who.to_string()) else {
                assert!(matches!(wanted, cloud::Level::None | cloud::Level::Read));
                continue;
            };
            let place =
                Id::new(&world.connection.id, Kind::Repository, &place.to_string()).unwrap();
            let found = graph.effective(graph.find(&who).unwrap(), graph.find(&place).unwrap());
            assert_eq!(
                (found.level, found.unknown),
                (level(wanted), None),
                "{seed}: {who} on {place}"
            );
            seen.insert(found.level);
        }
    }
    assert_eq!(seen.len(), 4, "the estates show every level");
}

fn estate() -> Company {
    let mut company = Company::new();
    let acme = company.workspace("acme", "Acme");
    let ada = acme.member("ada", "Ada", Role::Owner);
    let bob = acme.member("bob", "Bob", Role::Member);
    acme.group("devs", "Developers", &[bob]);
    acme.project("PAY", "Payments", true);
    acme.grant_project("PAY", Holder::Group("devs".to_owned()), ProjectLevel::CreateRepo);
    acme.add_repository("billing", "PAY");
    acme.restrict("billing", "push", Matcher::Glob("main".to_owned()), &[ada]);
    acme.restrict("billing", "force", Matcher::Model("production".to_owned()), &[]);
    let production = acme.environment("billing", "Production", "Production");
    acme.deploy_key("billing", "reader", ada);
    let url = "https://user:canary-4f1d@hooks.example.org/canary-4f1d?token=canary-4f1d";
    acme.hook(Some("billing"), url, None, &["repo:push"]);
    let (masked, plain) = (acme.variable("AWS_KEY", true), acme.variable("REGION", false));
    let runner = acme.runner("build-1", &["self.hosted", "linux"]);
    let shared = acme.variable("SHARED", true);
    acme.variables.push(shared);
    let repository = acme.repository_mut("billing").unwrap();
    repository.variables.push(plain);
    repository.runners.push(runner);
    let environment = repository.environments.iter_mut().find(|one| one.uuid == production);
    environment.unwrap().variables.push(masked);
    company
}

fn named<'w>(world: &'w World, kind: Kind, name: &str) -> &'w portcullis::graph::world::Node {
    let mut nodes = world.nodes.iter();
    let found = nodes.find(|node| node.id.kind() == kind && node.name.as_deref() == Some(name));
    found.unwrap_or_else(|| panic!("no {} `{name}`", kind.as_str()))
}

fn joined(world: &World, from: &Id, is: Relation, to: &Id) -> bool {
    world.edges.iter().any(|edge| edge.from == *from && edge.is == is && edge.to == *to)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[tokio::test]
async fn a_workspace_is_written_down_with_what_protects_it_and_no_value_of_it() {
    let company = estate();
    let values: Vec<String> = company.workspaces[0].repositories[0]
        .variables
        .iter()
        .map(|one| one.value.clone())
        .collect();
    let (_simulator, client) = serve(company, SCOPES).await;
    let world = discover(&client).await;
    let written = String::from_utf8(world.write()).unwrap();
    for hidden in values.iter().map(String::as_str).chain(["canary-4f1d"]) {
        assert!(!written.contains(hidden), "{hidden}");
    }
    let repository = named(&world, Kind::Repository, "acme/billing");
    assert_eq!(repository.attributes["visibility"], text("private"));
    assert_eq!(repository.attributes["default_branch"], text("main"));
    assert_eq!(repository.attributes["forks"], text("private_only"));
    assert_eq!(repository.attributes["model_feature"], text("feature/"));
    assert_eq!(repository.attributes["model_production"], Value::Nothing);
    let (repository, ada) = (&repository.id, &named(&world, Kind::User, "Ada").id);
    let push = named(&world, Kind::Restriction, "push");
    assert_eq!(push.attributes["pattern"], text("main"));
    assert!(joined(&world, &push.id, Relation::Restricts, repository));
    assert!(joined(&world, ada, Relation::Exempt, &push.id));
    let force = named(&world, Kind::Restriction, "force");
    assert_eq!(force.attributes["branch_type"], text("production"));
    assert_eq!(force.attributes["pattern"], Value::Nothing);
    let production = named(&world, Kind::Environment, "Production");
    assert_eq!(production.attributes["tier"], text("production"));
    assert!(joined(&world, repository, Relation::DeploysTo, &production.id));
    let masked = named(&world, Kind::Variable, "AWS_KEY");
    assert_eq!(masked.attributes["secured"], Value::Flag(true));
    assert!(joined(&world, &masked.id, Relation::In, &production.id));
    assert!(joined(&world, &named(&world, Kind::Variable, "REGION").id, Relation::In, repository));
    let runner = &named(&world, Kind::Runner, "build-1").id;
    assert!(joined(&world, repository, Relation::RunsOn, runner));
    let key = &named(&world, Kind::Key, "reader").id;
    assert!(joined(&world, key, Relation::Read, repository));
    assert!(joined(&world, ada, Relation::Holds, key));
    let hook = named(&world, Kind::Hook, "hooks.example.org");
    assert_eq!(hook.attributes["secret_set"], Value::Flag(false));
    let project = &named(&world, Kind::Project, "Payments").id;
    let devs = &named(&world, Kind::Group, "Developers").id;
    assert!(joined(&world, devs, Relation::Create, project));
    assert!(joined(&world, &named(&world, Kind::User, "Bob").id, Relation::Member, devs));
}

#[tokio::test]
async fn what_cloud_never_tells_is_unknown_and_nothing_else_is() {
    let (_simulator, client) = serve(estate(), SCOPES).await;
    let world = discover(&client).await;
    let never = BTreeSet::from([(Kind::Workspace, "premium"), (Kind::Project, "restrictions")]);
    let found = gaps(&world);
    assert!(never.is_subset(&found), "{found:?}");
    for list in
        ["grants", "members", "groups", "restrictions", "environments", "variables", "hooks"]
    {
        assert!(!found.contains(&(Kind::Repository, list)), "{list}");
        assert!(!found.contains(&(Kind::Workspace, list)), "{list}");
    }
}

#[tokio::test]
async fn a_missing_scope_is_a_gap_that_names_it() {
    for (scope, kind, field) in [
        ("repository:admin", Kind::Repository, "grants"),
        ("repository:admin", Kind::Repository, "restrictions"),
        ("pipeline", Kind::Repository, "environments"),
        ("pipeline", Kind::Workspace, "variables"),
        ("runner", Kind::Repository, "runners"),
        ("webhook", Kind::Repository, "hooks"),
        ("project:admin", Kind::Project, "grants"),
        ("account", Kind::Workspace, "members"),
    ] {
        let scopes: Vec<&str> = SCOPES
            .iter()
            .copied()
            .filter(|have| *have != scope && !(scope == "project:admin" && *have == "project"))
            .collect();
        let scopes: Vec<&str> =
            if scope == "project:admin" { [&scopes[..], &["project"]].concat() } else { scopes };
        let (_simulator, client) = serve(estate(), &scopes).await;
        let world = discover(&client).await;
        let gap = world.unknown.iter().find(|gap| gap.about.kind() == kind && gap.field == field);
        let why = &gap.unwrap_or_else(|| panic!("{scope}: no gap in {field}")).why;
        assert!(why.contains(&format!("`{scope}`")), "{scope}: {why}");
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_is_a_gap_and_not_a_short_list() {
    let mut company = estate();
    let acme = &mut company.workspaces[0];
    for number in 0..130 {
        let one = acme.member(&format!("p{number}"), &format!("Person {number}"), Role::Member);
        acme.grant("billing", Holder::User(one), cloud::Level::Write);
    }
    let repository = acme.repositories[0].uuid;
    let (simulator, client) = serve(company, SCOPES).await;
    let whole = discover(&client).await;
    let grants = |world: &World| {
        let to = named(world, Kind::Repository, "acme/billing").id.clone();
        let mut edges = world.edges.iter();
        edges.by_ref().filter(|edge| edge.is == Relation::Write && edge.to == to).count()
    };
    assert_eq!(grants(&whole), 130, "two pages are one list");
    let path = format!("/2.0/repositories/acme/%7B{repository}%7D/permissions-config/users");
    for fault in [Fault::Status(500), Fault::Html, Fault::Status(410), Fault::Status(404)] {
        simulator.lay_fault(&path, fault.clone(), None);
        let world = discover(&client).await;
        simulator.clear_faults();
        assert_eq!(grants(&world), 0, "{fault:?}");
        assert!(gaps(&world).contains(&(Kind::Repository, "grants")), "{fault:?}");
    }
}

#[tokio::test]
async fn groups_that_the_old_api_no_longer_tells_are_unknown() {
    let (simulator, client) = serve(estate(), SCOPES).await;
    for status in [404, 410] {
        simulator.lay_fault("/1.0/groups", Fault::Status(status), None);
        let world = discover(&client).await;
        simulator.clear_faults();
        let found = gaps(&world);
        assert!(found.contains(&(Kind::Workspace, "groups")), "{status}");
        assert!(found.contains(&(Kind::Group, "members")), "a group that a grant names");
        let graph = Snapshot::build(1, std::slice::from_ref(&world)).unwrap();
        let bob = graph.find(&named(&world, Kind::User, "Bob").id).unwrap();
        let billing = graph.find(&named(&world, Kind::Repository, "acme/billing").id).unwrap();
        assert!(graph.effective(bob, billing).unknown.is_some(), "no level is made up");
    }
}

#[tokio::test]
async fn a_server_that_goes_away_costs_nothing_that_was_known() {
    let (simulator, client) = serve(estate(), SCOPES).await;
    simulator.lay_fault("/2.0/repositories/acme/", Fault::Drop, None);
    assert!(client.discover(now(), |_| {}).await.is_err(), "no world full of gaps");
    simulator.clear_faults();
    simulator.lay_fault("/2.0/repositories/acme", Fault::Status(403), None);
    assert!(client.discover(now(), |_| {}).await.is_err(), "no world without repositories");
}

const DEFINITION: &str = "
image: registry.acme.example/build:1
pipelines:
  default:
    - step:
        image: {name: node:22, username: acme, password: canary-4f1d}
        deployment: Production
        script: ['echo $AWS_KEY | base64', 'curl https://canary-4f1d.example']
";

#[tokio::test]
async fn a_definition_is_read_only_where_that_is_switched_on_and_no_line_of_it_is_kept() {
    let company = || {
        let mut company = estate();
        let acme = &mut company.workspaces[0];
        acme.repositories[0].definition = Some(DEFINITION.to_owned());
        acme.add_repository("plain", "PAY");
        acme.add_repository("off", "PAY").pipelines_enabled = false;
        company
    };
    let asked = |simulator: &Simulator| {
        simulator.calls().iter().filter(|call| call.path.contains("/src/")).count()
    };
    let (simulator, client) = serve(company(), SCOPES).await;
    let world = discover(&client).await;
    assert_eq!(asked(&simulator), 0, "off until it is switched on");
    let repository = |name: &str| named(&world, Kind::Repository, name).attributes.clone();
    assert_eq!(repository("acme/billing").get("images"), None);
    assert_eq!(repository("acme/billing")["pipelines"], Value::Flag(true));
    assert_eq!(repository("acme/off")["pipelines"], Value::Flag(false));
    assert_eq!(
        named(&world, Kind::Workspace, "Acme").attributes["definitions"],
        Value::Flag(false)
    );

    let (simulator, client) = serve(company(), SCOPES).await;
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let (classes, hosts) = (words(&["pipeline-definition"]), words(&["*.acme.example"]));
    client.switch(Switches::read(&classes, &hosts).unwrap());
    let world = discover(&client).await;
    assert_eq!(asked(&simulator), 2, "not where pipelines are off");
    let repository = named(&world, Kind::Repository, "acme/billing");
    let list = |words: &[&str]| Value::List(words.iter().map(|&word| word.to_owned()).collect());
    let images = ["docker.io moving inline outside", "registry.acme.example moving own"];
    assert_eq!(repository.attributes["images"], list(&images));
    assert_eq!(repository.attributes["echoes"], list(&["AWS_KEY"]));
    assert_eq!(repository.attributes["deployments"], list(&["Production"]));
    let plain = named(&world, Kind::Repository, "acme/plain");
    assert_eq!(plain.attributes["images"], Value::Nothing);
    let hook = named(&world, Kind::Hook, "hooks.example.org");
    assert_eq!(hook.attributes["external"], Value::Flag(true));
    let written = String::from_utf8(world.write()).unwrap();
    assert!(!written.contains("canary-4f1d") && !written.contains("base64"), "{written}");
}

#[tokio::test]
async fn progress_is_told_and_the_reading_can_be_owned_by_a_task() {
    let (simulator, client) = serve(estate(), SCOPES).await;
    let told = std::sync::Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    let log = std::sync::Arc::clone(&told);
    tasks.spawn(async move {
        client.discover(now(), move |progress| log.lock().unwrap().push(progress)).await
    });
    tasks.join_next().await.unwrap().unwrap().unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.first().unwrap().stage, "workspace");
    assert_eq!(*told.last().unwrap(), Progress { stage: "repositories", done: 1, total: 1 });
    assert!(simulator.calls().iter().all(|call| call.method == "GET"), "discovery only reads");
}
