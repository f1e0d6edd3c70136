//! The other parts of the console, every foreign text of theirs filled by the test.

use portcullis::approval::State;
use portcullis::decision::Effect;
use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::decision::Pause;
use portcullis::decision::narrative::tell;
use portcullis::decision::pause::By;
use portcullis::decision::pause::Span;
use portcullis::gateway::access as questions;
use portcullis::gateway::friction::Friction;
use portcullis::gateway::friction::Frictions;
use portcullis::gateway::glance::Counts;
use portcullis::gateway::glance::Day;
use portcullis::gateway::glance::EntrySeen;
use portcullis::gateway::glance::HookSeen;
use portcullis::gateway::glance::LedgerSeen;
use portcullis::gateway::glance::Levels;
use portcullis::gateway::readiness::Readiness;
use portcullis::gateway::telling::DeadLetter;
use portcullis::graph::Id;
use portcullis::graph::Links;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::Subject;
use portcullis::graph::World;
use portcullis::graph::world::Connection;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::graph::world::Unknown;
use portcullis::http::console::access;
use portcullis::http::console::access::ask::Question;
use portcullis::http::console::access::ask::Told;
use portcullis::http::console::hooks;
use portcullis::http::console::letters;
use portcullis::http::console::overview;
use portcullis::http::console::overview::Overview;
use portcullis::http::console::record;
use portcullis::http::console::rule;
use portcullis::http::console::rules;
use portcullis::http::console::ticket;
use portcullis::http::console::tickets;
use portcullis::ledger::Entry;
use portcullis::ledger::Kept;
use portcullis::ledger::Kind;
use portcullis::ledger::Moment;
use portcullis::ledger::SealedPart;
use portcullis::policy::Verdict;
use uuid::Uuid;

use super::desk;
use super::sample;
use super::sample::Text;
use super::sample::now;

/// Each with its name.
pub(crate) fn pages(text: Text<'_>) -> impl Iterator<Item = (&'static str, String)> {
    [
        ("overview", overview_page(text)),
        ("tickets", tickets_page(text)),
        ("ticket", ticket_page(text)),
        ("dead letters", letters_page(text)),
        ("rules", rules_page(text)),
        ("rule", rule_page(text)),
        ("connections", connections_page(text)),
        ("ledger", ledger_page(text)),
        ("access asked of one", access_page(text, "user/1")),
        ("access asked of all", access_page(text, "")),
        ("access of a repository", thing_page(text, "c1/repository/9")),
        ("access of an identity", thing_page(text, "c1/user/1")),
        ("identities", identities_page(text)),
        ("report", report_page(text)),
    ]
    .into_iter()
}

fn thing_page(text: &dyn Fn(&str) -> String, of: &str) -> String {
    let sheet = access::told(&graph(text), of, &Links::default()).unwrap();
    access::page(&desk(), &sheet)
}

/// A small graph in which every name is filled.
fn graph(text: Text<'_>) -> Snapshot {
    let connection = Connection {
        id: "c1".parse().unwrap(),
        product: Product::Cloud,
        name: Some(text("connection")),
    };
    let mut world = World::new(connection, now());
    let id = |at: &str| format!("c1/{at}").parse::<Id>().unwrap();
    for at in
        ["workspace/1", "project/7", "repository/9", "group/a", "user/1", "key/1", "restriction/1"]
    {
        world.nodes.push(Node::new(id(at), &text(at)).text("slug", &text("slug")));
    }
    let rule = world.nodes.last_mut().unwrap();
    *rule = rule
        .clone()
        .text("kind", &text("kind"))
        .text("match", "any")
        .text("pattern", &text("pattern"));
    world.nodes[2] = world.nodes[2].clone().text("default_branch", &text("branch"));
    for edge in [
        "project/7 in workspace/1",
        "repository/9 in project/7",
        "user/1 member group/a",
        "group/a write project/7",
        "key/1 read repository/9",
        "restriction/1 restricts repository/9",
        "group/a exempt restriction/1",
    ] {
        let [from, is, to] = edge.split(' ').collect::<Vec<_>>()[..] else { panic!("{edge}") };
        world.edges.push(Edge::new(id(from), Relation::from_text(is).unwrap(), id(to)));
    }
    let why = text("gap-why");
    world.unknown.push(Unknown { about: id("repository/9"), field: "grants".to_owned(), why });
    Snapshot::build(1, &[world]).unwrap()
}

fn access_page(text: Text<'_>, who: &str) -> String {
    let graph = graph(text);
    let question = Question {
        action: "write".to_owned(),
        identity: text("asked-identity"),
        resource: text("asked-resource"),
        without: text("asked-edge"),
    };
    let resource = "c1/repository/9";
    let told = if who.is_empty() {
        Told::Who(Box::new(questions::who_can(&graph, "write", resource).unwrap()))
    } else {
        let who = format!("c1/{who}");
        let can = questions::can(&graph, &who, "admin", resource).unwrap();
        Told::One(Box::new(can), Box::new(questions::paths(&graph, &who, resource).unwrap()))
    };
    access::ask::page(&desk(), &graph, &question, &told)
}

fn identities_page(text: Text<'_>) -> String {
    let wish = questions::Wish { rotate_days: 90, ..questions::Wish::default() };
    let found = questions::identities(&graph(text), &wish, now());
    access::lists::identities(&desk(), &wish, &found)
}

fn report_page(text: Text<'_>) -> String {
    let report = questions::report(&graph(text), Subject::BranchRules, &Links::default());
    access::lists::report(&desk(), &report)
}

