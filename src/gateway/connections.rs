//! The Bitbuckets this gate guards: hooks and their secrets, audiences, what may be written there.
//!
//! Who reads them takes the set as it stands, without a lock; `connect` and `disconnect` put another one in its place.
//! What was connected while the gate ran is kept sealed in the store ([`kept`]); the rest comes from configuration.

pub mod kept;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::ArcSwap;
use arc_swap::ArcSwapOption;

use crate::bitbucket::Client;
use crate::bitbucket::issuer;
use crate::event::caller::CiIssuer;
use crate::event::caller::Issuer;
use crate::event::delivery::HookId;
use crate::gateway::environments::NamedEnvironment;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Product;
use crate::graph::Time;
use crate::secret::Secret;

/// One Bitbucket.
#[derive(Debug)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Which product it is.
    pub product: Product,
    /// Cloud: the workspace's slug. A body of another workspace does not belong here.
    pub workspace: Option<String>,
    /// How we speak to it. None: only what webhooks and tokens tell is known.
    pub client: Option<Client>,
    /// Cloud: the issuer of its step tokens, and the audiences they may be made for.
    pub issuer: Option<Issuer>,
    /// Refs that count as protected even if Bitbucket has no rule.
    pub protected_refs: Vec<String>,
    /// Cloud: whether the plan is Premium, as the operator says: no API tells. None: unknown.
    pub premium: Option<bool>,
    /// Whether commit statuses may be posted.
    pub posts_status: bool,
    /// Its hooks.
    pub hooks: Vec<Hook>,
    /// Environments that configuration names, for callers without a deployment of Bitbucket's.
    pub environments: Vec<NamedEnvironment>,
    /// Other CI whose own tokens are accepted, in the order in which they are tried.
    pub ci: Vec<TrustedCi>,
    /// The identity our credential acts as, once learned: its own deeds are not decided again.
    pub own: ArcSwapOption<Id>,
}

/// Another CI, and where the keys of its tokens are.
#[derive(Clone, Debug)]
pub struct TrustedCi {
    /// What its tokens must be, and what they may ask.
    pub ci: CiIssuer,
    /// Its keys.
    pub keys: issuer::Issuer,
}

/// A hook, with one secret, or two during rotation. A hook without a secret cannot be made.
#[derive(Debug)]
pub struct Hook {
    id: HookId,
    secrets: Vec<Secret<Vec<u8>>>,
    silent_after: Option<Duration>,
    ears: Arc<Ears>,
}

/// What was heard of a hook. It outlives a change of its secrets.
#[derive(Debug, Default)]
struct Ears {
    /// When it was heard last, milliseconds; before that, since when we listen.
    heard: AtomicI64,
    /// When it told something last since the start, milliseconds; 0: nothing yet.
    spoke: AtomicI64,
}

/// Why a set of connections cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionsError {
    /// A hook without a secret would let everybody in.
    #[error("hook `{0}` has no secret: give one, or two during rotation")]
    NoSecret(HookId),
    /// Three secrets are no rotation.
    #[error("hook `{0}` has {1} secrets: give one, or two during rotation")]
    ManySecrets(HookId, usize),
    /// The same hook twice.
    #[error("hook `{0}` is configured twice: every hook has its own id")]
    TwoHooks(HookId),
    /// The same connection twice.
    #[error("connection `{0}` is configured twice: an id is never reused")]
    TwoConnections(ConnectionId),
}

impl Hook {
    /// A hook with its secrets.
    pub fn new(id: HookId, secrets: Vec<Secret<Vec<u8>>>) -> Result<Self, ConnectionsError> {
        match secrets.len() {
            0 => Err(ConnectionsError::NoSecret(id)),
            1 | 2 => Ok(Self { id, secrets, silent_after: None, ears: Arc::default() }),
            many => Err(ConnectionsError::ManySecrets(id, many)),
        }
    }

    /// The same, having heard what another one heard: it was this hook before its secrets changed.
    #[must_use]
    fn hearing_as(self, before: &Self) -> Self {
        Self { ears: Arc::clone(&before.ears), ..self }
    }

    /// The same, missed when it has told nothing for so long. None: it may be silent.
    #[must_use]
    pub fn missed_after(self, silent_after: Option<Duration>) -> Self {
        Self { silent_after, ..self }
    }

    /// It told something.
    pub fn hear(&self, at: Time) {
        self.listen(at);
        self.ears.spoke.fetch_max(at.millis(), Ordering::Relaxed);
    }

    /// It told something then, before this start, or it is listened to since then.
    pub fn listen(&self, since: Time) {
        self.ears.heard.fetch_max(since.millis(), Ordering::Relaxed);
    }

    /// When it told something last, since the gateway started.
    pub fn spoke(&self) -> Option<Time> {
        let spoke = self.ears.spoke.load(Ordering::Relaxed);
        (spoke > 0).then(|| Time::from_millis(spoke))
    }

    /// How long it may be silent before it is missed. None: for ever.
    pub const fn silent_after(&self) -> Option<Duration> {
        self.silent_after
    }

    /// Whether it has told nothing for longer than it may. Nobody is missed before somebody listened.
    pub fn is_silent(&self, now: Time) -> bool {
        let heard = self.ears.heard.load(Ordering::Relaxed);
        self.silent_after.is_some_and(|after| {
            heard > 0 && u128::from(now.since(Time::from_millis(heard))) > after.as_millis()
        })
    }

