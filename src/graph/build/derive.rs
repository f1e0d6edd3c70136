//! What follows from nodes and edges alone and is kept with the snapshot, so that questions need not walk for it.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::attribute::Value;
use crate::graph::effective::counts;
use crate::graph::relation::identity;
use crate::graph::snapshot::Card;
use crate::graph::snapshot::DEFAULT_UNTOLD;
use crate::graph::snapshot::Home;
use crate::graph::snapshot::INACTIVE;
use crate::graph::snapshot::NESTED;
use crate::graph::snapshot::NOWHERE;
use crate::graph::snapshot::NodeNo;
use crate::graph::snapshot::PUBLIC;
use crate::graph::snapshot::RANK_ADMIN;
use crate::graph::snapshot::RANK_CREATE;
use crate::graph::snapshot::RANK_LICENSED;
use crate::graph::snapshot::RANK_READ;
use crate::graph::snapshot::RANK_WRITE;
use crate::graph::snapshot::Snapshot;
use crate::graph::snapshot::VISIBILITY_UNTOLD;
use crate::graph::world::Node;

/// The card of a node, as far as its attributes tell.
pub(in crate::graph) fn card(node: &Node, connection: u8) -> Card {
    let kind = node.id.kind();
    let says = |name: &str, value: &str| match node.attributes.get(name) {
        Some(Value::Text(text)) => text == value,
        Some(Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_)) | None => false,
    };
    let mut bits = 0;
    if node.attributes.get("active") == Some(&Value::Flag(false)) {
        bits |= INACTIVE;
    }
    if says("visibility", "public") {
        bits |= PUBLIC;
    }
    let seen = matches!(kind, Kind::Repository | Kind::Project);
    if seen && !node.attributes.contains_key("visibility") {
        bits |= VISIBILITY_UNTOLD;
    }
    Card { home: NOWHERE, connection, kind, bits, rank: 0 }
}

impl Snapshot {
    /// Fills in what follows from nodes and edges alone: homes, defaults, ranks, nested groups.
    pub(in crate::graph) fn derive(&mut self, mut homes: Vec<Home>, mut cards: Vec<Card>) {
        for home in &mut homes {
            home.doubtful = home.workspace.is_none();
        }
        for number in self.doubts.keys() {
            let card = cards.get(*number as usize);
            if let Some(home) = card.and_then(|card| homes.get_mut(usize::from(card.connection))) {
                home.doubtful = true;
            }
        }
        for (number, card) in (0_u32..).zip(cards.iter_mut()) {
            match card.kind {
                Kind::Repository => card.home = self.place_in(number),
                Kind::Project => (card.rank, card.bits) = self.default_of(number, card.bits),
                Kind::Group if self.doubt(number, "members").is_some() => {
                    if let Some(home) = homes.get_mut(usize::from(card.connection)) {
                        home.open_groups.push(number);
                    }
                }
                Kind::Group
                | Kind::User
                | Kind::App
                | Kind::Token
                | Kind::Key
                | Kind::Runner
                | Kind::Agent
                | Kind::Workspace
                | Kind::Ref
                | Kind::Environment
                | Kind::Variable
                | Kind::Restriction
                | Kind::Hook
                | Kind::Credential => {}
            }
        }
        for (number, card) in (0_u32..).zip(&cards) {
            let Some(home) = homes.get_mut(usize::from(card.connection)) else { continue };
            note(home, number, *card);
        }
        self.nested = Arc::new(self.nest(&cards));
        for number in self.nested.keys() {
            if let Some(card) = cards.get_mut(*number as usize) {
                card.bits |= NESTED;
            }
        }
        self.rank(&homes, &mut cards);
        let hidden = self.hidden_of(&cards, homes.len());
        for (home, hidden) in homes.iter_mut().zip(hidden) {
            home.hidden = hidden;
        }
        self.idle = cards.chunks(64).map(|cards| idle(cards, &homes)).collect();
        self.homes = homes.into();
        self.cards = cards.into();
    }

    fn place_in(&self, repository: u32) -> u32 {
        let project = |number: &u32| {
            self.nodes.get(*number as usize).is_some_and(|node| node.id.kind() == Kind::Project)
        };
        self.outgoing(repository, Relation::In).find(project).unwrap_or(NOWHERE)
    }

    /// The code of a project's default level, and its bits with [`DEFAULT_UNTOLD`] where an edge has no level.
    fn default_of(&self, project: u32, bits: u8) -> (u8, u8) {
        if self.incoming_by(project, Relation::Default).next().is_none() {
            return (0, bits);
        }
        let text = match self.node(NodeNo(project)).and_then(|node| node.attributes.get("default"))
        {
            Some(Value::Text(text)) => Level::from_text(text),
            Some(Value::Nothing | Value::Flag(_) | Value::Whole(_) | Value::List(_)) | None => None,
        };
        text.map_or((0, bits | DEFAULT_UNTOLD), |level| (level as u8, bits))
    }

