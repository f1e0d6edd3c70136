//! The evidence at hand: every piece with its people looked up, and what each connection's say now, worked out again only
//! when a piece comes, goes or ends, or the graph has other people.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tokio::sync::MutexGuard;
use tokio::sync::watch;
use uuid::Uuid;

use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::posture::evidence::Held;
use crate::posture::evidence::Indexed;
use crate::posture::evidence::folded;
use crate::posture::evidence::piece::Head;
use crate::posture::evidence::piece::Piece;
use crate::store::KeptEvidence;
use crate::store::Reminded;

/// A piece at hand.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The piece.
    pub indexed: Arc<Indexed>,
    /// Of what somebody was reminded.
    pub reminded: Reminded,
}

/// All of them.
#[derive(Debug)]
pub struct Shelf {
    /// In the order they were brought.
    kept: ArcSwap<Vec<Kept>>,
    held: ArcSwap<BTreeMap<ConnectionId, Standing>>,
    changing: Mutex<()>,
    moves: watch::Sender<u64>,
}

/// What the pieces of a connection say, and as long as what.
#[derive(Clone, Debug)]
struct Standing {
    held: Held,
    /// Until then.
    until: Option<Time>,
    /// The graph whose people were looked at; none: none was.
    graph: Option<u64>,
}

impl Default for Shelf {
    fn default() -> Self {
        Self {
            kept: ArcSwap::default(),
            held: ArcSwap::default(),
            changing: Mutex::default(),
            moves: watch::Sender::new(0),
        }
    }
}

impl Shelf {
    /// Every piece.
    pub fn kept(&self) -> Arc<Vec<Kept>> {
        self.kept.load_full()
    }

    /// Moves whenever something else is said.
    pub(super) fn moves(&self) -> watch::Receiver<u64> {
        self.moves.subscribe()
    }

    /// Held by whoever changes it: the store and what is at hand change together.
    pub(super) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    pub(super) fn put(&self, kept: Vec<KeptEvidence>) {
        self.replace(kept.into_iter().map(Kept::from).collect());
    }

    pub(super) fn add(&self, indexed: Arc<Indexed>) {
        let mut kept = self.kept().as_ref().clone();
        kept.push(Kept { indexed, reminded: Reminded::Nothing });
        self.replace(kept);
    }

    pub(super) fn withdraw(&self, id: Uuid, now: Time) {
        self.change(id, |one| Kept { indexed: over(one, Some(now)), reminded: one.reminded });
    }

    /// What a piece said that has ended is needed by nobody.
    pub(super) fn reminded(&self, id: Uuid, of: Reminded) {
        self.change(id, |one| Kept {
            indexed: match of {
                Reminded::Ended => over(one, None),
                Reminded::Nothing | Reminded::Coming => Arc::clone(&one.indexed),
            },
            reminded: of,
        });
    }

    fn change(&self, id: Uuid, change: impl Fn(&Kept) -> Kept) {
        let kept = self.kept();
        let of = |one: &Kept| one.indexed.piece.head.id == id;
        self.replace(
            kept.iter().map(|one| if of(one) { change(one) } else { one.clone() }).collect(),
        );
    }

    fn replace(&self, kept: Vec<Kept>) {
        self.kept.store(Arc::new(kept));
        self.held.store(Arc::default());
        self.moves.send_modify(|count| *count += 1);
    }

    /// What is said of a connection, people included.
    pub(super) fn held(&self, connection: &ConnectionId, graph: &Snapshot, now: Time) -> Held {
        let revision = graph.revision();
        if let Some(held) = self.standing(connection, now, |graph| graph == Some(revision)) {
            return held;
        }
        self.work_out(connection, (namesakes(graph, connection), Some(revision)), now)
    }

    /// What is said of a connection's places: whose people they are does not matter.
    pub(super) fn of_places(&self, connection: &ConnectionId, now: Time) -> Held {
        let standing = self.standing(connection, now, |_| true);
        standing.unwrap_or_else(|| self.work_out(connection, (BTreeSet::new(), None), now))
    }

    fn standing(
        &self,
        connection: &ConnectionId,
        now: Time,
        fits: impl Fn(Option<u64>) -> bool,
    ) -> Option<Held> {
        let held = self.held.load();
        let standing = held.get(connection)?;
        let lasts = standing.until.is_none_or(|until| now < until);
        (lasts && fits(standing.graph)).then(|| standing.held.clone())
    }

    fn work_out(
        &self,
        connection: &ConnectionId,
        (namesakes, graph): (BTreeSet<String>, Option<u64>),
        now: Time,
    ) -> Held {
        let kept = self.kept();
        let mine = kept.iter().filter(|one| one.indexed.piece.head.connection == *connection);
        let mine = mine.map(|one| Arc::clone(&one.indexed)).collect();
        let held = Held::new(mine, Arc::new(namesakes), now);
        let standing = Standing { until: held.changes(), held: held.clone(), graph };
        self.held.rcu(|all| {
            // What was changed meanwhile is worked out by whoever asks next.
            let mut all = all.as_ref().clone();
            if Arc::ptr_eq(&self.kept(), &kept) {
                all.insert(connection.clone(), standing.clone());
            }
            all
        });
        held
    }
}

/// A piece without what it said.
fn over(one: &Kept, withdrawn: Option<Time>) -> Arc<Indexed> {
    let piece = &one.indexed.piece;
    let withdrawn = withdrawn.or(piece.head.withdrawn);
    let head = Head { withdrawn, ..piece.head.clone() };
    let piece = Piece { head, content: None, erased: piece.erased.clone() };
    Arc::new(Indexed::new(Arc::new(piece)))
}

/// Names that more than one person of a connection has.
pub(super) fn namesakes(graph: &Snapshot, connection: &ConnectionId) -> BTreeSet<String> {
    let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
    for node in graph.all(Kind::User).filter_map(|user| graph.node(user)) {
        let Some(name) = node.name.as_deref().filter(|_| node.id.connection() == *connection)
        else {
            continue;
        };
        let name = folded(name);
        if !once.insert(name.clone()) {
            twice.insert(name);
        }
    }
    twice
}
