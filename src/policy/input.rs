//! The input document, version 1: what a rule sees. Declared facts are never just missing.
//!
//! A [`Document`] is filled by the gateway; [`Document::page`] writes the [`Input`] that the routed rules see: only
//! what they declared, every field of it a value or `null`, and what is unknown listed with its why.

use sha2::Digest;
use sha2::Sha256;

use crate::event::EventKind;
use crate::event::Facts;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Known;
use crate::graph::Product;
use crate::graph::Time;
use crate::graph::fact::Fact;
use crate::graph::fact::Field;
use crate::graph::fact::Gap;
use crate::graph::fact::Page;
use crate::graph::fact::Shape;
use crate::graph::fact::Wanted;
use crate::policy::subject::SubjectKind;
use crate::policy::told;
use crate::policy::told::InputError;
use crate::record;
use crate::words;

/// The version of the input document.
pub const VERSION: u64 = 1;

/// Longest input: beyond it the worker's frame would not hold it. Bitbucket's largest body is 10 MiB, and facts are
/// counted, not copied, so a larger document is an attack.
pub const MAX_INPUT_BYTES: usize = 1 << 20;

/// Top-level names that stand in every input.
pub const ALWAYS: &[&str] = &["version", "event", "connection", "action", "unknown"];

words! {
    /// Who asked us.
    pub enum CallerKind {
        /// A pipeline step, by its own token.
        Step = "step",
        /// Another CI, by its own token.
        Ci = "ci",
        /// A service token.
        Service = "service",
        /// Bitbucket, by a signed webhook.
        Hook = "hook",
        /// Bitbucket, by a Forge token.
        Forge = "forge",
        /// A signed-in person.
        Person = "person",
        /// Nobody: the gate itself found it by reading Bitbucket again.
        Discovery = "discovery",
    }
}

record! {
    /// Who asked us.
    pub struct Caller {
        /// How the caller was known.
        kind: CallerKind,
        /// Hook, step or token; of another CI its id and the job, with a colon between.
        id: String,
    }
}

record! {
    /// What the caller's body says, unproven.
    pub struct Claimed {
        /// Repository as named in the body.
        repository: String,
        /// Commit, 40 hex digits.
        commit: String,
        /// Branch, short name.
        branch: String,
        /// Tag, short name.
        tag: String,
        /// Number of the pull request.
        pull_request: u64,
        /// Environment as named in the body.
        environment: String,
        /// Variables the step says it will read.
        variables: Vec<String>,
        /// Address of the run, for people.
        run: String,
        /// The build's number.
        build: u64,
        /// What the asker wants the approver to know.
        reason: String,
        /// Who it is about, of a question by AuthZEN; null in any other.
        subject: ClaimedEntity,
        /// What it is about, of a question by AuthZEN; null in any other.
        resource: ClaimedEntity,
        /// What is to be done, of a question by AuthZEN; null in any other.
        action: ClaimedAction,
        /// What else the asker says, of a question by AuthZEN; null where it says nothing.
        context: serde_json::Map<String, serde_json::Value>,
    }
}

record! {
    /// A subject or resource as an AuthZEN caller describes it, unproven.
    pub struct ClaimedEntity {
        /// Its type, as the caller writes it.
        kind as "type": String,
        /// Its id, as the caller writes it.
        id: String,
        /// What the caller says of it; null where it says nothing.
        properties: serde_json::Map<String, serde_json::Value>,
    }
}

record! {
    /// An action as an AuthZEN caller describes it, unproven.
    pub struct ClaimedAction {
        /// Its name; the same as `action.name`.
        name: String,
        /// What the caller says of it; null where it says nothing.
        properties: serde_json::Map<String, serde_json::Value>,
    }
}

record! {
    /// What the facts were read from.
    pub struct GraphAge {
        /// Revision of the graph.
        revision: u64,
        /// Milliseconds since it was last true.
        age_ms: u64,
    }
}

/// Everything that is known when a decision is asked for.
#[derive(Clone, Debug)]
pub struct Document {
    /// What happened.
    pub kind: EventKind,
    /// Where.
    pub connection: ConnectionId,
    /// Which product that is.
    pub product: Product,
    /// What is to be done: `deploy`, `run`, `push` …
    pub action: String,
    /// The hour, for rules that read it.
    pub now: Known<Time>,
    /// Who asked us.
    pub caller: Known<Caller>,
    /// What is known of it.
    pub facts: Facts,
    /// What the caller's body says.
    pub claimed: Known<Claimed>,
    /// What the facts were read from.
    pub graph: Known<GraphAge>,
}

