//! `portcullis decision watch`: follows a gateway's events, or its store; goes on where it was after a break.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;
use tokio::time::timeout;

use crate::cli::DecisionFilter;
use crate::cli::Format;
use crate::cli::ReadReach;
use crate::client::ApiError;
use crate::client::Operator;
use crate::decision::entry;
use crate::decision::wanted::Paging;
use crate::decision::wanted::filter_for;
use crate::decision::wanted::query;
use crate::operator::Failed;
use crate::operator::table::listing;
use crate::serve::read_only;

/// How long before a lost gateway is called again.
const COME_BACK: Duration = Duration::from_secs(1);

/// A gateway says something at least every 15 seconds; who says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(45);

/// How often a store is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Decisions read from a store at a time.
const PORTION: usize = 100;

/// Longest line of an event: without it, one that never ends fills the memory.
const MAX_LINE: usize = 1 << 20;

/// What is shown, until there was enough of it or nobody looks any more.
struct Screen {
    format: Format,
    left: Option<u64>,
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Then {
    On,
    Enough,
}

impl Screen {
    fn show(&mut self, row: &Value) -> Then {
        let line = match self.format {
            Format::Json => row.to_string(),
            Format::Text => listing(std::iter::once(entry(row)), ""),
        };
        let mut out = std::io::stdout().lock();
        // Nobody reads any more: no failure, the end.
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            return Then::Enough;
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        if self.left == Some(0) { Then::Enough } else { Then::On }
    }
}

/// Follows until enough was seen; a refusal ends it with 1, a lost gateway does not.
pub async fn run(filter: &DecisionFilter, count: Option<u64>, reach: &ReadReach) -> ExitCode {
    let mut screen = Screen { format: reach.reach.format, left: count };
    if screen.left == Some(0) {
        return ExitCode::SUCCESS;
    }
    let ended = match &reach.store {
        Some(store) => from_store(store, filter, &mut screen).await,
        None => from_gateway(reach, filter, &mut screen).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn from_store(
    address: &str,
    filter: &DecisionFilter,
    screen: &mut Screen,
) -> Result<(), Failed> {
    let store = read_only(address).await?;
    let filter = filter_for(&store, filter, None).await?;
    let failed = |error: portcullis::store::StoreError| error.to_string();
    let mut from = store.first_since(filter.since).await.map_err(failed)?;
    loop {
        let found = store.decisions_from(filter.clone(), from, PORTION).await.map_err(failed)?;
        from = found.from;
        for (_, record) in &found.items {
            if screen.show(&record.row().to_json()) == Then::Enough {
                return Ok(());
            }
        }
        if !found.more {
            sleep(LOOK).await;
        }
    }
}

async fn from_gateway(
    reach: &ReadReach,
    filter: &DecisionFilter,
    screen: &mut Screen,
) -> Result<(), Failed> {
    let operator = Operator::new(&reach.reach.gate).map_err(|error| error.to_string())?;
    let query = query(filter, &Paging::default());
    let (mut last, mut is_lost) = (None, false);
    loop {
        match operator.events("decisions/events", &query, last.as_deref()).await {
            Ok(answer) => {
                is_lost = false;
                if listen(answer, &mut last, screen).await? == Then::Enough {
                    return Ok(());
                }
            }
            // Never heard of it: a wrong address, not a break.
            Err(error) if last.is_none() => return Err(error.to_string()),
            Err(ApiError::Refused(status, why)) if status < 500 => {
                return Err(ApiError::Refused(status, why).to_string());
            }
            Err(error) => {
                if !is_lost {
                    eprintln!("portcullis: {error}; it is called again until it answers");
                }
                is_lost = true;
            }
        }
        sleep(COME_BACK).await;
    }
}

/// Shows what is said until the line is cut. `last` is the id up to which everything was heard.
async fn listen(
    mut answer: reqwest::Response,
    last: &mut Option<String>,
    screen: &mut Screen,
) -> Result<Then, Failed> {
    let mut heard = Vec::new();
    while let Ok(Ok(Some(bytes))) = timeout(SILENCE, answer.chunk()).await {
        heard.extend_from_slice(&bytes);
        while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = heard.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => *last = Some(id.to_owned()),
                Some(("data", row)) => {
                    let row: Value = serde_json::from_str(row)
                        .map_err(|error| format!("an event could not be read: {error}"))?;
                    if screen.show(&row) == Then::Enough {
                        return Ok(Then::Enough);
                    }
                }
                Some(_) | None => {}
            }
        }
        if heard.len() > MAX_LINE {
            return Err("an event is longer than 1 MiB: is this a gateway?".to_owned());
        }
    }
    Ok(Then::On)
}
