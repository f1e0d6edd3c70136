//! Who can give an approval: people of the event's connection, by immutable id, without those who are barred. Nobody is
//! never anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use portcullis::decision::record::Surface;
use portcullis::event::EventKind;
use portcullis::event::Facts;
use portcullis::gateway::approvers::Wanted;
use portcullis::gateway::approvers::resolve;
use portcullis::gateway::connections::Connection;
use portcullis::gateway::gather::GroundFacts;
use portcullis::gateway::road::Matter;
use portcullis::graph::Id;
use portcullis::graph::Known;
use portcullis::graph::Product;
use portcullis::graph::Relation;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::graph::world;
use portcullis::graph::world::Edge;
use portcullis::graph::world::Node;
use portcullis::graph::world::Unknown;
use portcullis::policy::Bundle;
use portcullis::policy::Demand;
use portcullis::policy::Finding;
use portcullis::policy::RuleId;
use portcullis::policy::Verdict;
use portcullis::policy::demand::of_an_operator;
use portcullis::policy::example;
use portcullis::policy::finding::Approvers;
use portcullis::policy::finding::Barred;
use portcullis::policy::finding::Origin;
use portcullis::policy::input::CallerKind;

use super::NOW;

fn id(text: &str) -> Id {
    format!("acme-cloud/{text}").parse().unwrap()
}

/// Four release managers, one through a group in the group; a bot among them; a helper that acts for Ana.
fn company() -> World {
    let connection = world::Connection {
        id: "acme-cloud".parse().unwrap(),
        product: Product::Cloud,
        name: None,
    };
    let mut world = World::new(connection, NOW);
    for (native, name) in [
        ("user/ana", "Ana"),
        ("user/ben", "Ben"),
        ("user/cleo", "Cleo"),
        ("user/dan", "Dan"),
        ("user/eve", "Eve"),
        ("app/bot", "Release bot"),
        ("agent/helper", "Release helper"),
        ("group/rm", "release-managers"),
        ("group/inner", "night-shift"),
        ("group/empty", "auditors"),
    ] {
        world.nodes.push(Node::new(id(native), name));
    }
    for (from, is, to) in [
        ("user/ana", "member", "group/rm"),
        ("user/ben", "member", "group/rm"),
        ("user/cleo", "member", "group/rm"),
        ("app/bot", "member", "group/rm"),
        ("group/inner", "member", "group/rm"),
        ("user/dan", "member", "group/inner"),
        ("agent/helper", "acts_for", "user/ana"),
    ] {
        world.edges.push(Edge::new(id(from), Relation::from_text(is).unwrap(), id(to)));
    }
    world
}

fn join(world: &mut World, from: &str, is: &str, to: &str) {
    world.edges.push(Edge::new(id(from), Relation::from_text(is).unwrap(), id(to)));
}

pub fn connection(id: &str) -> Arc<Connection> {
    Arc::new(Connection {
        id: id.parse().unwrap(),
        product: Product::Cloud,
        workspace: None,
        client: None,
        issuer: None,
        protected_refs: Vec::new(),
        posts_status: false,
        premium: None,
        hooks: Vec::new(),
        environments: Vec::new(),
        ci: Vec::new(),
        own: arc_swap::ArcSwapOption::empty(),
    })
}

/// A step started by this identity.
fn matter(actor: &str) -> Matter {
    let mut document = example::example(EventKind::PipelineStep).unwrap();
    let facts: &mut Facts = &mut document.facts;
    let Known::Value(acting) = &mut facts.actor else { panic!() };
    acting.id = Known::Value(id(actor));
    acting.acts_for = Known::Nothing;
    let Known::Value(pipeline) = &mut facts.pipeline else { panic!() };
    pipeline.creator = Known::Value(id("user/cleo"));
    Matter {
        connection: connection("acme-cloud"),
        surface: Surface::Check,
        delivery: None,
        caller: CallerKind::Step,
        authors: vec![id("user/ben")],
        own: Vec::new(),
        unread_step: None,
        replayed: None,
        commit: None,
        ground: GroundFacts::default(),
        at: NOW,
        document,
    }
}

fn from(group: &str) -> Approvers {
    Approvers { group: Some(group.to_owned()), users: Vec::new() }
}

fn wants(from: Approvers, count: u32, not: &[Barred]) -> Finding {
    Finding {
        rule: RuleId::told("deploy/production-needs-approval"),
        verdict: Verdict::Approve,
        reason: "Deploying to production needs an approval.".to_owned(),
        proof: Vec::new(),
        approval: Some(Demand { from, count, not: not.to_vec(), ..of_an_operator() }),
        origin: Origin::Rule,
    }
}

