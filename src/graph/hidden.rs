//! Grants that may be there and were not read: for each home the first reason of each sort, found once when a graph is
//! built, so that it costs nothing to ask it of every identity.

use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::graph::effective::doubt::NO_WORKSPACE;
use crate::graph::effective::person;
use crate::graph::effective::wide;
use crate::graph::snapshot::Card;

/// Why grants in one home may be hidden, by the sort of list that was not read. None: all such lists were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::graph) struct Hidden {
    /// Of which places there are.
    pub places: Option<Why>,
    /// Of who is granted what.
    pub grants: Option<Why>,
    /// Of what keys are granted.
    pub keys: Option<Why>,
    /// Of what tokens are granted.
    pub tokens: Option<Why>,
    /// Of who is in groups that are granted something.
    pub members: Option<Why>,
    /// Of where repositories live.
    pub homes: Option<Why>,
    /// Of what projects give to everybody who is licensed.
    pub defaults: Option<Why>,
    /// Of webhooks.
    pub hooks: Option<Why>,
    /// Of what is in people's hands.
    pub hands: Option<Why>,
}

impl Hidden {
    /// Where the reason of a list about a node of this kind is kept; none for what hides no grant.
    fn of(&mut self, kind: Kind, field: &str) -> Option<&mut Option<Why>> {
        match field {
            "projects" | "repositories" => Some(&mut self.places),
            "grants" => Some(&mut self.grants),
            "keys" => Some(&mut self.keys),
            "tokens" => Some(&mut self.tokens),
            "hooks" => Some(&mut self.hooks),
            "project" => Some(&mut self.homes),
            "default" => Some(&mut self.defaults),
            "holds" | "credentials" => Some(&mut self.hands),
            "groups" if kind == Kind::Workspace => Some(&mut self.members),
            _ => None,
        }
    }
}

impl Snapshot {
    /// What may be hidden in each home. Cost: one walk over what is listed as unknown, in order.
    pub(in crate::graph) fn hidden_of(&self, cards: &[Card], homes: usize) -> Vec<Hidden> {
        let mut all = vec![Hidden::default(); homes];
        let mut doubted: Vec<u32> = self.doubts.keys().copied().collect();
        doubted.sort_unstable();
        for number in doubted {
            let Some(card) = cards.get(number as usize) else { continue };
            let Some(hidden) = all.get_mut(usize::from(card.connection)) else { continue };
            for doubt in self.doubts.get(&number).into_iter().flatten() {
                let counts = doubt.field.as_ref() == "members" && self.gives(cards, number);
                let slot = if counts {
                    Some(&mut hidden.members)
                } else {
                    hidden.of(card.kind, &doubt.field)
                };
                if let Some(slot) = slot {
                    slot.get_or_insert_with(|| doubt.why.clone());
                }
            }
        }
        all
    }

    /// Whether who is in a group is granted something by it, or by a group that it is in.
    fn gives(&self, cards: &[Card], group: u32) -> bool {
        let Some(card) = cards.get(group as usize).filter(|card| card.kind == Kind::Group) else {
            return false;
        };
        let outer = self.nested.get(&group);
        let outer = outer.map_or_else(|| self.out_of(group, Relation::Member), AsRef::as_ref);
        let grants = |holder: u32| {
            let mut words = Relation::ALL.iter().filter(|is| is.level() > Level::None);
            words.any(|is| !self.out_of(holder, *is).is_empty())
        };
        card.rank != 0 || std::iter::once(group).chain(outer.iter().copied()).any(grants)
    }

    /// Why an identity may be granted more than is known: a list was not read in which that would stand. None: it is not.
    pub fn may_hold_more(&self, identity: NodeNo) -> Option<Why> {
        let card = self.card(identity.0);
        let home = self.home(card)?;
        let hidden = &home.hidden;
        if wide(card.rank) == Level::Admin {
            return hidden.places.clone();
        }
        let rooted = home.workspace.is_some() || !person(card.kind);
        let own = if card.kind == Kind::Key { &hidden.keys } else { &hidden.members };
        let tokens = hidden.tokens.as_ref().filter(|_| card.kind == Kind::Token);
        let mut nested = std::iter::once(identity.0).chain(self.groups(identity.0).iter().copied());
        let found = hidden.grants.as_ref().or(hidden.places.as_ref()).or(own.as_ref()).or(tokens);
        let found = found.or_else(|| nested.find_map(|member| self.doubt(member, "groups")));
        found.cloned().or_else(|| (!rooted).then_some(NO_WORKSPACE))
    }

    /// Why there may be webhooks that are not known, in the connection of this node.
    pub fn may_have_hooks(&self, node: NodeNo) -> Option<Why> {
        let hidden = &self.home(self.card(node.0))?.hidden;
        hidden.hooks.clone().or_else(|| hidden.places.clone())
    }

    /// Whether what is hidden in a connection is the same here as in another graph.
    pub fn hides_alike(&self, other: &Self, connection: &ConnectionId) -> bool {
        let hidden = |graph: &Self| {
            let mut homes = graph.homes.iter();
            homes.find(|home| home.connection.id == *connection).map(|home| home.hidden.clone())
        };
        hidden(self) == hidden(other)
    }

    /// Why the keys and tokens in people's hands are not all known here, if they are not.
    pub fn may_be_in_hands(&self, node: NodeNo) -> Option<Why> {
        self.home(self.card(node.0))?.hidden.hands.clone()
    }
}
