//! What people are shown of audit logs: where each source stands, the lines, the changes, and which have no counterpart;
//! and lines that somebody hands in.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Map;
use serde_json::json;

use crate::bitbucket::Client;
use crate::bitbucket::audit::AuditPage;
use crate::bitbucket::audit::lines_of;
use crate::decision::pause::By;
use crate::gateway::Gateway;
use crate::gateway::audit::reading::unread;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::graph::audit;
use crate::graph::audit::Deed;
use crate::graph::audit::Doer;
use crate::graph::audit::Names;
use crate::graph::reconcile::Changed;
use crate::store::AuditFilter;
use crate::store::AuditPlace;
use crate::store::AuditState;
use crate::store::Governed;
use crate::store::KeptChange;
use crate::store::KeptLine;
use crate::store::MAX_AUDIT_ROWS;
use crate::store::Store;
use crate::store::StoreError;
use crate::words;

pub use crate::store::AuditWhich;

/// The source that lines are of which somebody handed in.
const IMPORT: &str = "import";

words! {
    /// How far a line is.
    pub enum LineState {
        /// No reading came after it yet.
        Waiting = "waiting",
        /// It explains a change.
        Matched = "matched",
        /// It explains none.
        Unmatched = "unmatched",
    }
}

/// Which lines and changes are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditQuestion {
    /// Only of this connection.
    pub connection: Option<ConnectionId>,
    /// From then on.
    pub from: Option<Time>,
    /// Before then.
    pub to: Option<Time>,
    /// All, or those without a counterpart.
    pub which: AuditWhich,
}

/// Audit logs, as far as they were read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Audit")]
pub struct AuditTold {
    /// Where each source stands; a connection without one has its reason.
    pub sources: Vec<SourceTold>,
    /// Lines, newest first, at most 1,000.
    pub lines: Vec<LineTold>,
    /// Changes that readings found, newest first, at most 1,000.
    pub changes: Vec<ChangeTold>,
    /// Whether there are more of either.
    pub more: bool,
}

/// A source of lines.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditSource")]
pub struct SourceTold {
    /// Of which connection.
    pub connection: ConnectionId,
    /// `rest`, `organization`, `folder`, `file:…` or `import`; null: none is configured.
    pub source: Option<String>,
    /// Everything until then is read.
    pub read: Option<Time>,
    /// Lines that were kept.
    pub kept: u64,
    /// Lines about nothing the gate has to do with, which were let go.
    pub passed: u64,
    /// Lines that are not what the product documents.
    pub unreadable: u64,
    /// Why it is not read.
    pub why: Option<String>,
}

/// A line of a log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditLine")]
pub struct LineTold {
    /// Of which connection.
    pub connection: ConnectionId,
    /// What makes it this line.
    pub id: String,
    /// When it was done, by Bitbucket's clock.
    pub at: Time,
    /// What kind of deed.
    pub deed: Deed,
    /// The product's own word for it.
    pub action: String,
    /// Id of who did it; null: nobody is named, or the name is none that the graph knows.
    pub who: Option<String>,
    /// Their name.
    pub who_name: Option<String>,
    /// Ids of what it was done to.
    pub about: Vec<String>,
    /// Their names, in the same order; an id where there is none.
    pub about_names: Vec<String>,
    /// How far it is.
    pub state: LineState,
    /// Why it explains nothing.
    pub why: Option<String>,
    /// Numbers of the changes it explains.
    pub explains: Vec<i64>,
}

/// A change that a reading found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AuditChange")]
pub struct ChangeTold {
    /// Its number.
    pub no: i64,
    /// Of which connection.
    pub connection: ConnectionId,
    /// What kind of thing changed.
    pub what: Changed,
    /// The event that it is.
    pub event: String,
    /// Id of the thing; of a grant, of who holds it.
    pub thing: String,
    /// Its name.
    pub thing_name: Option<String>,
    /// Of a grant: id of what it is on.
    pub on: Option<String>,
    /// Its name.
    pub on_name: Option<String>,
    /// It was not so yet.
    pub after: Time,
    /// It was so by then.
    pub until: Time,
    /// Ids of the lines that explain it.
    pub lines: Vec<String>,
    /// Id of who did it.
    pub actor: Option<String>,
    /// Their name.
    pub actor_name: Option<String>,
    /// Why nobody is named.
    pub actor_unknown: Option<String>,
}

