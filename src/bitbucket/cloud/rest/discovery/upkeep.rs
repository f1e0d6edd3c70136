//! How a repository is kept: whether what was merged had been approved.

use serde::Deserialize;

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::discovery::PATIENCE;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;

/// How many merged pull requests are looked at, the newest: enough to see a habit, in one answer.
const MERGES: &str = "20";

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

impl Cloud {
    /// Of each of the newest merged pull requests, whether anybody but its author approved it.
    pub(super) async fn merges(&self, repository: &str) -> Result<Vec<bool>, FetchError> {
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
