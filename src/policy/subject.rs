//! The document a posture rule sees: one subject as it stands, every fact in three values.
//!
//! It is written like the event input: only what the rules declared, every field a value or `null`, and what could not
//! be learned listed in `unknown` with its why. What a subject is told by lies in a record of its own kind, a file
//! each; a rule about one kind reads that record and, if it wants, `now`.

pub mod credential;
pub mod definition;
pub mod hook;
pub mod identity;
pub mod project;
pub mod repository;
pub mod runner;
pub mod variable;
pub mod workspace;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::graph::Product;
use crate::graph::Time;
use crate::graph::fact::Fact;
use crate::graph::fact::Field;
use crate::graph::fact::Page;
use crate::graph::fact::Shape;
use crate::graph::fact::Wanted;
use crate::policy::input::Input;
use crate::policy::input::VERSION;
use crate::policy::subject::credential::Credential;
use crate::policy::subject::hook::Hook;
use crate::policy::subject::identity::Identity;
use crate::policy::subject::project::Project;
use crate::policy::subject::repository::Repository;
use crate::policy::subject::runner::Runner;
use crate::policy::subject::variable::Variable;
use crate::policy::subject::workspace::Workspace;
use crate::words;

/// Top-level names that stand in every subject's document.
pub const ALWAYS: &[&str] = &["version", "subject", "connection", "unknown"];

/// The hour of every example: 2026-11-21 18:05:00 UTC.
pub const EXAMPLE_NOW: Time = Time::from_millis(1_795_284_300_000);

words! {
    /// Whom a posture rule looks at.
    pub enum SubjectKind {
        /// A Cloud workspace, or a Data Center.
        Workspace = "workspace",
        /// A project.
        Project = "project",
        /// A repository.
        Repository = "repository",
        /// A person or machine that may act.
        Identity = "identity",
        /// A key, token, password or app that is in somebody's hands.
        Credential = "credential",
        /// A webhook.
        Hook = "hook",
        /// A pipeline runner.
        Runner = "runner",
        /// A pipeline variable.
        Variable = "variable",
    }
}

/// What is known of a subject, by its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum About {
    /// A Cloud workspace, or a Data Center.
    Workspace(Box<Workspace>),
    /// A project.
    Project(Box<Project>),
    /// A repository.
    Repository(Box<Repository>),
    /// A person or machine.
    Identity(Box<Identity>),
    /// A credential.
    Credential(Box<Credential>),
    /// A webhook.
    Hook(Box<Hook>),
    /// A runner.
    Runner(Box<Runner>),
    /// A variable.
    Variable(Box<Variable>),
}

impl About {
    /// Which kind of subject it is.
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Self::Workspace(_) => SubjectKind::Workspace,
            Self::Project(_) => SubjectKind::Project,
            Self::Repository(_) => SubjectKind::Repository,
            Self::Identity(_) => SubjectKind::Identity,
            Self::Credential(_) => SubjectKind::Credential,
            Self::Hook(_) => SubjectKind::Hook,
            Self::Runner(_) => SubjectKind::Runner,
            Self::Variable(_) => SubjectKind::Variable,
        }
    }

    /// Which kind of that it is, such as `key`; none where it has no kinds, or its kind is not known.
    pub fn is(&self) -> Option<&str> {
        let kind = match self {
            Self::Identity(record) => record.kind.value(),
            Self::Credential(record) => record.kind.value(),
            Self::Workspace(_)
            | Self::Project(_)
            | Self::Repository(_)
            | Self::Hook(_)
            | Self::Runner(_)
            | Self::Variable(_) => None,
        };
        kind.map(String::as_str)
    }

    fn write(&self, page: &mut Page<'_>) {
        let name = self.kind().as_str();
        match self {
            Self::Workspace(record) => page.part(name, &**record),
            Self::Project(record) => page.part(name, &**record),
            Self::Repository(record) => page.part(name, &**record),
            Self::Identity(record) => page.part(name, &**record),
            Self::Credential(record) => page.part(name, &**record),
            Self::Hook(record) => page.part(name, &**record),
            Self::Runner(record) => page.part(name, &**record),
            Self::Variable(record) => page.part(name, &**record),
        }
    }
}

/// Everything that is known of one subject when posture rules look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct SubjectDocument {
    /// Where.
    pub connection: ConnectionId,
    /// Which product that is.
    pub product: Product,
    /// The hour, for rules that read it.
    pub now: Time,
    /// What is known of it.
    pub about: About,
}

