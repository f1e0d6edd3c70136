//! Build statuses: `commits/{id}/builds`. A required build matches their `parent`, not their key.

use serde_json::json;

use crate::bitbucket::client::PostedStatus;
use crate::bitbucket::client::StatusPost;
use crate::bitbucket::client::hex;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::event::Build;
use crate::event::BuildState;
use crate::graph::Id;
use crate::graph::Known;

/// What a required build asks for.
const PARENT: &str = "portcullis";

#[derive(serde::Deserialize)]
struct Status {
    key: String,
    state: String,
    description: Option<String>,
    url: Option<String>,
}

impl DataCenter {
    /// POST `builds`: answers 204 with nothing.
    pub(crate) async fn post_status(
        &self,
        repository: &Id,
        commit: &str,
        status: &StatusPost,
        deadline: Deadline,
    ) -> Result<(), FetchError> {
        let mut body = json!({
            "key": status.key, "state": status.state.as_str(), "url": status.url,
            "description": status.text, "name": status.name, "parent": PARENT,
        });
        if let (Some(name), Some(fields)) = (&status.refname, body.as_object_mut()) {
            fields.insert("ref".to_owned(), json!(name));
        }
        let path = ["commits", hex(commit)?, "builds"];
        let call = self
            .ask_in(("api", repository), &path, "the build status", CallClass::Write, deadline)
            .await?;
        self.transport().write(&call, &body, deadline).await.map(|_| ())
    }

    /// GET `builds?key=`.
    pub(crate) async fn read_status(
        &self,
        repository: &Id,
        commit: &str,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<PostedStatus>, FetchError> {
        let path = ["commits", hex(commit)?, "builds"];
        let class = CallClass::Metadata;
        let mut call =
            self.ask_in(("api", repository), &path, "the build status", class, deadline).await?;
        call.url.query_pairs_mut().append_pair("key", key);
        match self.transport().get::<Status>(&call, deadline).await {
            Ok(status) => Ok(Some(PostedStatus {
                state: build_state(&status.state),
                text: status.description,
                url: status.url,
            })),
            Err(FetchError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// GET `build-status/…/commits/{id}`: the only list there is, of statuses of every repository with that commit.
    pub(crate) async fn builds(
        &self,
        commit: &str,
        deadline: Deadline,
    ) -> Result<Vec<Build>, FetchError> {
        let path = ["rest", "build-status", "latest", "commits", hex(commit)?];
        let call = self.ask(&path, "the builds of a commit", CallClass::Metadata)?;
        let rows: Vec<Status> = self.list(call, deadline).await?;
        let build = |row: Status| Build {
            state: Known::Value(build_state(&row.state)),
            key: Known::Value(row.key),
            commit: Known::Value(commit.to_owned()),
        };
        Ok(rows.into_iter().map(build).collect())
    }
}

fn build_state(word: &str) -> BuildState {
    match word {
        "SUCCESSFUL" => BuildState::Successful,
        "FAILED" => BuildState::Failed,
        "INPROGRESS" => BuildState::InProgress,
        "CANCELLED" => BuildState::Stopped,
        _ => BuildState::Other,
    }
}
