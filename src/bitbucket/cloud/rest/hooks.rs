//! Our own webhooks in a workspace: `…/hooks`, of the workspace or of one repository.

use serde::Deserialize;
use serde_json::json;

use crate::bitbucket::client::HookPlace;
use crate::bitbucket::client::HookWish;
use crate::bitbucket::client::MadeHook;
use crate::bitbucket::client::SeenHook;
use crate::bitbucket::client::Spot;
use crate::bitbucket::client::hooks::NAME;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::transport::Act;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;

const WHAT: &str = "the webhooks";

#[derive(Deserialize)]
struct Offered {
    event: String,
}

#[derive(Deserialize)]
struct Wire {
    uuid: String,
    #[serde(default)]
    url: String,
    active: Option<bool>,
    #[serde(default)]
    events: Vec<String>,
    secret_set: Option<bool>,
    skip_cert_verification: Option<bool>,
}

#[derive(Deserialize)]
struct Repository {
    uuid: String,
    full_name: String,
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    key: String,
}

impl Cloud {
    /// GET `/hook_events/{subject}`: what may be subscribed to there.
    pub(crate) async fn offered_events(
        &self,
        place: &HookPlace,
        deadline: Deadline,
    ) -> Result<Vec<String>, FetchError> {
        let subject = match place {
            HookPlace::Workspace => "workspace",
            HookPlace::Project(_) | HookPlace::Repository(_) => "repository",
        };
        let what = "the events of webhooks";
        let call = self.ask(&["hook_events", subject], what, CallClass::Metadata)?;
        let rows: Vec<Offered> = self.list(call, deadline).await?;
        Ok(rows.into_iter().map(|row| row.event).collect())
    }

    /// Every repository: a webhook could hang on it.
    pub(crate) async fn spots(&self, deadline: Deadline) -> Result<Vec<Spot>, FetchError> {
        let path = ["repositories", self.slug()];
        let call = self.ask(&path, "the repositories", CallClass::Metadata)?;
        let rows: Vec<Repository> = self.list(call, deadline).await?;
        let spot = |row: Repository| Spot {
            place: HookPlace::Repository(row.uuid),
            project: row.project.map(|project| project.key).unwrap_or_default(),
            name: row.full_name,
        };
        Ok(rows.into_iter().map(spot).collect())
    }

    /// GET `…/hooks`.
    pub(crate) async fn hooks(
        &self,
        place: &HookPlace,
        deadline: Deadline,
    ) -> Result<Vec<SeenHook>, FetchError> {
        let call = self.hook_call(place, &[], CallClass::Metadata)?;
        let rows: Vec<Wire> = self.list(call, deadline).await?;
        let seen = |row: Wire| SeenHook {
            native: row.uuid,
            url: row.url,
            active: row.active,
            events: row.events,
            secret_set: row.secret_set,
            verifies_tls: row.skip_cert_verification.map(|skipped| !skipped),
        };
        Ok(rows.into_iter().map(seen).collect())
    }

    /// POST `…/hooks`.
    pub(crate) async fn add_hook(
        &self,
        place: &HookPlace,
        wish: HookWish<'_>,
        deadline: Deadline,
    ) -> Result<MadeHook, FetchError> {
        let call = self.hook_call(place, &[], CallClass::Write)?;
        let answer = self.transport().act(&call, Act::Post(&body(wish)), deadline).await?;
        let made: Wire = answer.decode(WHAT)?;
        Ok(MadeHook { native: made.uuid, events: wish.events.to_vec() })
    }

    /// PUT `…/hooks/{uid}`.
    pub(crate) async fn set_hook(
        &self,
        (place, native): (&HookPlace, &str),
        wish: HookWish<'_>,
        deadline: Deadline,
    ) -> Result<MadeHook, FetchError> {
        let call = self.hook_call(place, &[native], CallClass::Write)?;
        self.transport().act(&call, Act::Put(&body(wish)), deadline).await?;
        Ok(MadeHook { native: native.to_owned(), events: wish.events.to_vec() })
    }

    /// DELETE `…/hooks/{uid}`. One that is gone is as good.
    pub(crate) async fn remove_hook(
        &self,
        place: &HookPlace,
        native: &str,
        deadline: Deadline,
    ) -> Result<(), FetchError> {
        let call = self.hook_call(place, &[native], CallClass::Write)?;
        match self.transport().act(&call, Act::Delete, deadline).await {
            Ok(_) | Err(FetchError::Missing { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn hook_call(
        &self,
        place: &HookPlace,
        more: &[&str],
        class: CallClass,
    ) -> Result<Call, FetchError> {
        let home: &[&str] = match place {
            HookPlace::Workspace => &["workspaces", self.slug(), "hooks"],
            HookPlace::Repository(uuid) => &["repositories", self.slug(), uuid, "hooks"],
            HookPlace::Project(_) => {
                return Err(FetchError::Unsupported("Bitbucket Cloud has no webhooks of projects"));
            }
        };
        self.ask(&[home, more].concat(), WHAT, class)
    }
}

fn body(wish: HookWish<'_>) -> serde_json::Value {
    json!({
        "description": NAME, "url": wish.url, "active": true, "events": wish.events,
        "secret": wish.secret.expose(), "skip_cert_verification": false,
    })
}
