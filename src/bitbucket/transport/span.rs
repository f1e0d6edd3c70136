//! What a trace shows of a call: whom it asks, in words of ours. The address names repositories, and is left out.

use opentelemetry::trace::TraceContextExt as _;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::bitbucket::transport::Answer;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::FetchError;

/// The span of one try of a call.
pub(super) fn of(call: &Call, method: &str) -> Span {
    tracing::trace_span!(
        target: "portcullis::span::bitbucket",
        "call",
        otel.name = %format_args!("{method} {}", call.what),
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = method,
        http.response.status_code = Empty,
        server.address = call.url.host_str(),
        server.port = call.url.port_or_known_default(),
        error.type = Empty,
        portcullis.class = call.class.as_str(),
    )
}

/// Notes what became of it.
pub(super) fn answered(span: &Span, answer: &Result<Answer, FetchError>) {
    match answer {
        Ok(answer) => {
            span.record("http.response.status_code", answer.status);
        }
        // That something is not there is an answer too.
        Err(FetchError::Missing { .. }) => {
            span.record("http.response.status_code", 404);
        }
        Err(error) => {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", error.word());
        }
    }
}

/// The header that names this span to whoever is called. None where no span is recorded.
pub(super) fn traceparent(span: &Span) -> Option<String> {
    let context = span.context();
    let present = context.span().span_context().clone();
    present.is_valid().then(|| {
        let (trace, span, flags) =
            (present.trace_id(), present.span_id(), present.trace_flags().to_u8());
        format!("00-{trace}-{span}-{flags:02x}")
    })
}
