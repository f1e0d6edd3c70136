//! Log lines on standard error: one JSON object a line, or one line for people. What a line says comes partly from
//! outside, so every value is cut, and nothing in it can end the line, colour it or turn it round.
//!
//! Where traces are on, a line names the trace and the span it was said in. What is logged is not decided here.

mod line;

use std::fmt;
use std::io::IsTerminal;

use opentelemetry::Context;
use opentelemetry::trace::SpanContext;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::trace::SdkTracer;
use portcullis::gateway::spans::TARGET;
use tracing::Event;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::FormatEvent;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::time::SystemTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::LogFormat;
use crate::config;
use crate::logs::line::Line;

/// Begins logging, once a process. `level` holds where `RUST_LOG` says nothing. Without a tracer no span is made: what
/// would be traced costs a look at one flag.
pub fn start(format: LogFormat, level: &str, tracer: Option<SdkTracer>) {
    let filter = config::variable("RUST_LOG").unwrap_or_else(|| level.to_owned());
    let colours = std::io::stderr().is_terminal() && config::variable("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .event_format(Lines(format))
        .with_filter(EnvFilter::new(filter));
    // Spans only, and of ours only: what is logged stays here, and no library tells a collector what it likes.
    let spans = tracer.map(|tracer| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_level(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|about| about.is_span() && about.target().starts_with(TARGET)))
    });
    tracing_subscriber::registry().with(spans).with(lines).init();
}

/// Writes events as lines.
struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut at = String::new();
        SystemTime.format_time(&mut Writer::new(&mut at))?;
        let mut line = Line::new(*event.metadata().level(), at);
        event.record(&mut line);
        if let Some(span) = traced() {
            line.text("trace_id", &span.trace_id());
            line.text("span_id", &span.span_id());
        }
        let line = match self.0 {
            LogFormat::Json => line.json(event.metadata().target()),
            LogFormat::Text => line.for_people(writer.has_ansi_escapes()),
        };
        writeln!(writer, "{line}")
    }
}

/// The span that is being carried out, if it is recorded.
fn traced() -> Option<SpanContext> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_sampled().then(|| span.clone())
    })
}
