//! A connection as the store keeps it: everything it takes to speak to a Bitbucket and to hear its webhooks, secrets and
//! all. Only the store sees these bytes, and it seals them.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;
use serde::Deserialize;
use serde::Serialize;

use crate::bitbucket::Client;
use crate::bitbucket::Credential;
use crate::bitbucket::HookPlace;
use crate::bitbucket::Keeper;
use crate::bitbucket::NotKept;
use crate::bitbucket::Server;
use crate::bitbucket::Settings;
use crate::bitbucket::SettingsError;
use crate::bitbucket::Switches;
use crate::bitbucket::TestServer;
use crate::bitbucket::Trust;
use crate::bitbucket::audit::AuditSource;
use crate::bitbucket::client::CLOUD_API;
use crate::bitbucket::switches::Scope;
use crate::event::caller::Issuer;
use crate::event::delivery::HookIdError;
use crate::gateway::connections::Connection;
use crate::gateway::connections::ConnectionsError;
use crate::gateway::connections::Hook;
use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::graph::Time;
use crate::secret::Secret;

pub use crate::bitbucket::scopes::Profile;

/// A secret text on its way into the store's seal or out of it, or in a request that hands it over. It is never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one line that needs it.
    pub fn secret(&self) -> Secret<String> {
        Secret::new(self.0.clone())
    }

    /// Whether it begins so. Kinds of tokens are told apart by how they begin.
    pub fn begins(&self, with: &str) -> bool {
        self.0.starts_with(with)
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl JsonSchema for Hidden {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Hidden".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "minLength": 1, "writeOnly": true})
    }
}

/// What Bitbucket is asked with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ConnectionCredential")]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum KeptCredential {
    /// Cloud: an OAuth consumer, by its client credentials.
    Oauth {
        /// The consumer's key.
        key: Hidden,
        /// The consumer's secret.
        secret: Hidden,
    },
    /// Cloud: an access token of a workspace, project or repository; Data Center: an HTTP access token.
    Token {
        /// The token.
        token: Hidden,
    },
    /// Cloud: an API token with scopes.
    ApiToken {
        /// The account's e-mail address.
        email: String,
        /// The token.
        token: Hidden,
    },
    /// An OAuth consumer (Cloud) or an incoming link (Data Center) that acts for the person who authorized it.
    OauthCode {
        /// The consumer's key, or the link's client id.
        key: Hidden,
        /// The consumer's secret, or the link's.
        secret: Hidden,
        /// The code that Bitbucket gave after the consent. Good once: it is spent, not kept.
        #[serde(default, skip_serializing_if = "Hidden::is_empty")]
        code: Hidden,
        /// Data Center: what the challenge was made of, if the consent was asked for with one (PKCE). Spent with the code.
        #[serde(default, skip_serializing_if = "Hidden::is_empty")]
        verifier: Hidden,
        /// Data Center: the redirect address, as the link has it. It is told each time a token is fetched.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        redirect: String,
    },
    /// Data Center: user and password, where the server allows it.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Hidden,
    },
    /// Cloud: removed by Atlassian; it is only known so that it can be refused with what to do instead.
    AppPassword {
        /// The user.
        user: String,
        /// The app password.
        password: Hidden,
    },
}

impl KeptCredential {
    /// What goes to Bitbucket. A consent is not all in here: its newest refresh token, and who keeps the next ones, are
    /// handed in.
    fn credential(&self, consent: Option<Consent>) -> Credential {
        match self {
            Self::OauthCode { key, secret, redirect, .. } => {
                // A consent that was lost is asked with nothing, and refused.
                let Consent { refresh, keeper } = consent.unwrap_or_else(Consent::lost);
                Credential::Consent {
                    key: key.secret(),
                    secret: secret.secret(),
                    refresh,
                    keeper,
                    redirect: redirect.clone(),
                }
            }
            Self::Oauth { key, secret } => {
                Credential::OAuth { key: key.secret(), secret: secret.secret() }
            }
            Self::Token { token } => Credential::Bearer(token.secret()),
            Self::ApiToken { email: user, token: secret }
            | Self::Basic { user, password: secret }
            | Self::AppPassword { user, password: secret } => {
                Credential::Basic { user: user.clone(), secret: secret.secret() }
            }
        }
    }
}

