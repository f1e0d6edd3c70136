//! The span of a request, and the parent that its caller names.
//!
//! A header is a claim: it is read only where the gateway trusts it, and of `tracestate`, which is free text, nothing is.

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::SpanContext;
use opentelemetry::trace::SpanId;
use opentelemetry::trace::TraceContextExt;
use opentelemetry::trace::TraceFlags;
use opentelemetry::trace::TraceId;
use opentelemetry::trace::TraceState;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::gateway::spans;
use crate::gateway::spans::Traces;
use crate::http::answer::Answer;
use crate::http::problem::RequestId;
use crate::http::route::Door;
use crate::http::route::Route;

/// W3C Trace Context.
const TRACEPARENT: &str = "traceparent";

/// The span of a request at this route. None for probes and files, which would drown the rest, nor for what matches no
/// route.
pub(super) fn request(
    traces: &Traces,
    route: Option<&Route>,
    method: &'static str,
    headers: &HeaderMap,
    id: RequestId,
) -> Span {
    let Some(route) = route.filter(|route| is_told(route.door)) else { return Span::none() };
    let span = tracing::trace_span!(
        target: spans::TARGET,
        "request",
        otel.name = %format_args!("{method} {}", route.pattern),
        otel.kind = "server",
        otel.status_code = tracing::field::Empty,
        http.request.method = method,
        http.route = route.pattern,
        http.response.status_code = tracing::field::Empty,
        portcullis.request = %id,
    );
    if traces.trusts_parents()
        && let Some(parent) = parent(headers)
    {
        // Refused only where no span is made.
        let _ = span.set_parent(Context::new().with_remote_span_context(parent));
    }
    span
}

/// Notes what was answered. Only what is our own fault is an error of a server's span.
pub(super) fn answered(span: &Span, answer: &Answer) {
    span.record("http.response.status_code", answer.status().as_u16());
    if answer.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}

const fn is_told(door: Door) -> bool {
    !matches!(door, Door::Livez | Door::Readyz | Door::Metrics | Door::Asset)
}

/// The parent that a request names: one header of version 00, as it is to be written; else none.
fn parent(headers: &HeaderMap) -> Option<SpanContext> {
    let mut lines = headers.get_all(TRACEPARENT).iter();
    let (line, None) = (lines.next()?.to_str().ok()?, lines.next()) else { return None };
    let mut parts = line.split('-');
    let ("00", trace, span, flags, None) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next())
    else {
        return None;
    };
    let is_hex = |part: &str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let fits = trace.len() == 32 && span.len() == 16 && flags.len() == 2;
    if !(fits && [trace, span, flags].into_iter().all(is_hex)) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let named = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    named.is_valid().then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Option<SpanContext> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(TRACEPARENT, line.parse().unwrap());
        }
        parent(&headers)
    }

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_parent_is_read_as_it_is_written() {
        let named = read(&[GOOD]).unwrap();
        assert_eq!(named.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(named.span_id().to_string(), "00f067aa0ba902b7");
        assert!(named.is_sampled() && named.is_remote());
        assert!(!read(&[&GOOD.replace("-01", "-00")]).unwrap().is_sampled());
    }

    #[test]
    fn what_is_no_parent_is_none() {
        let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let no_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        for lines in [
            &[][..],
            &[GOOD, GOOD],
            &[""],
            &[zeros],
            &[no_span],
            &[&GOOD.to_uppercase()],
            &[&GOOD.replacen("00-", "01-", 1)],
            &[&format!("{GOOD}-more")],
            &[&GOOD.replace("-01", "-1")],
            &[&GOOD.replace("-01", "-0g")],
            &[&GOOD.replace("-01", "-+1")],
            &[&GOOD.replace("4bf92f", "4bf92é")],
        ] {
            assert_eq!(read(lines), None, "{lines:?}");
        }
    }
}
