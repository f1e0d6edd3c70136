//! The doctor: looks at everything a connection lives by, and says of each what to do. It asks, and changes nothing.

mod webhooks;

use futures_util::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::bitbucket::Client;
use crate::bitbucket::FetchError;
use crate::bitbucket::HookPlace;
use crate::bitbucket::Spot;
use crate::bitbucket::scopes::Edition;
use crate::bitbucket::scopes::Profile;
use crate::bitbucket::switches::Scope as Reached;
use crate::gateway::Gateway;
use crate::gateway::connections::Connection;
use crate::gateway::connections::kept::Kept;
use crate::gateway::readiness::MOST_OFFSET;
use crate::gateway::ties::AT_ONCE;
use crate::gateway::ties::CALL;
use crate::gateway::ties::TieError;
use crate::gateway::ties::probing::ScopeSeen;
use crate::gateway::ties::probing::ScopeState;
use crate::gateway::ties::probing::scopes_of;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::store::Heard;
use crate::words;

/// The part of an hour's calls from which on a budget counts as used up.
const NEARLY_USED: f64 = 0.95;

words! {
    /// What was found.
    pub enum Health {
        /// As it should be.
        Ok = "ok",
        /// Not as it should be.
        Wrong = "wrong",
        /// It could not be found out.
        Unknown = "unknown",
    }
}

words! {
    /// What was looked at.
    pub enum Area {
        /// Whether Bitbucket takes the credential.
        Credential = "credential",
        /// What the credential may.
        Scope = "scope",
        /// What lies within the connection's scope.
        Reach = "reach",
        /// Whether a webhook is as it should be.
        Webhook = "webhook",
        /// Whether clocks agree.
        Clock = "clock",
        /// How much may still be asked.
        Limits = "limits",
        /// Whether what is said is encrypted.
        Tls = "tls",
        /// Which release it is.
        Version = "version",
        /// Whether the gate can do its work.
        Gate = "gate",
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "DoctorFinding")]
pub struct Finding {
    /// The connection; null: the gate itself.
    pub connection: Option<ConnectionId>,
    /// What was looked at.
    pub area: Area,
    /// Which one of them, where there are several.
    pub what: String,
    /// What was found.
    pub health: Health,
    /// In a sentence.
    pub said: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

struct Looker<'a> {
    connection: Option<&'a ConnectionId>,
    found: Vec<Finding>,
}

impl Looker<'_> {
    fn add(
        &mut self,
        (area, what): (Area, &str),
        health: Health,
        said: impl Into<String>,
        remedy: Option<String>,
    ) {
        self.found.push(Finding {
            connection: self.connection.cloned(),
            area,
            what: what.to_owned(),
            health,
            said: said.into(),
            remedy,
        });
    }

    fn ok(&mut self, at: (Area, &str), said: impl Into<String>) {
        self.add(at, Health::Ok, said, None);
    }

    fn wrong(&mut self, at: (Area, &str), said: impl Into<String>, remedy: impl Into<String>) {
        let remedy: String = remedy.into();
        let id = self.connection.map_or("ID", ConnectionId::as_str);
        let remedy = remedy.replace("connect ID", &format!("connect {id}"));
        self.add(at, Health::Wrong, said, Some(remedy));
    }

    fn unknown(&mut self, at: (Area, &str), said: impl Into<String>) {
        self.add(at, Health::Unknown, said, None);
    }
}

impl Gateway {
    /// Looks at one connection, or at all of them and the gate itself.
    pub async fn examine(&self, only: Option<&ConnectionId>) -> Result<Vec<Finding>, TieError> {
        if let Some(id) = only.filter(|id| self.connections.get(id).is_none()) {
            return Err(TieError::None(id.clone()));
        }
        let heard = self.store.heard().await?;
        let mut found = if only.is_none() { self.examine_gate().await } else { Vec::new() };
        let chosen = self.connections.iter().filter(|one| only.is_none_or(|id| one.id == *id));
        let heard = &heard;
        let look = |connection: std::sync::Arc<Connection>| async move {
            self.examine_one(&connection, heard).await
        };
        // All of them first: a lazy iterator over futures is no `Send`.
        let looked: Vec<_> = chosen.map(look).collect();
        let all: Vec<Vec<Finding>> =
            futures_util::stream::iter(looked).buffered(AT_ONCE).collect().await;
        found.extend(all.into_iter().flatten());
        Ok(found)
    }

