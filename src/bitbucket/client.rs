//! One client per connection: asks Bitbucket, and answers in our words.
//!
//! Every method takes the whole time it may use, retries included. It asks configured addresses only, and it decides
//! nothing: what could not be learned is a [`FetchError`], which the asker turns into a gap.

mod address;
mod answers;
mod audit;
pub mod hooks;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use crate::bitbucket::budget::BudgetNow;
use crate::bitbucket::cloud::audit::Organization;
use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::cloud::rest::addresses;
use crate::bitbucket::datacenter::database::Database;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::datacenter::rest::REVOKE;
use crate::bitbucket::datacenter::rest::TOKENS;
use crate::bitbucket::issuer::Issuer;
use crate::bitbucket::journal::Journal;
use crate::bitbucket::meter::Meters;
use crate::bitbucket::scopes::Probe;
use crate::bitbucket::scopes::Sample;
use crate::bitbucket::switches::Scope;
use crate::bitbucket::switches::Switches;
use crate::bitbucket::tally::Tally;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::TokenPlace;
use crate::bitbucket::transport::exchange;
use crate::bitbucket::transport::http;
use crate::bitbucket::transport::withdraw;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Level;
use crate::graph::Product;
use crate::graph::Time;
use crate::graph::World;
use crate::secret::Secret;

pub(crate) use address::address;
pub(crate) use address::below;
pub(crate) use address::hex;
pub(crate) use address::is_full;
pub(crate) use address::is_loopback;
pub(crate) use address::workspace;
pub use answers::CommitFacts;
pub use answers::EnvironmentFacts;
pub use answers::PostedStatus;
pub use answers::Progress;
pub use answers::PullRequestFacts;
pub use answers::PullRequestState;
pub use answers::StatusPost;
pub use answers::StatusState;
pub use answers::StepFacts;
pub use answers::StepState;
pub use answers::Workspace;
pub use hooks::HookPlace;
pub use hooks::HookWish;
pub use hooks::LastDelivery;
pub use hooks::MadeHook;
pub use hooks::SeenHook;
pub use hooks::Spot;
pub use settings::Agreed;
pub use settings::CLOUD_API;
pub use settings::CLOUD_TOKENS;
pub use settings::Credential;
pub use settings::Keeper;
pub use settings::Keeping;
pub use settings::NotKept;
pub use settings::Server;
pub use settings::Settings;
pub use settings::SettingsError;
pub use settings::TestServer;
pub use settings::Trust;

/// A client of one connection. Cloning shares connections, tokens and budget.
#[derive(Clone, Debug)]
pub enum Client {
    /// Of Bitbucket Cloud.
    Cloud(Cloud),
    /// Of Bitbucket Data Center.
    DataCenter(DataCenter),
}

/// Why a consent gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// It cannot be asked for like that.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Bitbucket says no: the code was spent, is older than ten minutes, or is another consumer's.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

macro_rules! of_product {
    ($client:expr, $product:ident => $answer:expr) => {
        match $client {
            Client::Cloud($product) => $answer,
            Client::DataCenter($product) => $answer,
        }
    };
}

