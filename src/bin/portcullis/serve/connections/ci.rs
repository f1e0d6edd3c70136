//! Other CI from configuration: whose tokens are believed, and for what. Everything that is pinned is pinned here.

use std::path::PathBuf;

use portcullis::bitbucket::issuer;
use portcullis::bitbucket::issuer::Place;
use portcullis::event::caller::CiIssuer;
use portcullis::event::caller::ClaimNames;
use portcullis::event::caller::Issuer;
use portcullis::event::caller::KeySet;
use portcullis::event::caller::Scope;
use portcullis::event::caller::Signing;
use portcullis::gateway::connections::TrustedCi;
use portcullis::gateway::question::is_action;
use portcullis::graph::ConnectionId;

use crate::config::CiConfig;
use crate::config::Config;
use crate::config::ConfigError;
use crate::config::ConnectionConfig;
use crate::serve::connections::audiences;
use crate::serve::connections::environments::patterns;
use crate::serve::connections::step_issuer;

/// Refuses what only shows across connections: an issuer of steps that is given as a CI.
pub fn judge(config: &Config) -> Result<(), ConfigError> {
    let steps: Vec<String> = config.connection.iter().filter_map(step_issuer).collect();
    for (at, connection) in config.connection.iter().enumerate() {
        let own = connection.ci.iter().position(|ci| steps.contains(&ci.issuer));
        if let Some(ci_at) = own {
            let key = format!("connection[{at}].ci[{ci_at}].issuer");
            let why = "this is the issuer of Bitbucket's own steps: their tokens are accepted without an entry";
            return Err(ConfigError::value(key, why));
        }
    }
    Ok(())
}

/// Every CI of a connection, or what is wrong with the first bad one. `key` names the list.
pub fn of(
    key: &str,
    id: &ConnectionId,
    config: &ConnectionConfig,
    public_url: &str,
) -> Result<Vec<TrustedCi>, ConfigError> {
    let mut all: Vec<TrustedCi> = Vec::new();
    for (at, ci) in config.ci.iter().enumerate() {
        let key = format!("{key}[{at}]");
        let audiences = audiences(&ci.audiences, config, public_url);
        let issuer = Issuer { connection: id.clone(), issuer: ci.issuer.clone(), audiences };
        let trusted = one(&key, ci, issuer)?;
        if all.iter().any(|known| known.ci.id == trusted.ci.id) {
            let why = format!("`{}` is configured twice: every CI has its own id", ci.id);
            return Err(ConfigError::value(format!("{key}.id"), why));
        }
        all.push(trusted);
    }
    Ok(all)
}

fn one(key: &str, config: &CiConfig, issuer: Issuer) -> Result<TrustedCi, ConfigError> {
    let at = |name: &str| format!("{key}.{name}");
    // The same form as a connection's: it stands before a job's name, with a colon between.
    if config.id.parse::<ConnectionId>().is_err() {
        let why = format!("`{}` is no id: use 2 to 40 of a-z, 0-9 and `-`", config.id);
        return Err(ConfigError::value(at("id"), why));
    }
    patterns(&at("repositories"), &config.repositories)?;
    if let Some(odd) = config.actions.iter().find(|action| !is_action(action)) {
        let why = format!("`{odd}` is no action: write a lower-case word such as `deploy`");
        return Err(ConfigError::value(at("actions"), why));
    }
    if config.repositories.is_empty() && config.claims.repository.is_none() {
        let why = "any job of this CI could ask about any repository: list some (`*/*` for all), or name `claims.repository`";
        return Err(ConfigError::value(at("repositories"), why));
    }
    let signing = signing(&at("algorithms"), config)?;
    let keys =
        issuer::Issuer { url: config.issuer.clone(), keys: place(key, config, &signing)?, signing };
    let scope = Scope::kept(&config.repositories, &config.actions, &config.environments);
    let ci = CiIssuer {
        id: config.id.clone(),
        issuer,
        claims: claims(config),
        subjects: config.subjects.clone(),
        scope,
    };
    Ok(TrustedCi { ci, keys })
}

fn claims(config: &CiConfig) -> ClaimNames {
    let named = &config.claims;
    ClaimNames {
        subject: named.subject.clone(),
        repository: named.repository.clone(),
        reference: named.r#ref.clone(),
        commit: named.commit.clone(),
        environment: named.environment.clone(),
        run: named.run.clone(),
    }
}

fn signing(key: &str, config: &CiConfig) -> Result<Vec<Signing>, ConfigError> {
    if config.algorithms.is_empty() {
        return Ok(vec![Signing::Rs256]);
    }
    let read = config.algorithms.iter().map(|text| {
        Signing::from_text(text).ok_or_else(|| {
            let why = format!("`{text}` is not accepted: use `RS256` or `ES256`");
            ConfigError::value(key, why)
        })
    });
    read.collect()
}

/// Where the keys are. A file is read now, so that one that cannot be used is found before it is needed.
fn place(key: &str, config: &CiConfig, signing: &[Signing]) -> Result<Place, ConfigError> {
    let at = format!("{key}.jwks");
    match config.jwks.as_deref() {
        Some(address) if address.contains("://") => {
            secure(&at, address)?;
            Ok(Place::Address(address.to_owned()))
        }
        Some(file) => {
            let why = |why: String| ConfigError::value(&at, format!("cannot use `{file}`: {why}"));
            let json = std::fs::read(file).map_err(|error| why(error.to_string()))?;
            KeySet::read_for(&json, signing).map_err(|error| why(error.to_string()))?;
            Ok(Place::File(PathBuf::from(file)))
        }
        None => {
            secure(&format!("{key}.issuer"), &config.issuer)?;
            Ok(Place::Described)
        }
    }
}

/// Whoever could change the keys on their way could sign tokens.
fn secure(key: &str, address: &str) -> Result<(), ConfigError> {
    let url = url::Url::parse(address)
        .map_err(|error| ConfigError::value(key, format!("`{address}` is no address: {error}")))?;
    let local =
        url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() == "https" || (url.scheme() == "http" && local) {
        return Ok(());
    }
    let why = format!("`{address}` must be https: keys that travel in the open can be changed");
    Err(ConfigError::value(key, why))
}