struct Asked {
    world: World,
    people: BTreeMap<String, Vec<String>>,
    actor: &'static str,
}

impl Asked {
    fn new() -> Self {
        Self { world: company(), people: BTreeMap::new(), actor: "user/eve" }
    }

    fn resolve(&self, finding: &Finding) -> Result<Wanted, Box<Finding>> {
        let graph = Snapshot::build(1, std::slice::from_ref(&self.world)).unwrap();
        let bundle = Bundle {
            revision: "r".to_owned(),
            rules: Vec::new(),
            people: self.people.clone(),
            vocabulary: portcullis::policy::Vocabulary::default(),
        };
        let (mut findings, mut wanted) =
            resolve(vec![finding.clone()], &graph, &bundle, &matter(self.actor));
        let found = findings.pop().unwrap();
        let Some(wanted) = wanted.pop() else { return Err(Box::new(found)) };
        assert_eq!(found, *finding, "what can be approved stays as the rule said it");
        Ok(wanted)
    }

    fn eligible(&self, finding: &Finding) -> u32 {
        self.resolve(finding).unwrap_or_else(|blocked| panic!("{}", blocked.reason)).asked.eligible
    }

    /// The Block that says that nobody can, with these words.
    fn blocks(&self, finding: &Finding, words: &[&str]) {
        let blocked = self.resolve(finding).unwrap_err();
        assert_eq!((blocked.verdict, blocked.origin), (Verdict::Block, Origin::Broken));
        assert_eq!(blocked.approval, None);
        assert!(blocked.reason.starts_with(&finding.reason), "{}", blocked.reason);
        for word in ["nobody can approve it"].iter().chain(words) {
            assert!(blocked.reason.contains(word), "`{}` says `{word}`", blocked.reason);
        }
        assert!(!blocked.reason.contains("anyone"), "{}", blocked.reason);
    }
}

#[test]
fn a_group_is_its_people_through_groups_too_and_no_bots() {
    let asked = Asked::new();
    let wanted = asked.resolve(&wants(from("release-managers"), 1, &[])).unwrap();
    assert_eq!(wanted.asked.eligible, 4);
    assert_eq!(wanted.in_words(), "release-managers (4 people)");
    let one = asked.resolve(&wants(from("night-shift"), 1, &[])).unwrap();
    assert_eq!(one.in_words(), "night-shift (1 person)");
}

#[test]
fn an_empty_or_missing_group_is_a_block_that_says_so() {
    let asked = Asked::new();
    asked.blocks(&wants(from("auditors"), 1, &[]), &["`auditors`", "nobody of them may"]);
    asked.blocks(&wants(from("ghosts"), 1, &[]), &["no group is called `ghosts` here"]);
}

#[test]
fn more_than_there_are_is_a_block() {
    let asked = Asked::new();
    assert_eq!(asked.eligible(&wants(from("release-managers"), 4, &[])), 4);
    asked.blocks(&wants(from("release-managers"), 5, &[]), &["asks for 5", "only 4 people"]);
    asked.blocks(&wants(from("night-shift"), 2, &[]), &["only one person"]);
}

#[test]
fn two_groups_of_one_name_are_neither() {
    let mut asked = Asked::new();
    asked.world.nodes.push(Node::new(id("group/twin"), "release-managers"));
    join(&mut asked.world, "user/eve", "member", "group/twin");
    asked.blocks(&wants(from("release-managers"), 1, &[]), &["two groups are called"]);
    let by_id = from("acme-cloud/group/rm");
    assert_eq!(asked.eligible(&wants(by_id, 1, &[])), 4, "its id is certain");
}

#[test]
fn whoever_is_barred_does_not_count() {
    let mut asked = Asked::new();
    let group = || from("release-managers");
    assert_eq!(asked.eligible(&wants(group(), 1, &[Barred::Actor])), 4, "Eve is none of them");
    asked.actor = "user/ana";
    assert_eq!(asked.eligible(&wants(group(), 1, &[Barred::Actor])), 3);
    assert_eq!(asked.eligible(&wants(group(), 1, &[Barred::CommitAuthors])), 3, "Ben wrote them");
    assert_eq!(asked.eligible(&wants(group(), 1, &[Barred::Creator])), 3, "Cleo started it");
    let all = [Barred::Actor, Barred::CommitAuthors, Barred::Creator, Barred::Author];
    assert_eq!(asked.eligible(&wants(group(), 1, &all)), 1);
    asked.blocks(&wants(group(), 2, &all), &["only one person of them may"]);
}

