//! Who can give an approval that a rule asks for. An approval that nobody can give is a Block that says so, never
//! "anyone".

use std::collections::BTreeSet;

use crate::approval::Asked;
use crate::gateway::road::Matter;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::policy::Bundle;
use crate::policy::Finding;
use crate::policy::Verdict;
use crate::policy::finding::Approvers;
use crate::policy::finding::Barred;
use crate::policy::finding::Demand;
use crate::policy::finding::Origin;

/// What an operator of this gate is called, where a rule names nobody.
const OPERATOR: &str = "an operator of this gate";

/// An approval that a rule asks for, with those who can give it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The rule, what it demands, and how many can meet it.
    pub asked: Asked,
    /// What people call them: the group's name, "named people", or an operator of this gate.
    pub group: String,
}

impl Wanted {
    /// `release-managers (4 people)`.
    pub fn in_words(&self) -> String {
        if is_for_an_operator(&self.asked.demand.from) {
            return self.group.clone();
        }
        let people = if self.asked.eligible == 1 { "person" } else { "people" };
        format!("{} ({} {people})", self.group, self.asked.eligible)
    }
}

/// Those who may approve, by immutable id, and why there may be fewer than the rule meant.
#[derive(Debug, Default)]
struct Found {
    people: BTreeSet<Id>,
    why: Option<String>,
}

impl Found {
    fn nobody(why: String) -> Self {
        Self { people: BTreeSet::new(), why: Some(why) }
    }

    fn join(&mut self, other: Self) {
        self.people.extend(other.people);
        self.why = self.why.take().or(other.why);
    }
}

/// Resolves every approval to people. One that nobody can give becomes a Block; the others are listed.
pub fn resolve(
    findings: Vec<Finding>,
    graph: &Snapshot,
    bundle: &Bundle,
    matter: &Matter,
) -> (Vec<Finding>, Vec<Wanted>) {
    let mut wanted = Vec::new();
    let mut one = |finding: Finding| match finding.approval.clone() {
        Some(demand) if finding.verdict == Verdict::Approve => {
            let group = called(&demand.from);
            match eligible(&demand, graph, bundle, matter) {
                Ok(eligible) => {
                    let asked = Asked { rule: finding.rule.clone(), demand, eligible };
                    wanted.push(Wanted { asked, group });
                    finding
                }
                Err(found) => nobody(finding, &group, demand.count, &found),
            }
        }
        Some(_) | None => finding,
    };
    let findings = findings.into_iter().map(&mut one).collect();
    (findings, wanted)
}

/// A demand that names nobody is for an operator of the gate.
fn is_for_an_operator(from: &Approvers) -> bool {
    from.group.is_none() && from.users.is_empty()
}

fn called(from: &Approvers) -> String {
    match &from.group {
        Some(group) => group.clone(),
        None if is_for_an_operator(from) => OPERATOR.to_owned(),
        None => "named people".to_owned(),
    }
}

fn nobody(finding: Finding, group: &str, count: u32, found: &Found) -> Finding {
    let can = match found.people.len() {
        0 => "nobody".to_owned(),
        1 => "only one person".to_owned(),
        some => format!("only {some} people"),
    };
    let why = found.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let reason = format!(
        "{} But nobody can approve it: the rule asks for {count} of `{group}`, and {can} of them may{why}. Fill the group, or change the rule.",
        finding.reason
    );
    Finding { verdict: Verdict::Block, origin: Origin::Broken, approval: None, reason, ..finding }
}

