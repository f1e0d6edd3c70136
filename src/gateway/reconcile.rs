//! What a reading found changed becomes events and goes down the same road as webhooks: recorded, decided by the rules
//! whose `on:` names them.
//!
//! A reading is kept with its differences before anything is decided of it, and is unsettled until all of them are. What
//! a restart cuts short is found again from the history, in the same order; what was decided already is known by its key
//! and not decided twice. A first reading changes nothing, and more than [`MAX_CHANGES`] at once are told as one gap.

mod gaps;
mod thing;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sha2::Digest;
use sha2::Sha256;

use crate::decision::Record;
use crate::decision::record::Surface;
use crate::event::Actor;
use crate::event::EventKind;
use crate::event::Facts;
use crate::event::Repository;
use crate::event::Resource;
use crate::event::Thing;
use crate::gateway::Gateway;
use crate::gateway::audit;
use crate::gateway::audit::Actors;
use crate::gateway::connections::Connection;
use crate::gateway::gather;
use crate::gateway::inbox;
use crate::gateway::names;
use crate::gateway::reconcile::thing::place;
use crate::gateway::reconcile::thing::thing;
use crate::gateway::road::Matter;
use crate::gateway::road::Offered;
use crate::graph::BuildError;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Product;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::World;
use crate::graph::audit::FoundChange;
use crate::graph::reconcile::Changed;
use crate::graph::reconcile::Found;
use crate::graph::reconcile::Part;
use crate::graph::reconcile::carry;
use crate::graph::reconcile::found;
use crate::graph::reconcile::parts;
use crate::policy::Document;
use crate::policy::input::Caller;
use crate::policy::input::CallerKind;
use crate::store::Moment;
use crate::store::NewChange;
use crate::store::NewEntry;
use crate::store::RecordError;
use crate::store::StoreError;
use crate::store::When;

pub(in crate::gateway) use gaps::blind;
pub(in crate::gateway) use gaps::unread;

/// Changes of one reading that are decided one by one. A migration of thousands of grants is one thing that happened,
/// and a decision for each of them would bury all others.
pub const MAX_CHANGES: usize = 500;

/// Earlier readings that are looked at for what lists said before they could not be read.
const MAX_EARLIER: usize = 8;

/// How long a webhook may take to tell of a repository before it counts as lost.
const WEBHOOK_MAY_TAKE: Duration = Duration::from_secs(5);

/// How long a look at the audit log may take before changes are decided without who made them.
/// An organisation's log gives some pages a minute.
const AUDIT_MAY_TAKE: Duration = Duration::from_secs(90);

/// How long after a failure it is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

const NO_ACTOR: Why =
    Why::fixed("Bitbucket does not tell who changed this: it was found by reading it again");

/// Why changes are not decided yet.
#[derive(Debug, thiserror::Error)]
enum ReconcileError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("what was kept does not hang together: {0}")]
    Build(#[from] BuildError),
}

impl ReconcileError {
    /// Whether it fails the same however often it is tried: what was kept cannot be read or built.
    const fn is_for_good(&self) -> bool {
        match self {
            Self::Build(_) | Self::Store(StoreError::Unreadable(_) | StoreError::Seal(_)) => true,
            Self::Store(_) | Self::Record(_) => false,
        }
    }
}

/// The two sides of a change.
struct Sides {
    /// When the one before was read last.
    since: Time,
    before: World,
    after: World,
    /// Lists that opened at too many different moments: what changed in them is not looked for.
    unlooked: BTreeSet<Part>,
}

/// A change that is to be decided.
struct Change {
    kind: EventKind,
    found: Found,
    /// The repository, project or workspace it took place in.
    home: Option<Id>,
    repository: Option<Id>,
    before: Known<Thing>,
    after: Known<Thing>,
}

