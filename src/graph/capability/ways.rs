//! How a demand is met, edge by edge: every path to a door's level, times every way through its rules, and the edges
//! from the place to the thing.

use crate::graph::Demand;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::MAX_PATHS;
use crate::graph::NodeNo;
use crate::graph::Path;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Step;
use crate::graph::capability::Door;
use crate::graph::capability::Gate;
use crate::graph::capability::Named;

/// One way to do it. Leave out one edge and it is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The level it rests on.
    pub level: Level,
    /// The edges to that level, then those by which rules name the identity, then those to the thing.
    pub steps: Vec<Step>,
    /// How a person comes by the licence without which nothing counts (Data Center); else empty.
    pub licence: Vec<Step>,
    /// The whole way as one line for people, with the rule that lets through.
    pub line: String,
}

/// The ways of one identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// The shortest first.
    pub all: Vec<Way>,
    /// Whether there are more than are told.
    pub more: bool,
}

impl Snapshot {
    /// Every way in which an identity meets a demand, at most [`MAX_PATHS`].
    pub fn ways(&self, identity: NodeNo, demand: &Demand) -> Ways {
        let mut found = Ways::default();
        if demand.never.is_some() {
            return found;
        }
        for door in &demand.doors {
            if self.gets_through(identity, door) == Known::Value(true) {
                self.through(identity, door, &mut found);
            }
            if found.all.len() > MAX_PATHS {
                break;
            }
        }
        found.all.sort_by(|a, b| {
            let order = |way: &Way| (std::cmp::Reverse(way.level), way.steps.len());
            order(a).cmp(&order(b)).then_with(|| a.steps.cmp(&b.steps))
        });
        found.all.dedup_by(|b, a| a.steps == b.steps);
        found.more |= found.all.len() > MAX_PATHS;
        found.all.truncate(MAX_PATHS);
        found
    }

    fn through(&self, identity: NodeNo, door: &Door, found: &mut Ways) {
        let paths = self.paths(identity, door.place);
        found.more |= paths.more;
        let mut passes = vec![(Vec::new(), remarks(door))];
        for gate in &door.gates {
            if let Gate::Named { rules, .. } = gate {
                for rule in rules {
                    let (named, more) = self.namings(identity, rule);
                    found.more |= more;
                    passes = crossed(&passes, &named);
                }
            }
        }
        for path in paths.all.iter().filter(|path| path.level >= door.level) {
            for (steps, said) in &passes {
                found.all.push(self.way(identity, door, path, (steps, said)));
            }
        }
    }

    fn way(
        &self,
        identity: NodeNo,
        door: &Door,
        path: &Path,
        (named, said): (&[Step], &[String]),
    ) -> Way {
        let mut steps = path.steps.clone();
        steps.extend_from_slice(named);
        steps.extend_from_slice(&door.reach);
        let mut line = self.line(identity, path);
        // What is held on the whole workspace is held on the place; no edge says so.
        let wide = path.steps.last().is_some_and(|step| step.to.kind() == Kind::Workspace);
        if wide && self.card(door.place.0).kind != Kind::Workspace {
            line.push_str(" → ");
            line.push_str(&self.called(door.place));
        }
        for step in &door.reach {
            line.push_str(" → ");
            line.push_str(&self.say_reach(step));
        }
        for remark in said {
            line.push_str("; ");
            line.push_str(remark);
        }
        Way { level: path.level, steps, licence: path.licence.clone(), line }
    }

    /// Every chain by which a rule names the identity, in edges and in words.
    fn namings(&self, identity: NodeNo, named: &Named) -> (Vec<(Vec<Step>, String)>, bool) {
        let (chains, more) = self.exemptions(identity.0, named.rule.0);
        let said = chains.into_iter().map(|steps| {
            let through: Vec<String> =
                steps.iter().rev().skip(1).map(|step| self.say(step)).rev().collect();
            let by = if through.is_empty() {
                String::new()
            } else {
                format!(" as {}", through.join(" → "))
            };
            (steps, format!("the rule {} lets it through{by}", named.said))
        });
        (said.collect(), more)
    }

    fn say_reach(&self, step: &Step) -> String {
        let named =
            |id: &Id| self.find(id).map_or_else(|| id.to_string(), |node| self.called(node));
        match step.is {
            Relation::DeploysTo => format!("deploys to {}", named(&step.to)),
            Relation::RunsOn => format!("runs on {}", named(&step.to)),
            Relation::In => format!("{} {}", step.from.kind().as_str(), named(&step.from)),
            Relation::Member
            | Relation::Owner
            | Relation::Read
            | Relation::Write
            | Relation::Create
            | Relation::Admin
            | Relation::Licensed
            | Relation::Default
            | Relation::ActsFor
            | Relation::Holds
            | Relation::Exempt
            | Relation::Restricts => self.say(step),
        }
    }
}

/// What the open gates are to people, beside rules that name somebody.
fn remarks(door: &Door) -> Vec<String> {
    let remark = |gate: &Gate| match gate {
        Gate::Fact { opened, .. } => Some(opened.clone()),
        Gate::Named { rules, .. } if rules.is_empty() => {
            Some("no rule of the repository limits it".to_owned())
        }
        Gate::Named { .. } | Gate::Hands => None,
    };
    door.gates.iter().filter_map(remark).filter(|said| !said.is_empty()).collect()
}

/// Edges and words of a way through some rules.
type Pass = (Vec<Step>, Vec<String>);

/// Every way so far, times every way through one more.
fn crossed(before: &[Pass], next: &[(Vec<Step>, String)]) -> Vec<Pass> {
    let mut all = Vec::new();
    for (steps, said) in before {
        for (more, word) in next {
            if all.len() > MAX_PATHS {
                return all;
            }
            let steps = steps.iter().chain(more).cloned().collect();
            let said = said.iter().chain([word]).cloned().collect();
            all.push((steps, said));
        }
    }
    all
}
