//! Identities that are no people: apps, tokens, keys, runners, hooks, agents, credentials and service accounts; whose
//! they are and how sure that is, where they reach, and who may change them.

use std::collections::BTreeMap;

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::Listed;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::relation::identity;
use crate::graph::snapshot::RANK_ADMIN;
use crate::words;

/// 1990-01-01T00:00:00Z: no history that Git was made from is older. What tells less was never set, or by a wrong clock.
const EARLIEST: Time = Time::from_millis(631_152_000_000);

const TOO_EARLY: Why = Why::fixed(
    "Bitbucket tells a time before 1990, which nobody can have set: look there, or wait for the next change",
);

words! {
    /// How sure it is whose something is.
    pub enum Sureness {
        /// Bitbucket names the owner.
        Told = "told",
        /// It follows from something else that is known.
        Inferred = "inferred",
        /// Nothing tells.
        Unknown = "unknown",
    }
}

/// Whose something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The owners; empty where nothing tells.
    pub owners: Vec<NodeNo>,
    /// How sure.
    pub sure: Sureness,
    /// What it follows from, or why it is not known.
    pub why: String,
}

/// A level that an identity holds somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The level in effect.
    pub level: Level,
    /// Where.
    pub place: NodeNo,
}

/// Who administers each place, as far as it was worked out.
pub type Admins = BTreeMap<NodeNo, Listed>;

const NO_PLACE: Why = Why::fixed("nothing we have read tells where it may do something");

/// What products call an account that no person uses.
const SERVICE: &[&str] = &["service", "service_account", "service-account", "bot", "app_user"];

impl Snapshot {
    /// Every identity that is no person or group, by kind and id.
    pub fn machines(&self) -> impl Iterator<Item = NodeNo> {
        let kinds = [
            Kind::App,
            Kind::Token,
            Kind::Key,
            Kind::Runner,
            Kind::Hook,
            Kind::Agent,
            Kind::Credential,
        ];
        let machines = kinds.into_iter().flat_map(|kind| self.all(kind));
        let services = self.all(Kind::User).filter(|&user| self.is_service(user));
        machines.chain(services)
    }

    /// Whether a user is an account that no person uses.
    pub fn is_service(&self, user: NodeNo) -> bool {
        let kind = self.text(user, "kind");
        kind.value().is_some_and(|kind| SERVICE.contains(&kind.to_ascii_lowercase().as_str()))
    }

    /// Whose it is: whom Bitbucket names; else the person it works for; else the only one who administers where it lives,
    /// those who administer everything left aside.
    pub fn ownership(&self, node: NodeNo, changers: &Listed) -> Ownership {
        if let Some(named) = self.named_ownership(node) {
            return named;
        }
        let mut people = self.local(changers);
        match (people.next(), people.next(), &changers.unknown) {
            (Some(alone), None, None) => Ownership {
                owners: vec![alone],
                sure: Sureness::Inferred,
                why: "nobody else administers just where it lives".to_owned(),
            },
            (Some(_) | None, Some(_) | None, Some(_) | None) => Ownership {
                owners: Vec::new(),
                sure: Sureness::Unknown,
                why: "Bitbucket does not tell whose it is".to_owned(),
            },
        }
    }

    /// Whose it is by its own edges: whom Bitbucket names, else the person it works for.
    pub fn named_ownership(&self, node: NodeNo) -> Option<Ownership> {
        let held: Vec<NodeNo> = self.incoming_by(node.0, Relation::Holds).map(NodeNo).collect();
        if !held.is_empty() {
            let why = "Bitbucket names the owner".to_owned();
            return Some(Ownership { owners: held, sure: Sureness::Told, why });
        }
        let Known::Value(person) = self.principal(node) else { return None };
        let why = format!("it acts for {}", self.label(person));
        Some(Ownership { owners: vec![person], sure: Sureness::Inferred, why })
    }

    /// The people of a list who do not administer everything.
    pub fn local<'s>(&'s self, listed: &'s Listed) -> impl Iterator<Item = NodeNo> + 's {
        let local = |node: &NodeNo| {
            let card = self.card(node.0);
            card.kind == Kind::User && card.rank & RANK_ADMIN == 0
        };
        listed.nodes.iter().copied().filter(local)
    }

