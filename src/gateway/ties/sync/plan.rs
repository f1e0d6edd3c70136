//! What a reading will cost: calls, time at the present budget, and what is left to live checks meanwhile.

use schemars::JsonSchema;
use serde::Serialize;

use crate::bitbucket::BudgetNow;
use crate::bitbucket::CallClass;
use crate::bitbucket::Client;
use crate::bitbucket::HookPlace;
use crate::bitbucket::LIVE_SHARE;
use crate::bitbucket::Spot;
use crate::bitbucket::price;
use crate::bitbucket::price::Amount;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::ties::CALL;
use crate::gateway::ties::TieError;
use crate::graph::ConnectionId;
use crate::graph::Kind;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Snapshot;

/// Calls that a live check of a step takes: its pipeline, and the step itself.
const CALLS_A_CHECK: u64 = 2;

/// Environments assumed for a repository before any was read: Bitbucket makes three where Pipelines is switched on.
const ASSUMED_ENVIRONMENTS: u64 = 3;

/// People whose keys and tokens a Data Center is asked for before a refusal of one ends it for all.
const AT_ONCE: u64 = 4;

/// Calls a second that a crawl makes while its budget lasts, four at a time; measured against Cloud's usual answer times
/// of 200 to 400 ms.
const CALLS_A_SECOND: f64 = 12.0;

/// What raises Cloud's budget. Source: "API request limits".
const RAISE_CLOUD: &str = "an access token of a workspace with more than 100 paid seats has 1,000 + 10 × (seats − 100) calls an hour, at most 10,000; every access token has a budget of its own";

/// What raises Data Center's.
const RAISE_DATACENTER: &str = "Data Center does not tell its limit: where one is set, an administrator can exempt the gate's user in Administration → Rate limiting";

/// A line of the plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Planned {
    /// What is read.
    pub what: &'static str,
    /// How many calls that is.
    pub calls: u64,
    /// Of which class they are.
    pub class: CallClass,
}

/// What a reading will cost.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SyncPlan {
    /// What is read, in order.
    pub reads: Vec<Planned>,
    /// All calls.
    pub calls: u64,
    /// Where the amounts are from: `the last reading`, or `lists asked for now`.
    pub counted_by: &'static str,
    /// What was assumed, if anything.
    pub assumed: Option<String>,
    /// Calls an hour that this credential has; null: Bitbucket tells no limit.
    pub calls_an_hour: Option<u32>,
    /// Of these, kept for live checks.
    pub kept_for_checks: Option<u64>,
    /// Live checks an hour that this is worth while a reading uses up all the rest.
    pub checks_an_hour: Option<u64>,
    /// How long it takes at the present budget, seconds.
    pub seconds: u64,
    /// What would raise the budget.
    pub raise: &'static str,
}

impl Gateway {
    /// What reading it will cost.
    pub(super) async fn plan(
        &self,
        connection: &Connection,
        client: &Client,
    ) -> Result<SyncPlan, TieError> {
        let known = self.amount(&connection.id);
        let (mut amount, counted_by, assumed) = if let Some(amount) = known {
            (amount, "the last reading", None)
        } else {
            (asked(client).await?, "lists asked for now", Some(assumed(client.product())))
        };
        if client.reads(CallClass::PipelineDefinition) && client.product() == Product::Cloud {
            amount.definitions = amount.repositories;
        }
        let lines = price::price(client.product(), &amount).into_iter();
        let planned =
            |line: price::Line| Planned { what: line.what, calls: line.calls, class: line.class };
        let reads: Vec<Planned> = lines.map(planned).collect();
        let calls = reads.iter().map(|line| line.calls).sum();
        let budget = client.budget_now();
        let kept = budget.per_hour.map(|all| share(f64::from(all) * LIVE_SHARE));
        Ok(SyncPlan {
            reads,
            calls,
            counted_by,
            assumed,
            calls_an_hour: budget.per_hour,
            kept_for_checks: kept,
            checks_an_hour: kept.map(|kept| kept / CALLS_A_CHECK),
            seconds: seconds(calls, &budget),
            raise: match client.product() {
                Product::Cloud => RAISE_CLOUD,
                Product::DataCenter => RAISE_DATACENTER,
            },
        })
    }