#[test]
fn the_person_behind_an_agent_does_not_approve_its_deed() {
    let mut asked = Asked::new();
    asked.actor = "agent/helper";
    assert_eq!(asked.eligible(&wants(from("release-managers"), 1, &[Barred::Actor])), 3);
    asked.world.edges.retain(|edge| edge.is != Relation::ActsFor);
    assert_eq!(asked.eligible(&wants(from("release-managers"), 1, &[Barred::Actor])), 4);
}

#[test]
fn an_agent_in_the_group_does_not_approve() {
    let mut asked = Asked::new();
    join(&mut asked.world, "agent/helper", "member", "group/rm");
    assert_eq!(asked.eligible(&wants(from("release-managers"), 1, &[])), 4);
    let by_id = Approvers { group: None, users: vec!["acme-cloud/agent/helper".to_owned()] };
    asked.blocks(&wants(by_id, 1, &[]), &["nobody of them may"]);
}

#[test]
fn people_who_left_do_not_approve() {
    let mut asked = Asked::new();
    let left = |world: &mut World, at: &str| {
        let node = world.nodes.iter_mut().find(|node| node.id == id(at)).unwrap();
        *node = node.clone().flag("active", false);
    };
    left(&mut asked.world, "user/dan");
    assert_eq!(asked.eligible(&wants(from("release-managers"), 1, &[])), 3);
    let dan = Approvers { group: None, users: vec!["acme-cloud/user/dan".to_owned()] };
    asked.blocks(&wants(dan, 1, &[]), &["nobody of them may"]);
}

#[test]
fn an_alias_stands_for_groups_and_people() {
    let mut asked = Asked::new();
    let alias = ["night-shift", "acme-cloud/user/eve"].map(str::to_owned).to_vec();
    asked.people.insert("deployers".to_owned(), alias);
    let wanted = asked.resolve(&wants(from("deployers"), 2, &[])).unwrap();
    assert_eq!(wanted.in_words(), "deployers (2 people)");
    asked.people.insert("release-managers".to_owned(), Vec::new());
    asked.blocks(&wants(from("release-managers"), 1, &[]), &["nobody of them may"]);
}

#[test]
fn people_may_be_named_and_joined_with_a_group() {
    let asked = Asked::new();
    let users = vec!["acme-cloud/user/eve".to_owned(), "acme-cloud/user/dan".to_owned()];
    let named = Approvers { group: None, users: users.clone() };
    assert_eq!(asked.resolve(&wants(named, 2, &[])).unwrap().in_words(), "named people (2 people)");
    let joined = Approvers { group: Some("night-shift".to_owned()), users };
    assert_eq!(asked.eligible(&wants(joined, 1, &[])), 2, "Dan counts once");
    let stranger = Approvers { group: None, users: vec!["acme-cloud/user/gone".to_owned()] };
    asked.blocks(&wants(stranger, 1, &[]), &["the graph does not know"]);
    let foreign = Approvers { group: None, users: vec!["acme-dc/user/1".to_owned()] };
    asked.blocks(&wants(foreign, 1, &[]), &["of another connection"]);
}

#[test]
fn members_that_could_not_be_read_are_said() {
    let mut asked = Asked::new();
    asked.world.unknown.push(Unknown {
        about: id("group/empty"),
        field: "members".to_owned(),
        why: "the token lacks `account`".to_owned(),
    });
    asked.blocks(&wants(from("auditors"), 1, &[]), &["not all known", "the token lacks `account`"]);
}

#[test]
fn a_demand_that_names_nobody_is_for_an_operator() {
    let asked = Asked::new();
    let wanted = asked.resolve(&wants(Approvers::default(), 1, &[Barred::Actor])).unwrap();
    assert_eq!((wanted.asked.eligible, wanted.in_words()), (1, "an operator of this gate".into()));
    asked.blocks(&wants(Approvers::default(), 2, &[]), &["an operator of this gate"]);
}

#[test]
fn only_an_approve_asks_for_people() {
    let asked = Asked::new();
    for verdict in [Verdict::Allow, Verdict::Alert, Verdict::Block] {
        let finding = Finding { verdict, approval: None, ..wants(from("ghosts"), 1, &[]) };
        assert_eq!(*asked.resolve(&finding).unwrap_err(), finding);
    }
}
