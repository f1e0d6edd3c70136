//! The patrol, from configuration.

use std::time::Duration;

use portcullis::gateway::patrol::Settings;
use portcullis::posture::choice::Choice;
use portcullis::posture::choice::Choices;
use portcullis::posture::choice::Switch;

use crate::config::Config;
use crate::config::ConfigError;
use crate::config::FindingRuleConfig;
use crate::serve::length;

/// The shortest round: a large estate takes minutes.
const SHORTEST: Duration = Duration::from_mins(10);

/// The longest: what only time alters would be found too late to be of use.
const LONGEST: Duration = Duration::from_hours(24 * 30);

/// How the patrol goes.
pub fn of(config: &Config) -> Result<Settings, ConfigError> {
    let every = length("findings.every", &config.findings.every)?;
    if every < SHORTEST || every > LONGEST {
        let why = "everything is looked at every `10m` at most and every `30d` at least";
        return Err(ConfigError::value("findings.every", why));
    }
    let choices =
        config.findings.rule.iter().enumerate().map(|(at, told)| choice(at, told, config));
    let choices = Choices(choices.collect::<Result<_, _>>()?);
    Ok(Settings { every, choices, ..Settings::default() })
}

fn choice(at: usize, told: &FindingRuleConfig, config: &Config) -> Result<Choice, ConfigError> {
    let key = format!("findings.rule[{at}].connection");
    let connection = told.connection.as_ref().map(|id| {
        if !config.connection.iter().any(|one| one.id == *id) {
            return Err(ConfigError::value(&key, format!("there is no connection `{id}`")));
        }
        id.parse().map_err(|error: portcullis::graph::IdError| {
            ConfigError::value(&key, error.to_string())
        })
    });
    Ok(Choice {
        rule: told.rule.clone(),
        connection: connection.transpose()?,
        project: told.project.clone(),
        switch: if told.enabled { Switch::On } else { Switch::Off },
    })
}
