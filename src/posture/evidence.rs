//! What people brought because no API tells it: second factors, who has left, how repositories are classified.
//!
//! In reading order: [`piece`] (what is kept of a file), [`read`] (bytes in, a table out), then what it is asked here. A
//! piece has a day it was true and a day it ends; from then on what it told is unknown and says so. The newest piece of a
//! kind goes first, and one that speaks of everybody is the last that is asked: what an older one says beyond it is over.

mod classes;
mod directory;
mod index;
pub mod manifest;
pub mod moment;
mod once;
mod people;
mod picture;
pub mod piece;
pub mod read;
mod refused;
mod scim;
mod sheet;

pub use index::Found;
pub use index::Indexed;
pub use index::folded;
pub use refused::Refused;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::attribute;
use crate::graph::attribute::Form;
use crate::posture::evidence::classes::Fit;
use crate::posture::evidence::moment::day_of;
use crate::posture::evidence::piece::ClassRule;
use crate::posture::evidence::piece::Content;
use crate::posture::evidence::piece::Coverage;
use crate::posture::evidence::piece::EvidenceKind;
use crate::posture::evidence::piece::Head;
use crate::posture::evidence::piece::Left;
use crate::posture::evidence::piece::Login;
use crate::posture::evidence::piece::Shows;

/// Why a class is unknown where nobody brought any.
const NO_MANIFEST: &str = "no list of classifications was brought: `portcullis evidence import`";

/// What evidence says of one connection at one moment. Cheap to clone; the default has none.
#[derive(Clone, Debug, Default)]
pub struct Held {
    now: Time,
    /// Newest first.
    pieces: Arc<[Arc<Indexed>]>,
    /// Names that more than one of the connection's people has.
    namesakes: Arc<BTreeSet<String>>,
}

/// A person, as evidence may name him.
#[derive(Clone, Copy, Debug)]
pub struct Person<'p> {
    /// His id in the graph.
    pub id: &'p Id,
    /// His e-mail address, where it can be read.
    pub email: Option<&'p str>,
    /// His name.
    pub name: Option<&'p str>,
}

/// A repository, as evidence may name it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'p> {
    /// Its id in the graph.
    pub id: &'p Id,
    /// `PROJECT/slug` (Cloud: `workspace/slug`).
    pub name: Option<&'p str>,
    /// Its project's key.
    pub project: Option<&'p str>,
}

