//! Data Center's REST API: addresses and questions. Repositories are known to it by project key and slug alone, which
//! change; ours are numbers. What a number is called now is told by webhooks and discovery.

mod commit;
mod discovery;
mod hooks;
mod page;
mod probes;
mod pull_request;
mod standing;
mod status;

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use arc_swap::ArcSwap;
use arc_swap::ArcSwapOption;
use moka::sync::Cache;
use url::Url;

use crate::bitbucket::audit::AuditKind;
use crate::bitbucket::budget::Share;
use crate::bitbucket::client::Credential;
use crate::bitbucket::client::SettingsError;
use crate::bitbucket::client::Trust;
use crate::bitbucket::client::Workspace;
use crate::bitbucket::client::address;
use crate::bitbucket::client::below;
use crate::bitbucket::datacenter::database::Database;
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

/// Where an incoming link gets its tokens (OAuth 2.0, since 7.21).
pub(crate) const TOKENS: [&str; 4] = ["rest", "oauth2", "latest", "token"];

/// Where a token is given back, if that is there: Atlassian documents no such place.
pub(crate) const REVOKE: [&str; 4] = ["rest", "oauth2", "latest", "revoke"];

/// Most repositories whose names are kept: the largest estates have half as many.
const MAX_NAMES: u64 = 200_000;

/// How long a repository's number is believed for its name. Without an end, a name given to another repository would
/// be taken for the first one's for ever.
const NAME_HOLDS: Duration = Duration::from_mins(5);

/// A client of one Data Center.
#[derive(Clone)]
pub struct DataCenter(Arc<Inner>, Sight);

struct Inner {
    connection: ConnectionId,
    base: Url,
    transport: Transport,
    /// Repository → project key and slug.
    names: Cache<Id, (String, String)>,
    /// `KEY/slug` → number, as read a moment ago.
    numbers: Cache<String, String>,
    /// What discovery reads instead of REST.
    database: OnceLock<Database>,
    switches: ArcSwap<Switches>,
    /// Where the audit log is read.
    audit: ArcSwapOption<AuditKind>,
}

#[derive(serde::Deserialize)]
struct User {
    id: Option<u64>,
    name: String,
}

impl DataCenter {
    /// Where its pages are.
    pub(crate) fn pages(&self) -> &str {
        self.0.base.as_str()
    }

    pub(crate) fn new(
        connection: ConnectionId,
        base_url: &str,
        credential: Credential,
        trust: &Trust,
    ) -> Result<Self, SettingsError> {
        let base = address(base_url)?;
        let held = match credential {
            Credential::OAuth { .. } => return Err(SettingsError::Consumer),
            Credential::Consent { key, secret, refresh, keeper, redirect } => {
                let url = below(&base, &TOKENS)
                    .map_err(|_| SettingsError::Address(base_url.to_owned()))?;
                let place = TokenPlace::datacenter(url, (&key, &secret), &redirect);
                Held::Consent(Box::new(Consent::new(place, refresh, keeper)))
            }
            Credential::Bearer(token) => Held::bearer(&token)?,
            Credential::Basic { user, secret } => Held::basic(&user, &secret)?,
        };
        let transport = Transport::new(held, (base.scheme() == "https", trust), None)?;
        let names = Cache::new(MAX_NAMES);
        let numbers = Cache::builder().max_capacity(MAX_NAMES).time_to_live(NAME_HOLDS).build();
        let (database, switches, audit) =
            (OnceLock::new(), ArcSwap::default(), ArcSwapOption::empty());
        let inner =
            Inner { connection, base, transport, names, numbers, database, switches, audit };
        Ok(Self(Arc::new(inner), Sight::Open))
    }

    pub(crate) fn connection(&self) -> &ConnectionId {
        &self.0.connection
    }

    pub(crate) fn calls(&self) -> Vec<(CallClass, u64)> {
        self.0.transport.calls()
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.base.scheme() == "https"
    }

    /// The same, asking nothing at all if this lies outside the connection's scope.
    pub(crate) fn sees(&self, within: bool) -> Self {
        Self(Arc::clone(&self.0), Sight::of(within))
    }

    /// Discovery reads what these switch on from now on.
    pub(crate) fn switch(&self, switches: Switches) {
        self.0.switches.store(Arc::new(switches));
    }

    /// What discovery may read beyond what it always reads.
    pub(crate) fn switches(&self) -> Arc<Switches> {
        self.0.switches.load_full()
    }

    /// Discovery reads this database from now on; the first to be named stays.
    pub(crate) fn discover_from(&self, database: Database) {
        let _ = self.0.database.set(database);
    }

    /// Reads the audit log there from now on; none: nowhere.
    pub(crate) fn audit_from(&self, kind: Option<AuditKind>) {
        self.0.audit.store(kind.map(Arc::new));
    }

    pub(crate) fn audit(&self) -> Option<Arc<AuditKind>> {
        self.0.audit.load_full()
    }

    /// Whether anybody told what a repository is called.
    pub(crate) fn knows(&self, repository: &Id) -> bool {
        self.0.names.contains_key(repository)
    }

