//! Deliveries that are kept become decisions: claimed in order per hook, read, judged, and recorded in one transaction
//! with everything that follows from them. A crash at any instant leaves a delivery that is claimed again.

use std::sync::Arc;
use std::time::Duration;

use sha2::Digest;
use sha2::Sha256;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::bitbucket;
use crate::bitbucket::Reading;
use crate::decision::record::Surface;
use crate::event::Event;
use crate::event::EventKind;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::gather;
use crate::gateway::gather::fresh::STIRRING;
use crate::gateway::meters::Station;
use crate::gateway::names;
use crate::gateway::road::Judged;
use crate::gateway::road::Matter;
use crate::gateway::road::Offered;
use crate::gateway::spans;
use crate::gateway::status;
use crate::graph::Known;
use crate::graph::Product;
use crate::policy::Document;
use crate::policy::input::Caller;
use crate::policy::input::CallerKind;
use crate::store::Claimed;
use crate::store::RecordError;
use crate::store::Recording;

/// Deliveries taken at a time. More would hold the leases longer than one batch's judging takes.
const BATCH: usize = 32;

/// How long a claim holds. A worker that dies with it is followed by another after this time.
const LEASE: Duration = Duration::from_mins(1);

/// How long the inbox waits after it was woken: deliveries come together, and one claim of many costs what one of one does.
const GATHER: Duration = Duration::from_millis(2);

/// How often the inbox looks by itself, should a wake-up be lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Failures after which a delivery becomes a dead letter instead of being tried for ever.
const MAX_TRIES: u32 = 5;

/// Runs until the gateway stops: claims what is kept and takes it down the road.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        let worked = match step(&gateway).await {
            Ok(count) => count,
            Err(error) => {
                tracing::error!(%error, "the inbox cannot reach the store");
                0
            }
        };
        if worked == BATCH && !*stop.borrow() {
            continue;
        }
        tokio::select! {
            () = gateway.inbox_bell.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        tokio::time::sleep(GATHER).await;
    }
}

/// One batch: how many deliveries were taken.
async fn step(gateway: &Gateway) -> Result<usize, crate::store::StoreError> {
    let now = gateway.clock.now();
    let began = Instant::now();
    let claimed = gateway.store.claim(BATCH, now, LEASE).await?;
    let count = claimed.len();
    // A look that finds nothing is no station.
    if count > 0 {
        gateway.meters.took(Station::Claim, began);
    }
    let taken = claimed.into_iter().map(|delivery| {
        let span = gateway.traces.delivery(delivery.id, delivery.product);
        one(gateway, delivery).instrument(span)
    });
    for result in futures_util::future::join_all(taken).await {
        result?;
    }
    Ok(count)
}

/// One delivery: read, judged event by event, recorded. What it cannot read becomes a dead letter with the reason.
async fn one(gateway: &Gateway, claimed: Claimed) -> Result<(), crate::store::StoreError> {
    let Some(connection) = gateway.connections.get(&claimed.connection) else {
        return dead(
            gateway,
            &claimed,
            "the connection it came through is not configured any more".to_owned(),
        )
        .await;
    };
    let began = Instant::now();
    let read = spans::station(Station::Read).in_scope(|| {
        bitbucket::read(connection.product, &connection.id, &claimed.key, &claimed.body)
    });
    gateway.meters.took(Station::Read, began);
    let reading = match read {
        Ok(reading) => reading,
        Err(unreadable) => return dead(gateway, &claimed, unreadable.to_string()).await,
    };
    if let Some(why) = reading.unknown.as_ref() {
        return dead(gateway, &claimed, why.as_str().to_owned()).await;
    }
    if let Some(why) = misplaced(&connection, &reading) {
        return dead(gateway, &claimed, why).await;
    }
    gateway.meters.read(&reading);
    let events: Vec<&Event> =
        reading.events.iter().filter(|event| !is_own(&connection, event)).collect();
    if events.is_empty() {
        return gateway
            .store
            .finish_without_decision(
                claimed.id,
                "nothing in it is for us to decide",
                gateway.clock.now(),
            )
            .await;
    }
    let last = events.len() - 1;
    for (at, event) in events.into_iter().enumerate() {
        if let Some(repository) = names::repository_id(&event.facts) {
            gateway.stirred.stir(repository, event.kind, claimed.received);
        }
        learn_place(&connection, event);
        let judged = Box::pin(judge(gateway, &connection, &claimed, event.clone())).await;
        let done = (at == last).then_some(claimed.id);
        let key = event_key(&judged.matter, event);
        if let Err(error) = record(gateway, judged, key, done).await {
            return retry(gateway, &claimed, &error).await;
        }
    }
    Ok(())
}

