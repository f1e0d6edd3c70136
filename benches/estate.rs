//! An estate of 5,000 people, 2,000 groups, 10,000 repositories and 300,000 grants, end to end: read by REST from the
//! simulated Bitbucket without a budget, built, asked, changed in one repository, and looked at a year back.
//!
//! The simulator answers in this very process, so what a discovery takes is both sides' work.

use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::graph::Id;
use portcullis::graph::Kind;
use portcullis::graph::Level;
use portcullis::graph::NodeNo;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::world::Edge;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Grant;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::Role as Part;
use portcullis::simulator::company::Company;
use portcullis::store;
use portcullis::store::Reading;
use portcullis::store::Role;
use portcullis::store::Store;
use portcullis::store::When;

use crate::kit;
use crate::kit::Row;

const PEOPLE: usize = 5_000;
const GROUPS: usize = 2_000;
const REPOSITORIES: usize = 10_000;
const PROJECTS: usize = 200;

/// Grants of a repository, a third of them to groups.
const GRANTS: usize = 30;

/// People in a group.
const MEMBERS: usize = 20;

/// Readings of a year, each with as many changed grants.
const READINGS: usize = 52;
const CHANGES: usize = 100;

/// Questions of a kind.
const QUESTIONS: usize = 20_000;

const NUMBER: &str = "estate";

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

/// The same numbers in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count
    }
}

pub fn rows() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(all())
}

async fn all() -> Vec<Row> {
    let (world, mut rows) = discovered().await;
    let before = kit::memory(&[std::process::id()]).0;
    let (graph, took) = kit::timed(|| Snapshot::build(1, std::slice::from_ref(&world)).unwrap());
    let after = kit::memory(&[std::process::id()]).0;
    rows.push(Row::remark(
        NUMBER,
        "a graph built from what was read",
        format!("{} nodes, {} edges", world.nodes.len(), world.edges.len()),
        format!("{:.2} s, {} MB", took / 1e6, after.saturating_sub(before) / 1024),
    ));
    rows.extend(asked(&graph));
    rows.push(changed(&graph, &world));
    rows.extend(history(world).await);
    rows
}

/// Reads the estate by REST.
async fn discovered() -> (World, Vec<Row>) {
    let mut company = company();
    let owner = company.workspaces[0].people[0].uuid;
    let token = company.issue(CloudCredential::new(owner, CredentialKind::AccessToken, SCOPES));
    let simulator = Simulator::start(company).await.unwrap();
    let test = TestServer { api_url: simulator.cloud_api(), token_url: None };
    let settings = Settings {
        connection: "acme-cloud".parse().unwrap(),
        server: Server::Cloud { workspace: "acme".to_owned(), test: Some(test) },
        credential: Credential::Bearer(Secret::new(token)),
    };
    let client = Client::new(settings).unwrap();
    // A budget that is whole again at once is none.
    client.hour_lasts(Duration::from_millis(1));
    let begun = Instant::now();
    let world = client.discover(start(), |_| {}).await.unwrap();
    let took = begun.elapsed();
    let calls = simulator.calls().len();
    let grants = world.edges.iter().filter(|edge| edge.to.kind() == Kind::Repository);
    let row = Row::remark(
        NUMBER,
        format!(
            "read whole by REST without a budget: {PEOPLE} people, {GROUPS} groups, {REPOSITORIES} repositories"
        ),
        format!(
            "{calls} calls, {} edges to repositories, {} gaps",
            grants.count(),
            world.unknown.len()
        ),
        format!("{:.0} s, {:.0} calls/s", took.as_secs_f64(), calls as f64 / took.as_secs_f64()),
    );
    (world, vec![row])
}

fn company() -> Company {
    let mut company = Company::seeded(11);
    let mut dice = Dice(11);
    let acme = company.workspace("acme", "Acme");
    let people: Vec<_> = (0..PEOPLE)
        .map(|at| {
            let part = if at < 5 { Part::Owner } else { Part::Member };
            acme.member(&format!("person-{at}"), &format!("Person {at}"), part)
        })
        .collect();
    for at in 0..GROUPS {
        let members: Vec<_> = (0..MEMBERS).map(|_| people[dice.below(PEOPLE)]).collect();
        acme.group(&format!("group-{at}"), &format!("Group {at}"), &members);
    }
    for at in 0..PROJECTS {
        acme.project(&format!("P{at}"), &format!("Project {at}"), true);
    }
    let levels =
        [cloud::Level::Read, cloud::Level::Write, cloud::Level::Write, cloud::Level::Admin];
    for at in 0..REPOSITORIES {
        let repository = acme.add_repository(&format!("repo-{at}"), &format!("P{}", at % PROJECTS));
        let (group, person) = (dice.below(GROUPS), dice.below(PEOPLE));
        // Side by side, so that none is granted twice.
        repository.grants = (0..GRANTS)
            .map(|n| {
                let to = match n % 3 {
                    0 => Holder::Group(format!("group-{}", (group + n) % GROUPS)),
                    _ => Holder::User(people[(person + n) % PEOPLE]),
                };
                Grant { to, level: levels[dice.below(levels.len())] }
            })
            .collect();
        if at % 2 == 0 {
            let slug = format!("repo-{at}");
            acme.restrict(&slug, "push", Matcher::Glob("main".to_owned()), &[]);
        }
    }
    company
}

