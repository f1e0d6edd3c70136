//! Evidence that people bring: imported whole or not at all, listed, withdrawn; what it says now, and reminders of its end.
//!
//! What a file says is `posture`'s to read. Here it meets the graph (who of it is whom), the store and the clock. Whoever
//! asks gets what holds at that moment: an end does not wait for a look.

mod shelf;
mod shown;
mod wish;

pub use shelf::Shelf;
pub use shown::EvidenceState;
pub use shown::Line;
pub use shown::Matched;
pub use shown::Said;
pub use shown::SaidOf;
pub use shown::Understood;
pub use wish::EvidenceWish;

use std::sync::Arc;
use std::time::Duration;

use sha2::Digest;
use sha2::Sha256;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::evidence::wish::Judged;
use crate::gateway::modes::MAX_REASON;
use crate::gateway::names;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Known;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::Why;
use crate::notify::message;
use crate::policy::Document;
use crate::posture::evidence::Held;
use crate::posture::evidence::Indexed;
use crate::posture::evidence::Place;
use crate::posture::evidence::Refused;
use crate::posture::evidence::moment::day_of;
use crate::posture::evidence::piece::Head;
use crate::posture::evidence::piece::Piece;
use crate::posture::evidence::read;
use crate::posture::evidence::read::Asked;
use crate::store::KeptEvidence;
use crate::store::Reminded;
use crate::store::StoreError;

/// How often it is looked whether a piece ends. Its end does not wait for a look: every answer compares the time itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Pieces in force of one connection. Each is held against everybody; more are a mistake of some job.
const MAX_IN_FORCE: usize = 200;

