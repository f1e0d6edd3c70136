//! Commit statuses: `commit/{hash}/statuses/build`. The key is the identity: posting it again overwrites.

use serde_json::json;

use crate::bitbucket::client::PostedStatus;
use crate::bitbucket::client::StatusPost;
use crate::bitbucket::client::hex;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::event::Build;
use crate::event::BuildState;
use crate::graph::Id;
use crate::graph::Known;

/// Longest key that Cloud takes, in characters.
const MAX_KEY: usize = 40;

#[derive(serde::Deserialize)]
struct Status {
    key: String,
    state: String,
    description: Option<String>,
    url: Option<String>,
}

impl Cloud {
    /// POST `statuses/build`: 201 when new, 200 when overwritten.
    pub(crate) async fn post_status(
        &self,
        repository: &Id,
        commit: &str,
        status: &StatusPost,
        deadline: Deadline,
    ) -> Result<(), FetchError> {
        if status.key.is_empty() || status.key.chars().count() > MAX_KEY {
            let why = "the key of a commit status: use 1 to 40 characters";
            return Err(FetchError::Unaskable(status.key.chars().take(MAX_KEY).collect(), why));
        }
        let mut body = json!({
            "key": status.key, "state": status.state.as_str(), "url": status.url,
            "description": status.text, "name": status.name,
        });
        // Cloud wants the short name, and attaches the status to pull requests from that branch alone.
        let short = status.refname.as_deref().and_then(|name| name.strip_prefix("refs/heads/"));
        if let (Some(short), Some(fields)) = (short, body.as_object_mut()) {
            fields.insert("refname".to_owned(), json!(short));
        }
        let path = ["commit", hex(commit)?, "statuses", "build"];
        let call = self.ask_in(repository, &path, "the commit status", CallClass::Write)?;
        self.transport().write(&call, &body, deadline).await.map(|_| ())
    }

    /// GET `statuses/build/{key}`.
    pub(crate) async fn read_status(
        &self,
        repository: &Id,
        commit: &str,
        key: &str,
        deadline: Deadline,
    ) -> Result<Option<PostedStatus>, FetchError> {
        let path = ["commit", hex(commit)?, "statuses", "build", key];
        let call = self.ask_in(repository, &path, "the commit status", CallClass::Metadata)?;
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

    /// GET `commit/{hash}/statuses`, as builds.
    pub(crate) async fn builds(
        &self,
        repository: &Id,
        commit: &str,
        deadline: Deadline,
    ) -> Result<Vec<Build>, FetchError> {
        let path = ["commit", hex(commit)?, "statuses"];
        let what = "the builds of a commit";
        let call = self.ask_in(repository, &path, what, CallClass::Metadata)?;
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
        "STOPPED" => BuildState::Stopped,
        _ => BuildState::Other,
    }
}
