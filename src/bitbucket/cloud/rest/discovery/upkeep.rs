//! How a repository is kept: whether its pipelines are on, and whether what was merged had been approved.

use serde::Deserialize;

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::discovery::PATIENCE;
use crate::bitbucket::scribe;
use crate::bitbucket::scribe::Scribe;
use crate::bitbucket::scribe::unless_over;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::world::Node;

/// How many merged pull requests are looked at, the newest: enough to see a habit, in one answer.
const MERGES: &str = "20";

#[derive(Deserialize)]
struct Pipelines {
    enabled: Option<bool>,
}

#[derive(Deserialize)]
struct Page {
    values: Vec<Merged>,
}

#[derive(Deserialize)]
struct Merged {
    author: Option<Who>,
    /// Left out unless it is asked for by name.
    participants: Option<Vec<Participant>>,
}

#[derive(Deserialize)]
struct Participant {
    user: Option<Who>,
    #[serde(default)]
    approved: bool,
}

#[derive(Deserialize, PartialEq)]
struct Who {
    uuid: Option<String>,
}

/// What was read of it, or why not.
pub(super) struct Upkeep {
    pipelines: Result<bool, FetchError>,
    merges: Result<Vec<bool>, FetchError>,
}

impl Cloud {
    pub(super) async fn upkeep(&self, repository: &str) -> Result<Upkeep, FetchError> {
        let what = "whether a repository's pipelines are on";
        let told = self.crawl_one_in(repository, &["pipelines_config"], what).await;
        let pipelines = match unless_over(told)? {
            Ok(Pipelines { enabled }) => Ok(enabled == Some(true)),
            // The repository is there: its pipelines were never switched on.
            Err(FetchError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        let merges = unless_over(self.merges(repository).await)?;
        Ok(Upkeep { pipelines, merges })
    }

    /// Of each of the newest merged pull requests, whether anybody but its author approved it.
    async fn merges(&self, repository: &str) -> Result<Vec<bool>, FetchError> {
        let what = "a repository's merged pull requests";
        let path = ["repositories", self.slug(), repository, "pullrequests"];
        let mut call = self.crawl_call(&path, what)?;
        call.url
            .query_pairs_mut()
            .append_pair("state", "MERGED")
            .append_pair("sort", "-updated_on")
            .append_pair("pagelen", MERGES)
            .append_pair("fields", "+values.participants");
        let page: Page = self.transport().get(&call, Deadline::within(PATIENCE)).await?;
        let untold = || FetchError::Form { what, why: "`participants` is left out".to_owned() };
        page.values.iter().map(|merged| reviewed(merged).ok_or_else(untold)).collect()
    }
}

fn reviewed(merged: &Merged) -> Option<bool> {
    let by_another = |one: &Participant| one.approved && one.user != merged.author;
    Some(merged.participants.as_ref()?.iter().any(by_another))
}

/// Adds what was read to the repository's node.
pub(super) fn write(world: &mut Scribe, (id, node): (&Id, Node), told: Upkeep) -> Node {
    let node = match told.pipelines {
        Ok(on) => node.flag("pipelines", on),
        Err(error) => {
            world.gap(id, "pipelines", error.to_string());
            node
        }
    };
    scribe::merges(world, (id, node), told.merges)
}
