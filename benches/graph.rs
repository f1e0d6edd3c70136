//! Rows 8 to 11: questions to a graph of ten million edges. The estate is that of the performance goals: 200,000
//! people, 10,000 groups, 100,000 repositories in 5,000 projects, a million memberships and nine million grants, skewed
//! as real ones are: a few groups are everywhere, most repositories have few.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use portcullis::graph::Builder;
use portcullis::graph::Change;
use portcullis::graph::ConnectionId;
use portcullis::graph::Id;
use portcullis::graph::Level;
use portcullis::graph::NodeNo;
use portcullis::graph::Place;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::world::Connection;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;

use crate::cold;
use crate::kit;
use crate::kit::Row;

const PEOPLE: usize = 200_000;
const GROUPS: usize = 10_000;
const PROJECTS: usize = 5_000;
const REPOSITORIES: usize = 100_000;
const MEMBERSHIPS: usize = 1_000_000;
const GROUP_GRANTS: usize = 8_000_000;
const OWN_GRANTS: usize = 1_000_000;
const PROJECT_GRANTS: usize = 50_000;

/// Questions of one round, and rounds; of each the median.
const QUESTIONS: usize = 200_000;
const ROUNDS: usize = 5;

/// People and repositories that are asked about again and again: what is warm.
const WARM: usize = 64;

/// Questions that list.
const LISTS: usize = 2_000;

/// Grants that come and go, one at a time.
const CHANGES: usize = 5_000;

/// The same numbers each time.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn even(&mut self, below: usize) -> usize {
        (self.next() % below as u64) as usize
    }

    /// Small numbers more often than large ones: a tenth of all groups has a third of what there is.
    fn skewed(&mut self, below: usize) -> usize {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((unit * unit) * below as f64) as usize
    }
}

/// Whom and what is asked about.
struct Estate {
    people: Vec<NodeNo>,
    repositories: Vec<NodeNo>,
}

pub fn rows() -> Vec<Row> {
    let held = resident("graph-memory").saturating_sub(resident("graph-memory-bare"));
    let (builder, edges) = built(Edges::Drawn);
    let (graph, took) = kit::spent(|| builder.build(1).unwrap());
    let estate = Estate::of(&graph);
    let mut rows = vec![
        Row::at_least(
            "9",
            format!(
                "build of a graph from {edges} numbered edges, both ways, with what follows: CPU"
            ),
            format!("{:.2} s", took / 1e6),
            (edges as f64 / took, " M edges/s"),
            (15.0, "≥ 15 M edges/s"),
            (24.0, "≥ 24 M edges/s"),
        ),
        Row::at_most(
            "9",
            "memory for an edge, both ways: a process with the edges beside one with the nodes alone",
            format!("{} MB", held / 1024),
            (held as f64 * 1024.0 / edges as f64, " B/edge"),
            (9.0, "≤ 9 B"),
            (6.5, "≤ 6.5 B"),
        ),
    ];
    rows.extend(levels(&graph, &estate));
    rows.push(holders(&graph, &estate));
    rows.push(reached(&graph, &estate));
    let world = graph.world(&"town".parse().unwrap()).unwrap();
    rows.push(changes(graph, &estate));
    rows.extend(cold::with_graph(&world));
    rows
}

/// By how much a process grows for one graph, or for its nodes alone (KiB). Freed memory is given back at once there, so
/// that what building needs for a while does not count.
fn resident(word: &str) -> u64 {
    let program = std::env::current_exe().unwrap();
    let said = Command::new(program).arg(word).env("MIMALLOC_PURGE_DELAY", "0").output().unwrap();
    String::from_utf8_lossy(&said.stdout).trim().parse().unwrap()
}

/// That process.
pub fn memory(edges: Edges) {
    let one = || black_box(built(edges).0.build(1).unwrap());
    let resident = || kit::memory(&[std::process::id()]).0;
    let first = one();
    let before = resident();
    let more = [one(), one()];
    println!("{}", resident().saturating_sub(before) / 2);
    drop((first, more));
}

