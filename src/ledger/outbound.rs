//! What a record says was asked of Bitbucket: the batches of calls in it, added up over a period.
//!
//! A batch is an entry of kind `outbound` whose body says `calls`. It tells how often which kind of question was asked,
//! and holds no address and no answer. That nothing else was asked is the gateway's own word; the record makes that word
//! hard to change afterwards, no more. A gate that was killed could not tell its last minute: how often that happened is
//! counted too.

use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::entry::Entry;
use crate::ledger::entry::Kind;
use crate::ledger::report::harmless;
use crate::ledger::tile;
use crate::ledger::tile::FULL;
use crate::ledger::time::Moment;
use serde::Deserialize;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What the body of such a batch says under `what`.
pub const OUTBOUND_CALLS: &str = "calls";

/// From when until when; open where nothing is said. Both ends are within it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Period {
    /// Not before.
    pub from: Option<Moment>,
    /// Not after.
    pub until: Option<Moment>,
}

impl Period {
    fn holds(self, at: Moment) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at <= until)
    }
}

/// The calls of a period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// By connection, class, question, method and status.
    pub lines: Vec<Line>,
    /// Batches they were told in.
    pub batches: u64,
    /// Batches that cannot be read: their calls are not in `lines`.
    pub unreadable: u64,
    /// Starts without a stop before them: each may hide the calls of one minute.
    pub killed: u64,
}

/// Calls that were counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Line {
    /// The connection.
    pub connection: String,
    /// What they were for.
    pub class: String,
    /// What was asked for.
    pub what: String,
    /// The method.
    pub method: String,
    /// The answer's status; none: no answer came.
    pub status: Option<u16>,
    /// How many.
    pub calls: u64,
    /// Bytes of the answers that were read.
    pub bytes: u64,
}

/// As a batch holds it.
#[derive(Deserialize)]
struct Told {
    class: String,
    what: String,
    method: String,
    status: Option<u16>,
    calls: u64,
    bytes: u64,
}

impl Calls {
    /// Adds up the batches of an exported record, file by file as [`crate::ledger::verify()`] reads it. Verify it first:
    /// this believes what it reads, and leaves out what it cannot find.
    pub fn of(
        read: impl Fn(&str) -> Result<Option<Vec<u8>>, String>,
        checkpoint: &Checkpoint,
        period: Period,
    ) -> Self {
        let mut adding = Adding::default();
        for index in 0..checkpoint.size.div_ceil(FULL) {
            let path = tile::bundle_path(index, tile::width(checkpoint.size, index));
            let bundle = read(&path).ok().flatten().unwrap_or_default();
            for bytes in tile::split_bundle(&bundle).unwrap_or_default() {
                if let Ok(entry) = Entry::from_bytes(bytes) {
                    adding.see(&entry, period);
                }
            }
        }
        adding.done()
    }
}

type Key = (String, String, String, String, Option<u16>);

#[derive(Default)]
struct Adding {
    sums: BTreeMap<Key, (u64, u64)>,
    calls: Calls,
    runs: bool,
}

impl Adding {
    fn see(&mut self, entry: &Entry, period: Period) {
        let what = entry.body.get("what").and_then(serde_json::Value::as_str);
        match (entry.kind, what) {
            (Kind::Admin, Some("start")) => {
                self.calls.killed += u64::from(self.runs && period.holds(entry.at));
                self.runs = true;
            }
            (Kind::Admin, Some("stop")) => self.runs = false,
            (Kind::Outbound, Some(OUTBOUND_CALLS)) if period.holds(entry.at) => self.batch(entry),
            _ => {}
        }
    }

    fn batch(&mut self, entry: &Entry) {
        let told = entry.body.get("calls").map(Vec::<Told>::deserialize);
        let (Some(Ok(told)), Some(connection)) = (told, &entry.connection) else {
            self.calls.unreadable += 1;
            return;
        };
        self.calls.batches += 1;
        for Told { class, what, method, status, calls, bytes } in told {
            let sum = self.sums.entry((connection.clone(), class, what, method, status));
            let (all, read) = sum.or_default();
            *all += calls;
            *read += bytes;
        }
    }

    fn done(self) -> Calls {
        let line =
            |((connection, class, what, method, status), (calls, bytes)): (Key, (u64, u64))| Line {
                connection,
                class,
                what,
                method,
                status,
                calls,
                bytes,
            };
        Calls { lines: self.sums.into_iter().map(line).collect(), ..self.calls }
    }
}

impl fmt::Display for Calls {
    /// The calls for a person: a line each, and what they do not show.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u64 = self.lines.iter().map(|line| line.calls).sum();
        writeln!(out, "asked of Bitbucket: {all} calls, told in {} batches", self.batches)?;
        let mut last = None;
        for line in &self.lines {
            let head = (&line.connection, &line.class);
            if last.replace(head) != Some(head) {
                writeln!(out, "{} {}", harmless(&line.connection), harmless(&line.class))?;
            }
            let status = line.status.map_or("none".to_owned(), |status| status.to_string());
            let (calls, bytes) = (line.calls, line.bytes);
            let (method, what) = (harmless(&line.method), harmless(&line.what));
            writeln!(out, "  {calls:>7} {method:<6} {status:<4} {bytes:>10} B  {what}")?;
        }
        if self.unreadable > 0 {
            writeln!(out, "{} batches cannot be read and are not counted", self.unreadable)?;
        }
        match self.killed {
            0 => writeln!(out, "ended without a stop: never"),
            1 => writeln!(out, "ended without a stop: once, which may hide the calls of a minute"),
            many => {
                writeln!(out, "ended without a stop: {many} times, which may hide as many minutes")
            }
        }
    }
}
