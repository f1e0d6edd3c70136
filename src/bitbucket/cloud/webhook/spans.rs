//! Pipeline spans, told after the fact in OpenTelemetry's JSON. They prove nothing about an outcome: a pipeline that
//! failed often says `COMPLETE`.

use serde::Deserialize;

use crate::bitbucket::cloud::webhook::Reader;
use crate::bitbucket::json::Text;
use crate::bitbucket::told;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::Pipeline;
use crate::event::Repository;
use crate::event::Trigger;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Time;

#[derive(Deserialize)]
pub struct ResourceSpans<'a> {
    #[serde(rename = "scopeSpans", borrow)]
    scope_spans: Option<Vec<ScopeSpans<'a>>>,
}

#[derive(Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow)]
    spans: Option<Vec<Span<'a>>>,
}

#[derive(Deserialize)]
struct Span<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(rename = "endTimeUnixNano")]
    ended: Option<Nanos>,
    #[serde(borrow)]
    attributes: Option<Vec<Attribute<'a>>>,
}

#[derive(Deserialize)]
struct Attribute<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<Value<'a>>,
}

/// Numbers come as texts too; only texts are looked at.
#[derive(Deserialize)]
struct Value<'a> {
    #[serde(rename = "stringValue", borrow)]
    text: Option<Text<'a>>,
}

/// Nanoseconds since 1970, as OpenTelemetry writes 64-bit numbers: a text, or a number after all.
#[derive(Deserialize)]
#[serde(untagged)]
enum Nanos {
    Number(u64),
    Text(String),
}

impl Nanos {
    fn time(&self) -> Option<Time> {
        let nanos: u64 = match self {
            Self::Number(nanos) => *nanos,
            Self::Text(text) => text.parse().ok()?,
        };
        i64::try_from(nanos / 1_000_000).ok().map(Time::from_millis)
    }
}

impl Span<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter().flatten();
        let found = attributes.find(|attribute| attribute.key.as_deref() == Some(key))?;
        found.value.as_ref()?.text.as_deref()
    }

    /// Commands and containers within a step are no events of their own.
    fn is_run_or_step(&self) -> bool {
        matches!(self.name.as_deref(), Some("bbc.pipeline_run" | "bbc.step" | "bbc.pipeline_step"))
    }
}

fn spans<'s, 'a>(all: &'s [ResourceSpans<'a>]) -> impl Iterator<Item = &'s Span<'a>> {
    let scopes = all.iter().flat_map(|resource| resource.scope_spans.iter().flatten());
    scopes.flat_map(|scope| scope.spans.iter().flatten())
}

/// The repository that the spans name.
pub fn repository(connection: &ConnectionId, all: &[ResourceSpans<'_>]) -> Known<Id> {
    match spans(all).find_map(|span| span.text("pipeline.repository.uuid")) {
        Some(uuid) => told::id(connection, Kind::Repository, uuid),
        None => Known::unknown("the spans do not name the repository"),
    }
}

/// One event for each run or step; spans of commands alone are one event that names no step.
pub fn events(reader: &Reader<'_, '_>) -> Vec<Event> {
    let all = reader.body.resource_spans.as_deref().unwrap_or_default();
    let events: Vec<Event> = spans(all)
        .filter(|span| span.is_run_or_step())
        .map(|span| event(reader, Some(span)))
        .collect();
    if events.is_empty() { vec![event(reader, spans(all).next())] } else { events }
}

fn event(reader: &Reader<'_, '_>, span: Option<&Span<'_>>) -> Event {
    let mut facts = reader.facts();
    let all = reader.body.resource_spans.as_deref().unwrap_or_default();
    if let Some(resource) = facts.resource.value_mut()
        && resource.repository.is_unknown()
    {
        let id = repository(reader.connection, all);
        resource.repository = Known::Value(Repository { id, ..Repository::default() });
    }
    let text = |key: &str| span.and_then(|span| span.text(key));
    told::about(
        &mut facts,
        reference(text("pipeline.target.ref_type"), text("pipeline.target.ref_name")),
    );
    let uuid = |text: &str| text.trim_matches(['{', '}']).to_ascii_lowercase();
    facts.pipeline = Known::Value(Pipeline {
        id: Known::or_untold(text("pipeline.uuid").or_else(|| text("pipeline_run.uuid")).map(uuid)),
        step: Known::or_nothing(text("step.uuid").map(uuid)),
        trigger: Known::or_untold(text("pipeline.trigger.name").map(trigger)),
        ..Pipeline::default()
    });
    let at = span.and_then(|span| span.ended.as_ref()).and_then(Nanos::time);
    told::event(EventKind::PipelineObserved, at, facts)
}

fn reference(kind: Option<&str>, name: Option<&str>) -> Known<crate::event::Reference> {
    let folder = match kind.map(str::to_ascii_lowercase).as_deref() {
        Some("branch" | "named_branch") => told::BRANCHES,
        Some("tag" | "annotated_tag") => told::TAGS,
        Some(_) | None => return Known::unknown("the span does not name a branch or tag"),
    };
    match name {
        Some(name) => told::reference(format!("{folder}{name}")),
        None => Known::unknown("the span does not name the ref"),
    }
}

fn trigger(word: &str) -> Trigger {
    match word {
        "PUSH" => Trigger::Push,
        "MANUAL" => Trigger::Manual,
        "SCHEDULED" | "SCHEDULE" => Trigger::Schedule,
        "PARENT_STEP" => Trigger::ParentStep,
        _ => Trigger::Other,
    }
}