impl Client {
    /// A client; nothing is asked yet.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        Self::trusting(settings, &Trust::default())
    }

    /// The same, believing other authorities or going through a proxy.
    pub fn trusting(settings: Settings, trust: &Trust) -> Result<Self, SettingsError> {
        let Settings { connection, server, credential } = settings;
        Ok(match server {
            Server::Cloud { workspace, test } => {
                Self::Cloud(Cloud::new(connection, (&workspace, test), credential, trust)?)
            }
            Server::DataCenter { base_url } => {
                Self::DataCenter(DataCenter::new(connection, &base_url, credential, trust)?)
            }
        })
    }

    /// Spends the code that a person's consent gave, for the first refresh token. It is good once.
    pub async fn consented(
        server: &Server,
        agreed: &Agreed,
        trust: &Trust,
    ) -> Result<Secret<String>, ConsentError> {
        let consumer = (&agreed.key, &agreed.secret);
        let (place, secure) = match server {
            Server::Cloud { test, .. } => {
                let (_, tokens) = addresses(test.clone())?;
                let secure = tokens.scheme() == "https";
                (TokenPlace::cloud(tokens, consumer)?, secure)
            }
            Server::DataCenter { base_url } => {
                let url = below(&address(base_url)?, &TOKENS)?;
                let secure = url.scheme() == "https";
                (TokenPlace::datacenter(url, consumer, &agreed.redirect), secure)
            }
        };
        let http = http(secure, trust)?;
        Ok(exchange(&http, &place, &agreed.code, agreed.verifier.as_ref()).await?)
    }

    /// Gives a consent's refresh token back, so that nobody acts with it any more. Cloud has no way to do that, and that
    /// Data Center has one is not documented: it is tried, and anything but a yes is an error.
    pub async fn withdrawn(
        server: &Server,
        (key, secret): (&Secret<String>, &Secret<String>),
        refresh: &Secret<String>,
        trust: &Trust,
    ) -> Result<(), ConsentError> {
        let Server::DataCenter { base_url } = server else {
            return Err(FetchError::Unsupported("Cloud lets only people end a consent").into());
        };
        let url = below(&address(base_url)?, &REVOKE)?;
        let http = http(url.scheme() == "https", trust)?;
        let place = TokenPlace::datacenter(url, (key, secret), "");
        Ok(withdraw(&http, &place, refresh).await?)
    }

    /// Whose it is.
    pub fn connection(&self) -> &ConnectionId {
        of_product!(self, product => product.connection())
    }

    /// Which Bitbucket it asks.
    pub const fn product(&self) -> Product {
        match self {
            Self::Cloud(_) => Product::Cloud,
            Self::DataCenter(_) => Product::DataCenter,
        }
    }

    /// Who signs this connection's step tokens. Data Center has none.
    pub fn issuer(&self) -> Option<Issuer> {
        match self {
            Self::Cloud(cloud) => Some(cloud.issuer()),
            Self::DataCenter(_) => None,
        }
    }

    /// Where the pages of a Data Center are, for links to them. Cloud's are known.
    pub fn pages(&self) -> Option<&str> {
        match self {
            Self::Cloud(_) => None,
            Self::DataCenter(server) => Some(server.pages()),
        }
    }

    /// Requests sent since the start, by class.
    pub fn calls(&self) -> Vec<(CallClass, u64)> {
        let mut calls = of_product!(self, product => product.calls());
        if let Some(organization) = self.organization() {
            for ((_, sum), (_, more)) in calls.iter_mut().zip(organization.transport().calls()) {
                *sum += more;
            }
        }
        calls
    }

    /// Tells its calls there from now on; the first to ask stays.
    pub fn tell_calls(&self, tally: &Arc<Tally>) {
        of_product!(self, product => product.transport().tell_calls(tally));
        if let Some(organization) = self.organization() {
            organization.transport().tell_calls(tally);
        }
    }

    /// Counts its calls there from now on; the first to ask stays.
    pub fn measure(&self, meters: &Meters) {
        of_product!(self, product => product.transport().measure(meters));
        if let Some(organization) = self.organization() {
            organization.transport().measure(meters);
        }
    }

    /// The organisation whose audit log is read; it has a credential, and so a transport, of its own.
    fn organization(&self) -> Option<Arc<Organization>> {
        match self {
            Self::Cloud(cloud) => cloud.organization(),
            Self::DataCenter(_) => None,
        }
    }

    /// Discovery keeps what it reads there from now on, and asks for nothing that is there; none: nowhere.
    pub fn keep_in(&self, journal: Option<Arc<Journal>>) {
        of_product!(self, product => product.transport().keep_in(journal));
    }

    /// Discovery reads this database from now on, instead of REST; the first to be named stays. Cloud has none.
    pub fn discover_from(&self, database: Database) {
        match self {
            Self::Cloud(_) => {}
            Self::DataCenter(datacenter) => datacenter.discover_from(database),
        }
    }

    /// Discovery reads what these switch on from now on; the first to say stays.
    pub fn switch(&self, switches: Switches) {
        of_product!(self, product => product.switch(switches));
    }

    /// Whether discovery reads this class of what can be switched.
    pub fn reads(&self, class: CallClass) -> bool {
        of_product!(self, product => product.switches().reads(class))
    }

    /// Its calls name the trace they are made in, from now on: `traceparent`.
    pub fn carry_traces(&self) {
        of_product!(self, product => product.transport().carry_traces());
    }

    /// The part of the hour's calls that each class has used, in the order of [`CallClass::ALL`]. Data Center tells no
    /// budget: 0.
    pub fn budget_used(&self) -> Vec<f64> {
        of_product!(self, product => product.transport().budget().used())
    }

    /// What its budget holds now.
    pub fn budget_now(&self) -> BudgetNow {
        of_product!(self, product => product.transport().budget().now())
    }

    /// From now on an hour of its budget lasts so long: for tests on a clock that runs faster.
    pub fn hour_lasts(&self, hour: Duration) {
        of_product!(self, product => product.transport().budget().hour_lasts(hour));
    }

    /// Whether what is said on the way is encrypted. Only a test server on this machine may be spoken to in the open.
    pub fn is_encrypted(&self) -> bool {
        of_product!(self, product => product.is_encrypted())
    }

    /// How long Bitbucket has answered 429 and nothing else.
    pub fn throttled(&self) -> Duration {
        of_product!(self, product => product.transport().budget().throttled())
    }

    /// How far it reaches.
    pub fn scope(&self) -> Scope {
        of_product!(self, product => product.switches().scope().clone())
    }

    /// Takes note of the key of a repository's project and of what it is called now, `project-or-workspace/slug`. Data
    /// Center's REST API knows repositories by nothing else; on both a scope says by that what lies outside.
    pub fn remember(&self, repository: &Id, (project, name): (&str, &str)) {
        match self {
            Self::Cloud(cloud) => cloud.remember(repository, (project, name)),
            Self::DataCenter(datacenter) => datacenter.remember(repository, name),
        }
    }

    /// Whether it was told what a repository is called.
    pub fn knows(&self, repository: &Id) -> bool {
        of_product!(self, product => product.knows(repository))
    }

    /// Whether it is known that a repository lies outside the scope: nothing is asked of it then, and nothing written.
    pub fn is_outside(&self, repository: &Id) -> bool {
        let within = of_product!(self, product => product.within(repository, "").map(drop));
        matches!(within, Err(FetchError::OutOfScope(_)))
    }

    /// A step and its pipeline. Data Center has no pipelines.
    pub async fn step(
        &self,
        repository: &Id,
        pipeline: &str,
        step: &str,
        within: Duration,
    ) -> Result<StepFacts, FetchError> {
        match self {
            Self::Cloud(cloud) => {
                cloud.step(repository, pipeline, step, Deadline::within(within)).await
            }
            Self::DataCenter(_) => Err(FetchError::Unsupported("Data Center has no pipelines")),
        }
    }

    /// A commit by 7 to 40 hex digits.
    pub async fn commit(
        &self,
        repository: &Id,
        commit: &str,
        within: Duration,
    ) -> Result<CommitFacts, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.commit(repository, commit, deadline).await)
    }

    /// The most that one person is granted in one repository, by whatever way, as it is now. Data Center finds people
    /// by a name; whether it is that person is told by the id.
    pub async fn level(
        &self,
        repository: &Id,
        (who, name): (&Id, Option<&str>),
        within: Duration,
    ) -> Result<Level, FetchError> {
        let deadline = Deadline::within(within);
        match self {
            Self::Cloud(cloud) => cloud.level(repository, who, deadline).await,
            Self::DataCenter(server) => server.level(repository, (who, name), deadline).await,
        }
    }

    /// An environment as it is now. Data Center has none.
    pub async fn environment(
        &self,
        repository: &Id,
        environment: &Id,
        within: Duration,
    ) -> Result<EnvironmentFacts, FetchError> {
        match self {
            Self::Cloud(cloud) => {
                cloud.environment(repository, environment, Deadline::within(within)).await
            }
            Self::DataCenter(_) => Err(FetchError::Unsupported("Data Center has no environments")),
        }
    }

    /// A pull request with its approvals and builds.
    pub async fn pull_request(
        &self,
        repository: &Id,
        id: u64,
        within: Duration,
    ) -> Result<PullRequestFacts, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.pull_request(repository, id, deadline).await)
    }

    /// Numbers of the merged pull requests that brought a commit, or were merged as it; into whatever branch.
    pub async fn pull_requests_of(
        &self,
        repository: &Id,
        commit: &str,
        within: Duration,
    ) -> Result<Vec<u64>, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.pull_requests_of(repository, commit, None, deadline).await)
    }

    /// As [`Client::pull_requests_of`], but only those merged into this branch, by its full name. A commit that was
    /// reviewed for another branch and then pushed to this one was not reviewed for this one.
    pub async fn merged_into(
        &self,
        repository: &Id,
        branch: &str,
        commit: &str,
        within: Duration,
    ) -> Result<Vec<u64>, FetchError> {
        let (deadline, into) = (Deadline::within(within), Some(branch));
        of_product!(self, product => product.pull_requests_of(repository, commit, into, deadline).await)
    }

    /// Whether a ref that moved from one commit to another left history behind: a force push.
    pub async fn dropped_history(
        &self,
        repository: &Id,
        from: &str,
        to: &str,
        within: Duration,
    ) -> Result<bool, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.dropped_history(repository, from, to, deadline).await)
    }

    /// Posts a commit status, or overwrites the one of this key.
    pub async fn post_status(
        &self,
        repository: &Id,
        commit: &str,
        status: &StatusPost,
        within: Duration,
    ) -> Result<(), FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.post_status(repository, commit, status, deadline).await)
    }

    /// The commit status of this key as it stands, if there is one.
    pub async fn read_status(
        &self,
        repository: &Id,
        commit: &str,
        key: &str,
        within: Duration,
    ) -> Result<Option<PostedStatus>, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.read_status(repository, commit, key, deadline).await)
    }

    /// Who the credential is: webhooks of its own acts are ignored. None for a credential without a user.
    pub async fn whoami(&self, within: Duration) -> Result<Option<Id>, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.whoami(deadline).await)
    }

    /// The workspace, or the whole of a Data Center.
    pub async fn workspace(&self, within: Duration) -> Result<Workspace, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.workspace(deadline).await)
    }

    /// What webhooks at this place may tell: everything we have words for that this Bitbucket offers there. Data Center
    /// does not say what it offers; what it does not know is left out when the hook is made.
    pub async fn events_for(
        &self,
        place: &HookPlace,
        within: Duration,
    ) -> Result<Vec<String>, FetchError> {
        let mut wanted = hooks::wanted(self.product(), place);
        if let Self::Cloud(cloud) = self {
            let offered = cloud.offered_events(place, Deadline::within(within)).await?;
            wanted.retain(|key| offered.contains(key));
        }
        Ok(wanted)
    }

    /// Every repository, and on Data Center every project: a webhook could hang on it.
    pub async fn spots(&self, within: Duration) -> Result<Vec<Spot>, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.spots(deadline).await)
    }

    /// The webhooks that hang there, anybody's.
    pub async fn hooks(
        &self,
        place: &HookPlace,
        within: Duration,
    ) -> Result<Vec<SeenHook>, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.hooks(place, deadline).await)
    }

    /// Makes a webhook. Not repeated: after an error that may pass it may be there.
    pub async fn add_hook(
        &self,
        place: &HookPlace,
        wish: HookWish<'_>,
        within: Duration,
    ) -> Result<MadeHook, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.add_hook(place, wish, deadline).await)
    }

    /// Puts a webhook of ours right: address, events, secret, and switched on.
    pub async fn set_hook(
        &self,
        at: (&HookPlace, &str),
        wish: HookWish<'_>,
        within: Duration,
    ) -> Result<MadeHook, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.set_hook(at, wish, deadline).await)
    }

    /// Takes a webhook of ours away; one that is gone is as good.
    pub async fn remove_hook(
        &self,
        place: &HookPlace,
        native: &str,
        within: Duration,
    ) -> Result<(), FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.remove_hook(place, native, deadline).await)
    }

    /// What became of a webhook's last delivery; none: there was none, or this product does not tell.
    pub async fn last_delivery(
        &self,
        place: &HookPlace,
        native: &str,
        within: Duration,
    ) -> Result<Option<LastDelivery>, FetchError> {
        match self {
            Self::Cloud(_) => Ok(None),
            Self::DataCenter(datacenter) => {
                datacenter.last_delivery(place, native, Deadline::within(within)).await
            }
        }
    }

    /// Something to try scopes on.
    pub async fn sample(&self, within: Duration) -> Result<Sample, FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.sample(deadline).await)
    }

    /// Tries one scope: an error says why not, and which scope is missing where Bitbucket names it.
    pub async fn probe(
        &self,
        probe: Probe,
        sample: &Sample,
        within: Duration,
    ) -> Result<(), FetchError> {
        let deadline = Deadline::within(within);
        of_product!(self, product => product.probe(probe, sample, deadline).await)
    }

    /// Version of a Data Center. Cloud has none.
    pub async fn version(&self, within: Duration) -> Result<Option<String>, FetchError> {
        match self {
            Self::Cloud(_) => Ok(None),
            Self::DataCenter(datacenter) => {
                let told = datacenter.server_version(Deadline::within(within)).await?;
                Ok(Some(told.0))
            }
        }
    }

    /// What time it is there, to the second; none: it does not tell.
    pub async fn time(&self, within: Duration) -> Result<Option<Time>, FetchError> {
        let deadline = Deadline::within(within);
        match self {
            Self::Cloud(cloud) => cloud.server_time(deadline).await,
            Self::DataCenter(datacenter) => Ok(datacenter.server_version(deadline).await?.1),
        }
    }

    /// Reads everything that the credential may see: hours for a large estate, since most calls are left to live
    /// questions. What could not be read is `unknown` in it. An error: nothing was learned, and what was known stands.
    pub async fn discover(
        &self,
        now: Time,
        progress: impl Fn(Progress),
    ) -> Result<World, FetchError> {
        match self {
            Self::Cloud(cloud) => cloud.discover(now, progress).await,
            Self::DataCenter(datacenter) => datacenter.discover(now, progress).await,
        }
    }
}
