//! Where one HTTP/1.1 request ends and the next begins, judged strictly on the raw bytes.
//!
//! The parser below us is tolerant where RFC 9112 lets it be: it takes a bare LF for a line end, prefers
//! Transfer-Encoding when Content-Length is there too, and hides that it did. Two programs on one road that disagree
//! about such a message can be made to disagree about the next one (request smuggling). So every byte passes by here
//! first. A message that allows two readings is a [`Fault`]; it is answered 400 and nothing behind it is served.
//!
//! It is deliberately no second parser: methods, targets, names and values are left to hyper.

/// Why a message is not served. The text is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("a line of the request's head ends in LF without CR")]
    BareLineFeed,
    #[error("a header line is folded or has no colon")]
    BadLine,
    #[error("Content-Length is not one plain number")]
    BadLength,
    #[error("Transfer-Encoding is not exactly `chunked`")]
    BadEncoding,
    #[error("Content-Length and Transfer-Encoding contradict each other")]
    TwoLengths,
    #[error("the request's head is too large")]
    TooLarge,
}

/// What is known about the messages seen so far, by their number on this connection (the first is 0).
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    /// The first message that must not be served, and why.
    pub(super) fault: Option<(u64, Fault)>,
    /// The message after which the connection closes: a chunked one, whose end is not followed here.
    pub(super) last: Option<u64>,
}

/// Follows the bytes of one connection in the order in which they arrive.
#[derive(Debug)]
pub(super) struct Framing {
    state: State,
    head: Vec<u8>,
    line: usize,
    max_head: usize,
    heads: u64,
    seen: Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Body { left: u64 },
    Blind,
}

enum Length {
    Bytes(u64),
    Chunked,
}

impl Framing {
    /// A follower that holds at most `max_head` bytes of a head.
    pub(super) fn new(max_head: usize) -> Self {
        Self {
            state: State::Head,
            head: Vec::new(),
            line: 0,
            max_head,
            heads: 0,
            seen: Seen::default(),
        }
    }

    /// Looks at the next bytes. Cost: one pass over heads (copied once), constant for bodies.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Seen {
        while !bytes.is_empty() {
            bytes = match self.state {
                State::Head => self.feed_head(bytes),
                State::Body { left } => self.skip(left, bytes),
                State::Blind => return self.seen,
            };
        }
        self.seen
    }

    /// Whether a head has begun that is not complete, or complete heads are more than `served`.
    pub(super) fn has_begun_beyond(&self, served: u64) -> bool {
        !self.head.is_empty() || self.heads > served
    }

    fn skip<'a>(&mut self, left: u64, bytes: &'a [u8]) -> &'a [u8] {
        let here = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let left = left.saturating_sub(here as u64);
        self.state = if left == 0 { State::Head } else { State::Body { left } };
        bytes.get(here..).unwrap_or_default()
    }

    /// Takes bytes up to the next line end.
    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
        let (taken, rest) = bytes.split_at(end);
        self.head.extend_from_slice(taken);
        if self.head.len() > self.max_head {
            self.stop(Fault::TooLarge);
        } else if taken.ends_with(b"\n") {
            self.end_line();
        }
        rest
    }

    fn end_line(&mut self) {
        let line = self.head.get(self.line..).unwrap_or_default();
        match (line, self.line) {
            // RFC 9112 2.2: an empty line before the request line is ignored.
            (b"\r\n", 0) => self.head.clear(),
            (b"\r\n", _) => self.end_head(),
            (line, _) if line.ends_with(b"\r\n") => self.line = self.head.len(),
            (_, _) => self.stop(Fault::BareLineFeed),
        }
    }

    fn end_head(&mut self) {
        match length(&self.head) {
            Ok(Length::Bytes(0)) => self.state = State::Head,
            Ok(Length::Bytes(left)) => self.state = State::Body { left },
            Ok(Length::Chunked) => {
                self.seen.last = Some(self.heads);
                self.state = State::Blind;
            }
            Err(fault) => return self.stop(fault),
        }
        self.heads += 1;
        self.head.clear();
        self.line = 0;
    }

    fn stop(&mut self, fault: Fault) {
        self.seen.fault = Some((self.heads, fault));
        self.state = State::Blind;
        self.head = Vec::new();
    }
}