/// Row 8: the level of an identity on a repository; few pairs again and again, and any pair.
fn levels(graph: &Snapshot, estate: &Estate) -> Vec<Row> {
    let mut dice = Dice(7);
    let mut pair = |people: usize, repositories: usize| {
        (estate.people[dice.even(people)], estate.repositories[dice.even(repositories)])
    };
    let hot: Vec<_> = (0..QUESTIONS).map(|_| pair(WARM, WARM)).collect();
    let cold: Vec<_> = (0..QUESTIONS).map(|_| pair(PEOPLE, REPOSITORIES)).collect();
    let round = |pairs: &[(NodeNo, NodeNo)]| {
        let ((), took) = kit::spent(|| {
            for &(person, repository) in pairs {
                black_box(graph.effective(black_box(person), repository));
            }
        });
        took * 1e3 / pairs.len() as f64
    };
    round(&hot);
    let hot: Vec<f64> = (0..ROUNDS).map(|_| round(&hot)).collect();
    let alone: Vec<f64> = (0..ROUNDS).flat_map(|_| apart(graph, &cold)).collect();
    let mut alone = alone;
    let (p50, p99) = (kit::percentile(&mut alone, 50.0), kit::percentile(&mut alone, 99.0));
    vec![
        Row::at_most(
            "8",
            "effective level of an identity on a repository, pairs that were asked before: CPU",
            format!("{:.0} ns (least {:.0})", kit::median(&hot), kit::least(&hot)),
            (kit::median(&hot), " ns"),
            (250.0, "≤ 250 ns"),
            (150.0, "≤ 150 ns"),
        ),
        Row::at_most(
            "8",
            "the same, any pair out of 20 thousand million: p50",
            format!("p50 {p50:.0} ns, p99 {p99:.0} ns, the clock's own reading taken off"),
            (p50, " ns"),
            (500.0, "≤ 500 ns"),
            (350.0, "≤ 350 ns"),
        ),
    ]
}

/// Nanoseconds of each question by itself, without what looking at the clock costs.
fn apart(graph: &Snapshot, pairs: &[(NodeNo, NodeNo)]) -> Vec<f64> {
    let mut looks: Vec<f64> = (0..10_000).map(|_| nanos(Instant::now())).collect();
    let look = kit::percentile(&mut looks, 50.0);
    let ask = |&(person, repository): &(NodeNo, NodeNo)| {
        let begun = Instant::now();
        black_box(graph.effective(black_box(person), repository));
        (nanos(begun) - look).max(0.0)
    };
    pairs.iter().map(ask).collect()
}

fn nanos(begun: Instant) -> f64 {
    begun.elapsed().as_nanos() as f64
}

/// Row 10: everyone who can write to a repository.
fn holders(graph: &Snapshot, estate: &Estate) -> Row {
    let mut dice = Dice(11);
    let mut found = 0;
    let mut took: Vec<f64> = (0..LISTS)
        .map(|_| {
            let repository = estate.repositories[dice.even(REPOSITORIES)];
            let (holders, micros) = kit::timed(|| graph.who_can(Level::Write, repository));
            found += holders.listed.nodes.len();
            micros
        })
        .collect();
    let (p50, p99) = (kit::percentile(&mut took, 50.0), kit::percentile(&mut took, 99.0));
    Row::at_most(
        "10",
        format!(
            "who can write to a repository ({} people on average), listed by id",
            found / LISTS
        ),
        format!("p50 {p50:.0} µs, p99 {p99:.0} µs"),
        (p50, " µs"),
        (30.0, "≤ 30 µs"),
        (25.0, "≤ 25 µs"),
    )
}

/// Row 10, the other way round: every repository that somebody reaches, with the level.
fn reached(graph: &Snapshot, estate: &Estate) -> Row {
    let mut dice = Dice(17);
    let mut found = 0;
    let mut took: Vec<f64> = (0..LISTS)
        .map(|_| {
            let person = estate.people[dice.even(PEOPLE)];
            let (reached, micros) = kit::timed(|| graph.reached(person));
            found += reached.repositories.len();
            micros
        })
        .collect();
    let (p50, p99) = (kit::percentile(&mut took, 50.0), kit::percentile(&mut took, 99.0));
    Row::at_most(
        "10",
        format!("what somebody reaches ({} repositories on average), with levels", found / LISTS),
        format!("p50 {p50:.0} µs, p99 {p99:.0} µs"),
        (p50, " µs"),
        (65.0, "≤ 65 µs"),
        (50.0, "≤ 50 µs"),
    )
}