/// What became of lines that were handed in.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditImported {
    /// Lines there were.
    pub lines: u64,
    /// New ones that are kept.
    pub kept: u64,
    /// Ones that were there already.
    pub known: u64,
    /// Ones about nothing the gate has to do with.
    pub passed: u64,
    /// Ones that are not what the product documents.
    pub unreadable: u64,
}

/// Why lines were not taken.
#[derive(Debug, thiserror::Error)]
pub enum NoImport {
    /// No such connection.
    #[error("there is no connection `{0}`")]
    None(ConnectionId),
    /// Nothing of it is a line.
    #[error(
        "none of its {0} lines is one of an audit log: Data Center writes them into `<home>/log/audit`, one JSON object a line; for Cloud they are events of the organisation's API, one a line"
    )]
    NoLine(u64),
    /// They cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const UNTOLD: &str = "no audit line explains it";

/// Lines and changes that a store keeps, with what explains what, by the names of a graph; of sources nothing.
pub async fn kept(
    store: &Store,
    graph: &Snapshot,
    question: &AuditQuestion,
) -> Result<AuditTold, StoreError> {
    let filter = AuditFilter {
        connection: question.connection.clone(),
        from: question.from,
        to: question.to,
        which: question.which,
    };
    let lines = store.audit_lines(filter.clone()).await?;
    let changes = store.audit_changes(filter).await?;
    let more = lines.len() == MAX_AUDIT_ROWS || changes.len() == MAX_AUDIT_ROWS;
    let mut names: BTreeMap<ConnectionId, Names> = BTreeMap::new();
    for id in lines.iter().map(|line| &line.0).chain(changes.iter().map(|change| &change.0)) {
        names.entry(id.clone()).or_insert_with(|| Names::of(id, graph));
    }
    let lines = lines.into_iter().filter_map(|(id, line, explains)| {
        Some(line_told(names.get(&id)?, graph, (id, line, explains)))
    });
    let lines = lines.collect();
    let changes = changes.into_iter().filter_map(|(id, change, lines)| {
        Some(change_told(names.get(&id)?, graph, (id, &change, &lines)))
    });
    Ok(AuditTold { sources: Vec::new(), lines, changes: changes.collect(), more })
}

/// How far each source of a connection was read, as a store keeps it.
pub async fn kept_sources(
    store: &Store,
    connection: &ConnectionId,
) -> Result<Vec<SourceTold>, StoreError> {
    let places = store.audit_places(connection).await?;
    Ok(places.into_iter().map(|place| source_told(connection, place)).collect())
}

impl Gateway {
    /// Lines and changes, with what explains what.
    pub async fn audit(&self, question: AuditQuestion) -> Result<AuditTold, StoreError> {
        let told = kept(&self.store, &self.graph.load_full(), &question).await?;
        let sources = self.audit_sources(question.connection.as_ref()).await?;
        Ok(AuditTold { sources, ..told })
    }

    /// Where each source of a connection stands, or of all.
    pub async fn audit_sources(
        &self,
        only: Option<&ConnectionId>,
    ) -> Result<Vec<SourceTold>, StoreError> {
        let mut sources = Vec::new();
        for connection in self.connections.iter() {
            if only.is_some_and(|only| *only != connection.id) {
                continue;
            }
            let configured = connection.client.as_ref().and_then(Client::audit);
            if configured.is_none() {
                sources.push(SourceTold {
                    source: None,
                    why: Some(
                        "no audit source is configured: who changed what is unknown because Bitbucket does not tell it otherwise"
                            .to_owned(),
                    ),
                    ..source_told(&connection.id, unread(""))
                });
            }
            sources.extend(kept_sources(&self.store, &connection.id).await?);
        }
        Ok(sources)
    }

    /// Takes lines of a file; who and why go into the record with the counts.
    pub async fn import_audit(
        &self,
        id: &ConnectionId,
        text: &str,
        (by, reason): (&By, &str),
    ) -> Result<AuditImported, NoImport> {
        let connection = self.connections.get(id).ok_or_else(|| NoImport::None(id.clone()))?;
        let page = lines_of(connection.product, text.as_bytes());
        if page.lines.is_empty() && page.passed == 0 {
            return Err(NoImport::NoLine(page.total()));
        }
        let place = self.store.audit_place(id, IMPORT).await?;
        let mut place = place.unwrap_or_else(|| unread(IMPORT));
        let now = self.clock.now();
        place.passed += page.passed;
        place.unreadable += page.unreadable;
        (place.visited, place.read) = (now, Some(now));
        let kept = self.store.take_audit(id, place, &page.lines).await?;
        let told = imported(&page, kept);
        let mut shown = Map::new();
        shown.insert("lines".to_owned(), json!(told.lines));
        shown.insert("kept".to_owned(), json!(told.kept));
        let (by, reason) = (by.as_str().to_owned(), reason.trim().to_owned());
        let governed = Governed { at: now, by, reason, shown };
        self.store.note_connection(id, "audit lines imported", governed).await?;
        self.audits.bell.notify_one();
        Ok(told)
    }
}