/// Takes note of where a repository lies that is newer than the last reading, or that moved since. On Data Center nothing
/// known is written over: whoever administers a repository can read its hook's secret there, and would misname others.
fn learn_place(connection: &Connection, event: &Event) {
    let Some(client) = &connection.client else { return };
    let Some((repository, place)) = names::place(&event.facts) else { return };
    let moves = connection.product == Product::Cloud && STIRRING.contains(&event.kind);
    if moves || !client.knows(repository) {
        client.remember(repository, place);
    }
}

/// A body that names a repository outside its hook's connection is nobody's business here.
fn misplaced(connection: &Connection, reading: &Reading) -> Option<String> {
    let ours = connection.workspace.as_deref()?;
    let home = &reading.home;
    let known = [&home.workspace_slug, &home.workspace_uuid].into_iter().flatten();
    let theirs: Vec<&String> = known.collect();
    let is_ours = theirs.is_empty() || theirs.iter().any(|name| name.eq_ignore_ascii_case(ours));
    (!is_ours).then(|| {
        format!(
            "the body speaks of workspace `{}`, but its hook belongs to `{ours}`",
            theirs.first().map_or("?", |name| name)
        )
    })
}

/// Our own statuses come back as webhooks; deciding them again would go round for ever.
fn is_own(connection: &Connection, event: &Event) -> bool {
    let ours = event.facts.commit_status.value().and_then(|build| build.key.value());
    let is_our_key = ours.is_some_and(|key| key.starts_with("portcullis"));
    let actor = crate::policy::input::actor_of(&event.facts);
    let own = connection.own.load();
    event.kind == EventKind::CommitStatusChanged
        && is_our_key
        && own.as_deref().is_some_and(|own| Some(own) == actor)
}

async fn judge(
    gateway: &Gateway,
    connection: &Arc<Connection>,
    claimed: &Claimed,
    event: Event,
) -> Judged {
    let caller =
        Caller { kind: Known::Value(CallerKind::Hook), id: Known::Value(claimed.hook.to_string()) };
    let document = Document {
        kind: event.kind,
        connection: connection.id.clone(),
        product: connection.product,
        action: deed(event.kind).to_owned(),
        now: Known::Value(gateway.clock.now()),
        caller: Known::Value(caller),
        facts: event.facts,
        claimed: Known::Nothing,
        graph: Known::Nothing,
    };
    let matter = Box::new(Matter {
        document,
        connection: Arc::clone(connection),
        surface: Surface::Hook,
        delivery: Some(claimed.id),
        caller: CallerKind::Hook,
        authors: Vec::new(),
        own: Vec::new(),
        unread_step: None,
        replayed: None,
        commit: None,
        ground: gather::GroundFacts::default(),
        at: gateway.clock.now(),
    });
    gateway.judge(matter, async |_, _, _, _| Offered::default()).await
}

/// Records a judged event with what follows from it. The delivery is done with its last event. An event whose key was
/// recorded before is not recorded again.
pub(in crate::gateway) async fn record(
    gateway: &Gateway,
    judged: Judged,
    key: Option<[u8; 32]>,
    done: Option<Uuid>,
) -> Result<(), RecordError> {
    let recording = recording(gateway, judged, key, done);
    let (acts, tells) = (!recording.actions.is_empty(), !recording.notices.is_empty());
    let record = Arc::clone(&recording.record);
    let began = Instant::now();
    let storing = gateway.store.record(vec![recording]);
    let recorded = storing.instrument(spans::station(Station::Record)).await.pop();
    gateway.meters.took(Station::Record, began);
    match recorded {
        Some(Ok(_)) => {
            gateway.meters.decided(&record.public);
            gateway.traces.decided(&record.public);
            if acts {
                gateway.outbox_bell.notify_one();
            }
            if tells {
                gateway.courier_bell.notify_one();
            }
            Ok(())
        }
        // The same event came through another hook: it is decided, and this delivery is done with that.
        Some(Err(RecordError::DecidedBefore(_))) => match done {
            Some(id) => {
                let why = "the same event was decided for another hook";
                Ok(gateway.store.finish_without_decision(id, why, gateway.clock.now()).await?)
            }
            None => Ok(()),
        },
        Some(Err(error)) => Err(error),
        None => Ok(()),
    }
}

