//! Which webhooks a connection needs, and their registration: the events we have words for that Bitbucket offers there,
//! a random secret for each. Nobody else's webhook is ever touched.

use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::bitbucket::Client;
use crate::bitbucket::FetchError;
use crate::bitbucket::HookPlace;
use crate::bitbucket::HookWish;
use crate::bitbucket::MadeHook;
use crate::bitbucket::SeenHook;
use crate::bitbucket::Spot;
use crate::bitbucket::client::hooks::family_scope;
use crate::bitbucket::switches::Scope;
use crate::gateway::connections::kept::Hidden;
use crate::gateway::connections::kept::KeptHook;
use crate::gateway::connections::kept::KeptSecret;
use crate::gateway::ties::AT_ONCE;
use crate::gateway::ties::CALL;
use crate::gateway::ties::TieError;
use crate::graph::Product;
use crate::secret::random;

/// Most webhooks of one connection. Each is a call to make and one to take away; a scope that needs more is better
/// served by a webhook of the workspace or of a project.
pub const MAX_HOOKS: usize = 200;

/// How often a wish is made smaller by events whose scopes are missing.
const MOST_TRIES: usize = 4;

/// What became of a webhook.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HookMade {
    /// Where it hangs.
    pub place: String,
    /// What it tells.
    pub events: Vec<String>,
    /// Events it cannot tell, with why.
    pub left_out: Vec<String>,
    /// Why there is none; null: it is registered.
    pub why: Option<String>,
}

/// Where webhooks have to hang for this scope.
pub(super) async fn places(client: &Client, scope: &[String]) -> Result<Vec<Spot>, TieError> {
    if scope.is_empty() && client.product() == Product::Cloud {
        let name = "the workspace".to_owned();
        return Ok(vec![Spot { place: HookPlace::Workspace, project: String::new(), name }]);
    }
    let all = client.spots(CALL).await?;
    let chosen = choose(&all, scope);
    if chosen.is_empty() {
        return Err(TieError::Wish(
            "the scope names no project and no repository that the credential sees".to_owned(),
        ));
    }
    if chosen.len() > MAX_HOOKS {
        return Err(TieError::Wish(format!(
            "the scope needs {} webhooks, more than the {MAX_HOOKS} of one connection: choose whole projects, or all",
            chosen.len()
        )));
    }
    Ok(chosen)
}

/// Whole projects where a project is named, single repositories where a pattern is; each repository once.
fn choose(all: &[Spot], scope: &[String]) -> Vec<Spot> {
    let projects = all.iter().filter(|spot| matches!(spot.place, HookPlace::Project(_)));
    let scope = Scope::of(scope);
    let whole = |spot: &&Spot| scope.has_project(&spot.project);
    let mut chosen: Vec<Spot> = projects.filter(whole).cloned().collect();
    let covered: Vec<String> = chosen.iter().map(|spot| spot.project.clone()).collect();
    let single = |spot: &&Spot| {
        matches!(spot.place, HookPlace::Repository(_))
            && !covered.contains(&spot.project)
            && scope.has_repository(&spot.project, &spot.name)
    };
    chosen.extend(all.iter().filter(single).cloned());
    chosen
}

/// A hook for a spot, with an id nobody can guess and a secret of its own. Bitbucket is not told yet.
pub(super) fn drawn(spot: &Spot) -> Result<KeptHook, TieError> {
    Ok(KeptHook {
        id: hex::encode(random::<16>()?),
        place: spot.place.clone(),
        name: spot.name.clone(),
        native: None,
        events: Vec::new(),
        secrets: vec![fresh_secret()?],
    })
}

/// A new secret that does not end.
pub(super) fn fresh_secret() -> Result<KeptSecret, TieError> {
    Ok(KeptSecret { text: Hidden::new(hex::encode(random::<32>()?)), ends: None })
}

/// Tells Bitbucket of every hook: makes those it does not have, puts the others right. Gives each as it is now.
pub(super) async fn register(
    hands: &Client,
    public_url: &str,
    hooks: Vec<KeptHook>,
    told: impl Fn() + Sync,
) -> Vec<(KeptHook, HookMade)> {
    let told = &told;
    let one = |hook| async move {
        let made = one(hands, public_url, hook).await;
        told();
        made
    };
    let all: Vec<_> = hooks.into_iter().map(one).collect();
    futures_util::stream::iter(all).buffered(AT_ONCE).collect().await
}

async fn one(hands: &Client, public_url: &str, mut hook: KeptHook) -> (KeptHook, HookMade) {
    let (place, mut left_out) = (hook.name.clone(), Vec::new());
    match told(hands, public_url, &hook, &mut left_out).await {
        Ok(made) => {
            hook.native = Some(made.native);
            hook.events.clone_from(&made.events);
            (hook, HookMade { place, events: made.events, left_out, why: None })
        }
        Err(error) => {
            let why = Some(error.to_string());
            (hook, HookMade { place, events: Vec::new(), left_out, why })
        }
    }
}

