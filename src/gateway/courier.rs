//! Notices become messages, and messages reach their channels: one at a time each, in order, tried again with the same id
//! while there is hope.
//!
//! A channel takes a few messages a minute one by one; what comes faster, or waits while the channel is out of reach, goes
//! together as one that counts. Once a day a digest tells what was not told by itself. A receiver that is slow or gone
//! holds up nobody but its own channel.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::gateway::Gateway;
use crate::gateway::meters::Alarm;
use crate::graph::Time;
use crate::ledger::Kind;
use crate::notify::Channel;
use crate::notify::ChannelId;
use crate::notify::message;
use crate::notify::message::Group;
use crate::notify::message::Item;
use crate::notify::message::MAX_LISTED;
use crate::notify::post;
use crate::notify::post::Failed;
use crate::store::After;
use crate::store::DueMessage;
use crate::store::NewEntry;
use crate::store::NewMessage;
use crate::store::Standing;
use crate::store::StoreError;
use crate::store::Tell;
use crate::store::Tells;
use crate::store::Untold;

/// How often the courier looks by itself: also how long a notice of a lost bell waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Decisions a channel is told one by one within [`BURST_WITHIN`]; with the next, what waits goes together.
pub const BURST: usize = 5;

/// See [`BURST`].
pub const BURST_WITHIN: Duration = Duration::from_mins(1);

/// Waits before the tries after the first, seconds; the last one again and again. Each is lengthened by up to a fifth, so
/// that gates do not come back together.
const WAITS: [u64; 6] = [5, 30, 2 * 60, 5 * 60, 15 * 60, 30 * 60];

/// How long a message is tried before it is given up: over a weekend and a day.
pub const GIVEN_UP_AFTER: Duration = Duration::from_hours(72);

/// Under which the store keeps when the last digest was.
const LAST_DIGEST: &str = "last-digest";

const DAY: i64 = 24 * 60 * 60 * 1_000;
const MINUTE: i64 = 60 * 1_000;

/// How a channel stands, for whoever runs the gate.
#[derive(Clone, Debug, serde::Serialize, schemars::JsonSchema)]
pub struct ChannelNow {
    /// Its id.
    pub id: ChannelId,
    /// Scheme and host of its address; the rest may hold a token.
    pub host: String,
    /// What waits for it, and how its last tries went.
    #[serde(flatten)]
    pub standing: Standing,
}

/// Why a test did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// No such channel.
    #[error("there is no channel of that name: `portcullis notify list` shows them")]
    Unknown,
    /// It was tried.
    #[error("the message did not arrive: {0}")]
    Failed(Failed),
    /// It cannot be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the courier remembers: nothing that a restart may not forget.
#[derive(Default)]
struct Courier {
    /// Channels with a message under way.
    busy: BTreeSet<String>,
    /// When decisions were told one by one.
    told: BTreeMap<String, VecDeque<Instant>>,
    /// Messages under way.
    under_way: JoinSet<Landed>,
}

/// A try that is over.
struct Landed {
    message: DueMessage,
    result: Result<(), NotTaken>,
}

/// Why a message was not taken.
enum NotTaken {
    Failed(Failed),
    NoChannel,
}

/// Runs until the gateway stops. What is under way then is sent again after the next start, with the same id.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    let mut courier = Courier::default();
    loop {
        if let Err(error) = courier.step(&gateway).await {
            tracing::error!(%error, "the courier cannot reach the store");
        }
        let landed = tokio::select! {
            () = gateway.courier_bell.notified() => None,
            () = tokio::time::sleep(LOOK_EVERY) => None,
            Some(landed) = courier.under_way.join_next() => Some(landed),
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        if let Some(landed) = landed {
            courier.land(&gateway, landed).await;
        }
    }
}

impl Courier {
    /// Forms what can be formed and sends what is due.
    async fn step(&mut self, gateway: &Arc<Gateway>) -> Result<(), StoreError> {
        gateway.digest().await?;
        let busy: BTreeSet<String> = gateway.store.busy_channels().await?.into_iter().collect();
        for channel in gateway.store.untold(Tell::Now).await? {
            // While a channel is out of reach, what comes gathers, to go together.
            if !busy.contains(&channel) {
                self.form(gateway, &channel).await?;
            }
        }
        for message in gateway.store.due_messages(gateway.clock.now()).await? {
            if self.busy.insert(message.channel.clone()) {
                self.under_way.spawn(Box::pin(sent(Arc::clone(gateway), message)));
            }
        }
        Ok(())
    }

