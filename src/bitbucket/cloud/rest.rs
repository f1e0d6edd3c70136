//! Cloud's REST API 2.0: addresses and questions. The answers are read in the files below.

mod account;
mod approval;
mod commit;
mod discovery;
mod gate;
mod hooks;
mod page;
mod probes;
mod pull_request;
mod standing;
mod status;
mod step;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use arc_swap::ArcSwapOption;
use moka::sync::Cache;
use url::Url;

use crate::bitbucket::budget::Share;
use crate::bitbucket::client::CLOUD_API;
use crate::bitbucket::client::CLOUD_TOKENS;
use crate::bitbucket::client::Credential;
use crate::bitbucket::client::SettingsError;
use crate::bitbucket::client::TestServer;
use crate::bitbucket::client::Trust;
use crate::bitbucket::client::Workspace;
use crate::bitbucket::client::address;
use crate::bitbucket::client::below;
use crate::bitbucket::client::workspace;
use crate::bitbucket::cloud::audit::Organization;
use crate::bitbucket::cloud::rest::account::Account;
use crate::bitbucket::issuer::Issuer;
use crate::bitbucket::switches::Sight;
use crate::bitbucket::switches::Switches;
use crate::bitbucket::transport::Call;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Consent;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::Held;
use crate::bitbucket::transport::TokenPlace;
use crate::bitbucket::transport::Transport;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::secret::Secret;

/// Calls an hour and credential. Source: "API request limits"; only large workspaces have more.
const CALLS_PER_HOUR: u32 = 1_000;

/// Most repositories whose places are kept: the largest workspaces have fewer.
const MAX_PLACES: u64 = 200_000;

/// A client of one Cloud workspace.
#[derive(Clone)]
pub struct Cloud(Arc<Inner>, Sight);

struct Inner {
    connection: ConnectionId,
    workspace: String,
    api: Url,
    transport: Transport,
    switches: ArcSwap<Switches>,
    /// Repository → key of its project and full name, where something lies outside the scope.
    places: Cache<Id, (String, String)>,
    /// Whose audit log is read.
    organization: ArcSwapOption<Organization>,
}

impl Cloud {
    pub(crate) fn new(
        connection: ConnectionId,
        (slug, test): (&str, Option<TestServer>),
        credential: Credential,
        trust: &Trust,
    ) -> Result<Self, SettingsError> {
        let (api, tokens) = addresses(test)?;
        let held = match credential {
            Credential::OAuth { key, secret } => Held::consumer(tokens, &key, &secret)?,
            Credential::Consent { key, secret, refresh, keeper, redirect: _ } => {
                let place = TokenPlace::cloud(tokens, (&key, &secret))?;
                Held::Consent(Box::new(Consent::new(place, refresh, keeper)))
            }
            Credential::Bearer(token) => Held::bearer(&token)?,
            Credential::Basic { user, secret } => Held::basic(&user, &secret)?,
        };
        let way = (api.scheme() == "https", trust);
        let transport = Transport::new(held, way, Some(CALLS_PER_HOUR))?;
        let workspace = workspace(slug)?;
        let (switches, organization) = (ArcSwap::default(), ArcSwapOption::empty());
        let places = Cache::new(MAX_PLACES);
        let inner = Inner { connection, workspace, api, transport, switches, places, organization };
        Ok(Self(Arc::new(inner), Sight::Open))
    }

    pub(crate) fn connection(&self) -> &ConnectionId {
        &self.0.connection
    }

    /// The same, asking nothing at all if this lies outside the connection's scope.
    pub(crate) fn sees(&self, within: bool) -> Self {
        Self(Arc::clone(&self.0), Sight::of(within))
    }

    /// Discovery reads what these switch on from now on.
    pub(crate) fn switch(&self, switches: Switches) {
        self.0.switches.store(Arc::new(switches));
    }

    /// Takes note of where a repository lies. Addresses hold UUIDs: only a scope needs to know.
    pub(crate) fn remember(&self, repository: &Id, (project, name): (&str, &str)) {
        if !self.switches().scope().is_all() {
            self.0.places.insert(repository.clone(), (project.to_owned(), name.to_owned()));
        }
    }

    /// Whether anybody told where a repository lies.
    pub(crate) fn knows(&self, repository: &Id) -> bool {
        self.0.places.contains_key(repository)
    }

    /// What discovery may read beyond what it always reads.
    pub(crate) fn switches(&self) -> Arc<Switches> {
        self.0.switches.load_full()
    }

    /// Reads no audit log from now on.
    pub(crate) fn audit_nowhere(&self) {
        self.0.organization.store(None);
    }

