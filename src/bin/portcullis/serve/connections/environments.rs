//! Environments from configuration: names, tiers, and the repositories that deploy to them.

use portcullis::event::Tier;
use portcullis::gateway::environments::NamedEnvironment;
use portcullis::graph::ConnectionId;
use portcullis::graph::RepositoryPattern;

use crate::config::ConfigError;
use crate::config::EnvironmentConfig;

/// What a tier may be called here.
const TIERS: &[Tier] = &[Tier::Test, Tier::Staging, Tier::Production];

/// Every environment, or what is wrong with the first bad one. `key` names the list.
pub fn of(
    key: &str,
    connection: &ConnectionId,
    configured: &[EnvironmentConfig],
) -> Result<Vec<NamedEnvironment>, ConfigError> {
    let mut all: Vec<NamedEnvironment> = Vec::new();
    for (at, config) in configured.iter().enumerate() {
        let environment = one(&format!("{key}[{at}]"), connection, config)?;
        if all.iter().any(|known| known.id == environment.id) {
            let why = format!(
                "`{}` is configured twice: every environment has its own name",
                config.name
            );
            return Err(ConfigError::value(format!("{key}[{at}].name"), why));
        }
        all.push(environment);
    }
    Ok(all)
}

fn one(
    key: &str,
    connection: &ConnectionId,
    config: &EnvironmentConfig,
) -> Result<NamedEnvironment, ConfigError> {
    let tier = Tier::from_text(&config.tier).filter(|tier| TIERS.contains(tier));
    let tier = tier.ok_or_else(|| {
        let why = format!("`{}` is no tier: use `test`, `staging` or `production`", config.tier);
        ConfigError::value(format!("{key}.tier"), why)
    })?;
    let environment = NamedEnvironment::new(connection, &config.name, tier)
        .map_err(|error| ConfigError::value(format!("{key}.name"), error.to_string()))?;
    let repositories = patterns(&format!("{key}.repositories"), &config.repositories)?;
    Ok(NamedEnvironment { repositories, ..environment })
}

/// Texts that name repositories.
pub fn patterns(key: &str, texts: &[String]) -> Result<Vec<RepositoryPattern>, ConfigError> {
    let read = texts.iter().map(|text| text.parse::<RepositoryPattern>());
    read.collect::<Result<_, _>>().map_err(|error| ConfigError::value(key, error.to_string()))
}