fn imported(page: &AuditPage, kept: u64) -> AuditImported {
    AuditImported {
        lines: page.total(),
        kept,
        known: (page.lines.len() as u64).saturating_sub(kept),
        passed: page.passed,
        unreadable: page.unreadable,
    }
}

fn source_told(connection: &ConnectionId, place: AuditPlace) -> SourceTold {
    let AuditPlace { source, read, kept, passed, unreadable, why, .. } = place;
    SourceTold {
        connection: connection.clone(),
        source: Some(source),
        read,
        kept,
        passed,
        unreadable,
        why,
    }
}

fn called(graph: &Snapshot, id: &Id) -> Option<String> {
    let no = graph.find(id)?;
    graph.full_name(no).or_else(|| graph.node(no).and_then(|node| node.name.clone()))
}

fn line_told(
    names: &Names,
    graph: &Snapshot,
    (connection, kept, explains): (ConnectionId, KeptLine, Vec<i64>),
) -> LineTold {
    let KeptLine { state, line, .. } = kept;
    let who = names.doer(&line.who);
    let about: Vec<Id> = line.about.iter().filter_map(|party| names.id(party)).collect();
    let why = match state {
        AuditState::Open => Some("no reading that began after it is done yet"),
        AuditState::Explained => None,
        AuditState::Alone if line.deed == Deed::Setting => {
            Some("no reading tells of this setting: the audit log alone does")
        }
        AuditState::Alone if about.is_empty() => {
            Some("it names nothing that the graph knows: it cannot be held against a change")
        }
        AuditState::Alone => Some(
            "the next reading shows no such change: it was undone before, or it is not shown to the connection's credential",
        ),
    };
    let who_name = match (&who, &line.who) {
        (Some(who), _) => called(graph, who),
        (None, Doer::System) => Some("Bitbucket itself".to_owned()),
        (None, Doer::Nobody | Doer::Party(_)) => None,
    };
    let name = |id: &Id| called(graph, id).unwrap_or_else(|| id.to_string());
    LineTold {
        connection,
        id: line.id,
        at: line.at,
        deed: line.deed,
        action: line.action,
        who: who.as_ref().map(ToString::to_string),
        who_name,
        about_names: about.iter().map(name).collect(),
        about: about.iter().map(ToString::to_string).collect(),
        state: match state {
            AuditState::Open => LineState::Waiting,
            AuditState::Explained => LineState::Matched,
            AuditState::Alone => LineState::Unmatched,
        },
        why: why.map(str::to_owned),
        explains,
    }
}

fn change_told(
    names: &Names,
    graph: &Snapshot,
    (connection, kept, lines): (ConnectionId, &KeptChange, &[KeptLine]),
) -> ChangeTold {
    let change = &kept.change;
    let (actor, unknown) = who(names, lines);
    ChangeTold {
        no: kept.no,
        connection,
        what: change.what,
        event: change.event.clone(),
        thing: change.thing.to_string(),
        thing_name: called(graph, &change.thing),
        on: change.on.as_ref().map(ToString::to_string),
        on_name: change.on.as_ref().and_then(|on| called(graph, on)),
        after: change.after,
        until: change.until,
        lines: lines.iter().map(|line| line.line.id.clone()).collect(),
        actor_name: actor.as_ref().and_then(|actor| called(graph, actor)),
        actor: actor.map(|actor| actor.to_string()),
        actor_unknown: unknown,
    }
}

/// Who did what these lines explain, or why nobody is named.
pub(in crate::gateway) fn who(names: &Names, lines: &[KeptLine]) -> (Option<Id>, Option<String>) {
    if lines.is_empty() {
        return (None, Some(UNTOLD.to_owned()));
    }
    let doers: Vec<Option<Id>> = lines.iter().map(|line| names.doer(&line.line.who)).collect();
    match audit::actor(&doers) {
        Ok(who) => (Some(who), None),
        Err(0) => (None, Some("the audit log names nobody".to_owned())),
        Err(many) => {
            (None, Some(format!("the audit log names {many} who did so between the two readings")))
        }
    }
}
