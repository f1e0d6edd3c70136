//! Station 7: facts that rules want and nobody told. First from the graph, then from Bitbucket where a routed rule reads
//! what neither webhook nor token carries. Never an error: what could not be learned is a gap with its why.

pub mod fresh;
mod from_bitbucket;
mod from_graph;
mod of_caller;

use std::sync::Arc;
use std::time::Duration;

use crate::bitbucket::FetchError;
use crate::bitbucket::StepFacts;
use crate::gateway::Gateway;
use crate::gateway::gather::fresh::Stale;
use crate::gateway::gather::fresh::too_old;
use crate::gateway::names;
use crate::gateway::road::Matter;
use crate::graph::ConnectionId;
use crate::graph::Known;
use crate::graph::Snapshot;
use crate::graph::fact::Wanted;
use crate::policy::Document;
use crate::policy::input::GraphAge;

pub use of_caller::caller;
pub use of_caller::step;

/// How long one call to Bitbucket may take while somebody waits: less than the check's own deadline, so that a slow
/// Bitbucket becomes an unknown fact and not a missing answer.
pub const CALL: Duration = Duration::from_secs(5);

/// How long what was read of a step stays good: the contract's 10 s.
const STEP_FRESH: Duration = Duration::from_secs(10);

/// Steps kept at one time.
const MAX_STEPS: u64 = 10_000;

/// What is known of the plan and of required checks where a verdict lands.
#[derive(Clone, Debug, Default)]
pub struct GroundFacts {
    /// Cloud: whether the plan enforces merge checks.
    pub premium: Known<bool>,
    /// Whether a merge needs our status.
    pub status_required: Known<bool>,
}

/// A step of a pipeline, by its connection and UUIDs.
type StepKey = (ConnectionId, String, String);

/// What was read of steps in the last seconds: all checks of a step share one reading.
#[derive(Debug)]
pub struct Steps(moka::future::Cache<StepKey, Arc<StepFacts>>);

impl Steps {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self(
            moka::future::Cache::builder().max_capacity(MAX_STEPS).time_to_live(STEP_FRESH).build(),
        )
    }

    /// What is known of the step, read once for all who ask at the same time. Errors are not kept.
    async fn get(
        &self,
        key: StepKey,
        read: impl Future<Output = Result<StepFacts, FetchError>>,
    ) -> Result<Arc<StepFacts>, Arc<FetchError>> {
        // Boxed: a reading is a large future, and a check carries it across every await.
        self.0.try_get_with(key, Box::pin(async { read.await.map(Arc::new) })).await
    }
}

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

/// Fills a document from a graph alone, for commands that speak to nobody.
pub fn offline(graph: &Snapshot, document: &mut Document, protected_refs: &[String]) {
    from_graph::fill(graph, document, protected_refs, &Wanted::all(), None);
}

/// Fills what is wanted and unknown. `fresh` is the shortest age that a routed rule allows: an older graph is not used,
/// and what it would have told is read again or unknown. So is what an event told to have changed since it was read.
pub async fn gather(
    gateway: &Gateway,
    matter: &mut Matter,
    wanted: &Wanted,
    fresh: Option<Duration>,
) {
    let graph = gateway.graph.load_full();
    let age = graph.as_of_connection(&matter.connection.id).map(|as_of| matter.at.since(as_of));
    matter.document.graph = match age {
        Some(age) => Known::Value(GraphAge {
            revision: Known::Value(graph.revision()),
            age_ms: Known::Value(age),
        }),
        None => Known::Nothing,
    };
    Box::pin(from_bitbucket::gather(matter, wanted)).await;
    let stale = fresh.zip(age).and_then(|(limit, age)| too_old(limit, age)).map(Stale::Everything);
    let stale = stale.or_else(|| stirred(gateway, matter, &graph));
    if let Some(Stale::Everything(_)) = &stale {
        Box::pin(fresh::read_again(&graph, matter, wanted)).await;
    }
    from_graph::gather(&graph, matter, wanted, stale.as_ref());
    classify(gateway, &graph, &mut matter.document);
}

/// What the graph does not say of the class, evidence may. No event changes it, so that a graph that is too old for other
/// facts is good enough here.
fn classify(gateway: &Gateway, graph: &Snapshot, document: &mut Document) {
    let told = |document: &Document| {
        let resource = document.facts.resource.value()?;
        Some(resource.repository.value()?.class.is_unknown())
    };
    if told(document) != Some(true) {
        return;
    }
    let class = gateway.class_of(graph, document);
    let resource = document.facts.resource.value_mut();
    if let Some(repository) = resource.and_then(|resource| resource.repository.value_mut()) {
        repository.class = class;
    }
}

/// What an event told to have changed of the repository since the graph was read. The event itself tells what it tells.
fn stirred(gateway: &Gateway, matter: &Matter, graph: &Snapshot) -> Option<Stale> {
    let repository = names::repository_id(&matter.document.facts)?;
    gateway.stirred.since(repository, graph.as_of_connection(&matter.connection.id)?)
}
