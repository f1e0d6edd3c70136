//! How a connection is reached: from configuration alone, never from a payload.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::bitbucket::switches::SwitchError;
use crate::graph::ConnectionId;
use crate::secret::Secret;

/// Where Cloud's REST API is.
pub const CLOUD_API: &str = "https://api.bitbucket.org/2.0";

/// Where Cloud's OAuth tokens are.
pub const CLOUD_TOKENS: &str = "https://bitbucket.org/site/oauth2/access_token";

/// How to reach one connection.
#[derive(Debug)]
pub struct Settings {
    /// Part of every id that is answered.
    pub connection: ConnectionId,
    /// Which Bitbucket, and where.
    pub server: Server,
    /// What it is asked with.
    pub credential: Credential,
}

/// Which Bitbucket, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// Bitbucket Cloud.
    Cloud {
        /// Slug of the workspace: it is part of the step tokens' issuer.
        workspace: String,
        /// Another address than Atlassian's own, for test servers only.
        test: Option<TestServer>,
    },
    /// Bitbucket Data Center.
    DataCenter {
        /// Its address with its context path, as in `https://bitbucket.example.com/context`. HTTPS, unless loopback.
        base_url: String,
    },
}

/// A stand-in for Bitbucket Cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestServer {
    /// In place of [`CLOUD_API`]; ends in `/2.0`.
    pub api_url: String,
    /// In place of [`CLOUD_TOKENS`]; none: `/site/oauth2/access_token` of the same origin. A consumer's secret is
    /// never sent to Atlassian on behalf of a test server, nor the other way round.
    pub token_url: Option<String>,
}

/// Whom we believe on the way there, besides the system's own authorities, and which way it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Certificates of further authorities, PEM: a private CA's.
    pub authorities: Option<String>,
    /// The proxy that every call goes through: `http://proxy.example.com:3128`. None: straight there, whatever the
    /// environment says.
    pub proxy: Option<String>,
}

/// A proxy's address may hold a password.
impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authorities, proxy } = self;
        f.debug_struct("Trust")
            .field("authorities", authorities)
            .field("proxy", &proxy.as_ref().map(|_| "…"))
            .finish()
    }
}

/// A refresh token could not be put where it survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotKept;

/// The end of keeping a refresh token.
pub type Keeping = Pin<Box<dyn Future<Output = Result<(), NotKept>> + Send>>;

/// Puts a refresh token where it survives. It is called before the access token that came with it is used: one that was
/// spent and not kept ends the consent.
pub type Keeper = Arc<dyn Fn(Secret<String>) -> Keeping + Send + Sync>;

/// What Bitbucket is asked with. `Debug` shows no secret.
pub enum Credential {
    /// An OAuth consumer's client credentials (Cloud).
    OAuth {
        /// The consumer's key.
        key: Secret<String>,
        /// The consumer's secret.
        secret: Secret<String>,
    },
    /// An OAuth consumer (Cloud) or incoming link (Data Center) that acts for a person who authorized it: refresh tokens
    /// are good once, or may be.
    Consent {
        /// The consumer's key.
        key: Secret<String>,
        /// The consumer's secret.
        secret: Secret<String>,
        /// The newest refresh token.
        refresh: Secret<String>,
        /// Where the next ones go.
        keeper: Keeper,
        /// Data Center: the redirect address, which it wants to be told again.
        redirect: String,
    },
    /// An access token (Cloud) or HTTP token (Data Center).
    Bearer(Secret<String>),
    /// E-mail address and API token (Cloud), or user and password (Data Center).
    Basic {
        /// Who.
        user: String,
        /// The token or password.
        secret: Secret<String>,
    },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OAuth { .. } => "OAuth(…)",
            Self::Consent { .. } => "Consent(…)",
            Self::Bearer(_) => "Bearer(…)",
            Self::Basic { .. } => "Basic(…)",
        })
    }
}

/// What a person's consent gave, to be exchanged for a refresh token. `Debug` shows no secret.
#[derive(Debug)]
pub struct Agreed {
    /// The consumer's key, or the incoming link's client id.
    pub key: Secret<String>,
    /// The secret of that.
    pub secret: Secret<String>,
    /// The code. It is good once.
    pub code: Secret<String>,
    /// What the challenge was made of, where there was one (PKCE, Data Center).
    pub verifier: Option<Secret<String>>,
    /// Data Center: the redirect address, as the link has it.
    pub redirect: String,
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not an address.
    #[error(
        "`{0}` is not an address of a Bitbucket: write it like `https://bitbucket.example.com`"
    )]
    Address(String),
    /// Plain HTTP over a network would show the credential to it.
    #[error("`{0}` must be an https address: only loopback may be plain http")]
    Plain(String),
    /// A query, fragment, user or password in an address.
    #[error("`{0}` must be an address without user, query or fragment")]
    Extras(String),
    /// Not a workspace.
    #[error("`{0}` is not a workspace: use its slug, as in its addresses")]
    Workspace(String),
    /// A credential that cannot stand in a header.
    #[error("the credential holds a character that cannot be sent")]
    Credential,
    /// A credential that this product does not know.
    #[error(
        "client credentials of an OAuth consumer are for Bitbucket Cloud: on Data Center an incoming link acts for a person (`--credential oauth-code`); or use a token, or user and password"
    )]
    Consumer,
    /// Not an organisation.
    #[error(
        "`{0}` is not an organisation: use its id, as in the addresses of Atlassian Administration"
    )]
    Organization(String),
    /// An audit log that this product does not have.
    #[error(
        "Bitbucket Cloud's audit log is its organisation's; Data Center's is read by REST or from a folder"
    )]
    AuditSource,
    /// No certificates.
    #[error(
        "the file of authorities holds no certificate: it has to be PEM, `-----BEGIN CERTIFICATE-----` and so on"
    )]
    Authorities,
    /// Not a proxy.
    #[error("the proxy is not an address like `http://proxy.example.com:3128`")]
    Proxy,
    /// A proxy elsewhere for what is not encrypted.
    #[error(
        "the Bitbucket's address is plain http, so a proxy on another machine would read the credential: leave the proxy out, or use an https address"
    )]
    OpenProxy,
    /// A class or a host that cannot be.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// The client could not be set up.
    #[error("the HTTP client could not be set up: are the system's CA certificates installed?")]
    Client,
}
