//! Recorded actions are carried out, once each: with the same key every time, retried while there is hope, and given up
//! with an entry and an alarm. What has been carried out is an entry too.
//!
//! Between carrying out and recording that, a gateway can die. So whatever was handed out before is first read back from
//! Bitbucket, and done again only if it is not there.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument as _;

use crate::bitbucket::Client;
use crate::bitbucket::FetchError;
use crate::bitbucket::StatusPost;
use crate::bitbucket::StatusState;
use crate::event::BuildState;
use crate::gateway::Gateway;
use crate::gateway::meters::Alarm;
use crate::gateway::meters::Station;
use crate::gateway::status::Status;
use crate::graph::Id;
use crate::store::After;
use crate::store::DueAction;

/// Actions taken at a time.
const BATCH: usize = 16;

/// How long a taken action is nobody else's.
const LEASE: Duration = Duration::from_mins(1);

/// How long one call to Bitbucket may take.
const CALL: Duration = Duration::from_secs(20);

/// How often the outbox looks by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Tries before an action is given up: with the waits below about a day.
const MAX_TRIES: u32 = 20;

/// The longest wait between two tries.
const MAX_WAIT: Duration = Duration::from_hours(2);

/// Runs until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        match step(&gateway).await {
            Ok(BATCH) if !*stop.borrow() => continue,
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the outbox cannot reach the store"),
        }
        tokio::select! {
            () = gateway.outbox_bell.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

async fn step(gateway: &Gateway) -> Result<usize, crate::store::StoreError> {
    let due = gateway.store.due_actions(BATCH, gateway.clock.now(), LEASE).await?;
    let count = due.len();
    for result in futures_util::future::join_all(due.into_iter().map(|action| {
        let span = gateway.traces.action(action.decision);
        one(gateway, action).instrument(span)
    }))
    .await
    {
        result?;
    }
    Ok(count)
}

async fn one(gateway: &Gateway, action: DueAction) -> Result<(), crate::store::StoreError> {
    let began = Instant::now();
    let done = carry_out(gateway, &action).await;
    gateway.meters.took(Station::Act, began);
    match done {
        Ok(outcome) => {
            gateway.meters.acted("done");
            gateway.store.action_done(action.id, outcome, gateway.clock.now()).await
        }
        Err(error) if action.tries >= MAX_TRIES || !error.may_pass => {
            gateway.meters.acted("given_up");
            gateway.meters.alarm(Alarm::ActionGivenUp);
            tracing::error!(decision = %action.decision, connection = %action.connection, why = %error.why, "an action was given up");
            gateway
                .store
                .action_failed(action.id, &error.why, After::GiveUp, gateway.clock.now())
                .await
        }
        Err(error) => {
            let wait = Duration::from_secs(1 << action.tries.min(13)).min(MAX_WAIT);
            gateway.meters.acted("retried");
            tracing::warn!(decision = %action.decision, connection = %action.connection, kind = %action.kind, tries = action.tries, why = %error.why, "an action is retried later");
            let now = gateway.clock.now();
            gateway
                .store
                .action_failed(action.id, &error.why, After::Retry(now.plus(wait)), now)
                .await
        }
    }
}

/// The only action of today: a commit status. Its link names the decision, so that it is known again when read back.
async fn carry_out(gateway: &Gateway, action: &DueAction) -> Result<&'static str, NotDone> {
    let status: Status = serde_json::from_slice(&action.payload)
        .map_err(|error| NotDone::for_good(format!("the stored action cannot be read: {error}")))?;
    let connection = gateway.connections.get(&action.connection);
    let client = connection
        .as_ref()
        .filter(|connection| connection.posts_status)
        .and_then(|connection| connection.client.as_ref())
        .ok_or_else(|| {
            NotDone::for_good("commit statuses are switched off for this connection".to_owned())
        })?;
    let repository: Id = status
        .repository
        .parse()
        .map_err(|error: crate::graph::IdError| NotDone::for_good(error.to_string()))?;
    if action.tries > 1 && is_there(client, &repository, &status).await? {
        return Ok("posted before");
    }
    client.post_status(&repository, &status.commit, &post(&status), CALL).await?;
    Ok("posted")
}

/// Whether this very status stands on its commit: posted by a try whose end was not recorded.
async fn is_there(client: &Client, repository: &Id, status: &Status) -> Result<bool, FetchError> {
    let found = client.read_status(repository, &status.commit, &status.key, CALL).await?;
    Ok(found.is_some_and(|found| {
        found.url.as_ref() == Some(&status.url) && found.state == as_read(status.state)
    }))
}

/// The state as it is read back.
const fn as_read(state: StatusState) -> BuildState {
    match state {
        StatusState::Successful => BuildState::Successful,
        StatusState::Failed => BuildState::Failed,
        StatusState::InProgress => BuildState::InProgress,
    }
}

/// Why an action was not carried out, and whether it is worth another try.
struct NotDone {
    may_pass: bool,
    why: String,
}

impl NotDone {
    const fn for_good(why: String) -> Self {
        Self { may_pass: false, why }
    }
}

impl From<FetchError> for NotDone {
    fn from(error: FetchError) -> Self {
        Self { may_pass: error.may_pass(), why: error.to_string() }
    }
}

fn post(status: &Status) -> StatusPost {
    StatusPost {
        key: status.key.clone(),
        state: status.state,
        name: "Portcullis".to_owned(),
        text: status.text.clone(),
        url: status.url.clone(),
        refname: status.refname.clone(),
    }
}
