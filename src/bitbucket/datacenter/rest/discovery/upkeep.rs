//! How a repository is kept: its merge checks, reviewers and builds that a merge needs, its newest commit, and whether
//! what was merged had been approved.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bitbucket::budget::Share;
use crate::bitbucket::datacenter::matcher;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::datacenter::rest::discovery::API;
use crate::bitbucket::datacenter::rest::discovery::List;
use crate::bitbucket::datacenter::rest::discovery::PATIENCE;
use crate::bitbucket::datacenter::rest::discovery::places::Repository;
use crate::bitbucket::datacenter::rest::discovery::unless_over;
use crate::bitbucket::scribe;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::REQUIRED_BUILDS;
use crate::graph::REQUIRED_REVIEWERS;
use crate::graph::Relation;
use crate::graph::Time;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

/// How many merged pull requests are looked at, the newest: enough to see a habit, in one answer.
const MERGES: &str = "20";

/// The keys of the two counts, since 8.x; before, each was a plain number under a short name.
#[derive(Deserialize)]
struct Checks {
    #[serde(rename = "com.atlassian.bitbucket.server.bundled-hooks.requiredApproversMergeHook")]
    approvers_hook: Option<Count>,
    #[serde(rename = "requiredApprovers")]
    approvers: Option<Count>,
    #[serde(rename = "com.atlassian.bitbucket.server.bitbucket-build.requiredBuildsMergeCheck")]
    builds_check: Option<Count>,
    #[serde(rename = "requiredSuccessfulBuilds")]
    builds: Option<Count>,
}

/// A count as some version writes it: a number, digits, or an object that may be switched off.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
    Switched {
        #[serde(alias = "enable")]
        enabled: Option<bool>,
        count: Option<Box<Count>>,
    },
}