    /// How much there is, as the last reading found it.
    fn amount(&self, id: &ConnectionId) -> Option<Amount> {
        let graph = self.graph.load();
        graph.as_of_connection(id)?;
        let count = |kind| {
            let nodes = graph.all(kind).filter_map(|no| graph.node(no));
            nodes.filter(|node| node.id.connection() == *id).count() as u64
        };
        let people = count(Kind::User);
        Some(Amount {
            people,
            groups: count(Kind::Group),
            projects: count(Kind::Project),
            repositories: count(Kind::Repository),
            environments: count(Kind::Environment),
            hands: hands(&graph, id, people),
            definitions: 0,
        })
    }
}

/// People whose keys and tokens are asked for: after a refusal, the few that it takes to be refused.
fn hands(graph: &Snapshot, id: &ConnectionId, people: u64) -> u64 {
    let of = |no: &NodeNo| graph.node(*no).is_some_and(|node| node.id.connection() == *id);
    let refused = graph
        .all(Kind::Workspace)
        .filter(of)
        .any(|no| graph.why_unknown(no, "credentials").is_some());
    if refused { people.min(AT_ONCE) } else { people }
}

/// What is taken for granted before anything was read.
fn assumed(product: Product) -> String {
    match product {
        Product::Cloud => {
            format!("{ASSUMED_ENVIRONMENTS} environments a repository, and at most 100 people")
        }
        Product::DataCenter => "at most 100 people, and one group a project".to_owned(),
    }
}

/// How much there is, as lists tell that are cheap to ask for.
async fn asked(client: &Client) -> Result<Amount, TieError> {
    let spots = client.spots(CALL).await?;
    let mut projects: Vec<&str> = spots.iter().map(|spot| spot.project.as_str()).collect();
    projects.sort_unstable();
    projects.dedup();
    let is_repository = |spot: &&Spot| matches!(spot.place, HookPlace::Repository(_));
    let repositories = spots.iter().filter(is_repository).count() as u64;
    let projects = projects.len() as u64;
    let (groups, environments) = match client.product() {
        Product::Cloud => (0, repositories * ASSUMED_ENVIRONMENTS),
        Product::DataCenter => (projects, 0),
    };
    Ok(Amount { groups, projects, repositories, environments, ..Amount::default() })
}

/// How long so many calls take: those that discovery has left at once, the rest as its part of each hour comes back.
fn seconds(calls: u64, budget: &BudgetNow) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "an estimate of far fewer than 2^52 calls")]
    let calls = calls as f64;
    let asking = calls / CALLS_A_SECOND;
    let waiting = budget.per_hour.map_or(0.0, |all| {
        let all = f64::from(all);
        let free = (budget.left - all * LIVE_SHARE).max(0.0);
        (calls - free).max(0.0) / (all * (1.0 - LIVE_SHARE)) * 3_600.0
    });
    share(asking.max(waiting).ceil())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of calls and seconds, never below zero"
)]
const fn share(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_budget_holds_is_quick_and_the_rest_takes_as_long_as_it_fills() {
        let full = BudgetNow { per_hour: Some(1_000), left: 1_000.0 };
        assert_eq!(seconds(120, &full), 10);
        assert_eq!(seconds(1_600, &full), 3_600, "800 at once, 800 as they come back");
        let empty = BudgetNow { per_hour: Some(1_000), left: 0.0 };
        assert_eq!(seconds(400, &empty), 1_800);
        let none = BudgetNow { per_hour: None, left: 0.0 };
        assert_eq!(seconds(120, &none), 10);
    }
}