/// Why evidence was not taken or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// No such connection.
    #[error("there is no connection `{0}`")]
    NoConnection(ConnectionId),
    /// The wish makes no sense.
    #[error("{0}; nothing was kept")]
    Wish(String),
    /// The file is not taken.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The same file counts already.
    #[error("this file was brought already, as {0}, and counts until {1}")]
    Already(Uuid, Time),
    /// There is no such piece, or none that still could be withdrawn.
    #[error("there is no such evidence, or it was withdrawn before")]
    None,
    /// The gate ends while it is read.
    #[error("the gate is about to end; nothing was kept")]
    Ending,
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Gateway {
    /// Takes up the evidence that was kept when the gate stopped.
    pub async fn recall_evidence(&self) -> Result<(), StoreError> {
        let kept = self.store.evidence().await?;
        self.evidence.put(kept);
        Ok(())
    }

    /// What evidence says of a connection now, people's names told apart by the graph.
    pub fn held(&self, connection: &ConnectionId) -> Held {
        let (graph, now) = (self.graph.load(), self.clock.now());
        self.evidence.held(connection, &graph, now)
    }

    /// Moves whenever evidence says something else: brought, withdrawn, or ended.
    pub fn evidence_moves(&self) -> watch::Receiver<u64> {
        self.evidence.moves()
    }

    /// Reads a file and keeps what it says, or only tells what would be understood.
    pub async fn bring_evidence(
        &self,
        wish: &EvidenceWish,
        by: &By,
    ) -> Result<Understood, EvidenceError> {
        if self.connections.get(&wish.connection).is_none() {
            return Err(EvidenceError::NoConnection(wish.connection.clone()));
        }
        let now = self.clock.now();
        let Judged { as_of, until, coverage, bytes } = wish.judged(now)?;
        let (kind, map, shows) = (wish.kind, wish.map.clone(), wish.shows);
        let reading = spawn_blocking(move || {
            let reading = read::read(&bytes, Asked { kind, as_of, map: &map, shows })?;
            Ok::<_, Refused>((reading, hex::encode(Sha256::digest(&bytes)), bytes.len() as u64))
        });
        let (reading, sha256, bytes) = reading.await.map_err(|_| EvidenceError::Ending)??;
        let head = Head {
            id: Uuid::now_v7(),
            connection: wish.connection.clone(),
            kind: wish.kind,
            coverage,
            as_of,
            brought: now,
            until,
            sha256,
            bytes,
            rows: reading.content.rows(),
            file: wish.file.trim().to_owned(),
            by: by.as_str().to_owned(),
            reason: wish.reason.trim().to_owned(),
            withdrawn: None,
        };
        let piece = Piece {
            head,
            content: Some(reading.content),
            erased: std::collections::BTreeSet::new(),
        };
        let _alone = self.evidence.changing().await;
        self.is_new(&piece.head, now)?;
        let indexed = Arc::new(Indexed::new(Arc::new(piece)));
        let (graph, of, preview) = (self.graph.load_full(), Arc::clone(&indexed), wish.preview);
        let understood =
            spawn_blocking(move || shown::understood(&graph, &of, (reading.ignored, preview), now));
        let understood = understood.await.map_err(|_| EvidenceError::Ending)?;
        if !wish.preview {
            self.store.keep_evidence(&indexed.piece).await?;
            tracing::info!(connection = %wish.connection, kind = wish.kind.as_str(), evidence = %indexed.piece.head.id, "evidence was brought");
            self.evidence.add(indexed);
            self.scan_soon(&wish.connection);
        }
        Ok(understood)
    }

    fn is_new(&self, head: &Head, now: Time) -> Result<(), EvidenceError> {
        let kept = self.evidence.kept();
        let mut in_force = kept
            .iter()
            .map(|one| &one.indexed.piece.head)
            .filter(|other| other.connection == head.connection && other.counts(now));
        if in_force.clone().count() >= MAX_IN_FORCE {
            return Err(EvidenceError::Wish(format!(
                "the connection has {MAX_IN_FORCE} pieces of evidence in force: withdraw what is not needed"
            )));
        }
        let same = in_force.find(|other| other.sha256 == head.sha256 && other.kind == head.kind);
        same.map_or(Ok(()), |same| Err(EvidenceError::Already(same.id, same.until)))
    }

    /// Every piece, newest first; only those of one connection, if it is named.
    pub fn evidence_lines(&self, connection: impl Fn(&ConnectionId) -> bool) -> Vec<Line> {
        let now = self.clock.now();
        let kept = self.evidence.kept();
        let lines = kept.iter().rev().map(|one| &one.indexed.piece.head);
        lines.filter(|head| connection(&head.connection)).map(|head| Line::of(head, now)).collect()
    }

    /// One piece, with what follows from it now; none: there is none of this id.
    pub fn evidence_said(&self, id: Uuid) -> Option<Said> {
        let kept = self.evidence.kept();
        let one = kept.iter().find(|one| one.indexed.piece.head.id == id)?;
        Some(shown::said(&self.graph.load(), &one.indexed, self.clock.now()))
    }

    /// Withdraws a piece: what it says is forgotten, and unknown from now on.
    pub async fn withdraw_evidence(
        &self,
        id: Uuid,
        by: &By,
        reason: &str,
    ) -> Result<Line, EvidenceError> {
        if reason.chars().count() > MAX_REASON {
            let why = format!("the reason is longer than {MAX_REASON} characters");
            return Err(EvidenceError::Wish(why));
        }
        let _alone = self.evidence.changing().await;
        let kept = self.evidence.kept();
        let head = kept.iter().map(|one| &one.indexed.piece.head).find(|head| head.id == id);
        let head = head.ok_or(EvidenceError::None)?;
        let now = self.clock.now();
        if !self.store.withdraw_evidence(head, now, (by.as_str(), reason.trim())).await? {
            return Err(EvidenceError::None);
        }
        tracing::info!(evidence = %id, "evidence was withdrawn");
        self.evidence.withdraw(id, now);
        self.scan_soon(&head.connection);
        Ok(Line::of(&Head { withdrawn: Some(now), ..head.clone() }, now))
    }

    /// How the repository of a document is classified: as the graph says, else as evidence does. Nothing where it is about
    /// no repository.
    pub(in crate::gateway) fn class_of(
        &self,
        graph: &Snapshot,
        document: &Document,
    ) -> Known<String> {
        let repository = match &document.facts.resource {
            Known::Value(resource) => &resource.repository,
            Known::Nothing => return Known::Nothing,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        let repository = match repository {
            Known::Value(repository) => repository,
            Known::Nothing => return Known::Nothing,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        let Some(id) = names::repository_id(&document.facts) else {
            return Known::unknown("the repository is not known");
        };
        let place = Place {
            id,
            name: repository.name.value().map(String::as_str),
            project: repository.project.value().map(String::as_str),
        };
        self.class_at(graph, place)
    }

    /// How a repository is classified, of which at least the id is known.
    pub(in crate::gateway) fn class_at(&self, graph: &Snapshot, place: Place<'_>) -> Known<String> {
        let held = self.evidence.of_places(&place.id.connection(), self.clock.now());
        match graph.find(place.id) {
            Some(node) => held.class_in(graph, node),
            None => held.class(place),
        }
    }

    /// How the repository of a record is classified today; nothing where it is about none.
    pub(in crate::gateway) fn class_of_id(&self, repository: Option<&str>) -> Known<String> {
        let Some(text) = repository else { return Known::Nothing };
        match text.parse::<Id>() {
            Ok(id) => {
                let place = Place { id: &id, name: None, project: None };
                self.class_at(&self.graph.load(), place)
            }
            Err(error) => Known::Unknown(Why::said(error.to_string())),
        }
    }

    /// Reminds of what ends soon, and says what has ended.
    pub async fn look_at_evidence(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let due: Vec<_> = self.evidence.kept().iter().filter_map(|one| one.due(now)).collect();
        for (head, of) in due {
            let _alone = self.evidence.changing().await;
            let notices = self.notices_of_evidence(&told(&head, of, now));
            if self.store.remind_of_evidence(&head, of, (notices, now)).await? {
                tracing::warn!(evidence = %head.id, connection = %head.connection, until = %head.until, "evidence ends");
                self.courier_bell.notify_one();
            }
            self.evidence.reminded(head.id, of);
            if of == Reminded::Ended {
                self.scan_soon(&head.connection);
            }
        }
        Ok(())
    }
}

/// What is told of an end: no name, no file.
fn told(head: &Head, of: Reminded, at: Time) -> message::Evidence {
    let (noun, connection) = (head.kind.noun(), &head.connection);
    let (as_of, until) = (day_of(head.as_of), day_of(head.until));
    let (step, text) = match of {
        Reminded::Nothing | Reminded::Coming => (
            "ending",
            format!(
                "Evidence ends soon: {noun} of {as_of} for {connection} counts until {until}. Bring a newer one with `portcullis evidence import`, or what it tells is unknown from then on."
            ),
        ),
        Reminded::Ended => (
            "ended",
            format!(
                "Evidence has ended: {noun} of {as_of} for {connection} counted until {until}. What it told is unknown now; bring a newer one with `portcullis evidence import`."
            ),
        ),
    };
    message::Evidence {
        evidence: head.id,
        kind: head.kind.as_str().to_owned(),
        connection: head.connection.clone(),
        step: step.to_owned(),
        at,
        until: head.until,
        text,
    }
}

/// Looks until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        if let Err(error) = gateway.look_at_evidence().await {
            tracing::error!(%error, "the end of evidence cannot be told");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

impl shelf::Kept {
    /// Of what somebody has to be reminded now.
    fn due(&self, now: Time) -> Option<(Head, Reminded)> {
        let head = &self.indexed.piece.head;
        let of = if head.withdrawn.is_some() || now < head.reminds() {
            Reminded::Nothing
        } else if now < head.until {
            Reminded::Coming
        } else {
            Reminded::Ended
        };
        (of > self.reminded).then(|| (head.clone(), of))
    }
}

impl From<KeptEvidence> for shelf::Kept {
    fn from(kept: KeptEvidence) -> Self {
        let indexed = Arc::new(Indexed::new(Arc::new(kept.piece)));
        Self { indexed, reminded: kept.reminded }
    }
}