    /// All groups of every identity that is in a nested group. Cycles end where they began.
    fn nest(&self, cards: &[Card]) -> HashMap<u32, Box<[u32]>> {
        let is_group =
            |number: u32| cards.get(number as usize).is_some_and(|card| card.kind == Kind::Group);
        let inner =
            |group: u32| is_group(group) && !self.out_of(group, Relation::Member).is_empty();
        if !(0..).take(cards.len()).any(inner) {
            return HashMap::new();
        }
        let nested =
            |number: &u32| self.out_of(*number, Relation::Member).iter().any(|&group| inner(group));
        (0..)
            .take(cards.len())
            .filter(nested)
            .map(|number| (number, self.closure(number)))
            .collect()
    }

    fn closure(&self, number: u32) -> Box<[u32]> {
        let mut seen: HashSet<u32> = HashSet::new();
        let mut open: Vec<u32> = self.out_of(number, Relation::Member).to_vec();
        while let Some(group) = open.pop() {
            if seen.insert(group) {
                open.extend_from_slice(self.out_of(group, Relation::Member));
            }
        }
        seen.remove(&number);
        let mut groups: Vec<u32> = seen.into_iter().collect();
        groups.sort_unstable();
        groups.into()
    }

    /// What each identity is on the whole workspace: its own grants there and its groups'.
    fn rank(&self, homes: &[Home], cards: &mut [Card]) {
        let mut own: HashMap<u32, u8> = HashMap::new();
        for home in homes {
            for (from, is) in
                home.workspace.into_iter().flat_map(|workspace| self.incoming(workspace))
            {
                *own.entry(from).or_default() |= rank_of(is, home.connection.product);
            }
        }
        if own.values().all(|&rank| rank == 0) {
            return;
        }
        for number in (0..).take(cards.len()) {
            let kind = cards.get(number as usize).map(|card| card.kind);
            if !kind.is_some_and(identity) {
                continue;
            }
            let groups = self
                .nested
                .get(&number)
                .map_or_else(|| self.out_of(number, Relation::Member), |groups| groups.as_ref());
            let of = |number: &u32| own.get(number).copied().unwrap_or(0);
            let rank = groups.iter().map(of).fold(of(&number), |all, one| all | one);
            if let Some(card) = cards.get_mut(number as usize) {
                card.rank = rank;
            }
        }
    }
}

/// A bit for each of up to 64 nodes that hold nothing themselves.
fn idle(cards: &[Card], homes: &[Home]) -> u64 {
    let idles = |card: &Card| {
        let home = homes.get(usize::from(card.connection));
        let licensed = home.is_some_and(|home| counts(card.kind, card.rank, home));
        card.kind == Kind::Group || card.bits & INACTIVE != 0 || !licensed
    };
    let bits = (0..).zip(cards).filter(|(_, card)| idles(card));
    bits.fold(0, |all, (bit, _)| all | 1_u64.checked_shl(bit).unwrap_or(0))
}

/// Takes note of a node in its home's lists.
fn note(home: &mut Home, number: u32, card: Card) {
    if let Some(range) = home.kinds.get_mut(card.kind as usize) {
        let first = if range.start == range.end { number } else { range.start };
        *range = first..number + 1;
    }
    let opens = match card.kind {
        Kind::Repository => true,
        // A public project opens its repositories on Data Center alone.
        Kind::Project => home.connection.product == Product::DataCenter,
        Kind::Group
        | Kind::User
        | Kind::App
        | Kind::Token
        | Kind::Key
        | Kind::Runner
        | Kind::Agent
        | Kind::Workspace
        | Kind::Ref
        | Kind::Environment
        | Kind::Variable
        | Kind::Restriction
        | Kind::Hook
        | Kind::Credential => false,
    };
    if opens && card.bits & PUBLIC != 0 {
        home.public.push(number);
    }
}

/// What a word on the workspace is worth. Only Data Center licenses by it.
const fn rank_of(is: Relation, product: Product) -> u8 {
    match (is, product) {
        (Relation::Owner | Relation::Admin, Product::Cloud | Product::DataCenter) => RANK_ADMIN,
        (Relation::Create, Product::Cloud | Product::DataCenter) => RANK_CREATE,
        (Relation::Licensed, Product::DataCenter) => RANK_LICENSED,
        (Relation::Read, Product::Cloud | Product::DataCenter) => RANK_READ,
        (Relation::Write, Product::Cloud | Product::DataCenter) => RANK_WRITE,
        (
            Relation::Licensed
            | Relation::Member
            | Relation::Default
            | Relation::ActsFor
            | Relation::Holds
            | Relation::In
            | Relation::Exempt
            | Relation::Restricts
            | Relation::DeploysTo
            | Relation::RunsOn,
            Product::Cloud | Product::DataCenter,
        ) => 0,
    }
}
