//! How webhooks stand: registered, switched on, signed, heard.

use std::collections::BTreeMap;

use crate::bitbucket::Client;
use crate::bitbucket::FetchError;
use crate::bitbucket::HookPlace;
use crate::bitbucket::SeenHook;
use crate::bitbucket::Spot;
use crate::bitbucket::client::hooks::wanted;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::connections::kept::Kept;
use crate::gateway::connections::kept::KeptHook;
use crate::gateway::ties::CALL;
use crate::gateway::ties::doctor::Area;
use crate::gateway::ties::doctor::Looker;
use crate::gateway::ties::registering::address;
use crate::gateway::ties::registering::is;
use crate::graph::Product;
use crate::graph::Time;
use crate::store::Heard;

/// Most places where a webhook of the configuration file is looked for: each is a call.
const MAX_PLACES: usize = 50;

/// How long a delivery may be on its way before it counts as one that did not arrive, milliseconds.
const ON_ITS_WAY: u64 = 60_000;

/// The remedy for whatever is wrong with a webhook of ours.
const RENEW: &str = "`portcullis connect ID --rotate` registers it again, with a new secret";

const DEAF_REMEDY: &str = "look at the webhook's history in Bitbucket, make this gate's public address reachable from there, then use its \"Test connection\"";

impl Gateway {
    /// Hooks that were registered here: their places are known.
    pub(super) async fn kept_hooks(
        &self,
        look: &mut Looker<'_>,
        (connection, kept): (&Connection, &Kept),
        heard: &Heard,
    ) {
        let hands = match self.hands(&connection.id, kept) {
            Ok(hands) => hands,
            Err(error) => {
                look.unknown((Area::Webhook, ""), format!("none could be looked at: {error}"));
                return;
            }
        };
        match self.missing_hooks(&connection.id, kept).await {
            Ok(missing) => {
                for spot in missing {
                    let said = "no webhook of ours hangs there: nothing is told from there";
                    look.wrong((Area::Webhook, &spot.name), said, RENEW);
                }
            }
            Err(error) => {
                let said = format!("whether one is missing could not be found out: {error}");
                look.unknown((Area::Webhook, "missing"), said);
            }
        }
        if kept.hooks.is_empty() {
            look.unknown(
                (Area::Webhook, ""),
                "none is registered: changes are only seen when read",
            );
        }
        let mut lists: BTreeMap<HookPlace, Result<Vec<SeenHook>, FetchError>> = BTreeMap::new();
        for hook in &kept.hooks {
            if !lists.contains_key(&hook.place) {
                let list = hands.hooks(&hook.place, CALL).await;
                lists.insert(hook.place.clone(), list);
            }
            let Some(list) = lists.get(&hook.place) else { continue };
            let at = (Area::Webhook, hook.name.as_str());
            let url = address(&self.public_url, &hook.id);
            let seen = match list {
                Ok(list) => list.iter().find(|seen| is(hook, &url, seen)),
                Err(error) => {
                    look.unknown(at, error.to_string());
                    continue;
                }
            };
            let Some(seen) = seen else {
                look.wrong(at, "it is not registered any more: nothing is told from there", RENEW);
                continue;
            };
            let ails = ails(connection.product, hook, &url, seen);
            for (said, remedy) in &ails {
                look.wrong(at, *said, *remedy);
            }
            let spoke = last_heard(connection, &hook.id, heard);
            let deaf = self.deaf(&hands, (hook, seen), spoke).await;
            if let Some(said) = &deaf {
                look.wrong(at, said, DEAF_REMEDY);
            }
            if ails.is_empty() && deaf.is_none() {
                silence(look, connection, (&hook.name, &hook.id), (self.clock.now(), spoke));
            }
        }
    }

    /// Data Center remembers its last delivery: one that failed, or that never came here, is a breaker's beginning.
    async fn deaf(
        &self,
        hands: &Client,
        (hook, seen): (&KeptHook, &SeenHook),
        last: Option<Time>,
    ) -> Option<String> {
        let told = hands.last_delivery(&hook.place, &seen.native, CALL).await.ok().flatten()?;
        let at = told.at.map(|at| format!(" at {at}")).unwrap_or_default();
        if !told.taken {
            return Some(format!(
                "its last delivery{at} failed: after five failures in a row Data Center skips us, for 10 seconds at first and up to 10 hours"
            ));
        }
        let missed = told.at.is_some_and(|at| {
            self.clock.now().since(at) > ON_ITS_WAY
                && last.is_none_or(|last| at.since(last) > ON_ITS_WAY)
        });
        missed.then(|| {
            format!("Data Center says that a delivery{at} was taken, and none came here: another program may answer at that address")
        })
    }

