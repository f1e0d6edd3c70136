//! Who hears of a finding: critical and high ones that were not told, by the route table that decisions go by.

use uuid::Uuid;

use crate::gateway::Gateway;
use crate::gateway::notices::tell;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Snapshot;
use crate::graph::Time;
use crate::notify;
use crate::notify::On;
use crate::notify::Routes;
use crate::notify::message;
use crate::notify::message::Item;
use crate::notify::route::Cause;
use crate::notify::route::Force;
use crate::policy::bundle::Severity;
use crate::posture::Kept;
use crate::posture::Listing;
use crate::posture::evidence::Place;
use crate::posture::kept::Deed;
use crate::posture::kept::Step;
use crate::posture::round::Addresses;
use crate::store::NewNotice;

/// The milder ones stand in the list and in the report.
const LOUD: Severity = Severity::High;

/// The route table, as owners are looked up in it.
pub(in crate::gateway) struct Book(Routes);

impl Addresses for Book {
    fn owner(&self, _connection: &ConnectionId, place: Place<'_>) -> Option<String> {
        self.0.owner_of(place.project, place.name).map(ToString::to_string)
    }

    fn contact(&self, connection: &ConnectionId) -> Option<String> {
        self.0.contacts.get(connection).map(ToString::to_string)
    }
}

impl Gateway {
    /// Who is named by the configuration.
    pub(in crate::gateway) fn addresses(&self) -> Book {
        Book(self.notify.routes.clone())
    }

    /// Who is told that a rule fails; whoever was told the same of it is not told again.
    pub(in crate::gateway) fn notices_of_finding(
        &self,
        kept: &Kept,
        listing: Option<&Listing>,
        steps: &[Step],
    ) -> Vec<NewNotice> {
        // The first word is the worst.
        if kept.severity > LOUD || self.notify.is_deaf() {
            return Vec::new();
        }
        let connection = kept.subject.id.connection();
        let graph = self.graph.load();
        let (project, repository) = place(&graph, kept.subject.place.as_ref());
        let severity = notify::Severity::from_text(kept.severity.as_str());
        let cause = Cause {
            on: On::Finding,
            severity,
            rule: Some(kept.rule.as_str()),
            connection: Some(&connection),
            project: project.as_deref(),
            repository: repository.as_deref(),
            force: Force::Bites,
        };
        let id = kept.id();
        let item = Item::Finding(message::Finding {
            at: self.clock.now(),
            connection: connection.clone(),
            rule: kept.rule.to_string(),
            title: listing.map_or_else(|| kept.rule.to_string(), |one| one.title.clone()),
            severity: severity.unwrap_or(notify::Severity::High),
            news: news(steps).to_owned(),
            subject: kept.subject.kind.clone(),
            project: project.clone(),
            look: format!("portcullis findings explain {id}"),
            finding: id.clone(),
        });
        let Ok(bytes) = serde_json::to_vec(&item) else { return Vec::new() };
        // The same of the same finding in the same state is told once, whenever that was.
        let told = kept.told.as_deref().unwrap_or_default();
        let cause_text = format!("finding\n{id}\n{told}\n{}", kept.since.millis());
        let about = Uuid::now_v7();
        let hearers = self.notify.routes.hearers(&cause).into_iter();
        let notices = hearers.filter_map(|(channel, when)| {
            Some(NewNotice {
                channel: channel.to_string(),
                about,
                causes: vec![cause_text.clone()],
                tell: tell(when)?,
                held_since: Time::from_millis(0),
                item: bytes.clone(),
            })
        });
        notices.collect()
    }
}

/// What is news.
fn news(steps: &[Step]) -> &'static str {
    match steps.last().map(|step| step.deed) {
        Some(Deed::Found) => "found",
        Some(Deed::Regressed) => "regressed",
        Some(Deed::Lapsed) => "lapsed",
        Some(Deed::Acknowledged | Deed::Accepted | Deed::Fixed | Deed::Gone) | None => "changed",
    }
}

/// The key of the project and the name of the repository of a place.
fn place(graph: &Snapshot, place: Option<&Id>) -> (Option<String>, Option<String>) {
    let Some(node) = place.and_then(|id| graph.find(id)) else { return (None, None) };
    let is_repository = place.is_some_and(|id| id.kind() == Kind::Repository);
    let project = if is_repository { graph.project_of(node) } else { Some(node) };
    let key = project.and_then(|node| graph.text(node, "key").value().map(|key| (*key).to_owned()));
    (key, graph.full_name(node).filter(|_| is_repository))
}