fn hook(text: Text<'_>) -> HookSeen {
    HookSeen {
        connection: "acme-cloud".parse().unwrap(),
        product: Product::Cloud,
        letters: text("letters"),
        last: Some(now()),
        silent_after: None,
        silent: true,
        deliveries: 3,
        dead: 1,
    }
}

fn overview_page(text: Text<'_>) -> String {
    let readiness = Readiness {
        ready: false,
        reasons: vec![text("alarm")],
        notes: vec![text("note"), "the gate is paused".to_owned()],
        sandbox: "full".to_owned(),
        bundle: "9f2c".repeat(16),
        graph_revision: 7,
        words: Vec::new(),
        paused: Some("the gate is paused".to_owned()),
    };
    let pause = Pause {
        id: Uuid::nil(),
        reason: text("pause-reason"),
        by: By::Person(text("pauser")),
        asked: now(),
        length_ms: 1_000,
        second: None,
        span: Some(Span { from: now(), until: now() }),
        half_told: false,
    };
    let html = overview::page(
        &desk(),
        &Overview {
            readiness,
            levels: Levels { dead_letters: 2, ..Levels::default() },
            hooks: vec![hook(text)],
            day: Day {
                hours: vec![(now(), Counts::default())],
                whole: Counts::default(),
                more: true,
            },
            open: vec![sample::ticket(text, State::Asked)],
            refused: Some(text("refused-bundle")),
            pause: Some(pause),
            newest: vec![sample::record(text, Verdict::Block, Effect::Stop)],
        },
    );
    assert!(!html.contains("the gate is paused</p>"), "the banner says it");
    html
}

fn tickets_page(text: Text<'_>) -> String {
    let tickets = State::ALL.iter().map(|state| sample::ticket(text, *state)).collect();
    tickets::page(
        &desk(),
        &tickets::Listing { tickets, state: None, before: Some(1), next: Some(2) },
    )
}

fn ticket_page(text: Text<'_>) -> String {
    let record = sample::record(text, Verdict::Approve, Effect::Wait);
    let story = tell(&record, Some(&sample::bundle(text)));
    ticket::page(&desk(), &sample::ticket(text, State::Asked), Some((&record, &story)))
}

fn letters_page(text: Text<'_>) -> String {
    let letter = DeadLetter {
        id: Uuid::nil(),
        connection: "acme-cloud".parse().unwrap(),
        hook: "0".repeat(32).parse().unwrap(),
        product: Product::Cloud,
        key: text("key"),
        digest: [7; 32],
        received: now(),
        died: now(),
        why: text("letter-why"),
        place: 1,
    };
    let (before, next, replayed) = (Some(1), Some(2), Some(Uuid::nil()));
    letters::page(&desk(), &letters::Listing { letters: vec![letter], before, next, replayed })
}

fn rules_page(text: Text<'_>) -> String {
    let (bundle, modes) = (sample::bundle(text), Modes::new(Mode::Shadow, Vec::new()));
    let did = Friction {
        asked: 3,
        matched: 2,
        could_not_tell: 1,
        approvals: 2,
        granted: 1,
        ..Friction::default()
    };
    let rules = bundle.rules.iter().map(|rule| (rule.id.clone(), did)).collect();
    let listing = rules::Listing {
        bundle: &bundle,
        modes: &modes,
        connections: vec!["acme-cloud".parse().unwrap()],
        frictions: Frictions { rules, looked: 3, more: true },
        refused: Some(text("refused-bundle")),
    };
    rules::page(&desk(), &listing)
}

fn rule_page(text: Text<'_>) -> String {
    let (bundle, modes) = (sample::bundle(text), Modes::new(Mode::Shadow, Vec::new()));
    let shown = rule::Shown {
        rule: &bundle.rules[0],
        modes: &modes,
        connections: vec!["acme-cloud".parse().unwrap()],
        did: Friction::default(),
        text: Some(text("source")),
    };
    rule::page(&desk(), &shown)
}

fn connections_page(text: Text<'_>) -> String {
    let shown = hooks::Shown {
        id: "acme-cloud".parse().unwrap(),
        product: Product::Cloud,
        facts: vec![("Workspace", text("workspace"))],
        read: Some(now()),
        hooks: vec![hook(text)],
    };
    hooks::page(&desk(), &[shown])
}

fn ledger_page(text: Text<'_>) -> String {
    let part = |name: &str| {
        Kept::Present(SealedPart {
            name: name.to_owned(),
            salt: [0; 32],
            bytes: text(name).into_bytes(),
        })
    };
    let entry = |kind: Kind, subject: String| Entry {
        kind,
        at: Moment::from_millis(now().millis()).unwrap(),
        connection: Some(text("connection")),
        subject,
        body: serde_json::Map::from_iter([(text("member"), text("value").into())]),
        sealed: std::collections::BTreeMap::new(),
    };
    let erased = Kept::Erased { name: "why".to_owned(), at: Moment::from_millis(0).unwrap() };
    let entries = vec![
        EntrySeen {
            index: 1,
            entry: entry(Kind::Admin, text("subject")),
            parts: vec![part("by"), part("reason"), part("input"), erased],
        },
        EntrySeen { index: 0, entry: entry(Kind::Decision, text("subject")), parts: Vec::new() },
    ];
    let ledger = LedgerSeen {
        size: 2,
        root: "ab".repeat(32),
        origin: text("origin"),
        key: text("verifier"),
        checkpoint: Some((2, Some(now()), text("signed-note"))),
    };
    let (sort, before, next) = (record::Sort::All, Some(2), Some(1));
    record::page(&desk(), &record::Shown { ledger, sort, entries, before, next })
}
