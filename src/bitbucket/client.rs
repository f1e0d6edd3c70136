//! One client per connection: asks Bitbucket, and answers in our words.
//!
//! Every method takes the whole time it may use, retries included. It asks configured addresses only, and it decides
//! nothing: what could not be learned is a [`FetchError`], which the asker turns into a gap.

mod address;
mod answers;
mod settings;

use std::time::Duration;

use crate::bitbucket::cloud::rest::Cloud;
use crate::bitbucket::datacenter::rest::DataCenter;
use crate::bitbucket::issuer::Issuer;
use crate::bitbucket::meter::Meters;
use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Product;
use crate::graph::Time;
use crate::graph::World;

pub(crate) use address::address;
pub(crate) use address::below;
pub(crate) use address::hex;
pub(crate) use address::is_full;
pub(crate) use address::workspace;
pub use answers::CommitFacts;
pub use answers::PostedStatus;
pub use answers::Progress;
pub use answers::PullRequestFacts;
pub use answers::PullRequestState;
pub use answers::StatusPost;
pub use answers::StatusState;
pub use answers::StepFacts;
pub use answers::StepState;
pub use answers::Workspace;
pub use settings::CLOUD_API;
pub use settings::CLOUD_TOKENS;
pub use settings::Credential;
pub use settings::Server;
pub use settings::Settings;
pub use settings::SettingsError;
pub use settings::TestServer;

/// A client of one connection. Cloning shares connections, tokens and budget.
#[derive(Clone, Debug)]
pub enum Client {
    /// Of Bitbucket Cloud.
    Cloud(Cloud),
    /// Of Bitbucket Data Center.
    DataCenter(DataCenter),
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
        let Settings { connection, server, credential } = settings;
        Ok(match server {
            Server::Cloud { workspace, test } => {
                Self::Cloud(Cloud::new(connection, &workspace, test, credential)?)
            }
            Server::DataCenter { base_url } => {
                Self::DataCenter(DataCenter::new(connection, &base_url, credential)?)
            }
        })
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
        of_product!(self, product => product.calls())
    }

    /// Counts its calls there from now on; the first to ask stays.
    pub fn measure(&self, meters: &Meters) {
        of_product!(self, product => product.transport().measure(meters));
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

    /// How long Bitbucket has answered 429 and nothing else.
    pub fn throttled(&self) -> Duration {
        of_product!(self, product => product.transport().budget().throttled())
    }

    /// Takes note of what a repository is called now: `project-or-workspace/slug`. Data Center's REST API knows
    /// repositories by nothing else.
    pub fn remember(&self, repository: &Id, name: &str) {
        match self {
            Self::Cloud(_) => {}
            Self::DataCenter(datacenter) => datacenter.remember(repository, name),
        }
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
