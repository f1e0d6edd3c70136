//! An answer's body: bytes that are all there, or bytes that come as they are made.
//!
//! A live body is pulled, never pushed: nothing is made before the client has taken what was made before, so a slow one
//! holds one piece and no queue. Each piece has the time that a whole answer has; who takes longer is cut off and comes
//! back to where it was. It ends when the listener drains. What the pieces mean is the doors' business.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::Full;
use hyper::body::Frame;
use hyper::body::SizeHint;

use crate::http::wire::Line;

/// Pieces of a live body, in order.
pub type Pieces = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// What ends a live body from outside.
pub(super) type Leaving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What an answer carries.
pub enum Body {
    /// All of it.
    Whole(Full<Bytes>),
    /// What there is so far.
    Live(Live),
}

/// A body that comes as it is made.
pub struct Live {
    pieces: Pieces,
    connection: Option<(Arc<Line>, Leaving)>,
}

impl Body {
    /// Of pieces that are still to be made.
    pub fn live(pieces: Pieces) -> Self {
        Self::Live(Live { pieces, connection: None })
    }

    /// Ties a live body to the connection it goes out on; a whole one needs nothing.
    pub(super) fn tie(&mut self, line: &Arc<Line>, leaving: impl FnOnce() -> Leaving) {
        if let Self::Live(live) = self {
            line.goes_on();
            live.connection = Some((Arc::clone(line), leaving()));
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => bytes.fmt(f),
            Self::Live(_) => f.write_str("Live"),
        }
    }
}

impl Live {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some((line, leaving)) = &mut self.connection else {
            return self.pieces.as_mut().poll_next(cx);
        };
        let piece = match leaving.as_mut().poll(cx) {
            Poll::Ready(()) => None,
            Poll::Pending => match self.pieces.as_mut().poll_next(cx) {
                Poll::Ready(piece) => piece,
                Poll::Pending => return Poll::Pending,
            },
        };
        if piece.is_none() {
            line.ends();
            self.connection = None;
            self.pieces = Box::pin(futures_util::stream::empty());
        } else {
            // From now on the client is the slow one.
            line.answered();
        }
        Poll::Ready(piece)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Pin::new(bytes).poll_frame(cx),
            Self::Live(live) => live.poll_piece(cx).map(|piece| piece.map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_end_stream(),
            Self::Live(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => bytes.size_hint(),
            Self::Live(_) => SizeHint::default(),
        }
    }
}