impl Count {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Switched { enabled: Some(false), .. } => Some(0),
            Self::Switched { count: Some(count), .. } => count.number(),
            Self::Switched { count: None, .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct Matcher {
    id: String,
    #[serde(rename = "type")]
    type_: MatcherType,
}

#[derive(Deserialize)]
struct MatcherType {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reviewers {
    id: u64,
    target_ref_matcher: Matcher,
    #[serde(default)]
    required_approvals: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Builds {
    id: u64,
    ref_matcher: Matcher,
    #[serde(default)]
    build_parent_keys: Vec<String>,
    /// Left out before 10.x, when each was.
    required_for_pull_request: Option<bool>,
}

#[derive(Deserialize)]
struct Page<T> {
    values: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    committer_timestamp: Option<i64>,
}

#[derive(Deserialize)]
struct Merged {
    author: Option<Participant>,
    #[serde(default)]
    reviewers: Vec<Participant>,
    #[serde(default)]
    participants: Vec<Participant>,
}

#[derive(Deserialize)]
struct Participant {
    user: User,
    #[serde(default)]
    approved: bool,
}

#[derive(Deserialize, PartialEq)]
struct User {
    id: Option<u64>,
}

/// What was read of it, or why not.
pub(super) struct Upkeep {
    checks: Result<Checks, FetchError>,
    reviewers: List<Reviewers>,
    builds: List<Builds>,
    newest: Result<Option<Time>, FetchError>,
    merges: List<bool>,
}

impl DataCenter {
    pub(super) async fn upkeep(&self, repository: &Repository) -> Result<Upkeep, FetchError> {
        let home = ["projects", repository.project.key.as_str(), "repos", repository.slug.as_str()];
        let below = |path: &[&'static str]| [&home, path].concat();
        let what = "a repository's merge checks";
        let checks = self.crawl_one("api", &below(&["settings", "pull-requests"]), what).await;
        let what = "a repository's default reviewers";
        let reviewers = self.crawl_one("default-reviewers", &below(&["conditions"]), what).await;
        let what = "a repository's required builds";
        let builds = self.crawl_plugin("required-builds", &below(&["conditions"]), what).await;
        let newest = self.newest(&below(&["commits"])).await;
        let merges = self.merges(&below(&["pull-requests"])).await;
        Ok(Upkeep {
            checks: unless_over(checks)?,
            reviewers: unless_over(reviewers)?,
            builds: unless_over(builds)?,
            newest: unless_over(newest)?,
            merges: unless_over(merges)?,
        })
    }

    /// When the newest commit of the default branch was made; none for an empty repository.
    async fn newest(&self, path: &[&str]) -> Result<Option<Time>, FetchError> {
        let what = "a repository's newest commit";
        let page: Page<Commit> = match self.first_page(path, &[("limit", "1")], what).await {
            Ok(page) => page,
            // An empty repository has none.
            Err(FetchError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let stamp = page.values.first().and_then(|commit| commit.committer_timestamp);
        Ok(stamp.map(Time::from_millis))
    }

    /// Of each of the newest merged pull requests, whether anybody but its author approved it.
    async fn merges(&self, path: &[&str]) -> List<bool> {
        let wanted = [("state", "MERGED"), ("order", "NEWEST"), ("limit", MERGES)];
        let page: Page<Merged> =
            self.first_page(path, &wanted, "a repository's merged pull requests").await?;
        Ok(page.values.iter().map(reviewed).collect())
    }

    async fn first_page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        wanted: &[(&str, &str)],
        what: &'static str,
    ) -> Result<Page<T>, FetchError> {
        let class = match path.last() {
            Some(&"commits") => CallClass::CommitIdentity,
            Some(_) | None => CallClass::Metadata,
        };
        let call = self.ask(&[API, path].concat(), what, class)?;
        let mut call = Call { share: Share::Crawl, ..call };
        for (name, value) in wanted {
            call.url.query_pairs_mut().append_pair(name, value);
        }
        self.transport().get(&call, Deadline::within(PATIENCE)).await
    }
}

fn reviewed(merged: &Merged) -> bool {
    let author = merged.author.as_ref().map(|author| &author.user);
    let others = merged.reviewers.iter().chain(&merged.participants);
    let mut others = others.filter(|one| Some(&one.user) != author);
    others.any(|one| one.approved)
}

/// Adds what was read to the repository's node.
pub(super) fn node(world: &mut Scribe, (id, node): (&Id, Node), told: Upkeep) -> (Node, Rules) {
    let Upkeep { checks, reviewers, builds, newest, merges } = told;
    let (approvals, passing) = match checks {
        Ok(checks) => {
            let Checks { approvers_hook, approvers, builds_check, builds } = checks;
            (count(approvers_hook.or(approvers)), count(builds_check.or(builds)))
        }
        Err(error) => (Err(error.to_string()), Err(error.to_string())),
    };
    let node =
        needed(world, (id, node), ("required_approvals", approvals, reviewers.as_ref().err()));
    let node = needed(world, (id, node), ("required_builds", passing, builds.as_ref().err()));
    let node = match newest {
        Ok(Some(at)) => node.text("updated_at", &at.to_string()),
        Ok(None) => {
            let why = "it is empty, and Data Center's API does not tell when it was made";
            world.gap(id, "updated_at", why.to_owned());
            node
        }
        Err(error) => {
            world.gap(id, "updated_at", error.to_string());
            node
        }
    };
    let rules =
        Rules { reviewers: reviewers.unwrap_or_default(), builds: builds.unwrap_or_default() };
    (scribe::merges(world, (id, node), merges), rules)
}

/// Nothing is said where nothing is asked for.
fn count(said: Option<Count>) -> Result<u64, String> {
    let form = || "Bitbucket tells it in a form that we do not know".to_owned();
    said.map_or(Ok(0), |said| said.number().ok_or_else(form))
}

/// How many of something a merge needs. That the check asks for none is not all: conditions may ask, and where they could
/// not be read, it is unknown.
fn needed(
    world: &mut Scribe,
    (id, node): (&Id, Node),
    (name, said, unread): (&str, Result<u64, String>, Option<&FetchError>),
) -> Node {
    match (said, unread) {
        (Ok(0), Some(error)) => world.gap(id, name, error.to_string()),
        (Ok(number), _) => return node.whole(name, number),
        (Err(why), _) => world.gap(id, name, why),
    }
    node
}

/// What a merge needs beside the branch permissions.
pub(super) struct Rules {
    reviewers: Vec<Reviewers>,
    builds: Vec<Builds>,
}

/// Writes each as a restriction of the repository, which must be written before.
pub(super) fn rules(world: &mut Scribe, place: &Id, told: &Rules) {
    for one in &told.reviewers {
        let rule = (REQUIRED_REVIEWERS, one.id, one.required_approvals);
        write_rule(world, place, rule, &one.target_ref_matcher);
    }
    for one in told.builds.iter().filter(|one| one.required_for_pull_request != Some(false)) {
        let keys = u64::try_from(one.build_parent_keys.len()).unwrap_or(u64::MAX);
        write_rule(world, place, (REQUIRED_BUILDS, one.id, keys), &one.ref_matcher);
    }
}

/// Its number is another table's, so the kind stands before it.
fn write_rule(
    world: &mut Scribe,
    place: &Id,
    (kind, number, count): (&'static str, u64, u64),
    found: &Matcher,
) {
    let Some(id) = world.id(Kind::Restriction, &format!("{kind}-{number}")) else { return };
    let node = matcher::node(id.clone(), kind, (&found.type_.id, &found.id));
    world.node(node.with("value", Value::Whole(count)));
    world.join(&id, Relation::Restricts, place, kind);
}
