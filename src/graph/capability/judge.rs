//! Whether an identity gets through a door, and what stands in the way if not.

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::graph::capability::Demand;
use crate::graph::capability::Door;
use crate::graph::capability::Gate;
use crate::graph::capability::Named;
use crate::graph::protect::both;

/// Cloud's rules that overlap: what forbids goes before what allows, and the nearer rule before the wider, but neither
/// order is told to the letter.
const DISAGREE: Why = Why::fixed("two rules cover this ref and disagree about who may");

impl Snapshot {
    /// Whether an identity meets a demand. Unknown only where the answer hangs on something unknown.
    pub fn meets(&self, identity: NodeNo, demand: &Demand) -> Known<bool> {
        if demand.never.is_some() {
            return Known::Value(false);
        }
        let mut maybe = demand.beyond.clone();
        for door in &demand.doors {
            match self.gets_through(identity, door) {
                Known::Value(true) => return Known::Value(true),
                Known::Value(false) | Known::Nothing => {}
                Known::Unknown(why) => maybe = maybe.or(Some(why)),
            }
        }
        maybe.map_or(Known::Value(false), Known::Unknown)
    }

    /// What an identity that does not meet a demand would need, by the door that is nearest to open. Empty for one that
    /// meets it.
    pub fn missing(&self, identity: NodeNo, demand: &Demand) -> Vec<String> {
        if let Some(why) = &demand.never {
            return vec![why.as_str().to_owned()];
        }
        let nearest = demand.doors.iter().map(|door| self.wants(identity, door));
        let beyond = || demand.beyond.iter().map(|why| format!("cannot be told: {}", why.as_str()));
        nearest.min_by_key(Vec::len).unwrap_or_else(|| beyond().collect())
    }

    /// The most an identity holds on the places of a demand.
    pub fn best_level(&self, identity: NodeNo, demand: &Demand) -> Level {
        let levels = demand.doors.iter().map(|door| self.effective(identity, door.place).level);
        levels.max().unwrap_or(Level::None)
    }

    pub(super) fn gets_through(&self, identity: NodeNo, door: &Door) -> Known<bool> {
        let level = self.can(identity, door.level, door.place);
        door.gates.iter().fold(level, |before, gate| match before {
            Known::Value(false) | Known::Nothing => Known::Value(false),
            Known::Value(true) | Known::Unknown(_) => both(before, self.passes(identity, gate)),
        })
    }

    fn passes(&self, identity: NodeNo, gate: &Gate) -> Known<bool> {
        match gate {
            Gate::Fact { open, .. } => open.clone(),
            Gate::Named { rules, more } => self.is_named(identity, rules, more.as_ref()),
            Gate::Hands => Known::Value(self.merges(identity)),
        }
    }

    /// Whether the rules name it. Where there may be another rule, nothing is certain; where several stand and they
    /// disagree, it hangs on which of them the product takes for the nearer one, which nothing tells.
    fn is_named(&self, identity: NodeNo, rules: &[Named], more: Option<&Why>) -> Known<bool> {
        if let Some(why) = more {
            return Known::Unknown(why.clone());
        }
        let (mut through, mut held, mut maybe) = (0_usize, 0_usize, None);
        for named in rules {
            match self.exempts(identity, named.rule) {
                Known::Value(true) => through += 1,
                Known::Value(false) | Known::Nothing => held += 1,
                Known::Unknown(why) => maybe = maybe.or(Some(why)),
            }
        }
        if through > 0 && held > 0 {
            return Known::Unknown(DISAGREE);
        }
        maybe.map_or(Known::Value(held == 0), Known::Unknown)
    }

    /// Whether a restriction names an identity, itself or by a group.
    fn exempts(&self, identity: NodeNo, rule: NodeNo) -> Known<bool> {
        let groups = self.groups(identity.0);
        let mut named = self.incoming_by(rule.0, Relation::Exempt);
        if named.any(|holder| holder == identity.0 || groups.contains(&holder)) {
            return Known::Value(true);
        }
        if let Some(why) = self.doubt(rule.0, "exempt") {
            return Known::Unknown(why.clone());
        }
        let is_group = |number: &u32| self.card(*number).kind == Kind::Group;
        let joins = matches!(
            self.card(identity.0).kind,
            Kind::User | Kind::Group | Kind::App | Kind::Token | Kind::Agent
        );
        if !joins || !self.incoming_by(rule.0, Relation::Exempt).any(|holder| is_group(&holder)) {
            return Known::Value(false);
        }
        let unread = self.people(self.incoming_by(rule.0, Relation::Exempt)).unknown;
        let unlisted = std::iter::once(identity.0)
            .chain(groups.iter().copied())
            .find_map(|member| self.doubt(member, "groups").cloned());
        unread.or(unlisted).map_or(Known::Value(false), Known::Unknown)
    }

    /// Whether it can merge at all: git has no merge of pull requests, and Data Center's tokens of projects and
    /// repositories are refused it.
    fn merges(&self, identity: NodeNo) -> bool {
        let server = self.product(identity.0) == Some(Product::DataCenter);
        match self.card(identity.0).kind {
            Kind::Key => false,
            Kind::Token => !server,
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Runner
            | Kind::Agent
            | Kind::Workspace
            | Kind::Project
            | Kind::Repository
            | Kind::Ref
            | Kind::Environment
            | Kind::Variable
            | Kind::Restriction
            | Kind::Hook
            | Kind::Credential => true,
        }
    }

    /// What is missing at one door, a sentence for each.
    fn wants(&self, identity: NodeNo, door: &Door) -> Vec<String> {
        let mut wants = Vec::new();
        let place = self.label(door.place);
        let level = self.can(identity, door.level, door.place);
        if level != Known::Value(true) {
            let has = self.effective(identity, door.place).level;
            let unsure = level
                .why()
                .map_or(String::new(), |why| format!(", as far as is known: {}", why.as_str()));
            wants.push(format!("needs {} on {place}, has {has}{unsure}", door.level));
        }
        for gate in &door.gates {
            match (self.passes(identity, gate), gate) {
                (Known::Value(true), _) => {}
                (Known::Unknown(why), _) => wants.push(format!("cannot be told: {}", why.as_str())),
                (Known::Value(false) | Known::Nothing, Gate::Fact { shut, .. }) => {
                    wants.push(shut.clone());
                }
                (Known::Value(false) | Known::Nothing, Gate::Named { rules, .. }) => {
                    wants.push(self.unnamed(rules));
                }
                (Known::Value(false) | Known::Nothing, Gate::Hands) => {
                    wants.push("a key or token of this kind cannot merge".to_owned());
                }
            }
        }
        wants
    }

    fn unnamed(&self, rules: &[Named]) -> String {
        let said: Vec<&str> = rules.iter().map(|named| named.said.as_str()).collect();
        let mut names: Vec<String> = rules
            .iter()
            .flat_map(|named| self.incoming_by(named.rule.0, Relation::Exempt))
            .map(|holder| self.label(NodeNo(holder)))
            .collect();
        names.sort();
        names.dedup();
        let whom = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        format!("the rule {} lets only {whom} through", said.join(" and "))
    }
}