    /// Its id.
    pub const fn id(&self) -> &HookId {
        &self.id
    }

    /// Its secrets, never none.
    pub fn secrets(&self) -> &[Secret<Vec<u8>>] {
        &self.secrets
    }
}

/// All connections, as they stand now.
#[derive(Debug, Default)]
pub struct Connections {
    now: ArcSwap<Known>,
}

/// A set of connections, found by id and by hook.
#[derive(Debug, Default)]
pub struct Known {
    all: BTreeMap<ConnectionId, Arc<Connection>>,
    by_hook: BTreeMap<HookId, (ConnectionId, usize)>,
    issuers: Vec<Issuer>,
}

impl Connection {
    /// How far it reaches: projects and patterns, as they were written; empty: all that the credential sees.
    pub fn scope(&self) -> Vec<String> {
        let scope = self.client.as_ref().map(Client::scope);
        scope.map(|scope| scope.named().to_vec()).unwrap_or_default()
    }

    /// The same with other hooks. What is known of those that stay is kept: client, identity, when they spoke.
    pub(in crate::gateway) fn with_hooks(&self, hooks: Vec<Hook>) -> Self {
        let before = |hook: &Hook| self.hooks.iter().find(|known| known.id == hook.id);
        let hooks = hooks.into_iter().map(|hook| match before(&hook) {
            Some(known) => hook.hearing_as(known),
            None => hook,
        });
        Self {
            id: self.id.clone(),
            product: self.product,
            workspace: self.workspace.clone(),
            client: self.client.clone(),
            issuer: self.issuer.clone(),
            protected_refs: self.protected_refs.clone(),
            premium: self.premium,
            posts_status: self.posts_status,
            hooks: hooks.collect(),
            environments: self.environments.clone(),
            ci: self.ci.clone(),
            own: ArcSwapOption::new(self.own.load_full()),
        }
    }
}

impl Connections {
    /// Connections whose ids and hooks are all different.
    pub fn new(connections: Vec<Connection>) -> Result<Self, ConnectionsError> {
        let known = Known::of(connections.into_iter().map(Arc::new))?;
        Ok(Self { now: ArcSwap::from_pointee(known) })
    }

    /// The set as it stands. It does not change while it is held.
    pub fn now(&self) -> Arc<Known> {
        self.now.load_full()
    }

    /// The connection of this id.
    pub fn get(&self, id: &ConnectionId) -> Option<Arc<Connection>> {
        self.now.load().get(id).cloned()
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = Arc<Connection>> + use<> {
        self.now.load().all.values().cloned().collect::<Vec<_>>().into_iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.now.load().all.is_empty()
    }

    /// Adds one, or puts it in the place of the one of its id. One at a time: whoever calls holds the lock of `ties`.
    pub(in crate::gateway) fn put(
        &self,
        connection: Connection,
    ) -> Result<Arc<Connection>, ConnectionsError> {
        let (connection, before) = (Arc::new(connection), self.now());
        let others = before.all.values().filter(|known| known.id != connection.id).cloned();
        let known = Known::of(others.chain([Arc::clone(&connection)]))?;
        self.now.store(Arc::new(known));
        Ok(connection)
    }

    /// Takes one away. One at a time, as before.
    pub(in crate::gateway) fn remove(&self, id: &ConnectionId) -> Result<(), ConnectionsError> {
        let before = self.now();
        let others = before.all.values().filter(|known| known.id != *id).cloned();
        self.now.store(Arc::new(Known::of(others)?));
        Ok(())
    }
}

impl Known {
    fn of(connections: impl Iterator<Item = Arc<Connection>>) -> Result<Self, ConnectionsError> {
        let mut known = Self::default();
        for connection in connections {
            for (at, hook) in connection.hooks.iter().enumerate() {
                if known.by_hook.insert(hook.id.clone(), (connection.id.clone(), at)).is_some() {
                    return Err(ConnectionsError::TwoHooks(hook.id.clone()));
                }
            }
            known.issuers.extend(connection.issuer.clone());
            let id = connection.id.clone();
            if known.all.insert(id.clone(), connection).is_some() {
                return Err(ConnectionsError::TwoConnections(id));
            }
        }
        Ok(known)
    }

    /// The connection of this id.
    pub fn get(&self, id: &ConnectionId) -> Option<&Arc<Connection>> {
        self.all.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.all.values()
    }

    /// The connection and the hook of this hook id.
    pub fn hook(&self, id: &HookId) -> Option<(&Arc<Connection>, &Hook)> {
        let (connection, at) = self.by_hook.get(id)?;
        let connection = self.all.get(connection)?;
        connection.hooks.get(*at).map(|hook| (connection, hook))
    }

    /// Every issuer we accept.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Every other CI whose tokens are from this issuer: several entries may share one, for other subjects.
    pub fn ci<'a>(
        &'a self,
        issuer: &'a str,
    ) -> impl Iterator<Item = (&'a Arc<Connection>, &'a TrustedCi)> {
        let all = self.all.values();
        let all = all.flat_map(|home| home.ci.iter().map(move |trusted| (home, trusted)));
        all.filter(move |(_, trusted)| trusted.ci.issuer.issuer == issuer)
    }
}
