//! Our own webhooks of a Data Center: `…/webhooks`, of a project or of one repository.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::bitbucket::client::HookPlace;
use crate::bitbucket::client::HookWish;
use crate::bitbucket::client::LastDelivery;
use crate::bitbucket::client::MadeHook;
use crate::bitbucket::client::SeenHook;
use crate::bitbucket::client::Spot;
use crate::bitbucket::client::hooks::NAME;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::transport::Act;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::Time;

const WHAT: &str = "the webhooks";

/// How often a wish is made smaller by the events that the server names as unknown. It names one at a time.
const MOST_TRIES: usize = 6;

#[derive(Deserialize)]
struct Wire {
    id: u64,
    #[serde(default)]
    url: String,
    active: Option<bool>,
    #[serde(default)]
    events: Vec<String>,
    configuration: Option<Configuration>,
    #[serde(rename = "sslVerificationRequired")]
    verifies: Option<bool>,
}

/// The secret is readable by every administrator; here only whether there is one.
#[derive(Deserialize)]
struct Configuration {
    secret: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Made {
    id: u64,
}

#[derive(Deserialize)]
struct Project {
    key: String,
}

#[derive(Deserialize)]
struct Repository {
    slug: String,
    project: Project,
}

#[derive(Deserialize)]
struct Invocation {
    result: Outcome,
    finish: Option<i64>,
}

#[derive(Deserialize)]
struct Outcome {
    outcome: String,
}

impl DataCenter {
    /// Every project and every repository: a webhook could hang on it. Personal projects are not listed there.
    pub(crate) async fn spots(&self, deadline: Deadline) -> Result<Vec<Spot>, FetchError> {
        let class = CallClass::Metadata;
        let call = self.ask(&["rest", "api", "latest", "projects"], "the projects", class)?;
        let projects: Vec<Project> = self.list(call, deadline).await?;
        let call = self.ask(&["rest", "api", "latest", "repos"], "the repositories", class)?;
        let repositories: Vec<Repository> = self.list(call, deadline).await?;
        let project = |row: Project| Spot {
            place: HookPlace::Project(row.key.clone()),
            name: row.key.clone(),
            project: row.key,
        };
        let repository = |row: Repository| {
            let name = format!("{}/{}", row.project.key, row.slug);
            let place = HookPlace::Repository(name.clone());
            Spot { place, project: row.project.key, name }
        };
        Ok(projects
            .into_iter()
            .map(project)
            .chain(repositories.into_iter().map(repository))
            .collect())
    }

    /// GET `…/webhooks`.
    pub(crate) async fn hooks(
        &self,
        place: &HookPlace,
        deadline: Deadline,
    ) -> Result<Vec<SeenHook>, FetchError> {
        let call = self.hook_call(place, &[], CallClass::Metadata)?;
        let rows: Vec<Wire> = self.list(call, deadline).await?;
        let seen = |row: Wire| SeenHook {
            native: row.id.to_string(),
            url: row.url,
            active: row.active,
            events: row.events,
            secret_set: row.configuration.map(|told| told.secret.is_some()),
            verifies_tls: row.verifies,
        };
        Ok(rows.into_iter().map(seen).collect())
    }

    /// POST `…/webhooks`, without the events that this server does not know.
    pub(crate) async fn add_hook(
        &self,
        place: &HookPlace,
        wish: HookWish<'_>,
        deadline: Deadline,
    ) -> Result<MadeHook, FetchError> {
        let call = self.hook_call(place, &[], CallClass::Write)?;
        let mut events = wish.events.to_vec();
        for _ in 0..MOST_TRIES {
            let body = body(HookWish { events: &events, ..wish });
            match self.transport().act(&call, Act::Post(&body), deadline).await {
                Ok(answer) => {
                    let made: Made = answer.decode(WHAT)?;
                    return Ok(MadeHook { native: made.id.to_string(), events });
                }
                Err(error) => events = fewer(&events, error)?,
            }
        }
        Err(FetchError::NoSuchEvents { what: WHAT, events })
    }

    /// PUT `…/webhooks/{id}`. All of it is sent: what is left out may be dropped.
    pub(crate) async fn set_hook(
        &self,
        (place, native): (&HookPlace, &str),
        wish: HookWish<'_>,
        deadline: Deadline,
    ) -> Result<MadeHook, FetchError> {
        let call = self.hook_call(place, &[native], CallClass::Write)?;
        let mut events = wish.events.to_vec();
        for _ in 0..MOST_TRIES {
            let body = body(HookWish { events: &events, ..wish });
            match self.transport().act(&call, Act::Put(&body), deadline).await {
                Ok(_) => return Ok(MadeHook { native: native.to_owned(), events }),
                Err(error) => events = fewer(&events, error)?,
            }
        }
        Err(FetchError::NoSuchEvents { what: WHAT, events })
    }

    /// DELETE `…/webhooks/{id}`. One that is gone is as good.
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

    /// GET `…/webhooks/{id}/latest`: what became of the last delivery; none: there was none.
    pub(crate) async fn last_delivery(
        &self,
        place: &HookPlace,
        native: &str,
        deadline: Deadline,
    ) -> Result<Option<LastDelivery>, FetchError> {
        let call = self.hook_call(place, &[native, "latest"], CallClass::Metadata)?;
        let answer = self.transport().read(&call, deadline).await?;
        if answer.status == 204 {
            return Ok(None);
        }
        let told: Invocation = answer.decode(WHAT)?;
        let taken = told.result.outcome == "SUCCESS";
        Ok(Some(LastDelivery { taken, at: told.finish.map(Time::from_millis) }))
    }

    fn hook_call(
        &self,
        place: &HookPlace,
        more: &[&str],
        class: CallClass,
    ) -> Result<Call, FetchError> {
        let home: Vec<&str> = match place {
            HookPlace::Project(key) => vec![key],
            HookPlace::Repository(name) => match name.split_once('/') {
                Some((key, slug)) => vec![key, "repos", slug],
                None => return Err(FetchError::Unaskable(name.clone(), "`KEY/slug`")),
            },
            HookPlace::Workspace => {
                let why = "Data Center has no webhooks of the whole server: choose projects";
                return Err(FetchError::Unsupported(why));
            }
        };
        let head = ["rest", "api", "latest", "projects"];
        self.ask(&[&head, home.as_slice(), &["webhooks"], more].concat(), WHAT, class)
    }
}

/// The events without those that the server named; or the error, if it named none of ours.
fn fewer(events: &[String], error: FetchError) -> Result<Vec<String>, FetchError> {
    let FetchError::NoSuchEvents { events: named, .. } = &error else { return Err(error) };
    let left: Vec<String> = events.iter().filter(|key| !named.contains(key)).cloned().collect();
    if left.is_empty() || left.len() == events.len() { Err(error) } else { Ok(left) }
}

fn body(wish: HookWish<'_>) -> serde_json::Value {
    json!({
        "name": NAME, "url": wish.url, "active": true, "events": wish.events,
        "configuration": {"secret": wish.secret.expose()}, "sslVerificationRequired": true,
    })
}