impl SubjectDocument {
    /// The shape of a document about this kind of subject.
    pub fn shape(kind: SubjectKind) -> Shape {
        let text = || Shape::Text;
        let gap = record(vec![("path", "Where.", text()), ("why", "Why.", text())]);
        let subject = vec![("kind", "Which kind of subject.", Shape::Word(SubjectKind::TEXTS))];
        let connection = vec![
            ("id", "Id of the connection.", text()),
            ("product", "Which Bitbucket.", Shape::Word(&["cloud", "datacenter"])),
        ];
        record(vec![
            ("version", "1.", Shape::Whole),
            ("subject", "Whom the rules look at.", record(subject)),
            ("connection", "Where.", record(connection)),
            ("unknown", "Declared facts that could not be learned.", Shape::List(Box::new(gap))),
            ("now", "The hour.", Shape::Instant),
            (kind.as_str(), "What is known of it.", shape_of(kind)),
        ])
    }

    /// Writes the document that rules with these declared paths see.
    pub fn page(&self, wanted: &Wanted) -> Input {
        let mut page = Page::new(wanted);
        page.record(|page| {
            page.key("version");
            page.raw(VERSION.to_string().as_bytes());
            page.key("subject");
            page.record(|page| {
                page.key("kind");
                page.text(self.about.kind().as_str());
            });
            page.key("connection");
            page.record(|page| {
                page.key("id");
                page.text(self.connection.as_str());
                page.key("product");
                page.text(self.product.as_str());
            });
            page.field("now", &Known::Value(self.now));
            self.about.write(page);
            let gaps = serde_json::to_vec(page.gaps()).unwrap_or_else(|_| b"[]".to_vec());
            page.key("unknown");
            page.raw(&gaps);
        });
        let (json, unknown) = page.finish();
        Input::written(json, unknown)
    }
}

fn record(fields: Vec<(&'static str, &'static str, Shape)>) -> Shape {
    Shape::Record(fields.into_iter().map(|(name, doc, shape)| Field { name, doc, shape }).collect())
}

fn shape_of(kind: SubjectKind) -> Shape {
    match kind {
        SubjectKind::Workspace => Workspace::shape(),
        SubjectKind::Project => Project::shape(),
        SubjectKind::Repository => Repository::shape(),
        SubjectKind::Identity => Identity::shape(),
        SubjectKind::Credential => Credential::shape(),
        SubjectKind::Hook => Hook::shape(),
        SubjectKind::Runner => Runner::shape(),
        SubjectKind::Variable => Variable::shape(),
    }
}

/// A full example about this kind of subject, for authors to look at and for the loader to try each rule on. It fails
/// only if an invented id were malformed, which a test excludes.
pub fn example(kind: SubjectKind) -> Result<SubjectDocument, IdError> {
    let about = match kind {
        SubjectKind::Workspace => About::Workspace(Box::new(workspace::example()?)),
        SubjectKind::Project => About::Project(Box::new(project::example()?)),
        SubjectKind::Repository => About::Repository(Box::new(repository::example()?)),
        SubjectKind::Identity => About::Identity(Box::new(identity::example()?)),
        SubjectKind::Credential => About::Credential(Box::new(credential::example()?)),
        SubjectKind::Hook => About::Hook(Box::new(hook::example()?)),
        SubjectKind::Runner => About::Runner(Box::new(runner::example()?)),
        SubjectKind::Variable => About::Variable(Box::new(variable::example()?)),
    };
    let connection = "acme-cloud".parse()?;
    Ok(SubjectDocument { connection, product: Product::Cloud, now: EXAMPLE_NOW, about })
}

/// An invented id for an example: `kind/number`.
fn id(told: &str) -> Result<Known<Id>, IdError> {
    let (kind, number) = told.split_once('/').unwrap_or((told, "0"));
    let native = format!("acme-cloud/{kind}/0b1c2d3e-0000-4000-8000-0000000000{number:0>2}");
    native.parse::<Id>().map(Known::Value)
}

/// A text of an example.
fn text(value: &str) -> Known<String> {
    Known::Value(value.to_owned())
}

/// So many days before the hour of the examples.
fn days_ago(days: u64) -> Known<Time> {
    Known::Value(EXAMPLE_NOW.minus(std::time::Duration::from_hours(24 * days)))
}