    /// Hooks of the configuration file: where they hang is not known here, so it is looked for.
    pub(super) async fn configured_hooks(
        &self,
        look: &mut Looker<'_>,
        (connection, client): (&Connection, &Client),
        heard: &Heard,
    ) {
        let mut seen = Vec::new();
        let (places, mut whole) = places(client).await;
        for place in places {
            match client.hooks(&place, CALL).await {
                Ok(list) => seen.extend(list),
                Err(_) => whole = false,
            }
        }
        for hook in &connection.hooks {
            let letters: String = hook.id().as_str().chars().take(4).collect();
            let name = format!("hook {letters}…");
            let at = (Area::Webhook, name.as_str());
            let url = address(&self.public_url, hook.id().as_str());
            let Some(found) = seen.iter().find(|seen| seen.url == url) else {
                let said = "it is configured, and no webhook that the credential sees delivers to its address";
                let remedy = "register it at Bitbucket with the address `[public] url`/hooks/ID, or let `portcullis connect` do it";
                if whole {
                    look.wrong(at, said, remedy);
                } else {
                    look.unknown(at, said);
                }
                continue;
            };
            let ails = switched(found);
            for (said, remedy) in &ails {
                look.wrong(at, *said, *remedy);
            }
            if ails.is_empty() {
                let last = last_heard(connection, hook.id().as_str(), heard);
                silence(look, connection, (&name, hook.id().as_str()), (self.clock.now(), last));
            }
        }
    }
}

/// What is wrong with a hook as it stands at Bitbucket.
fn ails(
    product: Product,
    hook: &KeptHook,
    url: &str,
    seen: &SeenHook,
) -> Vec<(&'static str, &'static str)> {
    let mut ails = switched(seen);
    if seen.url != url {
        ails.push(("it delivers to another address than ours", RENEW));
    }
    let known = wanted(product, &hook.place);
    let less =
        hook.events.iter().any(|event| known.contains(event) && !seen.events.contains(event));
    if less {
        ails.push(("it tells less than it was registered for", RENEW));
    }
    let open = hook.secrets.iter().filter(|secret| secret.ends.is_none()).count();
    if open > 1 {
        ails.push((
            "Bitbucket did not confirm its new secret: both are accepted until it does",
            RENEW,
        ));
    }
    ails
}

fn switched(seen: &SeenHook) -> Vec<(&'static str, &'static str)> {
    let mut ails = Vec::new();
    if seen.active == Some(false) {
        ails.push(("it is switched off at Bitbucket", RENEW));
    }
    if seen.secret_set == Some(false) {
        ails.push(("it has no secret at Bitbucket: its deliveries are refused here", RENEW));
    }
    if seen.verifies_tls == Some(false) {
        ails.push(("it does not look at our certificate", RENEW));
    }
    ails
}

fn silence(
    look: &mut Looker<'_>,
    connection: &Connection,
    (name, id): (&str, &str),
    (now, last): (Time, Option<Time>),
) {
    let at = (Area::Webhook, name);
    let hook = connection.hooks.iter().find(|hook| hook.id().as_str() == id);
    let heard = match last {
        Some(last) => format!("last heard at {last}"),
        None => "never heard yet".to_owned(),
    };
    if hook.is_some_and(|hook| hook.is_silent(now)) {
        let said =
            format!("registered and switched on, and silent for longer than it may: {heard}");
        look.wrong(
            at,
            said,
            "look at the webhook's history in Bitbucket: what became of its deliveries?",
        );
    } else {
        look.ok(at, format!("registered, switched on, with a secret; {heard}"));
    }
}

fn last_heard(connection: &Connection, id: &str, heard: &Heard) -> Option<Time> {
    let hook = connection.hooks.iter().find(|hook| hook.id().as_str() == id)?;
    heard.last.get(hook.id()).copied().max(hook.spoke())
}

/// Where a webhook of the configuration file may hang, and whether those are all places. It is not looked for outside the
/// scope.
async fn places(client: &Client) -> (Vec<HookPlace>, bool) {
    let (spots, scope) = (client.spots(CALL).await, client.scope());
    let told = spots.is_ok();
    let workspace = (client.product() == Product::Cloud).then_some(HookPlace::Workspace);
    let within = |spot: &Spot| match spot.place {
        HookPlace::Repository(_) => scope.has_repository(&spot.project, &spot.name),
        HookPlace::Project(_) | HookPlace::Workspace => scope.has_project(&spot.project),
    };
    let spots = spots.unwrap_or_default().into_iter().filter(within).map(|spot| spot.place);
    let mut places: Vec<HookPlace> = workspace.into_iter().chain(spots).collect();
    let whole = told && scope.is_all() && places.len() <= MAX_PLACES;
    places.truncate(MAX_PLACES);
    (places, whole)
}