    async fn examine_gate(&self) -> Vec<Finding> {
        let mut look = Looker { connection: None, found: Vec::new() };
        let readiness = self.readiness().await;
        if readiness.ready {
            look.ok((Area::Gate, "readiness"), "ready");
        }
        for reason in readiness.reasons {
            look.wrong((Area::Gate, "readiness"), reason, "see docs/operate.md, \"Is it well?\"");
        }
        let offset = self.clock.offset();
        if offset > MOST_OFFSET {
            let said = format!(
                "the machine's clock was set by {} s: tokens and grants live by it",
                offset.as_secs()
            );
            look.wrong((Area::Clock, "this machine"), said, "repair the machine's time service");
        } else {
            look.ok((Area::Clock, "this machine"), "the machine's clock was not set");
        }
        let url = &self.public_url;
        if url.starts_with("https://") {
            look.ok(
                (Area::Tls, "public address"),
                format!("{url}: webhooks and tokens come encrypted"),
            );
        } else {
            let said = format!("{url} is not https: only a Bitbucket on this machine can use it");
            look.unknown((Area::Tls, "public address"), said);
        }
        look.found
    }

    async fn examine_one(&self, connection: &Connection, heard: &Heard) -> Vec<Finding> {
        let mut look = Looker { connection: Some(&connection.id), found: Vec::new() };
        let Some(client) = &connection.client else {
            look.unknown(
                (Area::Credential, ""),
                "no credential: only what webhooks and tokens tell is known",
            );
            return look.found;
        };
        let kept = self.ties.get(&connection.id);
        tls(&mut look, client);
        if !credential(&mut look, client).await {
            return look.found;
        }
        version(&mut look, client).await;
        self.clocks(&mut look, client).await;
        limits(&mut look, client);
        reach(&mut look, client).await;
        let mut scopes = scopes_of(client).await;
        self.count_unknown(connection, &mut scopes);
        for seen in &scopes {
            scope(&mut look, kept.as_deref(), seen);
        }
        match &kept {
            Some(kept) => self.kept_hooks(&mut look, (connection, kept), heard).await,
            None => self.configured_hooks(&mut look, (connection, client), heard).await,
        }
        look.found
    }

    async fn clocks(&self, look: &mut Looker<'_>, client: &Client) {
        let at = (Area::Clock, "Bitbucket");
        match client.time(CALL).await {
            Ok(Some(there)) => {
                let here = self.clock.now();
                let apart = here.since(there).max(there.since(here));
                if u128::from(apart) > MOST_OFFSET.as_millis() {
                    let said = format!(
                        "its clock and ours are {} s apart: step tokens and times of events are judged by ours",
                        apart / 1_000
                    );
                    look.wrong(at, said, "repair the time service of whichever machine is wrong");
                } else {
                    look.ok(at, format!("its clock and ours are {} s apart", apart / 1_000));
                }
            }
            Ok(None) => look.unknown(at, "it does not tell its time"),
            Err(error) => look.unknown(at, error.to_string()),
        }
    }
}

const UNREACHABLE: &str =
    "check address, network and certificate; a private CA is given with `--ca`";

const RENEWED: &str = "if it has ended or was revoked, make a new one: connect with it under another id, or change it in the configuration file";

const RESPELT: &str = "write it as Bitbucket does: in the configuration file, or by connecting under another id with the right `--scope`";

const LIMITED: &str =
    "wait, or use a credential of its own for this gate: others may use up the same budget";

fn tls(look: &mut Looker<'_>, client: &Client) {
    if client.is_encrypted() {
        look.ok((Area::Tls, "to Bitbucket"), "https; its certificate is verified on every call");
    } else {
        look.ok((Area::Tls, "to Bitbucket"), "http on this machine: a test server");
    }
}

/// Whether Bitbucket takes it; nothing else can be found out without.
async fn credential(look: &mut Looker<'_>, client: &Client) -> bool {
    let at = (Area::Credential, "");
    let own = match client.workspace(CALL).await {
        Ok(workspace) => client.whoami(CALL).await.map(|own| (workspace.name, own)),
        Err(error) => Err(error),
    };
    match own {
        Ok((_, None)) if client.product() == Product::DataCenter => {
            let said = "Data Center ignores the credential: it answers as to a stranger";
            look.wrong(at, said, "give a new one: `portcullis disconnect`, then `portcullis connect` under another id");
            false
        }
        Ok((name, _)) => {
            look.ok(at, format!("it is taken by {name}"));
            true
        }
        // A token without `account` has no right to know itself, and may do all the rest. One of a project or repository
        // acts as a user that no list names.
        Err(
            FetchError::Forbidden { what: "the credential's own user", .. } | FetchError::Unlisted,
        ) => {
            look.ok(at, "it is taken; who it acts as is not told");
            true
        }
        Err(error @ FetchError::Limited { .. }) => {
            look.wrong((Area::Limits, "calls"), error.to_string(), LIMITED);
            false
        }
        Err(error @ FetchError::Unreachable) => {
            look.wrong(at, error.to_string(), UNREACHABLE);
            false
        }
        // Whether the credential is good was not said: an outage, or an answer that came too late.
        Err(error) if error.may_pass() => {
            look.unknown(at, error.to_string());
            false
        }
        Err(error) => {
            look.wrong(at, error.to_string(), RENEWED);
            false
        }
    }
}

