//! Findings, asked for: the list, one with its whole story, what scans counted; and what people say of one.
//!
//! Every page, command and API gets its findings here, so that none can show one in another state than another does.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::gateway::Gateway;
use crate::gateway::patrol::Progress;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Kind;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::posture::Acceptance;
use crate::posture::Catalogue;
use crate::posture::Finding;
use crate::posture::Kept;
use crate::posture::Listing;
use crate::posture::Outcome;
use crate::posture::Scan;
use crate::posture::Wish;
use crate::posture::kept::Fact;
use crate::posture::kept::Step;
use crate::posture::lifecycle;
use crate::posture::lifecycle::Next;
use crate::posture::lifecycle::Refused;
use crate::store::FindingFilter;
use crate::store::ScanFilter;
use crate::store::StoreError;

/// Findings on one page at most: some 2 KB each.
pub const MAX_PAGE: u32 = 500;

/// Findings on a page where nobody says.
pub const PAGE: u32 = 100;

/// Scans on one page at most: a line a rule each.
pub const MAX_SCANS: u32 = 200;

/// A page of the list, worst first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Findings {
    /// The findings.
    pub findings: Vec<Finding>,
    /// The finding after which the list goes on; null: these were the last.
    pub next: Option<String>,
}

/// One finding with everything that is known of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FindingStory {
    /// The finding.
    pub finding: Finding,
    /// Its rule; null: it is no longer among the rules.
    pub rule: Option<Listing>,
    /// Which Bitbucket it is about: remedies differ. Null: its connection has ended.
    pub product: Option<Product>,
    /// The facts that its reasons rest on, as they were.
    pub facts: Vec<Fact>,
    /// When those facts were true.
    pub as_of: Time,
    /// How old they are, milliseconds.
    pub age_ms: u64,
    /// How it came to be what it is, oldest first.
    pub steps: Vec<Step>,
}