/// How long the body behind this complete head is.
fn length(head: &[u8]) -> Result<Length, Fault> {
    let (mut bytes, mut chunked) = (None, None);
    // The first line is the request line; the last is empty.
    for line in head
        .split(|byte| *byte == b'\n')
        .skip(1)
        .map(<[u8]>::trim_ascii_end)
        .filter(|line| !line.is_empty())
    {
        let (name, value) = field(line)?;
        if name.eq_ignore_ascii_case(b"content-length") && bytes.replace(number(value)?).is_some() {
            return Err(Fault::BadLength);
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding")
            && (!value.eq_ignore_ascii_case(b"chunked") || chunked.replace(()).is_some())
        {
            return Err(Fault::BadEncoding);
        }
    }
    match (bytes, chunked) {
        (Some(_), Some(())) => Err(Fault::TwoLengths),
        (None, Some(())) => Ok(Length::Chunked),
        (bytes, None) => Ok(Length::Bytes(bytes.unwrap_or(0))),
    }
}

fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Fault::BadLine)?;
    let (name, value) = line.split_at(colon);
    let folded = name.iter().any(u8::is_ascii_whitespace);
    if folded || name.is_empty() {
        Err(Fault::BadLine)
    } else {
        Ok((name, value.get(1..).unwrap_or_default().trim_ascii()))
    }
}

fn number(value: &[u8]) -> Result<u64, Fault> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok().filter(|_| digits).ok_or(Fault::BadLength)?;
    text.parse().map_err(|_| Fault::BadLength)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes: &[u8]) -> Seen {
        let whole = Framing::new(1024).feed(bytes);
        let mut drip = Framing::new(1024);
        let dripped = bytes.iter().fold(Seen::default(), |_, byte| drip.feed(&[*byte]));
        assert_eq!(
            (whole.fault, whole.last),
            (dripped.fault, dripped.last),
            "cutting the bytes must not matter"
        );
        whole
    }

    #[test]
    fn plain_messages_pass_and_bodies_are_not_read_as_heads() {
        let text = b"\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na\nb\nc";
        let twice = [&text[..], b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
        assert!(seen(&twice).fault.is_none());
    }

    #[test]
    fn what_can_be_read_two_ways_is_a_fault_of_its_own_message() {
        let good = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let cases = [
            ("GET / HTTP/1.1\nHost: x\r\n\r\n", Fault::BareLineFeed),
            ("\nGET / HTTP/1.1\r\n\r\n", Fault::BareLineFeed),
            (
                "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                Fault::TwoLengths,
            ),
            ("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Fault::BadLength),
            ("GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", Fault::BadLength),
            ("GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", Fault::BadLength),
            ("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", Fault::BadLength),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: identity, chunked\r\n\r\n", Fault::BadEncoding),
            (
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
                Fault::BadEncoding,
            ),
            ("GET / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n", Fault::BadLine),
            ("GET / HTTP/1.1\r\nX: a\r\n folded: b\r\n\r\n", Fault::BadLine),
        ];
        for (bad, fault) in cases {
            let behind = [good, bad].concat();
            assert_eq!(seen(behind.as_bytes()).fault, Some((1, fault)), "{bad:?}");
        }
    }

    #[test]
    fn a_chunked_message_is_the_last_one() {
        let text =
            b"GET / HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(seen(text).last, Some(1));
    }

    #[test]
    fn a_head_without_end_is_held_only_up_to_the_limit() {
        let mut framing = Framing::new(64);
        assert!(matches!(framing.feed(&[b'a'; 65]).fault, Some((0, Fault::TooLarge))));
        assert_eq!(framing.head.capacity(), 0);
    }
}