/// Single questions of the graph.
fn asked(graph: &Snapshot) -> Vec<Row> {
    let mut dice = Dice(3);
    let people: Vec<NodeNo> = graph.all(Kind::User).collect();
    let repositories: Vec<NodeNo> = graph.all(Kind::Repository).collect();
    let mut can: Vec<f64> = (0..QUESTIONS)
        .map(|_| {
            let (person, repository) =
                (people[dice.below(people.len())], repositories[dice.below(repositories.len())]);
            kit::timed(|| graph.can(person, Level::Write, repository)).1 * 1e3
        })
        .collect();
    let mut found = 0;
    let mut who: Vec<f64> = (0..QUESTIONS / 10)
        .map(|_| {
            let repository = repositories[dice.below(repositories.len())];
            let (holders, took) = kit::timed(|| graph.who_can(Level::Write, repository));
            found += holders.listed.nodes.len();
            took
        })
        .collect();
    vec![
        Row::remark(
            NUMBER,
            "`can` somebody write to a repository, any pair, the clock's reading included",
            format!("p99 {:.0} ns", kit::percentile(&mut can, 99.0)),
            format!("p50 {:.0} ns", kit::percentile(&mut can, 50.0)),
        ),
        Row::remark(
            NUMBER,
            format!(
                "`who-can` write to a repository ({} people on average)",
                found / (QUESTIONS / 10)
            ),
            format!("p99 {:.0} µs", kit::percentile(&mut who, 99.0)),
            format!("p50 {:.0} µs", kit::percentile(&mut who, 50.0)),
        ),
    ]
}

/// One repository's grants are read again and one of them is another: what differs, and the graph after it.
fn changed(graph: &Snapshot, world: &World) -> Row {
    let mut next = world.clone();
    shift(&mut next, 5, 1);
    let (changes, compared) = kit::timed(|| portcullis::graph::difference(world, &next));
    let (_, applied) = kit::timed(|| graph.change(&changes).unwrap());
    Row::remark(
        NUMBER,
        "one grant of one repository is another: what differs between two worlds, and the graph after it",
        format!("compared in {:.0} ms, {} changes", compared / 1e3, changes.len()),
        format!("applied in {:.1} ms", applied / 1e3),
    )
}

/// A year of weekly readings, and the graph as it was at their beginning.
async fn history(mut world: World) -> Vec<Row> {
    let folder = kit::folder("estate");
    let settings = store::Settings {
        path: folder.path().join("portcullis.db"),
        seal: Arc::new(Seal::new(&Secret::new([7; 32]), None)),
        origin: "gate.example.com/estate".to_owned(),
        role: Role::Serve,
    };
    let store = Store::open(settings).await.unwrap();
    let mut learned = Vec::new();
    for week in 0..=READINGS {
        world.as_of = start().plus(Duration::from_hours(24 * 7) * u32::try_from(week).unwrap());
        if week > 0 {
            shift(&mut world, week, CHANGES);
        }
        let reading = Reading { world: &world, revision: week as u64 + 1, at: world.as_of };
        let begun = Instant::now();
        store.learn(reading, |_| Vec::new()).await.unwrap();
        learned.push(begun.elapsed().as_secs_f64());
    }
    let first = learned.remove(0);
    let then = When::True(start().plus(Duration::from_hours(24)));
    let begun = Instant::now();
    let past = store.past(&world.connection.id, then).await.unwrap().unwrap();
    let recalled = begun.elapsed().as_secs_f64();
    let (graph, built) = kit::timed(|| Snapshot::build(1, &[past.world]).unwrap());
    let size = std::fs::metadata(folder.path().join("portcullis.db")).unwrap().len();
    vec![
        Row::remark(
            NUMBER,
            format!(
                "a reading kept with its history: the first, and {READINGS} weekly ones with {CHANGES} changed grants each"
            ),
            format!("first {first:.1} s, store {} MB", size >> 20),
            format!("median {:.2} s", kit::median(&learned)),
        ),
        Row::remark(
            NUMBER,
            "`--at` a year back: the world as it stood, and its graph",
            format!("{} nodes recalled in {recalled:.2} s", graph.count()),
            format!("{:.2} s", recalled + built / 1e6),
        ),
    ]
}

/// Moves this many grants of people to others.
fn shift(world: &mut World, seed: usize, count: usize) {
    let mut dice = Dice(seed as u64);
    let people: Vec<Id> = world
        .nodes
        .iter()
        .filter(|node| node.id.kind() == Kind::User)
        .map(|node| node.id.clone())
        .collect();
    let mut moved = 0;
    while moved < count {
        let at = dice.below(world.edges.len());
        let edge = &world.edges[at];
        if edge.is != Relation::Write
            || edge.to.kind() != Kind::Repository
            || edge.from.kind() != Kind::User
        {
            continue;
        }
        let next = Edge { from: people[dice.below(people.len())].clone(), ..edge.clone() };
        let same = |known: &Edge| known.from == next.from && known.to == next.to;
        if !world.edges.iter().any(same) {
            world.edges[at] = next;
            moved += 1;
        }
    }
}

fn start() -> Time {
    "2025-11-30T00:00:00Z".parse().unwrap()
}