/// Where a connection's audit log is read. Each product has its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ConnectionAudit")]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum KeptAudit {
    /// Cloud: events of the Atlassian organisation. Needs Atlassian Guard.
    Organization {
        /// The organisation's id.
        id: String,
        /// An API key of the organisation with `read:events:admin`; it lives a year at most.
        token: Hidden,
    },
    /// Data Center: REST, with the connection's own credential, which has to be a global administrator's.
    Rest,
    /// Data Center: the files of every node, as `<home>/log/audit` has them.
    Folder {
        /// The folder, on the gate's machine.
        path: PathBuf,
    },
}

impl KeptAudit {
    /// A word for the record.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Organization { .. } => "organization",
            Self::Rest => "rest",
            Self::Folder { .. } => "folder",
        }
    }

    fn source(&self) -> AuditSource {
        match self {
            Self::Organization { id, token } => {
                AuditSource::Organization { organization: id.clone(), token: token.secret() }
            }
            Self::Rest => AuditSource::Rest,
            Self::Folder { path } => AuditSource::Folder(path.clone()),
        }
    }
}

/// What stands behind a person's consent: it changes with each use, so it is kept apart.
pub struct Consent {
    /// The newest refresh token.
    pub refresh: Secret<String>,
    /// Who keeps the next ones.
    pub keeper: Keeper,
}

impl Consent {
    /// None, and nobody who keeps one.
    fn lost() -> Self {
        let keeper: Keeper = Arc::new(|_| Box::pin(async { Err(NotKept) }));
        Self { refresh: Secret::new(String::new()), keeper }
    }
}

/// A secret of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSecret {
    /// What the hook signs with.
    pub text: Hidden,
    /// When it ends; none: it does not, yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Time>,
}

/// A webhook of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptHook {
    /// The last segment of its address.
    pub id: String,
    /// Where it hangs.
    pub place: HookPlace,
    /// What people call that place.
    pub name: String,
    /// Its id at Bitbucket; none: Bitbucket was not told of it, or its answer was not heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
    /// What it tells.
    pub events: Vec<String>,
    /// The oldest first. The last one is what Bitbucket is told.
    pub secrets: Vec<KeptSecret>,
}

/// A connection, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Which Bitbucket.
    pub product: Product,
    /// Cloud: the workspace's slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Data Center: its address with its context path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Cloud: another address of the API, for a test server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// What it is asked with.
    pub credential: KeptCredential,
    /// What webhooks are written with, where the first may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<KeptCredential>,
    /// PEM of further authorities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// A proxy; a password may stand in its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Hidden>,
    /// How much it is meant to see.
    pub profile: Profile,
    /// Projects and repositories that are asked of and written to, and whose webhooks are wanted; empty: all.
    #[serde(default)]
    pub scope: Vec<String>,
    /// Classes that are read beyond those that always are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Hosts of one's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_hosts: Vec<String>,
    /// Where its audit log is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<KeptAudit>,
    /// Cloud: whether the plan is Premium, as the operator said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub premium: Option<bool>,
    /// Cloud: audiences of step tokens; empty: the gate's own address.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Refs that count as protected even if Bitbucket has no rule.
    #[serde(default)]
    pub protected_refs: Vec<String>,
    /// Whether commit statuses may be posted.
    #[serde(default)]
    pub posts_status: bool,
    /// Data Center: its version when it was connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its webhooks.
    #[serde(default)]
    pub hooks: Vec<KeptHook>,
}

