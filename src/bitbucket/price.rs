//! What a whole reading costs, in calls: foretold from how much there is. It follows the lists of both `discovery` files,
//! and a test holds it against what is really asked.

use crate::bitbucket::transport::CallClass;
use crate::graph::Product;

/// Rows a page.
const PAGE: u64 = 100;

/// Cloud: lists of every project: two of grants, one of keys.
const CLOUD_PROJECT: u64 = 3;

/// Cloud: lists of every repository: grants twice, restrictions, overrides, model, whether pipelines are on, variables,
/// runners, keys, hooks, environments.
const CLOUD_REPOSITORY: u64 = 11;

/// Cloud: how every repository is kept: merged pull requests.
const CLOUD_UPKEEP: u64 = 1;

/// Cloud: the tip of the main branch, and the definition there.
const CLOUD_DEFINITION: u64 = 2;

/// Data Center: lists of every project: four levels of default permission, grants twice, restrictions, keys, tokens,
/// hooks.
const DATACENTER_PROJECT: u64 = 10;

/// Data Center: lists of every repository: grants twice, restrictions, keys, tokens, hooks, default branch, model.
const DATACENTER_REPOSITORY: u64 = 8;

/// Data Center: lists of every person: SSH keys and HTTP access tokens.
const DATACENTER_PERSON: u64 = 2;

/// Data Center: how every repository is kept: merge checks, default reviewers, required builds, newest commit, merged
/// pull requests.
const DATACENTER_UPKEEP: u64 = 5;

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Users.
    pub people: u64,
    /// Groups.
    pub groups: u64,
    /// Projects.
    pub projects: u64,
    /// Repositories.
    pub repositories: u64,
    /// Environments of all repositories.
    pub environments: u64,
    /// People whose keys and tokens are asked for (Data Center).
    pub hands: u64,
    /// Repositories whose pipeline definition is read (Cloud, where it is switched on).
    pub definitions: u64,
}

/// What is read, and how many calls that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub what: &'static str,
    /// Calls.
    pub calls: u64,
    /// What they are for.
    pub class: CallClass,
}

/// The price of reading so much, line by line.
pub fn price(product: Product, amount: &Amount) -> Vec<Line> {
    let line = |what, calls| Line { what, calls, class: CallClass::Metadata };
    let mut lines = match product {
        Product::Cloud => vec![
            line("who we are, and the workspace", 2),
            line("members, owners and groups", 2 * pages(amount.people) + 1),
            line("variables, runners and webhooks of the workspace", 3),
            line(
                "projects: grants, access keys",
                pages(amount.projects) + CLOUD_PROJECT * amount.projects,
            ),
            line(
                "repositories: grants, restrictions, branching model, pipelines, variables, runners, keys, webhooks, environments",
                pages(amount.repositories) + CLOUD_REPOSITORY * amount.repositories,
            ),
            line("environments: names of their variables", amount.environments),
            line("repositories: merged pull requests", CLOUD_UPKEEP * amount.repositories),
        ],
        Product::DataCenter => vec![
            line("who we are, and the server", 3),
            line(
                "users, groups and who is in them, global permissions",
                pages(amount.people) + pages(amount.groups) + amount.groups + 2,
            ),
            line("keys and tokens of people", DATACENTER_PERSON * amount.hands),
            line(
                "projects: default permission, grants, restrictions, keys, tokens, webhooks",
                pages(amount.projects) + DATACENTER_PROJECT * amount.projects,
            ),
            line(
                "repositories: grants, restrictions, keys, tokens, webhooks, default branch, branching model",
                pages(amount.repositories) + DATACENTER_REPOSITORY * amount.repositories,
            ),
            line(
                "repositories: merge checks, required reviewers and builds, newest commit, merged pull requests",
                DATACENTER_UPKEEP * amount.repositories,
            ),
        ],
    };
    if amount.definitions > 0 {
        let (what, calls) = ("definitions of pipelines", CLOUD_DEFINITION * amount.definitions);
        lines.push(Line { what, calls, class: CallClass::PipelineDefinition });
    }
    lines
}

/// An empty list is one page too.
const fn pages(rows: u64) -> u64 {
    let pages = rows.div_ceil(PAGE);
    if pages == 0 { 1 } else { pages }
}