    /// Where it holds a level by a grant to it or its groups, the strongest first, then by id.
    pub fn reach(&self, node: NodeNo) -> Vec<Reach> {
        let holders = std::iter::once(node.0).chain(self.groups(node.0).iter().copied());
        let words = Relation::ALL.iter().copied().filter(|is| is.level() > Level::None);
        let places: BTreeMap<_, _> = holders
            .flat_map(|holder| {
                let outgoing = words.clone();
                outgoing.flat_map(move |is| self.outgoing(holder, is))
            })
            .filter_map(|place| Some((self.node(NodeNo(place))?.id.clone(), NodeNo(place))))
            .collect();
        let reach = |place| Reach { level: self.effective(node, place).level, place };
        let mut all: Vec<Reach> = places.into_values().map(reach).collect();
        all.retain(|reach| reach.level > Level::None);
        all.sort_by_key(|reach| std::cmp::Reverse(reach.level));
        all
    }

    /// The places it is part of: those a hook tells of, those whose builds a runner runs, those that granted it something.
    pub fn places_of(&self, node: NodeNo) -> Vec<NodeNo> {
        let mut places: Vec<u32> = match self.card(node.0).kind {
            Kind::Hook => self.outgoing(node.0, Relation::In).collect(),
            Kind::Runner => self.incoming_by(node.0, Relation::RunsOn).collect(),
            kind if identity(kind) => {
                self.reach(node).into_iter().map(|reach| reach.place.0).collect()
            }
            Kind::User
            | Kind::Group
            | Kind::App
            | Kind::Token
            | Kind::Key
            | Kind::Agent
            | Kind::Workspace
            | Kind::Project
            | Kind::Repository
            | Kind::Ref
            | Kind::Environment
            | Kind::Variable
            | Kind::Restriction
            | Kind::Credential => Vec::new(),
        };
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(NodeNo).collect()
    }

    /// Who may change or remove it: in whose hands it is, and who administers a place that it is part of.
    pub fn changers(&self, node: NodeNo) -> Listed {
        self.changers_among(node, &mut Admins::new())
    }

    /// The same, with who administers which place worked out once for many. Where a place that it is part of may be hidden,
    /// or none is known, there may be more.
    pub fn changers_among(&self, node: NodeNo, admins: &mut Admins) -> Listed {
        let held = self.incoming_by(node.0, Relation::Holds).map(NodeNo).collect();
        let mut all = Listed { nodes: held, unknown: None };
        let places = self.places_of(node);
        all.unknown = self.doubt_of_places(node, &places).filter(|_| all.nodes.is_empty());
        for place in places {
            let here =
                admins.entry(place).or_insert_with(|| self.who_can(Level::Admin, place).listed);
            all.nodes.extend(here.nodes.iter().copied().filter(|who| *who != node));
            all.unknown = all.unknown.or_else(|| here.unknown.clone());
        }
        all.nodes.sort_by_key(|node| self.node(*node).map(|node| node.id.clone()));
        all.nodes.dedup();
        all
    }

    /// Why it may be part of more places than these. What somebody holds, or what acts for somebody, needs none.
    fn doubt_of_places(&self, node: NodeNo, places: &[NodeNo]) -> Option<Why> {
        let kind = self.card(node.0).kind;
        let one_place = matches!(kind, Kind::Hook | Kind::Runner);
        let hidden = if one_place { None } else { self.may_hold_more(node) };
        let nowhere =
            places.is_empty() && kind != Kind::User && self.principal(node) == Known::Nothing;
        hidden.or_else(|| nowhere.then_some(NO_PLACE))
    }

    /// An instant among the attributes; unknown where it lies so long ago that nobody can have meant it.
    pub fn instant(&self, node: NodeNo, name: &str) -> Known<Time> {
        match self.text(node, name) {
            Known::Value(text) => match text.parse::<Time>() {
                Ok(at) if at < EARLIEST => Known::Unknown(TOO_EARLY),
                at => Known::or_untold(at.ok()),
            },
            Known::Nothing => Known::Nothing,
            Known::Unknown(why) if why == Why::NOT_TOLD => {
                Known::unknown("Bitbucket does not tell it")
            }
            Known::Unknown(why) => Known::Unknown(why),
        }
    }
}
