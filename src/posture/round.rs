//! A round: which subjects there are, what the rules about each are shown, and what their answers come to. Who asks the
//! rules, and how, is not known here: the gateway asks its workers, an offline command its own engine.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use serde_json::json;
use sha2::Digest;
use sha2::Sha256;

use crate::graph::Admins;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::fact::Wanted;
use crate::policy::Answer;
use crate::policy::Bundle;
use crate::policy::Input;
use crate::policy::Rule;
use crate::policy::RuleId;
use crate::policy::SubjectKind;
use crate::posture::Held;
use crate::posture::Judgement;
use crate::posture::Outcome;
use crate::posture::Owner;
use crate::posture::Subject;
use crate::posture::choice::Choices;
use crate::posture::choice::Spot;
use crate::posture::evidence::Place;
use crate::posture::judge;
use crate::posture::judge_unseen;
use crate::posture::kept::Fact;
use crate::posture::lifecycle::Presence;
use crate::posture::lifecycle::Seen;
use crate::posture::look;
use crate::posture::news;
use crate::posture::owner;

/// Longest value of a fact that is kept with a finding, bytes: the names of a whole company would be kept once for each
/// repository.
const MAX_FACT_BYTES: usize = 4_000;

/// Who is told to own or to hear of what lies in a place: the configuration's own words, which the core does not read.
pub trait Addresses: Send + Sync {
    /// The channel that is named as owner of what is in this project or repository.
    fn owner(&self, connection: &ConnectionId, place: Place<'_>) -> Option<String>;
    /// The channel that is the security contact of a connection.
    fn contact(&self, connection: &ConnectionId) -> Option<String>;
}

/// Nobody is named.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Addresses for Nobody {
    fn owner(&self, _connection: &ConnectionId, _place: Place<'_>) -> Option<String> {
        None
    }

    fn contact(&self, _connection: &ConnectionId) -> Option<String> {
        None
    }
}

/// What a round is made with.
#[derive(Clone)]
pub struct Round {
    /// What exists and who reaches what.
    pub graph: Arc<Snapshot>,
    /// What people brought.
    pub held: Arc<Held>,
    /// The rules.
    pub bundle: Arc<Bundle>,
    /// Which of them run where.
    pub choices: Arc<Choices>,
    /// Who is named.
    pub addresses: Arc<dyn Addresses>,
    /// The hour.
    pub now: Time,
    wanted: Arc<BTreeMap<SubjectKind, Wanted>>,
}

/// What the rules about one subject are asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The subject.
    pub subject: Subject,
    /// What is known of it.
    pub input: Arc<Input>,
    /// The rules, by their positions in the bundle.
    pub rules: Vec<u32>,
    /// What rules about things in this place say, where the list of those things could not be read.
    pub unseen: Vec<Judgement>,
    /// When that was true.
    pub as_of: Time,
}

impl Round {
    /// A round of these rules over this graph.
    pub fn new(
        graph: Arc<Snapshot>,
        held: Arc<Held>,
        bundle: Arc<Bundle>,
        choices: Arc<Choices>,
        now: Time,
    ) -> Self {
        let wanted = SubjectKind::ALL
            .iter()
            .map(|kind| (*kind, Bundle::wanted_by(bundle.about(*kind).map(|(_, rule)| rule))));
        let wanted = Arc::new(wanted.collect());
        Self { graph, held, bundle, choices, addresses: Arc::new(Nobody), now, wanted }
    }

    /// The same with who is named.
    #[must_use]
    pub fn addressed(self, addresses: Arc<dyn Addresses>) -> Self {
        Self { addresses, ..self }
    }

    /// The subjects of a connection, by kind and id.
    pub fn subjects(&self, connection: &ConnectionId) -> Vec<Id> {
        self.nodes(connection).map(|(_, id)| id.clone()).collect()
    }

    fn nodes(&self, connection: &ConnectionId) -> impl Iterator<Item = (NodeNo, &Id)> {
        let kinds = Kind::ALL.iter().filter(|kind| look::subject_kind(**kind).is_some());
        let nodes = kinds.flat_map(|kind| self.graph.all_of(connection, *kind));
        nodes.filter_map(|node| Some((node, &self.graph.node(node)?.id)))
    }