    /// Reads this organisation's audit log from now on. A test server's stands beside its API.
    pub(crate) fn audit_from(
        &self,
        organization: &str,
        token: &Secret<String>,
        trust: &Trust,
    ) -> Result<(), SettingsError> {
        let test = Some(self.api()).filter(|api| api.as_str() != CLOUD_API);
        let organization = Organization::new(organization, token, test, trust)?;
        self.0.organization.store(Some(Arc::new(organization)));
        Ok(())
    }

    pub(crate) fn organization(&self) -> Option<Arc<Organization>> {
        self.0.organization.load_full()
    }

    pub(crate) fn issuer(&self) -> Issuer {
        Issuer::cloud(self.0.api.as_str(), &self.0.workspace)
    }

    pub(crate) fn calls(&self) -> Vec<(CallClass, u64)> {
        self.0.transport.calls()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.api.scheme() == "https"
    }

    /// GET `/user`.
    pub(crate) async fn whoami(&self, deadline: Deadline) -> Result<Option<Id>, FetchError> {
        let call = self.ask(&["user"], "the credential's own user", CallClass::Metadata)?;
        let wire: Account = self.0.transport.get(&call, deadline).await?;
        Ok(wire.id(self.connection()))
    }

    /// GET `/workspaces/{workspace}`.
    pub(crate) async fn workspace(&self, deadline: Deadline) -> Result<Workspace, FetchError> {
        let what = "the workspace";
        let call = self.ask(&["workspaces", &self.0.workspace], what, CallClass::Metadata)?;
        let wire: WireWorkspace = self.0.transport.get(&call, deadline).await?;
        let id = Id::new(self.connection(), Kind::Workspace, &wire.uuid)
            .map_err(|_| FetchError::Form { what, why: "`uuid` is not a UUID".to_owned() })?;
        Ok(Workspace { id, slug: wire.slug, name: wire.name })
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    fn slug(&self) -> &str {
        &self.0.workspace
    }

    /// Groups are told by API 1.0 alone, beside the base of 2.0.
    fn groups_url(&self) -> Result<Url, FetchError> {
        let mut base = self.0.api.clone();
        let path = base.path().trim_end_matches("2.0").to_owned();
        base.set_path(&path);
        below(&base, &["1.0", "groups", self.slug(), ""])
    }

    fn api(&self) -> &Url {
        &self.0.api
    }

    /// A question below the API's base.
    fn ask(&self, path: &[&str], what: &'static str, class: CallClass) -> Result<Call, FetchError> {
        self.1.may_ask(what)?;
        let url = below(&self.0.api, path)?;
        Ok(Call { url, what, class, share: Share::Live })
    }

    /// A repository's UUID, as addresses write it, if a live question about it may be sent: each passes here. Sends
    /// nothing.
    pub(crate) fn within(&self, repository: &Id, what: &'static str) -> Result<String, FetchError> {
        if repository.kind() != Kind::Repository || repository.connection() != *self.connection() {
            let why = "a repository of this connection";
            return Err(FetchError::Unaskable(repository.to_string(), why));
        }
        let place = self.0.places.get(repository);
        let place = place.as_ref().map(|(project, name)| (project.as_str(), name.as_str()));
        self.switches().scope().may_ask(repository, place, what)?;
        braced(repository.native())
    }

    /// A question below a repository, by UUIDs: they survive renames.
    fn ask_in(
        &self,
        repository: &Id,
        path: &[&str],
        what: &'static str,
        class: CallClass,
    ) -> Result<Call, FetchError> {
        let uuid = self.within(repository, what)?;
        let head = ["repositories", self.0.workspace.as_str(), uuid.as_str()];
        self.ask(&[&head, path].concat(), what, class)
    }
}

impl fmt::Debug for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cloud({})", self.0.connection)
    }
}

/// The API's base and where tokens are: both Atlassian's own, or both a test server's.
pub(crate) fn addresses(test: Option<TestServer>) -> Result<(Url, Url), SettingsError> {
    let Some(test) = test else { return Ok((address(CLOUD_API)?, address(CLOUD_TOKENS)?)) };
    let api = address(&test.api_url)?;
    let tokens = match test.token_url {
        Some(url) => address(&url)?,
        None => api
            .join("/site/oauth2/access_token")
            .map_err(|_| SettingsError::Address(test.api_url))?,
    };
    Ok((api, tokens))
}

/// `{uuid}`, as Cloud writes it in addresses.
fn braced(uuid: &str) -> Result<String, FetchError> {
    let bare = uuid.trim_start_matches('{').trim_end_matches('}');
    uuid::Uuid::try_parse(bare).map(|uuid| format!("{{{uuid}}}")).map_err(|_| {
        let shown = uuid.chars().take(80).flat_map(char::escape_debug).collect();
        FetchError::Unaskable(shown, "a UUID")
    })
}

#[derive(serde::Deserialize)]
struct WireWorkspace {
    uuid: String,
    slug: String,
    #[serde(default)]
    name: String,
}
