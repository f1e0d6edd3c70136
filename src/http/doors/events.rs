//! Decisions as they are made, as server-sent events (the HTML standard's): one event each, its id the place in the
//! record. Who comes back with `Last-Event-ID` goes on where it was; nothing is left out, nothing comes twice.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::decision::Record;
use crate::gateway::following::Following;
use crate::gateway::following::Start;
use crate::gateway::telling::Filter;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::call::TRY_AGAIN;
use crate::http::doors::decisions;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// Who may follow at one time: pages, commands, programs. Each reads every decision it is told from the store; without an
/// end they would keep the readers' seats from those who ask.
pub(super) const MAX_FOLLOWERS: usize = 32;

/// Something is said at least this often, so that no proxy takes the line for dead and a dead one is noticed.
const STILL_HERE: Duration = Duration::from_secs(15);

/// Then it ends, and who comes back is asked again who they are.
const LONGEST: Duration = Duration::from_mins(15);

/// How long a browser waits before it comes back.
const COME_BACK: &str = "retry: 2000\n";

/// What a follower is told from.
struct Told {
    following: Following,
    until: Instant,
    is_first: bool,
    _seat: OwnedSemaphorePermit,
}

/// Opens the line.
pub(super) async fn answer(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::known(call)?;
    let start = start(house, call, &pairs)?;
    let filter = Filter { since: None, ..decisions::filter(house, &pairs)? };
    let wanted = "how long, such as `30s`";
    let length = pairs.parsed("for", wanted, query::duration)?.unwrap_or(LONGEST).min(LONGEST);
    let seat = house.followers.clone().try_acquire_owned().map_err(|_| {
        let why = format!("{MAX_FOLLOWERS} follow the decisions already, which is as many as can");
        Problem::unavailable(why, TRY_AGAIN)
    })?;
    let following = house.gateway.follow(filter, start).await?;
    let until = Instant::now() + length;
    let told = Told { following, until, is_first: true, _seat: seat };
    Ok(answer::events(Box::pin(stream::unfold(told, piece))))
}

/// Where to begin: a browser that comes back says so in a header, whatever its address said at first.
fn start(house: &House, call: &Call, pairs: &Pairs) -> Result<Start, Problem> {
    let wanted = "the id of an event";
    let after = |text: &str| text.parse::<u64>().ok().map(|id| Start::At(id.saturating_add(1)));
    if let Some(line) = call.head.headers.get("last-event-id").filter(|line| !line.is_empty()) {
        let id = line.to_str().ok().and_then(after);
        return id.ok_or_else(|| query::wrong(format!("`Last-Event-ID` is not {wanted}")));
    }
    if let Some(start) = pairs.parsed("after", wanted, after)? {
        return Ok(start);
    }
    Ok(decisions::time(house, pairs, "since")?.map_or(Start::Now, Start::Since))
}

/// The next thing to be said.
async fn piece(mut told: Told) -> Option<(Bytes, Told)> {
    if std::mem::take(&mut told.is_first) {
        return Some((place(COME_BACK, &told.following).into(), told));
    }
    let left = told.until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
    match timeout(left.min(STILL_HERE), told.following.next()).await {
        Ok(Ok(decisions)) => Some((said(&decisions).into(), told)),
        Ok(Err(error)) => {
            tracing::error!(%error, "the store did not answer; a follower is sent away");
            None
        }
        Err(_) if Instant::now() >= told.until => None,
        Err(_) => Some((place(": still here\n", &told.following).into(), told)),
    }
}

/// Words that are no event, with the place up to which there was nothing to tell.
fn place(words: &str, following: &Following) -> String {
    let id = following.from().checked_sub(1).map(|last| format!("id: {last}\n"));
    format!("{words}{}\n", id.unwrap_or_default())
}

fn said(decisions: &[(u64, Record)]) -> String {
    decisions.iter().fold(String::new(), |mut all, (index, record)| {
        // Writing to a string cannot fail; a row of JSON has no line end in it.
        let _ = write!(all, "id: {index}\nevent: decision\ndata: {}\n\n", record.row());
        all
    })
}
