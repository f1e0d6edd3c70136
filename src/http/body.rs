//! Reads a request's body within a limit of bytes and of time, and only as it was sent.
//!
//! The limit is held against Content-Length before a byte is read, and against what arrives while it is read: two
//! well-known deployment tools read whole bodies before they checked who had sent them, and both times it was a hole.
//! The bytes stay as they were on the wire, because the signature is over them: a coded body is refused, not decoded.

use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use http::HeaderMap;
use http::header;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::timeout;

/// How much body a door takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes of the body. One frame of the connection's read buffer may be held beyond it, no more.
    pub bytes: usize,
    /// From the first look at the body to its last byte. Progress does not renew it, or one byte a second would hold
    /// a connection for days.
    pub within: Duration,
}

/// Why a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More than the allowance, announced or sent.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// What would have been taken.
        limit: usize,
    },
    /// Not whole in time.
    #[error("the body was not complete after {} ms", within.as_millis())]
    Late {
        /// How long it had.
        within: Duration,
    },
    /// Compressed, or otherwise not as it is.
    #[error("the body has Content-Encoding `{coding}`; send it as it is (`identity`)")]
    Encoded {
        /// The header's value, cut at 64 characters.
        coding: String,
    },
    /// Cut off, or not framed as announced.
    #[error("the body ended before it was complete")]
    Broken,
}

/// How much memory an announced length may claim before bytes arrive. Without it, connections that announce 10 MiB
/// and send nothing cost 10 MiB each.
const UPFRONT: usize = 16 * 1024;

/// Reads the whole body. `Expect: 100-continue` is answered when the body is first asked for, so a body that is
/// refused by its headers is refused before the client sends it. Cost: a body of one frame is not copied.
pub async fn read<B>(headers: &HeaderMap, body: B, allowance: Allowance) -> Result<Bytes, Refused>
where
    B: Body<Data = Bytes> + Unpin,
{
    plain(headers)?;
    announced(&body, allowance.bytes)?;
    let whole = timeout(allowance.within, collect(body, allowance.bytes));
    whole.await.map_err(|_| Refused::Late { within: allowance.within })?
}

fn plain(headers: &HeaderMap) -> Result<(), Refused> {
    let coded = |value: &&http::HeaderValue| {
        !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity")
    };
    match headers.get_all(header::CONTENT_ENCODING).iter().find(coded) {
        None => Ok(()),
        Some(value) => {
            let coding = String::from_utf8_lossy(value.as_bytes()).chars().take(64).collect();
            Err(Refused::Encoded { coding })
        }
    }
}

/// hyper's lower bound is the Content-Length when there is one.
fn announced(body: &impl Body, limit: usize) -> Result<(), Refused> {
    let fits = usize::try_from(body.size_hint().lower()).is_ok_and(|length| length <= limit);
    if fits { Ok(()) } else { Err(Refused::TooLarge { limit }) }
}

async fn collect<B>(mut body: B, limit: usize) -> Result<Bytes, Refused>
where
    B: Body<Data = Bytes> + Unpin,
{
    let first = next(&mut body).await?.unwrap_or_default();
    if first.len() > limit {
        return Err(Refused::TooLarge { limit });
    }
    let Some(second) = next(&mut body).await? else { return Ok(first) };
    let mut whole = BytesMut::with_capacity(limit.min(UPFRONT).max(first.len()));
    whole.extend_from_slice(&first);
    let mut frame = Some(second);
    while let Some(data) = frame {
        if data.len() > limit.saturating_sub(whole.len()) {
            return Err(Refused::TooLarge { limit });
        }
        whole.extend_from_slice(&data);
        frame = next(&mut body).await?;
    }
    Ok(whole.freeze())
}

/// The next frame of data; trailers are dropped, nothing here reads them.
async fn next<B>(body: &mut B) -> Result<Option<Bytes>, Refused>
where
    B: Body<Data = Bytes> + Unpin,
{
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Refused::Broken)?.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