/// Row 11: one grant comes or goes while somebody still reads the graph before it.
fn changes(graph: Snapshot, estate: &Estate) -> Row {
    let mut dice = Dice(13);
    let mut now = graph;
    let mut took: Vec<f64> = Vec::with_capacity(CHANGES);
    for round in 0..CHANGES {
        let from = id("group", dice.even(GROUPS - 1));
        let to = id("repository", dice.even(REPOSITORIES));
        let change = if round % 2 == 0 {
            Change::Edge(Edge { from, is: Relation::Write, to, source: None })
        } else {
            Change::NoEdge(from, Relation::Write, to)
        };
        let held = now.clone();
        let (next, micros) = kit::timed(|| now.change(std::slice::from_ref(&change)).unwrap());
        took.push(micros);
        drop(held);
        now = next;
    }
    black_box(now.effective(estate.people[0], estate.repositories[0]));
    let (p50, p99) = (kit::percentile(&mut took, 50.0), kit::percentile(&mut took, 99.0));
    Row::at_most(
        "11",
        "one grant comes or goes while readers hold the graph before it",
        format!("p50 {p50:.1} µs, p99 {p99:.1} µs (must of p99: 20)"),
        (p50, " µs"),
        (6.0, "≤ 6 µs"),
        (4.0, "≤ 4 µs"),
    )
}

fn id(kind: &str, number: usize) -> Id {
    format!("town/{kind}/{number}").parse().unwrap()
}

impl Estate {
    fn of(graph: &Snapshot) -> Self {
        let many = |kind, count| (0..count).map(|n| graph.find(&id(kind, n)).unwrap()).collect();
        Self { people: many("user", PEOPLE), repositories: many("repository", REPOSITORIES) }
    }
}

/// Whether the estate has its edges.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    Drawn,
    None,
}

/// What the graph is built from, and how many edges it has.
fn built(edges: Edges) -> (Builder, usize) {
    let mut builder = Builder::default();
    let town: ConnectionId = "town".parse().unwrap();
    let connection = Connection { id: town, product: Product::DataCenter, name: None };
    builder.connection(connection, Time::from_millis(1)).unwrap();
    let mut many = |kind: &str, count: usize| -> Vec<Place> {
        let node = |number| {
            let node = Node::new(id(kind, number), &format!("{kind}-{number}"));
            if kind == "repository" || kind == "project" {
                return node.text("visibility", "private");
            }
            node
        };
        (0..count).map(|number| builder.node(node(number)).unwrap()).collect()
    };
    let workspace = many("workspace", 1)[0];
    let (people, groups) = (many("user", PEOPLE), many("group", GROUPS));
    let (projects, repositories) = (many("project", PROJECTS), many("repository", REPOSITORIES));
    if edges == Edges::None {
        return (builder, 0);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let level = |dice: &mut Dice| match dice.even(10) {
        0 => Relation::Admin,
        1..=4 => Relation::Write,
        _ => Relation::Read,
    };
    let (everyone, teams) = groups.split_last().unwrap();
    let mut count = 0;
    let mut join = |from, is, to| {
        builder.edge(from, is, to);
        count += 1;
    };
    join(*everyone, Relation::Licensed, workspace);
    for &person in &people {
        join(person, Relation::Member, *everyone);
    }
    for _ in PEOPLE..MEMBERSHIPS {
        join(people[dice.even(PEOPLE)], Relation::Member, teams[dice.skewed(teams.len())]);
    }
    for &repository in &repositories {
        join(repository, Relation::In, projects[dice.skewed(PROJECTS)]);
    }
    for _ in 0..GROUP_GRANTS {
        let (team, is) = (teams[dice.skewed(teams.len())], level(&mut dice));
        join(team, is, repositories[dice.even(REPOSITORIES)]);
    }
    for _ in 0..OWN_GRANTS {
        let (person, is) = (people[dice.even(PEOPLE)], level(&mut dice));
        join(person, is, repositories[dice.even(REPOSITORIES)]);
    }
    for _ in 0..PROJECT_GRANTS {
        let (team, is) = (teams[dice.skewed(teams.len())], level(&mut dice));
        join(team, is, projects[dice.even(PROJECTS)]);
    }
    (builder, count)
}