/// What lies within the scope, where there is one. A text that names nothing is most often a misspelt one, and what it was
/// meant for is not looked at.
async fn reach(look: &mut Looker<'_>, client: &Client) {
    let scope = client.scope();
    if scope.is_all() {
        return;
    }
    let spots = match client.spots(CALL).await {
        Ok(spots) => spots,
        Err(error) => {
            let said = format!("what lies within the scope could not be found out: {error}");
            return look.unknown((Area::Reach, ""), said);
        }
    };
    let has = |scope: &Reached, spot: &Spot| scope.has_repository(&spot.project, &spot.name);
    for named in scope.named() {
        let alone = Reached::of(std::slice::from_ref(named));
        if !spots.iter().any(|spot| has(&alone, spot)) {
            let said = "the scope names it, and the credential sees no project and no repository of that name";
            look.wrong((Area::Reach, named), said, RESPELT);
        }
    }
    let is_repository = |spot: &&Spot| matches!(spot.place, HookPlace::Repository(_));
    let all: Vec<&Spot> = spots.iter().filter(is_repository).collect();
    let within = all.iter().filter(|spot| has(&scope, spot)).count();
    let said = format!(
        "the scope is {}: {within} of {} repositories; nothing is asked of the others, and nothing written there",
        scope.named().join(", "),
        all.len()
    );
    look.ok((Area::Reach, ""), said);
}

async fn version(look: &mut Looker<'_>, client: &Client) {
    let at = (Area::Version, "");
    match client.version(CALL).await {
        Ok(None) => {}
        Ok(Some(version)) => {
            let edition = Edition::of(&version);
            match edition {
                Edition::Tried => look.ok(at, edition.said(&version)),
                Edition::Untried => look.unknown(at, edition.said(&version)),
                Edition::Server => {
                    look.wrong(at, edition.said(&version), "move to Data Center or Cloud");
                }
            }
        }
        Err(error) => look.unknown(at, error.to_string()),
    }
}

fn limits(look: &mut Looker<'_>, client: &Client) {
    let at = (Area::Limits, "calls");
    let throttled = client.throttled();
    if !throttled.is_zero() {
        let said = format!("Bitbucket has answered 429 for {} s", throttled.as_secs());
        look.wrong(at, said, LIMITED);
        return;
    }
    let Some(all) = client.budget_now().per_hour else {
        look.ok(at, "Bitbucket tells no limit, and none was met");
        return;
    };
    let used: f64 = client.budget_used().iter().sum();
    let said =
        format!("{:.0} of {all} calls were used within the last hour", used * f64::from(all));
    if used > NEARLY_USED {
        look.wrong(
            at,
            said,
            "live checks may have to wait: `portcullis sync` says what would raise the budget",
        );
    } else {
        look.ok(at, said);
    }
}

/// One that the profile wants and that is not there is wrong; what the profile leaves out stays unknown on purpose.
fn scope(look: &mut Looker<'_>, kept: Option<&Kept>, seen: &ScopeSeen) {
    let at = (Area::Scope, seen.scope);
    let stays = format!("unknown without it: {}", seen.feeds.join(", "));
    let counted = match seen.unknown_facts {
        0 => String::new(),
        facts => format!("; {facts} facts of the last reading"),
    };
    let why = seen.why.clone().unwrap_or_default();
    // The configuration file has no profile: what only `full` has may be left out on purpose there.
    let profile = kept.map_or(Profile::Observe, |kept| kept.profile);
    match seen.state {
        ScopeState::Works => look.ok(at, format!("there: {}", seen.grants)),
        ScopeState::Missing | ScopeState::Refused if seen.profile > profile => {
            let said = format!("not there, as the profile `{profile}` wants; {stays}{counted}");
            look.ok(at, said);
        }
        ScopeState::Missing | ScopeState::Refused => {
            let remedy = if seen.state == ScopeState::Missing {
                format!("give the credential `{}`", seen.scope)
            } else {
                "give the identity behind the credential the role for it".to_owned()
            };
            look.wrong(at, format!("{why}; {stays}{counted}"), remedy);
        }
        ScopeState::Unknown => look.unknown(at, format!("{why}; {stays}")),
    }
}