/// Runs until the gateway stops: settles what readings left to be decided.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        // What is cut short here is found again by the next life, like after a kill.
        let settled = tokio::select! {
            settled = gateway.reconcile() => settled,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        let wait = settled.err().map(|error| {
            tracing::error!(%error, "what discovery found changed could not be decided; it is tried again");
            AFTER_FAILURE
        });
        let again = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => gateway.reconcile_bell.notified().await,
            }
        };
        tokio::select! {
            () = again => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

impl Gateway {
    async fn reconcile(&self) -> Result<(), ReconcileError> {
        // What fails holds up the later readings of its own connection, since order counts, and of no other.
        let mut failed: BTreeMap<ConnectionId, ReconcileError> = BTreeMap::new();
        for moment in self.store.unsettled().await? {
            if failed.contains_key(&moment.connection) {
                continue;
            }
            let decided = match self.connections.get(&moment.connection) {
                Some(connection) => self.decide_changes(&connection, &moment).await,
                None => Ok(Vec::new()),
            };
            let entries = match decided {
                Ok(entries) => entries,
                Err(error) if error.is_for_good() => {
                    vec![gaps::undecidable(&moment, &error.to_string(), self.clock.now())]
                }
                Err(error) => {
                    failed.insert(moment.connection, error);
                    continue;
                }
            };
            self.store.settle(moment.no, entries).await?;
            self.audits.bell.notify_one();
        }
        failed.pop_first().map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Decides what changed with this moment; what the ledger is to be told besides.
    async fn decide_changes(
        &self,
        connection: &Arc<Connection>,
        moment: &Moment,
    ) -> Result<Vec<NewEntry>, ReconcileError> {
        let Some(sides) = self.sides(moment).await? else { return Ok(Vec::new()) };
        let Sides { since, before, after, unlooked } = sides;
        let mut entries: Vec<NewEntry> =
            gaps::unlooked(moment, &unlooked, self.clock.now()).into_iter().collect();
        let changes = changes(&before, &after)?;
        let found = changes.iter().map(|change| change.kept(moment, since));
        self.store.keep_changes(&connection.id, found.collect()).await?;
        if changes.len() > MAX_CHANGES {
            let kinds = changes.iter().map(|change| change.kind);
            entries.push(gaps::flood(moment, kinds, self.clock.now()));
            return Ok(entries);
        }
        let actors = self.look_into_audit(connection, moment).await?;
        let mut untold: BTreeMap<EventKind, Vec<Id>> = BTreeMap::new();
        let mut waited = false;
        for change in changes {
            let told_of = change.webhook_tells(connection.product);
            if let Some(repository) = told_of.then(|| change.found.thing.clone()) {
                if !waited && !connection.hooks.is_empty() {
                    self.give_webhooks_time(moment).await;
                    waited = true;
                }
                let told = self.store.told_by_webhook(&repository, change.told_as(), since);
                let told = told.await?;
                if change.is_among(&told, |_| true) {
                    continue;
                }
                // What no webhook could tell is decided, and is no silence.
                if !change.is_among(&told, |member| tells(connection.product, member)) {
                    untold.entry(change.kind).or_default().push(repository);
                }
            }
            self.decide_change(connection, moment, change, &actors).await?;
        }
        let is_told = !connection.hooks.is_empty() && !untold.is_empty();
        entries.extend(
            is_told.then(|| gaps::no_webhook(&moment.connection, &untold, self.clock.now())),
        );
        Ok(entries)
    }

    /// Reads what the audit log says by now, and who made the changes of this moment, as far as it tells.
    async fn look_into_audit(
        &self,
        connection: &Arc<Connection>,
        moment: &Moment,
    ) -> Result<Actors, ReconcileError> {
        // A log that is slow or closed holds nothing up for good: the line that comes later is matched then.
        let whole = async {
            loop {
                match self.read_audit(connection).await {
                    wait if wait < audit::EVERY => tokio::time::sleep(wait).await,
                    _ => return,
                }
            }
        };
        let _ = tokio::time::timeout(AUDIT_MAY_TAKE, whole).await;
        if let Err(error) = self.match_audit(connection).await {
            tracing::warn!(connection = %connection.id, %error, "audit lines could not be held against changes");
        }
        Ok(self.actors(connection, moment.no).await?)
    }

    async fn give_webhooks_time(&self, moment: &Moment) {
        let until = moment.recorded.plus(WEBHOOK_MAY_TAKE);
        let left = Duration::from_millis(until.since(self.clock.now()));
        tokio::time::sleep(left.min(WEBHOOK_MAY_TAKE)).await;
    }

    /// The world before and after, with lists that either could not read as they were known last. None: there is
    /// nothing before.
    async fn sides(&self, moment: &Moment) -> Result<Option<Sides>, StoreError> {
        let connection = &moment.connection;
        let before = self.store.past(connection, When::Before(moment.no)).await?;
        let after = self.store.past(connection, When::At(moment.no)).await?;
        let (Some(before), Some(after)) = (before, after) else { return Ok(None) };
        let closed: Vec<Part> =
            parts(&before.world).difference(&parts(&after.world)).cloned().collect();
        let began = self.store.gaps_began(&closed, moment.no).await?;
        let mut earlier: BTreeMap<i64, BTreeSet<Part>> = BTreeMap::new();
        for (part, began) in closed.into_iter().zip(began) {
            earlier.entry(began.unwrap_or(i64::MIN)).or_default().insert(part);
        }
        let (mut base, mut unlooked) = (before.world, BTreeSet::new());
        for (number, (began, parts)) in earlier.into_iter().enumerate() {
            let known = if number < MAX_EARLIER {
                self.store.past(connection, When::Before(began)).await?
            } else {
                unlooked.extend(parts.iter().cloned());
                None
            };
            // What was never known before is known now: nothing of it changed.
            base = carry(&base, known.as_ref().map_or(&after.world, |past| &past.world), &parts);
        }
        let next = carry(&after.world, &base, &parts(&after.world));
        let since = before.moment.confirmed;
        Ok(Some(Sides { since, before: base, after: next, unlooked }))
    }

    async fn decide_change(
        &self,
        connection: &Arc<Connection>,
        moment: &Moment,
        change: Change,
        actors: &Actors,
    ) -> Result<(), ReconcileError> {
        let key = key(moment, &change);
        let actor = actors.of(&key, &self.graph.load(), NO_ACTOR);
        if self.store.was_decided(&key).await? {
            return Ok(());
        }
        let at = self.clock.now();
        let caller = Caller {
            kind: Known::Value(CallerKind::Discovery),
            id: Known::Value(connection.id.to_string()),
        };
        let document = Document {
            kind: change.kind,
            connection: connection.id.clone(),
            product: connection.product,
            action: inbox::deed(change.kind).to_owned(),
            now: Known::Value(at),
            caller: Known::Value(caller),
            facts: facts(change, actor),
            claimed: Known::Nothing,
            graph: Known::Nothing,
        };
        let matter = Box::new(Matter {
            document,
            connection: Arc::clone(connection),
            surface: Surface::Discovery,
            delivery: None,
            caller: CallerKind::Discovery,
            authors: Vec::new(),
            own: Vec::new(),
            unread_step: None,
            replayed: None,
            commit: None,
            ground: gather::GroundFacts::default(),
            at,
        });
        let judged = self.judge(matter, async |_, _, _, _| Offered::default()).await;
        Ok(inbox::record(self, judged, Some(key), None).await?)
    }
}

/// Every change between two worlds that a rule could see.
fn changes(before: &World, after: &World) -> Result<Vec<Change>, BuildError> {
    let all = found(before, after);
    let [before, after] =
        [before, after].map(|world| Snapshot::build(0, std::slice::from_ref(world)));
    let (before, after) = (before?, after?);
    Ok(all.into_iter().filter_map(|found| change(&before, &after, found)).collect())
}

fn change(before: &Snapshot, after: &Snapshot, found: Found) -> Option<Change> {
    let (was, is) = (thing(before, &found), thing(after, &found));
    let kind = kind(found.what, &was, &is);
    let home = place(after, &found).or_else(|| place(before, &found));
    let repository = home.clone().filter(|place| place.kind() == Kind::Repository);
    (was != is).then_some(Change { kind, found, home, repository, before: was, after: is })
}

const fn kind(what: Changed, before: &Known<Thing>, after: &Known<Thing>) -> EventKind {
    match what {
        Changed::Permission => EventKind::PermissionChanged,
        Changed::Restriction => EventKind::RestrictionChanged,
        Changed::Credential => EventKind::CredentialChanged,
        Changed::Hook => EventKind::HookChanged,
        Changed::Runner => EventKind::RunnerChanged,
        Changed::Variable => EventKind::VariableChanged,
        Changed::Project => EventKind::ProjectUpdated,
        Changed::Repository => match (before, after) {
            (Known::Nothing, _) => EventKind::RepositoryCreated,
            (_, Known::Nothing) => EventKind::RepositoryDeleted,
            (Known::Value(_) | Known::Unknown(_), Known::Value(_) | Known::Unknown(_)) => {
                EventKind::RepositoryUpdated
            }
        },
    }
}

/// Whether a product's webhook of a changed repository tells of a member: Cloud's of its name alone, Data Center's of
/// all that stands in the repository it was and is.
fn tells(product: Product, member: &str) -> bool {
    match product {
        Product::Cloud => member == "name",
        Product::DataCenter => matches!(member, "name" | "visibility" | "archived" | "project"),
    }
}

impl Change {
    /// As it is kept, to be held against audit logs.
    fn kept(&self, moment: &Moment, since: Time) -> NewChange {
        NewChange {
            key: key(moment, self),
            moment: moment.no,
            change: FoundChange {
                what: self.found.what,
                event: self.kind.as_str().to_owned(),
                thing: self.found.thing.clone(),
                on: self.found.on.clone(),
                place: self.home.clone(),
                after: since,
                until: moment.recorded,
            },
        }
    }

    /// Whether a webhook of this product could have told of it: of a repository that it came or went only Cloud's, of
    /// one that changed that one of some members differs.
    fn webhook_tells(&self, product: Product) -> bool {
        if self.found.what != Changed::Repository {
            return false;
        }
        if self.kind != EventKind::RepositoryUpdated {
            return product == Product::Cloud;
        }
        let differing = names::changed(&self.before, &self.after);
        differing.iter().any(|(name, ..)| tells(product, name))
    }

    /// Whether webhooks told of it: that it came or went, or each of these members that differ.
    fn is_among(&self, told: &[Record], counts: impl Fn(&str) -> bool) -> bool {
        if told.is_empty() || self.kind != EventKind::RepositoryUpdated {
            return !told.is_empty();
        }
        let names = told.iter().filter_map(|record| record.names.kept());
        let told: Vec<_> = names.flat_map(|names| &names.changed).collect();
        let differing = names::changed(&self.before, &self.after).into_iter();
        let mut differing = differing.filter(|(name, ..)| counts(name));
        differing.all(|(name, _, after)| told.iter().any(|(of, _, to)| *of == name && *to == after))
    }

    /// The kinds by which a webhook tells the same of a repository.
    const fn told_as(&self) -> &'static [EventKind] {
        match (&self.before, &self.after) {
            (Known::Nothing, _) => &[EventKind::RepositoryCreated, EventKind::RepositoryForked],
            (_, Known::Nothing) => &[EventKind::RepositoryDeleted],
            (Known::Value(_) | Known::Unknown(_), Known::Value(_) | Known::Unknown(_)) => {
                &[EventKind::RepositoryUpdated, EventKind::RepositoryTransferred]
            }
        }
    }
}

/// By what a change is known again after a restart.
fn key(moment: &Moment, change: &Change) -> [u8; 32] {
    let on = change.found.on.as_ref().map_or("", Id::as_str);
    let no = moment.no.to_string();
    let parts = [
        "found by reading",
        moment.connection.as_str(),
        &no,
        change.kind.as_str(),
        change.found.thing.as_str(),
        on,
    ];
    Sha256::digest(parts.join("\n")).into()
}

fn facts(change: Change, actor: Known<Actor>) -> Facts {
    let repository =
        change.repository.map(|id| Repository { id: Known::Value(id), ..Repository::default() });
    Facts {
        actor,
        resource: Known::Value(Resource {
            repository: Known::or_nothing(repository),
            reference: Known::Nothing,
            environment: Known::Nothing,
            variables: Known::default(),
        }),
        change: Known::Nothing,
        pull_request: Known::Nothing,
        pipeline: Known::Nothing,
        comment: Known::Nothing,
        commit_status: Known::Nothing,
        before: change.before,
        after: change.after,
    }
}