/// How many may approve: the group's members and the named ones, without those who are barred. An error where they are
/// fewer than are asked for.
fn eligible(
    demand: &Demand,
    graph: &Snapshot,
    bundle: &Bundle,
    matter: &Matter,
) -> Result<u32, Found> {
    if is_for_an_operator(&demand.from) && demand.count <= 1 {
        return Ok(1);
    }
    let mut found = Found::default();
    if let Some(name) = &demand.from.group {
        match bundle.people.get(name) {
            Some(aliased) => aliased.iter().for_each(|name| found.join(named(name, graph, matter))),
            None => found.join(named(name, graph, matter)),
        }
    }
    demand.from.users.iter().for_each(|id| found.join(named(id, graph, matter)));
    let barred = barred(demand, graph, matter);
    found.people.retain(|id| !barred.contains(id));
    let eligible = u32::try_from(found.people.len()).unwrap_or(u32::MAX);
    if eligible < demand.count { Err(found) } else { Ok(eligible) }
}

/// The people an id or a group's name stands for, on this connection only.
fn named(name: &str, graph: &Snapshot, matter: &Matter) -> Found {
    let node = match name.parse::<Id>() {
        Ok(id) if id.connection() != matter.connection.id => {
            return Found::nobody(format!("`{name}` is of another connection"));
        }
        Ok(id) => graph.find(&id).ok_or_else(|| format!("the graph does not know `{name}`")),
        Err(_) => group_named(name, graph, matter),
    };
    match node {
        Ok(node) => people(node, graph),
        Err(why) => Found::nobody(why),
    }
}

/// The active people that a node is or holds; bots, apps and tokens never approve.
fn people(node: NodeNo, graph: &Snapshot) -> Found {
    let is_group = graph.node(node).is_some_and(|found| found.id.kind() == Kind::Group);
    let listed = if is_group { Some(graph.members_of(node)) } else { None };
    let unread = listed.as_ref().and_then(|listed| listed.unknown.as_ref());
    let why = unread.map(|why: &Why| format!("its members are not all known: {}", why.as_str()));
    let people = listed.map_or_else(|| vec![node], |listed| listed.nodes).into_iter();
    let people = people
        .filter(|person| graph.flag(*person, "active").value() != Some(&false))
        .filter_map(|person| graph.node(person).map(|node| node.id.clone()))
        .filter(|id| id.kind() == Kind::User);
    Found { people: people.collect(), why }
}

fn group_named(name: &str, graph: &Snapshot, matter: &Matter) -> Result<NodeNo, String> {
    let here = &matter.connection.id;
    let mut fitting = graph.all(Kind::Group).filter(|number| {
        graph.node(*number).is_some_and(|node| {
            node.id.connection() == *here
                && (node.name.as_deref() == Some(name)
                    || graph.text(*number, "slug").value() == Some(&name))
        })
    });
    match (fitting.next(), fitting.next()) {
        (Some(group), None) => Ok(group),
        (Some(_), Some(_)) => {
            Err(format!("two groups are called `{name}`, so neither is meant for certain"))
        }
        (None, _) => Err(format!("no group is called `{name}` here")),
    }
}

/// Who must not approve, and for whom they act: an agent's person is barred with the agent.
fn barred(demand: &Demand, graph: &Snapshot, matter: &Matter) -> BTreeSet<Id> {
    let facts = &matter.document.facts;
    let mut ids = BTreeSet::new();
    for who in &demand.not {
        match who {
            Barred::Actor => {
                let actor = facts.actor.value();
                ids.extend(actor.and_then(|actor| actor.id.value().cloned()));
                ids.extend(actor.and_then(|actor| actor.acts_for.value()?.id.value().cloned()));
            }
            Barred::CommitAuthors => ids.extend(matter.authors.iter().cloned()),
            Barred::Author => {
                ids.extend(facts.pull_request.value().and_then(|pr| pr.author.value().cloned()));
            }
            Barred::Creator => ids.extend(
                facts.pipeline.value().and_then(|pipeline| pipeline.creator.value().cloned()),
            ),
        }
    }
    let behind: Vec<Id> = ids.iter().filter_map(|id| principal(graph, id)).collect();
    ids.extend(behind);
    ids
}

/// The person an identity acts for, where it is known.
fn principal(graph: &Snapshot, id: &Id) -> Option<Id> {
    let person = graph.principal(graph.find(id)?);
    graph.node(*person.value()?).map(|node| node.id.clone())
}