/// Makes the hook or puts it right, without the events whose scope is missing.
async fn told(
    hands: &Client,
    public_url: &str,
    hook: &KeptHook,
    left_out: &mut Vec<String>,
) -> Result<MadeHook, FetchError> {
    let url = address(public_url, &hook.id);
    let there = hands.hooks(&hook.place, CALL).await?;
    let native = there.into_iter().find(|seen| is(hook, &url, seen)).map(|seen| seen.native);
    let mut events = hands.events_for(&hook.place, CALL).await?;
    let Some(secret) = hook.secrets.last().map(|secret| secret.text.secret()) else {
        return Err(FetchError::Unsupported("the hook has no secret"));
    };
    let mut tries = 0;
    loop {
        let wish = HookWish { url: &url, events: &events, secret: &secret };
        let made = match &native {
            Some(native) => hands.set_hook((&hook.place, native), wish, CALL).await,
            None => hands.add_hook(&hook.place, wish, CALL).await,
        };
        let error = match made {
            Ok(made) => {
                let unknown = events.iter().filter(|event| !made.events.contains(event));
                left_out.extend(
                    unknown.map(|event| format!("{event}: this Bitbucket does not know it")),
                );
                return Ok(made);
            }
            Err(error) => error,
        };
        tries += 1;
        let fewer = without_missing(&events, &error);
        if fewer.is_empty() || fewer.len() == events.len() || tries == MOST_TRIES {
            return Err(error);
        }
        let gone = events.iter().filter(|event| !fewer.contains(event));
        left_out.extend(
            gone.map(|event| format!("{event}: the credential lacks `{}`", family_scope(event))),
        );
        events = fewer;
    }
}

/// The events that need none of the scopes that Bitbucket named as missing.
fn without_missing(events: &[String], error: &FetchError) -> Vec<String> {
    let FetchError::Forbidden { scopes, .. } = error else { return events.to_vec() };
    let missing = |event: &String| {
        let scope = family_scope(event);
        scopes.iter().any(|named| named == scope || *named == format!("read:{scope}:bitbucket"))
    };
    events.iter().filter(|event| !missing(event)).cloned().collect()
}

/// Whether it is this hook: by where it delivers to, or by its id if somebody turned it elsewhere.
pub(super) fn is(hook: &KeptHook, url: &str, seen: &SeenHook) -> bool {
    seen.url == url || hook.native.as_ref().is_some_and(|native| *native == seen.native)
}

/// Where a hook delivers to.
pub(super) fn address(public_url: &str, hook: &str) -> String {
    format!("{public_url}/hooks/{hook}")
}

/// Finds a hook of ours at Bitbucket by its address, where its id there was never heard, and takes it away. False: it
/// was not there.
pub(super) async fn remove(
    hands: &Client,
    public_url: &str,
    hook: &KeptHook,
) -> Result<bool, FetchError> {
    let url = address(public_url, &hook.id);
    let there = hands.hooks(&hook.place, CALL).await?;
    let Some(found) = there.into_iter().find(|seen| is(hook, &url, seen)) else {
        return Ok(false);
    };
    hands.remove_hook(&hook.place, &found.native, CALL).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(key: &str) -> Spot {
        Spot {
            place: HookPlace::Project(key.to_owned()),
            project: key.to_owned(),
            name: key.to_owned(),
        }
    }

    fn repository(project: &str, name: &str) -> Spot {
        Spot {
            place: HookPlace::Repository(name.to_owned()),
            project: project.to_owned(),
            name: name.to_owned(),
        }
    }

    fn names(all: &[Spot], scope: &[&str]) -> Vec<String> {
        let scope: Vec<String> = scope.iter().map(|&one| one.to_owned()).collect();
        choose(all, &scope).into_iter().map(|spot| spot.name).collect()
    }

    #[test]
    fn a_project_is_taken_whole_and_a_pattern_names_repositories() {
        let all = [
            project("PAY"),
            project("OPS"),
            repository("PAY", "PAY/ledger"),
            repository("PAY", "PAY/web"),
            repository("OPS", "OPS/dns"),
        ];
        assert_eq!(names(&all, &[]), ["PAY", "OPS"]);
        assert_eq!(names(&all, &["PAY"]), ["PAY"]);
        assert_eq!(names(&all, &["pay/*"]), ["PAY"]);
        assert_eq!(names(&all, &["PAY/led*"]), ["PAY/ledger"]);
        assert_eq!(names(&all, &["OPS", "PAY/web"]), ["OPS", "PAY/web"]);
        assert_eq!(names(&all, &["PAY", "PAY/web"]), ["PAY"], "covered by its project");
        assert!(names(&all, &["NO/*"]).is_empty());
    }

    #[test]
    fn on_cloud_a_project_is_its_repositories() {
        let all = [repository("BILL", "acme/billing"), repository("TOOL", "acme/tools")];
        assert_eq!(names(&all, &["BILL"]), ["acme/billing"]);
        assert_eq!(names(&all, &["acme/t*"]), ["acme/tools"]);
    }
}
