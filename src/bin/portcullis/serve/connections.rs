//! Connections from configuration: every id parsed, every secret read, every address judged, before anything starts.

mod audit;
mod ci;
pub mod database;
mod environments;

use arc_swap::ArcSwapOption;
use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::Switches;
use portcullis::bitbucket::TestServer;
use portcullis::bitbucket::switches::Scope;
use portcullis::bitbucket::switches::SwitchError;
use portcullis::event::caller::Issuer;
use portcullis::gateway::connections::Connection;
use portcullis::gateway::connections::Connections;
use portcullis::gateway::connections::Hook;
use portcullis::gateway::ties::wish::APP_PASSWORD;
use portcullis::graph::ConnectionId;
use portcullis::graph::Product;

use crate::config::Config;
use crate::config::ConfigError;
use crate::config::ConnectionConfig;
use crate::config::CredentialConfig;
use crate::config::HookConfig;
use crate::serve::length;

/// Bitbucket Cloud's REST API.
const CLOUD_API: &str = "https://api.bitbucket.org/2.0";

/// Why the one or the other.
const WHOLE_DATABASE: &str =
    "a database is read as a whole, beyond any scope: leave out `database`, or `scope`";

/// The only effect of today.
const COMMIT_STATUS: &str = "commit-status";

/// Every connection, or what is wrong with the first bad one.
pub fn of(config: &Config, public_url: &str) -> Result<Vec<Connection>, ConfigError> {
    ci::judge(config)?;
    let read = || {
        config.connection.iter().enumerate().map(|(at, connection)| one(at, connection, public_url))
    };
    // Twice, because a set of connections is checked by making it, and it keeps what it is given.
    Connections::new(read().collect::<Result<_, _>>()?)
        .map_err(|error| ConfigError::value("connection", error.to_string()))?;
    read().collect()
}

fn one(at: usize, config: &ConnectionConfig, public_url: &str) -> Result<Connection, ConfigError> {
    let key = |name: &str| format!("connection[{at}].{name}");
    let id: ConnectionId = config.id.parse().map_err(|error| refused(key("id"), &error))?;
    let product: Product =
        config.product.parse().map_err(|error| refused(key("product"), &error))?;
    let server = server(&key, product, config)?;
    let client = match &config.credential {
        Some(credential) => {
            if product == Product::Cloud && matches!(credential, CredentialConfig::Basic { .. }) {
                return Err(ConfigError::value(key("credential"), APP_PASSWORD));
            }
            let credential = credential_of(&key("credential"), credential)?;
            let settings = Settings { connection: id.clone(), server, credential };
            Some(Client::new(settings).map_err(|error| refused(key("credential"), &error))?)
        }
        None => None,
    };
    let switches = Switches::read(&config.classes, &config.own_hosts);
    let switches = switches.and_then(|read| Ok(read.within(Scope::read(&config.scope)?)));
    let switches = switches.map_err(|error| match error {
        SwitchError::Class(_) => refused(key("classes"), &error),
        SwitchError::Host(_) | SwitchError::TooMany => refused(key("own_hosts"), &error),
        SwitchError::Scope(_) | SwitchError::WideScope => refused(key("scope"), &error),
    })?;
    if !switches.scope().is_all() && config.database.is_some() {
        return Err(ConfigError::value(key("scope"), WHOLE_DATABASE));
    }
    if let Some(client) = &client {
        client.switch(switches);
    }
    database::of(&key("database"), (product, client.as_ref()), config.database.as_ref())?;
    audit::of(&key("audit"), client.as_ref(), config.audit.as_ref())?;
    let hooks = config
        .hook
        .iter()
        .enumerate()
        .map(|(hook_at, hook)| hook_of(&key(&format!("hook[{hook_at}]")), hook));
    Ok(Connection {
        issuer: issuer(&id, product, config, public_url),
        product,
        workspace: config.workspace.clone(),
        client,
        protected_refs: config.protected_refs.clone(),
        premium: premium(&key("plan"), config)?,
        posts_status: posts_status(&key("effects"), config)?,
        hooks: hooks.collect::<Result<_, _>>()?,
        environments: environments::of(&key("environment"), &id, &config.environment)?,
        ci: ci::of(&key("ci"), &id, config, public_url)?,
        own: ArcSwapOption::empty(),
        id,
    })
}

fn refused(key: String, error: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::value(key, error.to_string())
}

