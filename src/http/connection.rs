//! One connection: handshake, requests one after another, goodbye.
//!
//! Everything that can go wrong here is this connection's alone. It is deliberately without words for doors: a
//! request that is no HTTP for us is answered here, every other by the [`Service`](crate::http::listener::Service).

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::task::Poll;
use std::time::Duration;

use http::HeaderValue;
use http::Request;
use http::StatusCode;
use http::Version;
use http::header;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::http::answer::Answer;
use crate::http::listener;
use crate::http::listener::Channel;
use crate::http::listener::Doorway;
use crate::http::listener::Limits;
use crate::http::listener::Security;
use crate::http::listener::Stage;
use crate::http::listener::Visit;
use crate::http::live::Leaving;
use crate::http::meter::Ending;
use crate::http::problem::Problem;
use crate::http::problem::RequestId;
use crate::http::wire::Line;
use crate::http::wire::Phase;
use crate::http::wire::Turn;
use crate::http::wire::Wire;

/// How many bytes a client may still send behind our last word; what comes then meets a reset.
const LINGER_BYTES: u64 = 64 * 1024;

/// What hyper needs at least for its read buffer.
const SMALLEST_BUFFER: usize = 8 * 1024;

/// How soon a request that took too long may be tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Keeps one connection until it ends, and says how it did.
pub(super) async fn keep(
    stream: TcpStream,
    from: SocketAddr,
    doorway: &Doorway,
    stage: watch::Receiver<Stage>,
) -> Ending {
    let _open = doorway.meter.open();
    // Answers are small and whole: waiting to fill a packet only adds delay. A socket that refuses is gone anyway.
    let _ = stream.set_nodelay(true);
    match &doorway.security {
        Security::Plain => converse(stream, from, Channel::Plain, doorway, stage).await,
        Security::Tls(tls) => {
            let handshake = TlsAcceptor::from(tls.current()).accept(stream);
            match timeout(doorway.limits.handshake, handshake).await {
                Ok(Ok(stream)) => converse(stream, from, Channel::Tls, doorway, stage).await,
                Ok(Err(_)) | Err(_) => Ending::Handshake,
            }
        }
    }
}

async fn converse<S>(
    io: S,
    from: SocketAddr,
    channel: Channel,
    doorway: &Doorway,
    mut stage: watch::Receiver<Stage>,
) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wire = Wire::new(io, &doorway.limits);
    let line = wire.line();
    let (talk, watched) = (&line, &stage.clone());
    let service = hyper::service::service_fn(|request| {
        let (visit, turn) = (Visit { from, channel, id: RequestId::new() }, talk.begin());
        async move {
            let mut answer = receive(request, visit, turn, doorway).await;
            answer.body_mut().tie(talk, || leaving(watched.clone()));
            talk.answered();
            Ok::<Answer, Infallible>(answer)
        }
    });
    let mut conversation = builder(&doorway.limits).serve_connection(TokioIo::new(wire), service);
    let mut leaving = false;
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut conversation => break ended,
            () = listener::draining(&mut stage), if !leaving => {
                leaving = true;
                std::pin::Pin::new(&mut conversation).graceful_shutdown();
            }
        }
    };
    let ending = ending(&ended, &line);
    // After a deadline there is nobody to be polite to.
    if line.expired().is_none() {
        let io = conversation.into_parts().io.into_inner().into_io();
        let _ = timeout(doorway.limits.linger, goodbye(io)).await;
    }
    ending
}

/// Tells a live body when to end.
fn leaving(mut stage: watch::Receiver<Stage>) -> Leaving {
    Box::pin(async move { listener::draining(&mut stage).await })
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // `wire` holds every deadline; see there why hyper's own is not enough.
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(SMALLEST_BUFFER));
    // hyper keeps 100 headers on the stack, and any number that was set, be it 100, on the heap.
    if limits.headers != 100 {
        builder.max_headers(limits.headers);
    }
    builder
}