/// Why what is kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// An address or a credential.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A hook's id.
    #[error(transparent)]
    Hook(#[from] HookIdError),
    /// Hooks that cannot be together.
    #[error(transparent)]
    Hooks(#[from] ConnectionsError),
}

impl Kept {
    /// The connection that is spoken with from now on. `public_url` is an audience where none is named.
    pub fn connection(
        &self,
        id: &ConnectionId,
        client: Client,
        public_url: &str,
    ) -> Result<Connection, KeptError> {
        Ok(Connection {
            product: self.product,
            workspace: self.workspace.clone(),
            client: Some(client),
            issuer: self.issuer(id, public_url),
            protected_refs: self.protected_refs.clone(),
            premium: self.premium,
            posts_status: self.posts_status,
            hooks: self.listening()?,
            environments: Vec::new(),
            ci: Vec::new(),
            own: ArcSwapOption::empty(),
            id: id.clone(),
        })
    }

    /// What Bitbucket is asked with. One only: two would spend the refresh token of one consent.
    pub fn client(
        &self,
        id: &ConnectionId,
        consent: Option<Consent>,
    ) -> Result<Client, SettingsError> {
        let client = self.client_with(id, self.credential.credential(consent))?;
        self.tune(&client)?;
        Ok(client)
    }

    /// Tells a client how far it reaches, and where its audit log is. An error: nothing is as it was not before.
    pub fn tune(&self, client: &Client) -> Result<(), SettingsError> {
        let switches = Switches::read(&self.classes, &self.own_hosts)?;
        match &self.audit {
            Some(audit) => client.audit_from(audit.source(), &self.trust())?,
            None => client.audit_nowhere(),
        }
        client.switch(switches.within(Scope::of(&self.scope)));
        Ok(())
    }

    /// What webhooks are written with, where there is a second credential.
    pub fn second(&self, id: &ConnectionId) -> Result<Option<Client>, SettingsError> {
        let second = self.second.as_ref();
        second.map(|second| self.client_with(id, second.credential(None))).transpose()
    }

    /// Which Bitbucket, and where.
    pub fn server(&self) -> Server {
        match self.product {
            Product::Cloud => Server::Cloud {
                workspace: self.workspace.clone().unwrap_or_default(),
                test: self.api_url.clone().map(|api_url| TestServer { api_url, token_url: None }),
            },
            Product::DataCenter => {
                Server::DataCenter { base_url: self.base_url.clone().unwrap_or_default() }
            }
        }
    }

    /// Whom we believe on the way there.
    pub fn trust(&self) -> Trust {
        let proxy = self.proxy.as_ref().map(|proxy| proxy.secret().expose().clone());
        Trust { authorities: self.authorities.clone(), proxy }
    }

    fn client_with(
        &self,
        id: &ConnectionId,
        credential: Credential,
    ) -> Result<Client, SettingsError> {
        let settings = Settings { connection: id.clone(), server: self.server(), credential };
        Client::trusting(settings, &self.trust())
    }

    /// Hooks as they are listened to: with every secret that has not ended.
    pub(in crate::gateway) fn listening(&self) -> Result<Vec<Hook>, KeptError> {
        let hook = |kept: &KeptHook| {
            let bytes = |secret: &KeptSecret| {
                Secret::new(secret.text.secret().expose().clone().into_bytes())
            };
            Ok(Hook::new(kept.id.parse()?, kept.secrets.iter().map(bytes).collect())?)
        };
        self.hooks.iter().map(hook).collect()
    }

    /// Cloud's issuer of step tokens is per workspace; in front of a test server it moves with the API's address.
    fn issuer(&self, id: &ConnectionId, public_url: &str) -> Option<Issuer> {
        let workspace = self.workspace.as_ref().filter(|_| self.product == Product::Cloud)?;
        let api = self.api_url.as_deref().unwrap_or(CLOUD_API).trim_end_matches('/');
        let audiences = if self.audiences.is_empty() {
            vec![public_url.to_owned()]
        } else {
            self.audiences.clone()
        };
        let issuer = format!("{api}/workspaces/{workspace}/pipelines-config/identity/oidc");
        Some(Issuer { connection: id.clone(), issuer, audiences })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_not_shown() {
        let kept = KeptCredential::Token { token: Hidden::new("ATCTT-canary".to_owned()) };
        assert!(!format!("{kept:?}").contains("canary"));
        assert!(serde_json::to_string(&kept).unwrap().contains("canary"), "for the seal");
    }
}