/// What scans counted, newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Scans {
    /// The scans.
    pub scans: Vec<Scan>,
    /// `before` of the next page; null: this is the last.
    pub next: Option<u64>,
    /// Scans that run now, by connection.
    pub running: BTreeMap<String, Progress>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FindingError {
    /// No such finding.
    #[error("there is no such finding")]
    Unknown,
    /// It cannot become that.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What is asked for is not written right.
    #[error("{0}")]
    Wrong(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IdError> for FindingError {
    fn from(error: IdError) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl FindingStory {
    /// The story of what is kept.
    pub fn of(kept: Kept, catalogue: &Catalogue, product: Option<Product>, now: Time) -> Self {
        let rule = catalogue.rule(&kept.rule);
        Self {
            finding: kept.shown(rule, now),
            rule: rule.cloned(),
            product,
            facts: kept.facts,
            as_of: kept.as_of,
            age_ms: now.since(kept.as_of),
            steps: kept.steps,
        }
    }
}

impl Gateway {
    /// A page of findings that are wished for.
    pub async fn findings(&self, wish: &Wish) -> Result<Findings, FindingError> {
        let (catalogue, now) = (self.catalogue(), self.clock.now());
        let filter = self.filter(wish, &catalogue, now)?;
        let wrong = || {
            FindingError::Wrong(
                "the finding to go on after is not there any more: begin again".to_owned(),
            )
        };
        let page = self.store.findings(filter).await?.ok_or_else(wrong)?;
        let mut looked = BTreeMap::new();
        let mut findings = Vec::with_capacity(page.findings.len());
        for kept in &page.findings {
            findings.push(self.shown(kept, &catalogue, now, &mut looked).await?);
        }
        Ok(Findings { findings, next: page.next })
    }

    /// One finding.
    pub async fn finding(&self, id: &str) -> Result<FindingStory, FindingError> {
        let kept = self.store.finding(id).await?.ok_or(FindingError::Unknown)?;
        let (catalogue, now) = (self.catalogue(), self.clock.now());
        let finding = self.shown(&kept, &catalogue, now, &mut BTreeMap::new()).await?;
        let connection = self.connections.get(&kept.subject.id.connection());
        let product = connection.map(|connection| connection.product);
        Ok(FindingStory { finding, ..FindingStory::of(kept, &catalogue, product, now) })
    }

    /// Somebody has seen it.
    pub async fn acknowledge_finding(
        &self,
        id: &str,
        by: &str,
        because: &str,
    ) -> Result<FindingStory, FindingError> {
        let now = self.clock.now();
        self.say(id, |kept| lifecycle::acknowledge(kept, by, because, now)).await
    }

    /// Somebody lives with it, because of something and until some time.
    pub async fn accept_finding(
        &self,
        id: &str,
        acceptance: Acceptance,
    ) -> Result<FindingStory, FindingError> {
        let now = self.clock.now();
        self.say(id, |kept| lifecycle::accept(kept, acceptance, now)).await
    }

    async fn say(
        &self,
        id: &str,
        says: impl FnOnce(&Kept) -> Result<Next, Refused>,
    ) -> Result<FindingStory, FindingError> {
        let alone = self.store.moving_findings().await;
        let kept = self.store.finding(id).await?.ok_or(FindingError::Unknown)?;
        let next = says(&kept)?;
        let moved = self.moved(next, Some(kept), None);
        self.keep_moves(moved.into_iter().collect()).await?;
        drop(alone);
        self.show_findings().await?;
        self.finding(id).await
    }

    /// What scans counted, newest first: at most so many, before the one that a page ended with.
    pub async fn scans(
        &self,
        connection: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Scans, FindingError> {
        let connection = connection.map(str::parse).transpose()?;
        let limit = limit.clamp(1, MAX_SCANS) as usize;
        let found = self.store.scans(ScanFilter { connection, before, limit }).await?;
        let last = found.last().map(|(number, _)| *number);
        let running = self.scanning().into_iter().map(|(id, how)| (id.to_string(), how)).collect();
        Ok(Scans {
            next: last.filter(|_| found.len() == limit),
            scans: found.into_iter().map(|(_, scan)| scan).collect(),
            running,
        })
    }

    /// As everybody is shown it: a whole scan looks at every finding, also at those that it did not have to write.
    async fn shown(
        &self,
        kept: &Kept,
        catalogue: &Catalogue,
        now: Time,
        looked: &mut BTreeMap<ConnectionId, Option<Time>>,
    ) -> Result<Finding, StoreError> {
        let connection = kept.subject.id.connection();
        let last = if let Some(last) = looked.get(&connection) {
            *last
        } else {
            let last = self.store.last_whole_scan(&connection).await?;
            looked.insert(connection, last);
            last
        };
        let finding = kept.shown(catalogue.rule(&kept.rule), now);
        Ok(Finding {
            last_seen: last.map_or(finding.last_seen, |at| at.max(finding.last_seen)),
            ..finding
        })
    }

    fn filter(
        &self,
        wish: &Wish,
        catalogue: &Catalogue,
        now: Time,
    ) -> Result<FindingFilter, FindingError> {
        let outcomes = match wish.outcome {
            Some(outcome) => vec![outcome],
            // Whoever asks for what is fixed does not ask for what fails.
            None if wish.state == Some(crate::posture::State::Fixed) => Vec::new(),
            None => vec![Outcome::Fail, Outcome::Unknown],
        };
        let limit = wish.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE) as usize;
        let connection: Option<ConnectionId> =
            wish.connection.as_deref().map(str::parse).transpose()?;
        // Everything of a connection is in its workspace, also people, who live in no place.
        let workspace = wish.subject.as_ref().filter(|id| id.kind() == Kind::Workspace);
        let subject = wish.subject.as_ref().filter(|_| workspace.is_none());
        let asked = workspace.map(Id::connection);
        let elsewhere = connection.is_some() && asked.is_some() && connection != asked;
        let subject_ids = if elsewhere {
            Some(BTreeSet::new())
        } else {
            subject.map(|id| self.with_what_is_in(id))
        };
        Ok(FindingFilter {
            connection: connection.or(asked),
            outcomes,
            state: wish.state,
            severity: wish.severity,
            rules: rules(wish, catalogue)?,
            subjects: subject_ids,
            owner: wish.owner.clone(),
            after: wish.after.clone(),
            limit,
            now,
        })
    }

    /// A subject, and for a project the repositories in it.
    fn with_what_is_in(&self, id: &Id) -> BTreeSet<Id> {
        let graph = self.graph.load();
        let mut all = BTreeSet::from([id.clone()]);
        let mut open = vec![id.clone()];
        while let Some(next) = open.pop() {
            let Some(node) = graph.find(&next) else { continue };
            let below = graph.led_to(node, Relation::In).into_iter();
            let places = below.filter(|id| matches!(id.kind(), Kind::Project | Kind::Repository));
            for place in places {
                if all.insert(place.clone()) {
                    open.push(place);
                }
            }
        }
        all
    }
}

/// The rules of a category, or that are called so; none: any.
fn rules(wish: &Wish, catalogue: &Catalogue) -> Result<Option<BTreeSet<RuleId>>, FindingError> {
    let listed = |listing: &Listing| listing.rule.clone();
    let called: Option<BTreeSet<RuleId>> = match &wish.rule {
        None => None,
        Some(name) => {
            let mut found: BTreeSet<RuleId> = catalogue.called(name).map(listed).collect();
            // One that is no longer among the rules may still have findings.
            if found.is_empty() {
                found.insert(RuleId::told(name));
            }
            Some(found)
        }
    };
    let Some(category) = &wish.category else { return Ok(called) };
    let of: BTreeSet<RuleId> =
        catalogue.rules.iter().filter(|one| one.category == *category).map(listed).collect();
    if of.is_empty() {
        let mut known: Vec<&str> =
            catalogue.rules.iter().map(|one| one.category.as_str()).collect();
        known.dedup();
        let known = known.join(", ");
        return Err(FindingError::Wrong(format!(
            "`{category}` is not a category: use one of {known}"
        )));
    }
    Ok(Some(match called {
        Some(called) => called.intersection(&of).cloned().collect(),
        None => of,
    }))
}