fn recording(
    gateway: &Gateway,
    judged: Judged,
    event_key: Option<[u8; 32]>,
    done: Option<Uuid>,
) -> Recording {
    let Judged { matter, active, mut record, .. } = judged;
    let status = status::plan(&matter, &record, &gateway.public_url);
    record.public.actions = status
        .iter()
        .map(|status| format!("commit status {} is to be posted", status.state))
        .collect();
    let actions = status
        .iter()
        .filter_map(|status| status::action(&matter.connection.id, record.public.decision, status))
        .collect();
    let notices = gateway.notices_of(&matter, &record, &active);
    Recording {
        done,
        event_key,
        actions,
        notices,
        mentions: names::mentioned(&matter.document.facts),
        ..Recording::of(record)
    }
}

/// One event through two hooks is decided once: the same kind, subject, and commits before and after. Events that
/// nothing tells apart from a later one of the same kind have no key.
fn event_key(matter: &Matter, event: &Event) -> Option<[u8; 32]> {
    let change = event.facts.change.value()?;
    let (from, to) = (change.from.value(), change.to.value());
    from.or(to)?;
    let none = String::new();
    let parts = [
        matter.connection.id.as_str(),
        event.kind.as_str(),
        &event.subject(),
        from.unwrap_or(&none),
        to.unwrap_or(&none),
    ];
    Some(Sha256::digest(parts.join("\n")).into())
}

async fn dead(
    gateway: &Gateway,
    claimed: &Claimed,
    why: String,
) -> Result<(), crate::store::StoreError> {
    tracing::warn!(delivery = %claimed.id, connection = %claimed.connection, %why, "a delivery became a dead letter");
    gateway.meters.dead_letter();
    gateway.store.dead_letter(claimed.id, &why, gateway.clock.now()).await
}

async fn retry(
    gateway: &Gateway,
    claimed: &Claimed,
    error: &RecordError,
) -> Result<(), crate::store::StoreError> {
    if claimed.tries >= MAX_TRIES {
        return dead(gateway, claimed, format!("it could not be recorded: {error}")).await;
    }
    let wait = Duration::from_secs(1 << claimed.tries.min(6));
    gateway.store.give_back(claimed.id, &error.to_string(), gateway.clock.now().plus(wait)).await
}

/// What a webhook's event does, as the word in `action.name`.
pub const fn deed(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Push => "push",
        EventKind::BranchCreated | EventKind::TagCreated | EventKind::RepositoryCreated => "create",
        EventKind::BranchDeleted
        | EventKind::TagDeleted
        | EventKind::PullRequestDeleted
        | EventKind::RepositoryDeleted => "delete",
        EventKind::TagMoved => "move",
        EventKind::PullRequestOpened => "open",
        EventKind::PullRequestUpdated
        | EventKind::PullRequestReviewersChanged
        | EventKind::RepositoryUpdated
        | EventKind::ProjectUpdated => "update",
        EventKind::PullRequestApproved => "approve",
        EventKind::PullRequestUnapproved => "unapprove",
        EventKind::PullRequestChangesRequested => "request-changes",
        EventKind::PullRequestChangesWithdrawn => "withdraw-request",
        EventKind::PullRequestCommented | EventKind::CommitCommented => "comment",
        EventKind::PullRequestMerged | EventKind::MergeRequested => "merge",
        EventKind::PullRequestDeclined => "decline",
        EventKind::CommitStatusChanged => "report",
        EventKind::RepositoryForked => "fork",
        EventKind::RepositoryTransferred => "transfer",
        EventKind::SecretDetected | EventKind::MirrorSynchronized | EventKind::PipelineObserved => {
            "observe"
        }
        EventKind::PipelineStep | EventKind::PipelineRequested => "run",
        EventKind::PermissionChanged
        | EventKind::RestrictionChanged
        | EventKind::CredentialChanged
        | EventKind::HookChanged
        | EventKind::RunnerChanged
        | EventKind::VariableChanged => "change",
        EventKind::Unknown => "unknown",
    }
}