/// Where somebody stands, and in which piece.
enum Told<'h> {
    Line(&'h Indexed, usize),
    /// Left out of a piece that speaks of everybody.
    LeftOut(&'h Indexed),
    Unknown(Why),
}

impl Held {
    /// What these pieces of one connection say at `now`. `namesakes`: names that more than one of its people has, as
    /// [`folded`] writes them.
    pub fn new(mut pieces: Vec<Arc<Indexed>>, namesakes: Arc<BTreeSet<String>>, now: Time) -> Self {
        pieces.sort_by_key(|one| {
            let head = &one.piece.head;
            std::cmp::Reverse((head.as_of, head.brought, head.id))
        });
        pieces.retain(|one| one.piece.head.withdrawn.is_none());
        Self { now, pieces: pieces.into(), namesakes }
    }

    /// When it will say something else by itself: a piece ends, or somebody's last day comes.
    pub fn changes(&self) -> Option<Time> {
        let ends = self.pieces.iter().map(|one| one.piece.head.until);
        let comers = self.pieces.iter().filter_map(|one| one.content()).flat_map(Content::comers);
        let last_days = comers.filter_map(|comer| match comer.left {
            Left::On(day) => Some(day),
            Left::Before | Left::No => None,
        });
        ends.chain(last_days).filter(|time| *time > self.now).min()
    }

    /// Whether somebody has a second factor.
    pub fn second_factor(&self, person: Person<'_>) -> Known<bool> {
        let missing = "no list of second factors was brought: `portcullis evidence import`";
        let (list, line) = match self.told(EvidenceKind::UserDirectory, person, missing) {
            Told::Line(list, line) => (list, line),
            Told::LeftOut(list) => return Known::Unknown(left_out(&list.piece.head)),
            Told::Unknown(why) => return Known::Unknown(why),
        };
        let members = list.content().map(Content::members).unwrap_or_default();
        let told = members.get(line).and_then(|one| one.second_factor);
        told.map_or_else(
            || Known::Unknown(silent(&list.piece.head, "a second factor")),
            Known::Value,
        )
    }

    /// When somebody was last signed in; nothing for never.
    pub fn last_login(&self, person: Person<'_>) -> Known<Time> {
        let missing = "no list of last logins was brought: `portcullis evidence import`";
        let (list, line) = match self.told(EvidenceKind::UserDirectory, person, missing) {
            Told::Line(list, line) => (list, line),
            Told::LeftOut(list) => return Known::Unknown(left_out(&list.piece.head)),
            Told::Unknown(why) => return Known::Unknown(why),
        };
        let members = list.content().map(Content::members).unwrap_or_default();
        match members.get(line).map(|one| one.last_login) {
            Some(Login::At(time)) => Known::Value(time),
            Some(Login::Never) => Known::Nothing,
            Some(Login::Untold) | None => {
                Known::Unknown(silent(&list.piece.head, "the last login"))
            }
        }
    }

    /// When somebody left; nothing for one who has not. Of whom a list says only that he is gone, the day is that of the
    /// list: the latest it can be.
    pub fn left(&self, person: Person<'_>) -> Known<Time> {
        let missing = "no list of leavers was brought: `portcullis evidence import`";
        let (list, line) = match self.told(EvidenceKind::JoinersLeavers, person, missing) {
            Told::Line(list, line) => (list, line),
            // A list of all who left clears whom it leaves out. One of those who are here does not: whoever is not in it
            // may have been deleted from it, or never been one of them.
            Told::LeftOut(list) if names_leavers_alone(list) => return Known::Nothing,
            Told::LeftOut(list) => return Known::Unknown(left_out(&list.piece.head)),
            Told::Unknown(why) => return Known::Unknown(why),
        };
        let comers = list.content().map(Content::comers).unwrap_or_default();
        match comers.get(line).map(|one| one.left) {
            Some(Left::On(day)) if day <= self.now => Known::Value(day),
            Some(Left::Before) => Known::Value(list.piece.head.as_of),
            Some(Left::On(_) | Left::No) => Known::Nothing,
            None => Known::Unknown(silent(&list.piece.head, "whether they left")),
        }
    }

    /// Whether this connection demands a second factor of everybody.
    pub fn second_factor_enforced(&self) -> Known<bool> {
        let Some(proof) = self.newest(EvidenceKind::SecondFactorPolicy) else {
            return Known::unknown(
                "no proof of the policy of second factors was brought: `portcullis evidence import`",
            );
        };
        let head = &proof.piece.head;
        if !head.counts(self.now) {
            return Known::Unknown(ended(head));
        }
        let shows = proof.content().and_then(Content::shows);
        shows.map_or_else(
            || Known::Unknown(silent(head, "the policy")),
            |shows| Known::Value(shows == Shows::Enforced),
        )
    }

    /// How a repository is classified; nothing for one that a manifest leaves out. Rules on properties need the graph: see
    /// [`Held::class_in`].
    pub fn class(&self, place: Place<'_>) -> Known<String> {
        self.classified(place, |_| Known::default())
    }

    /// How a repository of the graph is classified: as its world says of it, else of its project, else as the manifest does.
    pub fn class_in(&self, graph: &Snapshot, repository: NodeNo) -> Known<String> {
        let home = graph.project_of(repository);
        let of_home =
            || home.map(|home| graph.text(home, "class")).filter(|class| class.value().is_some());
        let own = graph.text(repository, "class");
        let own = if own.is_unknown() { of_home().unwrap_or(own) } else { own };
        let own = own.map(ToOwned::to_owned);
        let asks = own.is_unknown() && self.newest(EvidenceKind::Classification).is_some();
        let Some(node) = graph.node(repository).filter(|_| asks) else {
            return if own.is_unknown() { Known::unknown(NO_MANIFEST) } else { own };
        };
        let name = graph.full_name(repository);
        let project = home.map(|home| graph.text(home, "key"));
        let place = Place {
            id: &node.id,
            name: name.as_deref(),
            project: project.as_ref().and_then(|key| key.value().copied()),
        };
        self.classified(place, |property| told_of(graph, repository, property))
    }

    /// The classes that a manifest in force gives.
    pub fn classes(&self) -> BTreeSet<&str> {
        let manifest = self.newest(EvidenceKind::Classification);
        let manifest = manifest.filter(|one| one.piece.head.counts(self.now));
        rules_of(manifest).iter().map(|rule| rule.class.as_str()).collect()
    }

    /// `told` is what the graph says of an attribute of the repository.
    fn classified(&self, place: Place<'_>, told: impl Fn(&str) -> Known<String>) -> Known<String> {
        let Some(manifest) = self.newest(EvidenceKind::Classification) else {
            return Known::unknown(NO_MANIFEST);
        };
        let head = &manifest.piece.head;
        if !head.counts(self.now) {
            return Known::Unknown(ended(head));
        }
        let rules = rules_of(Some(manifest));
        match manifest.classes.fit(place, told) {
            Fit::Rule(rule) => Known::or_untold(rules.get(rule).map(|rule| rule.class.clone())),
            Fit::Unsure(rule) => Known::Unknown(Why::said(format!(
                "rule {} of {} of {} needs a fact of the repository that is not known",
                rules.get(rule).map_or(0, |rule| rule.row),
                head.kind.noun(),
                day_of(head.as_of)
            ))),
            Fit::Nothing => Known::Nothing,
        }
    }

    fn newest(&self, kind: EvidenceKind) -> Option<&Indexed> {
        self.of(kind).next()
    }

    fn of(&self, kind: EvidenceKind) -> impl Iterator<Item = &Indexed> {
        let pieces = self.pieces.iter().map(AsRef::as_ref);
        pieces.filter(move |one| one.piece.head.kind == kind)
    }

    /// Where somebody stands: in the newest list in force that names him, up to the first that speaks of everybody.
    fn told(&self, kind: EvidenceKind, person: Person<'_>, missing: &'static str) -> Told<'_> {
        let mut nowhere: Option<Why> = None;
        for list in self.of(kind) {
            let head = &list.piece.head;
            let is_whole = head.coverage == Coverage::Whole;
            if !head.counts(self.now) {
                nowhere.get_or_insert_with(|| ended(head));
                if is_whole {
                    break;
                }
                continue;
            }
            match list.find(person, &self.namesakes) {
                Found::Line(line) => return Told::Line(list, line),
                Found::Unclear(why) => return Told::Unknown(why),
                // What ended meanwhile may have named him.
                Found::Nowhere if !list.piece.erased.is_empty() => {
                    return Told::Unknown(Why::fixed(
                        "somebody was erased from the list, so whom it leaves out says nothing any more",
                    ));
                }
                Found::Nowhere if is_whole && nowhere.is_none() => return Told::LeftOut(list),
                Found::Nowhere if is_whole => break,
                Found::Nowhere => {}
            }
        }
        let left_out = || match self.newest(kind) {
            None => Why::fixed(missing),
            Some(list) => Why::said(format!(
                "{} of {} does not name them, and does not claim to name everybody",
                kind.noun(),
                day_of(list.piece.head.as_of)
            )),
        };
        Told::Unknown(nowhere.unwrap_or_else(left_out))
    }
}