fn ending(ended: &Result<(), hyper::Error>, line: &Line) -> Ending {
    match (line.expired(), ended) {
        (Some(Phase::Idle), _) => Ending::Idle,
        (Some(Phase::Answer), _) => Ending::LateAnswer,
        (Some(Phase::Head | Phase::Busy), _) => Ending::LateHead,
        (None, _) if line.is_faulty() => Ending::Malformed,
        (None, Ok(())) => Ending::Finished,
        (None, Err(error)) if error.is_parse() => Ending::Malformed,
        (None, Err(_)) => Ending::Broken,
    }
}

/// Closes our side, then lets the client finish its sentence.
async fn goodbye<S: AsyncRead + AsyncWrite + Unpin>(mut io: S) {
    if io.shutdown().await.is_ok() {
        let _ = tokio::io::copy(&mut io.take(LINGER_BYTES), &mut tokio::io::sink()).await;
    }
}

/// One request: refused here, or handed on under its deadline.
async fn receive(
    request: Request<Incoming>,
    visit: Visit,
    turn: Turn,
    doorway: &Doorway,
) -> Answer {
    let fit = match turn {
        Turn::Refuse(fault) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, fault.to_string()).closing())
        }
        Turn::Serve | Turn::ServeAndClose => fit(&request, &doorway.limits),
    };
    let answer = match fit {
        Ok(()) => hand_on(request, visit, doorway).await,
        Err(problem) => problem.into_answer(visit.id),
    };
    label(answer, visit.id, turn)
}

/// The door's answer, or what we say when it takes too long or falls over.
async fn hand_on(request: Request<Incoming>, visit: Visit, doorway: &Doorway) -> Answer {
    let mut answering = match catch_unwind(AssertUnwindSafe(|| (doorway.service)(request, visit))) {
        Ok(answering) => answering,
        Err(panic) => return fell_over(panic.as_ref(), visit.id),
    };
    let caught = std::future::poll_fn(|cx| {
        let poll = || answering.as_mut().poll(cx);
        catch_unwind(AssertUnwindSafe(poll))
            .unwrap_or_else(|panic| Poll::Ready(fell_over(panic.as_ref(), visit.id)))
    });
    let late =
        |_| Problem::unavailable("the request took too long and was given up", RETRY).closing();
    timeout(doorway.limits.request, caught)
        .await
        .unwrap_or_else(|elapsed| late(elapsed).into_answer(visit.id))
}

fn label(mut answer: Answer, id: RequestId, turn: Turn) -> Answer {
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        // A door that sends back the caller's own name of the request has done so.
        answer.headers_mut().entry("x-request-id").or_insert(id);
    }
    if turn == Turn::ServeAndClose {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// What must hold for any request before a door sees it.
fn fit(request: &Request<Incoming>, limits: &Limits) -> Result<(), Problem> {
    let uri = request.uri();
    let bad = |detail: &'static str| Err(Problem::new(StatusCode::BAD_REQUEST, detail).closing());
    if uri.scheme().is_some() || uri.authority().is_some() || !uri.path().starts_with('/') {
        return bad("the request's target is not a path; this is no proxy");
    }
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > limits.uri_bytes) {
        let detail = format!("path and query are longer than {} bytes", limits.uri_bytes);
        return Err(Problem::new(StatusCode::URI_TOO_LONG, detail).closing());
    }
    match (request.headers().get_all(header::HOST).iter().count(), request.version()) {
        (1, _) | (0, Version::HTTP_10) => Ok(()),
        (0, _) => bad("the request has no Host header"),
        (_, _) => bad("the request has more than one Host header"),
    }
}

fn fell_over(panic: &(dyn Any + Send), id: RequestId) -> Answer {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let why = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
    tracing::error!(request_id = %id, why, "a door fell over");
    Problem::internal().closing().into_answer(id)
}