fn server(
    key: &impl Fn(&str) -> String,
    product: Product,
    config: &ConnectionConfig,
) -> Result<Server, ConfigError> {
    match product {
        Product::Cloud => {
            let workspace = config.workspace.clone();
            let workspace = workspace.ok_or_else(|| {
                ConfigError::value(
                    key("workspace"),
                    "a Cloud connection needs its workspace's slug",
                )
            })?;
            let test =
                config.api_url.clone().map(|api_url| TestServer { api_url, token_url: None });
            Ok(Server::Cloud { workspace, test })
        }
        Product::DataCenter => {
            let base_url = config.base_url.clone();
            let base_url = base_url.ok_or_else(|| {
                ConfigError::value(
                    key("base_url"),
                    "a Data Center connection needs its address, with the context path",
                )
            })?;
            Ok(Server::DataCenter { base_url })
        }
    }
}

fn credential_of(key: &str, config: &CredentialConfig) -> Result<Credential, ConfigError> {
    match config {
        CredentialConfig::Oauth { key: consumer, secret } => {
            Ok(Credential::OAuth { key: consumer.read_text(key)?, secret: secret.read_text(key)? })
        }
        CredentialConfig::Token { token } => Ok(Credential::Bearer(token.read_text(key)?)),
        CredentialConfig::ApiToken { email, token } => {
            Ok(Credential::Basic { user: email.clone(), secret: token.read_text(key)? })
        }
        CredentialConfig::Basic { user, password } => {
            Ok(Credential::Basic { user: user.clone(), secret: password.read_text(key)? })
        }
    }
}

/// Cloud's issuer is per workspace; in front of a test server it moves with the API's address.
fn issuer(
    id: &ConnectionId,
    product: Product,
    config: &ConnectionConfig,
    public_url: &str,
) -> Option<Issuer> {
    let url = step_issuer(config).filter(|_| product == Product::Cloud)?;
    let audiences = audiences(&config.audiences, config, public_url);
    Some(Issuer { connection: id.clone(), issuer: url, audiences })
}

/// Who signs the tokens of this connection's own steps.
fn step_issuer(config: &ConnectionConfig) -> Option<String> {
    let workspace = config.workspace.as_ref()?;
    let api = config.api_url.as_deref().unwrap_or(CLOUD_API).trim_end_matches('/');
    Some(format!("{api}/workspaces/{workspace}/pipelines-config/identity/oidc"))
}

/// The audiences named, else those of the connection, else the gate's own address.
fn audiences(named: &[String], config: &ConnectionConfig, public_url: &str) -> Vec<String> {
    let named = if named.is_empty() { &config.audiences } else { named };
    if named.is_empty() { vec![public_url.to_owned()] } else { named.to_vec() }
}

fn premium(key: &str, config: &ConnectionConfig) -> Result<Option<bool>, ConfigError> {
    match config.plan.as_deref() {
        None => Ok(None),
        Some("premium") => Ok(Some(true)),
        Some("free" | "standard") => Ok(Some(false)),
        Some(other) => Err(ConfigError::value(
            key,
            format!("`{other}` is no plan: use `free`, `standard` or `premium`"),
        )),
    }
}

fn posts_status(key: &str, config: &ConnectionConfig) -> Result<bool, ConfigError> {
    match config.effects.iter().find(|effect| *effect != COMMIT_STATUS) {
        Some(unknown) => Err(ConfigError::value(
            key,
            format!("`{unknown}` is no effect yet: only `{COMMIT_STATUS}` is"),
        )),
        None => Ok(!config.effects.is_empty()),
    }
}

fn hook_of(key: &str, config: &HookConfig) -> Result<Hook, ConfigError> {
    let id = config.id.parse().map_err(|error: portcullis::event::delivery::HookIdError| {
        refused(format!("{key}.id"), &error)
    })?;
    let secrets = config
        .secrets
        .iter()
        .map(|secret| secret.read(&format!("{key}.secrets")))
        .collect::<Result<_, _>>()?;
    let hook = Hook::new(id, secrets);
    let hook = hook.map_err(|error| refused(format!("{key}.secrets"), &error))?;
    let missed = config.silent_after.as_deref();
    let missed = missed.map(|text| length(&format!("{key}.silent_after"), text)).transpose()?;
    Ok(hook.missed_after(missed))
}