fn rules_of(manifest: Option<&Indexed>) -> &[ClassRule] {
    manifest.and_then(Indexed::content).map(Content::classes).unwrap_or_default()
}

fn names_leavers_alone(list: &Indexed) -> bool {
    let comers = list.content().map(Content::comers);
    comers.is_some_and(|comers| comers.iter().all(|comer| comer.left != Left::No))
}

/// What the graph says of an attribute of a repository, as a manifest writes it.
fn told_of(graph: &Snapshot, repository: NodeNo, property: &str) -> Known<String> {
    match attribute::form(Kind::Repository, property) {
        Some(Form::Text | Form::Word(_)) => graph.text(repository, property).map(ToOwned::to_owned),
        Some(Form::Flag) => graph.flag(repository, property).map(|flag| flag.to_string()),
        Some(Form::Whole) => graph.whole(repository, property).map(|number| number.to_string()),
        Some(Form::List | Form::Instant) | None => Known::default(),
    }
}

fn ended(head: &Head) -> Why {
    Why::said(format!(
        "{} of {} ended on {}: bring a newer one with `portcullis evidence import`",
        head.kind.noun(),
        day_of(head.as_of),
        day_of(head.until)
    ))
}

fn left_out(head: &Head) -> Why {
    Why::said(format!(
        "{} of {} names {} people and not them: they came later, go by another name there, or were never in it",
        head.kind.noun(),
        day_of(head.as_of),
        head.rows
    ))
}

fn silent(head: &Head, what: &str) -> Why {
    Why::said(format!("{} of {} does not say {what}", head.kind.noun(), day_of(head.as_of)))
}