    /// Project key and slug as far as anybody told, if a live question about the repository may be sent: each passes here.
    /// Sends nothing.
    pub(crate) fn within(
        &self,
        repository: &Id,
        what: &'static str,
    ) -> Result<(String, String), FetchError> {
        let known = self.0.names.get(repository);
        let (key, slug) = known.ok_or_else(|| FetchError::Unaddressed(repository.clone()))?;
        let name = format!("{key}/{slug}");
        self.switches().scope().may_ask(repository, Some((&key, &name)), what)?;
        Ok((key, slug))
    }

    /// Takes note of `PROJECT/slug`; another text is passed over.
    pub(crate) fn remember(&self, repository: &Id, name: &str) {
        if let Some((key, slug)) = name.split_once('/')
            && !key.is_empty()
            && !slug.is_empty()
            && !slug.contains('/')
        {
            self.0.names.insert(repository.clone(), (key.to_owned(), slug.to_owned()));
        }
    }

    /// `X-AUSERNAME` of any answer, looked up. An answer without one was given to nobody: Data Center does not refuse
    /// a credential it ignores. A name that no list has is somebody all the same: [`FetchError::Unlisted`].
    pub(crate) async fn whoami(&self, deadline: Deadline) -> Result<Option<Id>, FetchError> {
        let what = "the credential's own user";
        let path = ["rest", "api", "latest", "application-properties"];
        let call = self.ask(&path, what, CallClass::Metadata)?;
        let Some(told) = self.transport().read(&call, deadline).await?.user else {
            return Ok(None);
        };
        let name = url::form_urlencoded::parse(format!("n={told}").as_bytes())
            .next()
            .map(|(_, name)| name.into_owned())
            .unwrap_or_default();
        let mut call = self.ask(&["rest", "api", "latest", "users"], what, CallClass::Metadata)?;
        call.url.query_pairs_mut().append_pair("filter", &name);
        let users: Vec<User> = self.list(call, deadline).await?;
        let own = users.into_iter().find(|user| user.name == name).and_then(|user| user.id);
        own.and_then(|id| self.user(id)).map(Some).ok_or(FetchError::Unlisted)
    }

    /// The whole of it. Asked for its state, so that a wrong address is noticed.
    pub(crate) async fn workspace(&self, deadline: Deadline) -> Result<Workspace, FetchError> {
        let what = "the server";
        let path = ["rest", "api", "latest", "application-properties"];
        let call = self.ask(&path, what, CallClass::Metadata)?;
        let _: Properties = self.transport().get(&call, deadline).await?;
        let id = Id::new(self.connection(), Kind::Workspace, "server")
            .map_err(|_| FetchError::Unaskable("server".to_owned(), "an id"))?;
        let name = self.host().to_owned();
        Ok(Workspace { id, slug: String::new(), name })
    }

    fn host(&self) -> &str {
        self.0.base.host_str().unwrap_or_default()
    }

    /// Project key and slug of a repository. A name may be another repository's tomorrow, and an answer about that one
    /// would be believed: so the number behind the name is read first, and believed for five minutes.
    async fn home(
        &self,
        (repository, what): (&Id, &'static str),
        deadline: Deadline,
    ) -> Result<(String, String), FetchError> {
        let (key, slug) = self.within(repository, what)?;
        let name = format!("{key}/{slug}");
        let number = match self.0.numbers.get(&name) {
            Some(number) => number,
            None => self.number(&key, &slug, deadline).await?,
        };
        if number != repository.native() {
            return Err(FetchError::Moved(repository.clone()));
        }
        self.0.numbers.insert(name, number);
        Ok((key, slug))
    }

    /// GET `projects/{key}/repos/{slug}`.
    async fn number(
        &self,
        key: &str,
        slug: &str,
        deadline: Deadline,
    ) -> Result<String, FetchError> {
        let path = ["rest", "api", "latest", "projects", key, "repos", slug];
        let call = self.ask(&path, "the repository", CallClass::Metadata)?;
        let wire: Numbered = self.transport().get(&call, deadline).await?;
        Ok(wire.id.to_string())
    }

    fn user(&self, id: u64) -> Option<Id> {
        Id::new(self.connection(), Kind::User, &id.to_string()).ok()
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }

    pub(crate) fn ask(
        &self,
        path: &[&str],
        what: &'static str,
        class: CallClass,
    ) -> Result<Call, FetchError> {
        self.1.may_ask(what)?;
        Ok(Call { url: below(&self.0.base, path)?, what, class, share: Share::Live })
    }

    /// A question below a repository, in one of the REST plugins.
    async fn ask_in(
        &self,
        (plugin, repository): (&str, &Id),
        path: &[&str],
        what: &'static str,
        class: CallClass,
        deadline: Deadline,
    ) -> Result<Call, FetchError> {
        let (key, slug) = self.home((repository, what), deadline).await?;
        let head = ["rest", plugin, "latest", "projects", key.as_str(), "repos", slug.as_str()];
        self.ask(&[&head, path].concat(), what, class)
    }
}

#[derive(serde::Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(serde::Deserialize)]
struct Properties {
    #[serde(rename = "version")]
    _version: String,
}

impl fmt::Debug for DataCenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataCenter({})", self.0.connection)
    }
}