    /// Of how many subjects of a connection each rule says something, those it could not see included.
    pub fn asked_of(&self, connection: &ConnectionId) -> BTreeMap<RuleId, u64> {
        // The same rules run on all nodes of a kind in a project: they are told once for all of them.
        let mut alike: HashMap<(Kind, Option<NodeNo>), (NodeNo, &Id, u64)> = HashMap::new();
        let mut counts = BTreeMap::new();
        for (node, id) in self.nodes(connection) {
            for said in self.unseen(node, id) {
                *counts.entry(said.rule).or_default() += 1;
            }
            alike.entry((id.kind(), self.project(node))).or_insert((node, id, 0)).2 += 1;
        }
        for (node, id, count) in alike.values() {
            for (_, rule) in self.running(*node, id) {
                *counts.entry(rule).or_default() += count;
            }
        }
        counts
    }

    /// What subjects are looked at with. Cost: one walk over people and repositories, once for many subjects.
    pub fn ground(&self) -> look::Ground<'_> {
        look::Ground::new(&self.graph, &self.held, self.now)
    }

    /// What the rules about a subject are asked; none: there is no such subject, or no rule says anything of it.
    pub fn question(&self, ground: &look::Ground<'_>, id: &Id) -> Option<Question> {
        let node = self.graph.find(id)?;
        let kind = look::subject_kind(id.kind())?;
        let rules: Vec<u32> = self.running(node, id).map(|(position, _)| position).collect();
        let unseen = self.unseen(node, id);
        if rules.is_empty() && unseen.is_empty() {
            return None;
        }
        let document = look::look(ground, node)?;
        Some(Question {
            subject: self.subject(node, id, kind),
            input: Arc::new(document.page(self.wanted.get(&kind)?)),
            rules,
            unseen,
            as_of: self.graph.as_of_connection(&id.connection()).unwrap_or_default(),
        })
    }

    /// What the answers, in the order of the rules, come to. Whose something is costs the most, and is only asked where
    /// something does not pass; `admins` is what was found out for others.
    pub fn seen(
        &self,
        question: &Question,
        answers: Vec<Answer>,
        admins: &mut Admins,
    ) -> Vec<Seen> {
        let mut document: Option<Value> = None;
        let mut owner: Option<Owner> = None;
        let asked = question.rules.iter().zip(answers);
        let said = asked.filter_map(|(position, answer)| {
            let rule = self.bundle.rules.get(*position as usize)?;
            Some(judge::judge(rule, &question.input, answer))
        });
        let said = said.chain(question.unseen.iter().cloned());
        said.map(|said| {
            let paths: BTreeSet<&str> =
                said.reasons.iter().flat_map(|one| &one.proof).map(String::as_str).collect();
            let facts = if paths.is_empty() {
                Vec::new()
            } else {
                let read = || serde_json::from_slice(question.input.json()).unwrap_or_default();
                facts(document.get_or_insert_with(read), &paths)
            };
            let owner = match said.outcome {
                Outcome::Pass => owner::nobody(None),
                Outcome::Fail | Outcome::Unknown => {
                    owner.get_or_insert_with(|| self.owner(&question.subject, admins)).clone()
                }
            };
            Seen {
                rule: said.rule,
                subject: question.subject.clone(),
                presence: Presence::There,
                severity: said.severity,
                outcome: said.outcome,
                reasons: said.reasons,
                unknown: said.unknown,
                facts,
                as_of: question.as_of,
                owner,
            }
        })
        .collect()
    }

    fn running(&self, node: NodeNo, id: &Id) -> impl Iterator<Item = (u32, RuleId)> {
        let kind = look::subject_kind(id.kind());
        let about = kind.into_iter().flat_map(|kind| self.bundle.about(kind));
        let (runs, kind) = (self.runs(node, id), look::kind_of(&self.graph, node));
        about
            .filter(move |(_, rule)| rule.is_about(kind) && runs(rule))
            .filter_map(|(position, rule)| Some((u32::try_from(position).ok()?, rule.id.clone())))
    }

    /// What rules that run here say of what could not be seen here.
    fn unseen(&self, node: NodeNo, id: &Id) -> Vec<Judgement> {
        // Most places were seen whole: then nobody asks where they are.
        let runs = LazyCell::new(|| self.runs(node, id));
        judge_unseen(&self.graph, node, self.bundle.rules.iter().filter(|rule| runs(rule)))
    }

    /// Whether a rule runs where this subject is.
    fn runs(&self, node: NodeNo, id: &Id) -> impl Fn(&Rule) -> bool {
        let (connection, key) = (id.connection(), self.project_key(node));
        move |rule| {
            let spot = Spot { connection: &connection, project: key.as_deref() };
            self.choices.runs(rule, spot)
        }
    }

    fn project_key(&self, node: NodeNo) -> Option<String> {
        let project = self.project(node)?;
        self.graph.text(project, "key").value().map(|key| (*key).to_owned())
    }

    /// The project that a subject is in, or the place it is in where that is in none.
    fn project(&self, node: NodeNo) -> Option<NodeNo> {
        let home = self.graph.home_of(node)?;
        match self.kind(home) {
            Some(Kind::Repository) => self.graph.project_of(home),
            Some(_) | None => Some(home),
        }
    }

    fn subject(&self, node: NodeNo, id: &Id, kind: SubjectKind) -> Subject {
        let home = self.graph.home_of(node);
        let repository = home.filter(|home| self.kind(*home) == Some(Kind::Repository));
        let class = repository.and_then(|home| self.class(home));
        Subject {
            kind: kind.as_str().to_owned(),
            id: id.clone(),
            name: self.graph.called(node),
            place: home.and_then(|home| self.graph.node(home)).map(|home| home.id.clone()),
            class,
        }
    }

    fn kind(&self, node: NodeNo) -> Option<Kind> {
        self.graph.node(node).map(|node| node.id.kind())
    }

    fn class(&self, repository: NodeNo) -> Option<String> {
        match self.held.class_in(&self.graph, repository) {
            Known::Value(class) => Some(class),
            Known::Nothing | Known::Unknown(_) => None,
        }
    }

    fn owner(&self, subject: &Subject, admins: &mut Admins) -> Owner {
        let connection = subject.id.connection();
        let named = subject.place.as_ref().and_then(|id| {
            let home = self.graph.find(id)?;
            let is_repository = id.kind() == Kind::Repository;
            let name = self.graph.full_name(home).filter(|_| is_repository);
            let key = self.project_key(home);
            let place = Place { id, name: name.as_deref(), project: key.as_deref() };
            self.addresses.owner(&connection, place)
        });
        let contact = self.addresses.contact(&connection);
        let ground = owner::Ground {
            held: &self.held,
            named: named.as_deref(),
            contact: contact.as_deref(),
        };
        let node = self.graph.find(&subject.id);
        node.map_or_else(
            || owner::nobody(contact.as_deref()),
            |node| owner::infer(&self.graph, node, &ground, admins),
        )
    }
}

/// What stands at these paths.
fn facts(document: &Value, paths: &BTreeSet<&str>) -> Vec<Fact> {
    let of = |path: &&str| {
        let pointer = format!("/{}", path.replace('.', "/"));
        let value = bounded(path, document.pointer(&pointer)?);
        Some(Fact { path: (*path).to_owned(), value })
    };
    paths.iter().filter_map(of).collect()
}

/// A value, or of one that is too long how many there are and by what it is known again: not by what merely moves.
fn bounded(path: &str, value: &Value) -> Value {
    let text = value.to_string();
    if text.len() <= MAX_FACT_BYTES {
        return value.clone();
    }
    let count = value.as_array().map_or(text.len(), Vec::len);
    let lasting = news::lasting(path, value).unwrap_or_default().to_string();
    json!({"too_long": count, "sha256": hex::encode(Sha256::digest(lasting))})
}
