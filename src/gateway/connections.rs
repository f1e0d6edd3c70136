//! The Bitbuckets this gate guards, as configured: hooks and their secrets, audiences, what may be written there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;
use std::time::Duration;

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
            1 | 2 => Ok(Self {
                id,
                secrets,
                silent_after: None,
                heard: AtomicI64::new(0),
                spoke: AtomicI64::new(0),
            }),
            many => Err(ConnectionsError::ManySecrets(id, many)),
        }
    }

    /// The same, missed when it has told nothing for so long. None: it may be silent.
    #[must_use]
    pub fn missed_after(self, silent_after: Option<Duration>) -> Self {
        Self { silent_after, ..self }
    }

    /// It told something.
    pub fn hear(&self, at: Time) {
        self.listen(at);
        self.spoke.fetch_max(at.millis(), Ordering::Relaxed);
    }

    /// It told something then, before this start, or it is listened to since then.
    pub fn listen(&self, since: Time) {
        self.heard.fetch_max(since.millis(), Ordering::Relaxed);
    }

    /// When it told something last, since the gateway started.
    pub fn spoke(&self) -> Option<Time> {
        let spoke = self.spoke.load(Ordering::Relaxed);
        (spoke > 0).then(|| Time::from_millis(spoke))
    }

    /// How long it may be silent before it is missed. None: for ever.
    pub const fn silent_after(&self) -> Option<Duration> {
        self.silent_after
    }

    /// Whether it has told nothing for longer than it may. Nobody is missed before somebody listened.
    pub fn is_silent(&self, now: Time) -> bool {
        let heard = self.heard.load(Ordering::Relaxed);
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

/// All connections, found by id and by hook.
#[derive(Debug, Default)]
pub struct Connections {
    all: BTreeMap<ConnectionId, Arc<Connection>>,
    by_hook: BTreeMap<HookId, (ConnectionId, usize)>,
    issuers: Vec<Issuer>,
}

impl Connections {
    /// Connections whose ids and hooks are all different.
    pub fn new(connections: Vec<Connection>) -> Result<Self, ConnectionsError> {
        let mut known = Self::default();
        for connection in connections {
            for (at, hook) in connection.hooks.iter().enumerate() {
                if known.by_hook.insert(hook.id.clone(), (connection.id.clone(), at)).is_some() {
                    return Err(ConnectionsError::TwoHooks(hook.id.clone()));
                }
            }
            known.issuers.extend(connection.issuer.clone());
            let id = connection.id.clone();
            if known.all.insert(id.clone(), Arc::new(connection)).is_some() {
                return Err(ConnectionsError::TwoConnections(id));
            }
        }
        Ok(known)
    }

    /// The connection of this id.
    pub fn get(&self, id: &ConnectionId) -> Option<&Arc<Connection>> {
        self.all.get(id)
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

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.all.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