    /// Messages of what waits for a channel: alarms and pauses one by one, decisions and findings too, as long as they
    /// are few.
    async fn form(&mut self, gateway: &Gateway, channel: &str) -> Result<(), StoreError> {
        let untold = gateway.store.untold_of(channel).await?;
        let (decisions, own): (Vec<_>, Vec<_>) =
            untold.iter().map(|one| (item(one), one)).partition(|(item, _)| comes_in_bursts(item));
        for (item, one) in &own {
            form_one(gateway, channel, item, one).await?;
        }
        let now = gateway.clock.now();
        let room = self.room(channel);
        let Some((_, last)) = decisions.last() else { return Ok(()) };
        if room == 0 {
            return Ok(());
        }
        if decisions.len() <= room {
            for (item, one) in &decisions {
                form_one(gateway, channel, item, one).await?;
                self.told.entry(channel.to_owned()).or_default().push_back(Instant::now());
            }
            return Ok(());
        }
        let items: Vec<Item> = decisions.iter().map(|(item, _)| item.clone()).collect();
        self.told.entry(channel.to_owned()).or_default().push_back(Instant::now());
        made(gateway, channel, message::many(&items, now), Tells::UpTo(last.number)).await
    }

    /// How many messages of single decisions this channel may still be sent at the moment.
    fn room(&mut self, channel: &str) -> usize {
        let Some(told) = self.told.get_mut(channel) else { return BURST };
        while told.front().is_some_and(|first| first.elapsed() >= BURST_WITHIN) {
            told.pop_front();
        }
        BURST.saturating_sub(told.len())
    }

    /// Records how a try went. What cannot be recorded is tried again with the same id.
    async fn land(&mut self, gateway: &Gateway, landed: Result<Landed, tokio::task::JoinError>) {
        let Ok(Landed { message, result }) = landed else {
            tracing::error!("a message ended by itself");
            self.busy.clear();
            return;
        };
        self.busy.remove(&message.channel);
        if let Err(error) = gateway.landed(&message, result).await {
            tracing::error!(%error, message = %message.id, "how a message went cannot be recorded");
        }
    }
}

/// What a notice says. That there was something is told even if another version of this program wrote it.
fn item(untold: &Untold) -> Item {
    serde_json::from_slice(&untold.item).unwrap_or_else(|_| {
        Item::Alarm(message::Alarm {
            alarm: "unreadable_notice".to_owned(),
            at: untold.at,
            text: "Something was to be told that this version of the gate cannot read.".to_owned(),
            next: format!("Look for {} in the record.", untold.about),
        })
    })
}

const fn comes_in_bursts(item: &Item) -> bool {
    matches!(item, Item::Decision(_) | Item::Finding(_))
}

async fn form_one(
    gateway: &Gateway,
    channel: &str,
    item: &Item,
    untold: &Untold,
) -> Result<(), StoreError> {
    let message = message::one(item, gateway.clock.now());
    made(gateway, channel, message, Tells::One(untold.number)).await
}

async fn made(
    gateway: &Gateway,
    channel: &str,
    message: message::Message,
    tells: Tells,
) -> Result<(), StoreError> {
    let new = NewMessage {
        id: Uuid::now_v7(),
        channel: channel.to_owned(),
        kind: message.kind,
        body: message.body,
        tells,
    };
    gateway.store.add_message(new, gateway.clock.now()).await.map(drop)
}

async fn sent(gateway: Arc<Gateway>, message: DueMessage) -> Landed {
    let result = match gateway.channel_of(&message.channel) {
        Some(channel) => {
            let lookup = gateway.notify.lookup.as_ref();
            let (id, now) = (id_of(message.id), gateway.clock.now());
            let sent = post::send(&channel, lookup, &id, &message.body, now).await;
            sent.map_err(NotTaken::Failed)
        }
        None => Err(NotTaken::NoChannel),
    };
    Landed { message, result }
}

/// The `webhook-id` of a message.
fn id_of(message: Uuid) -> String {
    format!("msg_{}", message.simple())
}

impl Gateway {
    fn channel_of(&self, id: &str) -> Option<Arc<Channel>> {
        let id: ChannelId = id.parse().ok()?;
        self.notify.channels.get(&id).map(Arc::clone)
    }

    async fn landed(
        &self,
        message: &DueMessage,
        result: Result<(), NotTaken>,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (why, may_pass, rest) = match result {
            Ok(()) => {
                self.meters.noticed("told");
                return self.store.message_told(message.id, now).await;
            }
            Err(NotTaken::Failed(failed)) => (failed.to_string(), failed.may_pass(), failed.rest()),
            Err(NotTaken::NoChannel) => {
                ("the channel is not configured any more".to_owned(), false, None)
            }
        };
        let channel = &message.channel;
        if may_pass && u128::from(now.since(message.at)) < GIVEN_UP_AFTER.as_millis() {
            self.meters.noticed("retried");
            tracing::warn!(%channel, message = %message.id, tries = message.tries + 1, %why, "a message is retried later");
            let due = now.plus(wait(message.tries).max(rest.unwrap_or_default()));
            return self.store.message_failed(message.id, &why, After::Retry(due), now).await;
        }
        self.meters.noticed("given_up");
        self.meters.alarm(Alarm::NoticeGivenUp);
        tracing::error!(%channel, message = %message.id, %why, "a message was given up");
        self.store.message_failed(message.id, &why, After::GiveUp, now).await
    }