impl Document {
    /// The shape of the whole document, for the schema and for checking policy paths.
    pub fn shape() -> Shape {
        let text = || Shape::Text;
        let record = |fields: Vec<(&'static str, &'static str, Shape)>| {
            Shape::Record(
                fields.into_iter().map(|(name, doc, shape)| Field { name, doc, shape }).collect(),
            )
        };
        let gap = record(vec![("path", "Where.", text()), ("why", "Why.", text())]);
        let mut fields = vec![
            Field { name: "version", doc: "1.", shape: Shape::Whole },
            Field {
                name: "event",
                doc: "What happened.",
                shape: record(vec![("kind", "Its kind.", Shape::Word(EventKind::TEXTS))]),
            },
            Field {
                name: "connection",
                doc: "Where.",
                shape: record(vec![
                    ("id", "Id of the connection.", text()),
                    ("product", "Which Bitbucket.", Shape::Word(&["cloud", "datacenter"])),
                ]),
            },
            Field {
                name: "action",
                doc: "What is to be done.",
                shape: record(vec![("name", "A word.", text())]),
            },
            Field {
                name: "unknown",
                doc: "Declared facts that could not be learned.",
                shape: Shape::List(Box::new(gap)),
            },
            Field { name: "now", doc: "The hour.", shape: Shape::Instant },
            Field { name: "caller", doc: "Who asked us.", shape: Caller::shape() },
            Field {
                name: "claimed",
                doc: "What the caller's body says, unproven.",
                shape: Claimed::shape(),
            },
            Field {
                name: "graph",
                doc: "What the facts were read from.",
                shape: GraphAge::shape(),
            },
        ];
        if let Shape::Record(facts) = Facts::shape() {
            fields.extend(facts);
        }
        Shape::Record(fields)
    }

    /// Writes the input that rules with these declared paths see.
    pub fn page(&self, wanted: &Wanted) -> Input {
        let mut page = Page::new(wanted);
        page.record(|page| {
            self.head(page);
            page.field("now", &self.now);
            page.field("caller", &self.caller);
            page.field("claimed", &self.claimed);
            page.field("graph", &self.graph);
            let facts = &self.facts;
            page.field("actor", &facts.actor);
            page.field("resource", &facts.resource);
            page.field("change", &facts.change);
            page.field("pull_request", &facts.pull_request);
            page.field("pipeline", &facts.pipeline);
            page.field("comment", &facts.comment);
            page.field("commit_status", &facts.commit_status);
            page.field("before", &facts.before);
            page.field("after", &facts.after);
            let gaps = serde_json::to_vec(page.gaps()).unwrap_or_else(|_| b"[]".to_vec());
            page.key("unknown");
            page.raw(&gaps);
        });
        let (json, unknown) = page.finish();
        Input::written(json, unknown)
    }

    fn head(&self, page: &mut Page<'_>) {
        page.key("version");
        page.raw(VERSION.to_string().as_bytes());
        page.key("event");
        page.record(|page| {
            page.key("kind");
            page.text(self.kind.as_str());
        });
        page.key("connection");
        page.record(|page| {
            page.key("id");
            page.text(self.connection.as_str());
            page.key("product");
            page.text(self.product.as_str());
        });
        page.key("action");
        page.record(|page| {
            page.key("name");
            page.text(&self.action);
        });
    }
}

/// What the rules see: the bytes, and the gaps in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    json: Vec<u8>,
    unknown: Vec<Gap>,
}

impl Input {
    /// Reads an input that somebody wrote or kept. A declared field that it leaves out without listing it in `unknown`
    /// becomes a gap; anything that is no input of this version is refused.
    pub fn from_json(bytes: &[u8], declared: &[String]) -> Result<Self, InputError> {
        told::read(bytes, declared).map(|(json, unknown)| Self { json, unknown })
    }

    /// Reads a subject's document that somebody wrote or kept, as strictly.
    pub fn of_subject(bytes: &[u8], declared: &[String]) -> Result<Self, InputError> {
        told::read_subject(bytes, declared).map(|(json, unknown)| Self { json, unknown })
    }

    /// What was written on a page.
    pub(in crate::policy) const fn written(json: Vec<u8>, unknown: Vec<Gap>) -> Self {
        Self { json, unknown }
    }

    /// The kind of subject it tells of, if it is a subject's document.
    pub fn subject(&self) -> Option<SubjectKind> {
        told::subject_of(&self.json)
    }

    /// The kind of event it tells of. Every input of an event says one.
    pub fn kind(&self) -> Option<EventKind> {
        #[derive(serde::Deserialize)]
        struct Head {
            event: Event,
        }
        #[derive(serde::Deserialize)]
        struct Event {
            kind: EventKind,
        }
        serde_json::from_slice::<Head>(&self.json).ok().map(|head| head.event.kind)
    }

    /// The document as JSON.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Declared facts that could not be learned.
    pub fn unknown(&self) -> &[Gap] {
        &self.unknown
    }

    /// SHA-256 of the bytes: equal questions have equal digests.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.json).into()
    }

    /// The gaps that touch a declared path: at it, above it or below it.
    pub fn gaps_under<'a>(&'a self, declared: &'a str) -> impl Iterator<Item = &'a Gap> {
        self.unknown.iter().filter(move |gap| touches(&gap.path, declared))
    }
}

/// Whether two dotted paths lie on one line of the tree.
fn touches(one: &str, other: &str) -> bool {
    let mut left = one.split('.');
    let mut right = other.split('.');
    loop {
        match (left.next(), right.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, _) | (_, None) => return true,
            (Some(_), Some(_)) => return false,
        }
    }
}

/// The identity whose rights are used, as an id.
pub fn actor_of(facts: &Facts) -> Option<&Id> {
    facts.actor.value().and_then(|actor| actor.id.value())
}
