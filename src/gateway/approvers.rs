//! Who can give an approval that a rule asks for. An approval that nobody can give is a Block that says so, never
//! "anyone".

use std::collections::BTreeSet;

use crate::approval::Asked;
use crate::gateway::road::Matter;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::policy::Bundle;
use crate::policy::Finding;
use crate::policy::Verdict;
use crate::policy::finding::Barred;
use crate::policy::finding::Demand;
use crate::policy::finding::Origin;

/// An approval that a rule asks for, with those who can give it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The rule, what it demands, and how many can meet it.
    pub asked: Asked,
    /// What people call them: the group's name, or "named people".
    pub group: String,
}

impl Wanted {
    /// `release-managers (4 people)`.
    pub fn in_words(&self) -> String {
        let people = if self.asked.eligible == 1 { "person" } else { "people" };
        format!("{} ({} {people})", self.group, self.asked.eligible)
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
    let findings = findings.into_iter().map(|finding| match finding.approval.as_ref() {
        Some(demand) if finding.verdict == Verdict::Approve => {
            let people = eligible(demand, graph, bundle, matter);
            let group = demand.from.group.clone().unwrap_or_else(|| "named people".to_owned());
            if people.len() < demand.count as usize {
                return nobody(finding, &group, people.len());
            }
            let eligible = u32::try_from(people.len()).unwrap_or(u32::MAX);
            let asked = Asked { rule: finding.rule.clone(), demand: demand.clone(), eligible };
            wanted.push(Wanted { asked, group });
            finding
        }
        Some(_) | None => finding,
    });
    let findings = findings.collect();
    (findings, wanted)
}

fn nobody(finding: Finding, group: &str, can: usize) -> Finding {
    let reason = format!(
        "{} But nobody can approve it: of `{group}` {can} can, and the rule asks for {}. Fill the group, or change the rule.",
        finding.reason,
        finding.approval.as_ref().map_or(1, |demand| demand.count)
    );
    Finding { verdict: Verdict::Block, origin: Origin::Broken, approval: None, reason, ..finding }
}

/// People who may approve, by immutable id: the group's members and the named ones, without those who are barred.
fn eligible(demand: &Demand, graph: &Snapshot, bundle: &Bundle, matter: &Matter) -> BTreeSet<Id> {
    let mut people: BTreeSet<Id> = BTreeSet::new();
    if let Some(name) = &demand.from.group {
        let aliased = bundle.people.get(name).cloned().unwrap_or_else(|| vec![name.clone()]);
        aliased.iter().for_each(|name| people.extend(named(name, graph, matter)));
    }
    demand.from.users.iter().for_each(|id| people.extend(named(id, graph, matter)));
    let barred = barred(demand, matter);
    people.retain(|id| !barred.contains(id) && !acts_for_any(graph, id, &barred));
    people
}

/// The people an id or a group's name stands for, on this connection only.
fn named(name: &str, graph: &Snapshot, matter: &Matter) -> BTreeSet<Id> {
    let here = &matter.connection.id;
    let node = match name.parse::<Id>() {
        Ok(id) => graph.find(&id).filter(|_| id.connection() == *here),
        Err(_) => group_named(name, graph, matter),
    };
    let Some(node) = node else { return BTreeSet::new() };
    let is_person = |id: &Id| id.kind() == Kind::User;
    match graph.node(node) {
        Some(found) if is_person(&found.id) => BTreeSet::from([found.id.clone()]),
        Some(found) if found.id.kind() == Kind::Group => graph
            .members_of(node)
            .nodes
            .into_iter()
            .filter(|member| graph.flag(*member, "active").value() != Some(&false))
            .filter_map(|member| graph.node(member).map(|node| node.id.clone()))
            .filter(is_person)
            .collect(),
        Some(_) | None => BTreeSet::new(),
    }
}

fn group_named(name: &str, graph: &Snapshot, matter: &Matter) -> Option<NodeNo> {
    let here = &matter.connection.id;
    let mut fitting = graph.all(Kind::Group).filter(|number| {
        graph.node(*number).is_some_and(|node| {
            node.id.connection() == *here
                && (node.name.as_deref() == Some(name)
                    || graph.text(*number, "slug").value() == Some(&name))
        })
    });
    let first = fitting.next();
    // Two groups of one name: neither is meant for certain.
    if fitting.next().is_some() { None } else { first }
}

fn barred(demand: &Demand, matter: &Matter) -> BTreeSet<Id> {
    let facts = &matter.document.facts;
    let actor = || facts.actor.value();
    let mut ids = BTreeSet::new();
    for who in &demand.not {
        match who {
            Barred::Actor => {
                ids.extend(actor().and_then(|actor| actor.id.value().cloned()));
                ids.extend(actor().and_then(|actor| actor.acts_for.value()?.id.value().cloned()));
            }
            Barred::CommitAuthors => ids.extend(matter.authors.iter().cloned()),
            Barred::Author => {
                ids.extend(facts.pull_request.value().and_then(|pr| pr.author.value().cloned()))
            }
            Barred::Creator => ids.extend(
                facts.pipeline.value().and_then(|pipeline| pipeline.creator.value().cloned()),
            ),
        }
    }
    ids
}

fn acts_for_any(graph: &Snapshot, id: &Id, barred: &BTreeSet<Id>) -> bool {
    let principal = graph.find(id).map(|node| graph.principal(node));
    let principal =
        principal.and_then(|principal| principal.value().and_then(|node| graph.node(*node)));
    principal.is_some_and(|node| barred.contains(&node.id))
}