    /// The daily digest, once its hour has come. The first start only remembers since when.
    async fn digest(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let due = digest_due(now, self.notify.digest_at);
        let last = match self.digested.load_full() {
            Some(last) => *last,
            None => self.last_digest(now).await?,
        };
        if last >= due {
            return Ok(());
        }
        let mut channels: BTreeSet<String> = BTreeSet::new();
        for tell in [Tell::Digest, Tell::Held] {
            channels.extend(self.store.untold(tell).await?);
        }
        for channel in channels {
            let (counted, causes) = self.store.digest_of(&channel, due, MAX_LISTED).await?;
            let groups: Vec<Group> = counted
                .into_iter()
                .filter_map(|one| {
                    let newest = serde_json::from_slice(&one.item).ok()?;
                    Some(Group { count: one.count, newest })
                })
                .collect();
            let left_out = causes.saturating_sub(groups.len() as u64);
            let message = message::digest(&groups, left_out, now);
            made(self, &channel, message, Tells::Digest(due)).await?;
        }
        self.keep_digest(now).await
    }

    async fn last_digest(&self, now: Time) -> Result<Time, StoreError> {
        let kept = self.store.meta(LAST_DIGEST).await?.and_then(|bytes| bytes.try_into().ok());
        if let Some(last) = kept.map(i64::from_be_bytes).map(Time::from_millis) {
            self.digested.store(Some(Arc::new(last)));
            return Ok(last);
        }
        self.keep_digest(now).await?;
        Ok(now)
    }

    async fn keep_digest(&self, at: Time) -> Result<(), StoreError> {
        self.store.set_meta(LAST_DIGEST, &at.millis().to_be_bytes()).await?;
        self.digested.store(Some(Arc::new(at)));
        Ok(())
    }

    /// Every channel, and how it stands.
    pub async fn channels(&self) -> Result<Vec<ChannelNow>, StoreError> {
        let mut channels = Vec::new();
        for (id, channel) in &self.notify.channels {
            let standing = self.store.channel(id.as_str()).await?;
            channels.push(ChannelNow { id: id.clone(), host: channel.shown(), standing });
        }
        Ok(channels)
    }

    /// Sends a test to a channel while the caller waits. If it arrives, what waits for the channel is tried at once. The
    /// ledger says that it was tried, by whom, and how it went.
    pub async fn test_channel(&self, id: &str, by: &str) -> Result<ChannelNow, TestError> {
        let channel = self.channel_of(id).ok_or(TestError::Unknown)?;
        let (message, now) = (Uuid::now_v7(), self.clock.now());
        let body = message::test(now).body;
        let lookup = self.notify.lookup.as_ref();
        let sent = post::send(&channel, lookup, &id_of(message), &body, now).await;
        let mut said = serde_json::Map::new();
        said.insert("what".to_owned(), "notice".into());
        said.insert("channel".to_owned(), channel.id().as_str().into());
        said.insert("message".to_owned(), "gate.test".into());
        let outcome = if sent.is_ok() { "told" } else { "failed" };
        said.insert("outcome".to_owned(), outcome.into());
        let entry = NewEntry {
            body: said,
            sealed: vec![("by".to_owned(), by.as_bytes().to_vec())],
            ..NewEntry::new(Kind::Outbound, now, message.to_string())
        };
        self.store.append(vec![entry]).await?;
        sent.map_err(TestError::Failed)?;
        self.store.try_channel(channel.id().as_str(), now).await?;
        self.courier_bell.notify_one();
        let standing = self.store.channel(channel.id().as_str()).await?;
        Ok(ChannelNow { id: channel.id().clone(), host: channel.shown(), standing })
    }
}

/// How long until the next try, after so many.
fn wait(tries: u32) -> Duration {
    let at = usize::try_from(tries).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    let seconds = WAITS.get(at).copied().unwrap_or(1_800);
    let byte = crate::secret::random::<1>().map_or(0, |[byte]| byte);
    Duration::from_secs(seconds).mul_f64(1.0 + f64::from(byte) / 255.0 / 5.0)
}

/// The last time at or before `now` at which a digest was due.
fn digest_due(now: Time, minutes: u16) -> Time {
    let offset = i64::from(minutes) * MINUTE;
    let days = (now.millis() - offset).div_euclid(DAY);
    Time::from_millis(days * DAY + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_due_once_a_day_at_its_minute() {
        let at = |text: &str| text.parse::<Time>().unwrap();
        let due = |now: &str| digest_due(at(now), 8 * 60).to_string();
        assert_eq!(due("2026-11-30T07:59:59Z"), "2026-11-29T08:00:00.000Z");
        assert_eq!(due("2026-11-30T08:00:00Z"), "2026-11-30T08:00:00.000Z");
        assert_eq!(due("2026-12-01T00:00:00Z"), "2026-11-30T08:00:00.000Z");
    }

    #[test]
    fn waits_grow_and_stay_within_a_fifth_of_their_step() {
        for (tries, seconds) in [(0, 5), (1, 30), (5, 1_800), (6, 1_800), (400, 1_800)] {
            let waited = wait(tries).as_secs_f64();
            let least = f64::from(seconds);
            assert!((least..=least * 1.2 + 0.001).contains(&waited), "{tries}: {waited}");
        }
    }
}
