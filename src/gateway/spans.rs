//! What a trace shows of the road: a span a station, below the span of the request or delivery it serves. Ids and words
//! of ours only, never a name of anybody's: a collector is read by more people than the record is.
//!
//! Spans are made with `tracing` and thrown away by it unless the program has somebody to tell. What was begun in one
//! request and ends in another (a delivery, an action) is joined by the ids it has anyway, as long as they are remembered.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::SpanContext;
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use crate::decision::record::Public;
use crate::gateway::meters::Station;
use crate::graph::Product;

/// The beginning of every span's target, by which the program tells them from what is logged.
pub const TARGET: &str = "portcullis::span";

/// Traces that may go on later, by delivery or decision: 100 bytes each. Of more, the oldest begin anew.
const MAX_BEGUN: u64 = 20_000;

/// How long a trace may go on. An action that is retried for hours begins a new one.
const GOES_ON: Duration = Duration::from_mins(10);

/// How far traces reach. Whoever may name a parent may put spans into traces of others, and decide whether they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whose `traceparent` is believed.
    pub parents: Parents,
    /// Whether Bitbucket is told ours.
    pub outward: Outward,
}

/// What a `traceparent` that comes in is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parents {
    /// Nothing: every request begins a trace.
    Ignored,
    /// It is the parent: whoever reaches the public listener is trusted with that.
    Trusted,
}

/// Whether calls to Bitbucket carry a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outward {
    /// They do not.
    Silent,
    /// They do: an own server, or a proxy in front of it, goes on with the trace.
    Told,
}

/// The traces of one gateway. Until it is told to, it makes none and remembers nothing.
#[derive(Debug)]
pub struct Traces {
    settings: OnceLock<Settings>,
    begun: moka::sync::Cache<Uuid, SpanContext>,
}

impl Default for Traces {
    fn default() -> Self {
        let begun =
            moka::sync::Cache::builder().max_capacity(MAX_BEGUN).time_to_live(GOES_ON).build();
        Self { settings: OnceLock::new(), begun }
    }
}

impl Traces {
    /// Makes traces from now on; the first to ask stays.
    pub(in crate::gateway) fn begin(&self, settings: Settings) {
        let _ = self.settings.set(settings);
    }

    /// Whether a parent that comes in counts.
    pub fn trusts_parents(&self) -> bool {
        self.settings.get().is_some_and(|settings| settings.parents == Parents::Trusted)
    }

    /// Whether Bitbucket is told of them; none: there are none.
    pub(in crate::gateway) fn outward(&self) -> Option<Outward> {
        self.settings.get().map(|settings| settings.outward)
    }

    fn is_on(&self) -> bool {
        self.settings.get().is_some()
    }

    /// The span of a delivery that is taken down the road; within the trace in which it came, if that is remembered.
    pub(in crate::gateway) fn delivery(&self, id: Uuid, product: Product) -> Span {
        let span = tracing::trace_span!(
            target: TARGET,
            "delivery",
            otel.kind = "consumer",
            portcullis.delivery = %id,
            portcullis.product = product.as_str(),
        );
        self.follow(&span, id);
        span
    }

    /// The span of an action, within the trace of the decision it follows from.
    pub(in crate::gateway) fn action(&self, decision: Uuid) -> Span {
        let span = tracing::trace_span!(
            target: TARGET,
            "act",
            portcullis.decision = %decision,
        );
        self.follow(&span, decision);
        span
    }

    fn follow(&self, span: &Span, id: Uuid) {
        let begun = if self.is_on() { self.begun.get(&id) } else { None };
        if let Some(begun) = begun {
            // Refused only where no span is made.
            let _ = span.set_parent(Context::new().with_remote_span_context(begun));
        }
    }

    /// The present span took in this delivery.
    pub(in crate::gateway) fn took(&self, delivery: Uuid) {
        if self.is_on() {
            Span::current().set_attribute("portcullis.delivery", delivery.to_string());
            self.remember(delivery);
        }
    }

    /// The present span made this decision.
    pub(in crate::gateway) fn decided(&self, public: &Public) {
        if !self.is_on() {
            return;
        }
        let span = Span::current();
        span.set_attribute("portcullis.decision", public.decision.to_string());
        span.set_attribute("portcullis.event", public.event.as_str());
        span.set_attribute("portcullis.verdict", public.verdict.as_str());
        span.set_attribute("portcullis.effect", public.effect.as_str());
        self.remember(public.decision);
    }

    fn remember(&self, id: Uuid) {
        let present = Context::map_current(|context| context.span().span_context().clone());
        if present.is_sampled() {
            self.begun.insert(id, present);
        }
    }
}

/// The span of a station, below the present one.
pub(in crate::gateway) fn station(station: Station) -> Span {
    tracing::trace_span!(target: TARGET, "station", otel.name = station.as_str())
}
