//! What was asked of Bitbucket, written into the ledger a minute at a time: the proof that nothing but metadata is read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::bitbucket::Asked;
use crate::bitbucket::Client;
use crate::bitbucket::Sum;
use crate::bitbucket::Tally;
use crate::gateway::Gateway;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::ledger::OUTBOUND_CALLS;
use crate::store::NewEntry;
use crate::store::StoreError;

/// Between two batches: what a gate that is killed can leave untold at most.
const EVERY: Duration = Duration::from_mins(1);

/// Lines of one entry: each takes some 150 bytes of the 64 KiB that an entry may have.
const MAX_LINES: usize = 300;

/// What is told of each connection, whichever of its clients asked.
#[derive(Debug, Default)]
pub struct Outgoing(Mutex<BTreeMap<ConnectionId, Arc<Tally>>>);

impl Outgoing {
    /// The calls of this client are told as this connection's.
    pub fn hear(&self, connection: &ConnectionId, client: &Client) {
        client.tell_calls(self.tallies().entry(connection.clone()).or_default());
    }

    /// Every connection that was ever asked, also one that has ended since.
    fn all(&self) -> Vec<(ConnectionId, Arc<Tally>)> {
        self.tallies().iter().map(|(id, tally)| (id.clone(), Arc::clone(tally))).collect()
    }

    fn tallies(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Arc<Tally>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs until the gateway stops. The rest is told by whoever stops it, once nothing can ask any more.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        if let Err(error) = gateway.tell_calls().await {
            tracing::error!(%error, "the calls to Bitbucket could not be recorded");
        }
    }
}

impl Gateway {
    /// Records what every connection asked since it was told last. What cannot be written now is told the next time.
    pub async fn tell_calls(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (mut entries, mut taken) = (Vec::new(), Vec::new());
        for (connection, tally) in self.outgoing.all() {
            let asked = tally.take();
            entries.extend(batches(&connection, &asked, now));
            taken.push((tally, asked));
        }
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.store.append(entries).await;
        if written.is_err() {
            for (tally, asked) in taken {
                tally.give_back(asked);
            }
        }
        written.map(drop)
    }
}

/// The entries that tell what one connection asked since the batch before, or the start.
fn batches(connection: &ConnectionId, asked: &BTreeMap<Asked, Sum>, now: Time) -> Vec<NewEntry> {
    let lines: Vec<Value> = asked.iter().map(line).collect();
    let entry = |lines: &[Value]| {
        let mut body = Map::new();
        body.insert("what".to_owned(), OUTBOUND_CALLS.into());
        body.insert("calls".to_owned(), lines.into());
        let of = Some(connection.clone());
        let subject = connection.to_string();
        NewEntry { body, connection: of, ..NewEntry::new(Kind::Outbound, now, subject) }
    };
    lines.chunks(MAX_LINES).map(entry).collect()
}

fn line((asked, sum): (&Asked, &Sum)) -> Value {
    json!({
        "class": asked.class.as_str(),
        "what": asked.what,
        "method": asked.method,
        "status": asked.status,
        "calls": sum.calls,
        "bytes": sum.bytes,
    })
}
