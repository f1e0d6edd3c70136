//! Laying the environment over the file, and saying precisely what is wrong with either.

use sha2::Digest;
use sha2::Sha256;
use toml::Table;
use toml::Value;

use crate::config::Config;
use crate::config::ConfigError;

/// The prefix of every variable that overrides a key.
const PREFIX: &str = "PORTCULLIS_";

/// The environment's variables that override configuration keys: those with a section, `PORTCULLIS_SECTION__KEY`.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment() -> Vec<(String, String)> {
    let mut found: Vec<_> = std::env::vars()
        .filter(|(name, _)| name.starts_with(PREFIX) && name.contains("__"))
        .collect();
    found.sort();
    found
}

/// One variable of the environment; empty counts as absent.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Parses the file's text with the environment laid over it.
pub fn parse(
    file: &str,
    text: &str,
    environment: Vec<(String, String)>,
) -> Result<Config, ConfigError> {
    // The text alone first: its errors have lines and columns.
    toml::from_str::<Config>(text)
        .map_err(|error| ConfigError::Malformed(explained(file, &error)))?;
    let mut table: Table =
        text.parse().map_err(|error| ConfigError::Malformed(explained(file, &error)))?;
    for (name, value) in environment {
        lay_over(&mut table, &name, &value)?;
    }
    Config::deserialize_table(table)
}

impl Config {
    fn deserialize_table(table: Table) -> Result<Self, ConfigError> {
        let digest = hex::encode(Sha256::digest(table.to_string()));
        let read: Result<Self, _> = Value::Table(table).try_into();
        let read = read.map_err(|error: toml::de::Error| {
            ConfigError::Malformed(format!(
                "the environment's PORTCULLIS_… variables: {}",
                nearest(error.message())
            ))
        });
        Ok(Self { digest, ..read? })
    }
}

fn lay_over(table: &mut Table, name: &str, value: &str) -> Result<(), ConfigError> {
    let path = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    let mut parts: Vec<&str> = path.split("__").collect();
    let key = parts.pop().unwrap_or_default();
    let mut here = table;
    for part in parts {
        let below = here.entry(part).or_insert_with(|| Value::Table(Table::new()));
        here = below.as_table_mut().ok_or_else(|| {
            ConfigError::value(
                name,
                format!(
                    "`{part}` is no section that the environment can override; write it in the file"
                ),
            )
        })?;
    }
    here.insert(key.to_owned(), as_toml(value));
    Ok(())
}

/// Reads a variable's value as TOML where it is some, else as text.
fn as_toml(value: &str) -> Value {
    let parsed = format!("value = {value}")
        .parse::<Table>()
        .ok()
        .and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(value.to_owned()))
}

fn explained(file: &str, error: &toml::de::Error) -> String {
    format!("{file}: {}", nearest(&error.to_string()))
}

/// Adds "did you mean" to serde's list of what it would have taken.
fn nearest(message: &str) -> String {
    let Some(wrong) =
        message.split("unknown field `").nth(1).and_then(|rest| rest.split('`').next())
    else {
        return message.trim_end().to_owned();
    };
    let known: Vec<&str> = message
        .split("expected")
        .nth(1)
        .unwrap_or_default()
        .split('`')
        .skip(1)
        .step_by(2)
        .collect();
    let best = known
        .iter()
        .min_by_key(|name| distance(wrong, name))
        .filter(|name| distance(wrong, name) <= 3);
    match best {
        Some(name) => format!("{}\ndid you mean `{name}`?", message.trim_end()),
        None => message.trim_end().to_owned(),
    }
}

/// Levenshtein distance, for names of a few letters.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (above, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let cost = (diagonal + usize::from(a != b)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_refused_with_the_nearest_name() {
        let error =
            parse("p.toml", "[public]\nlisten_on = \"x\"\n", Vec::new()).unwrap_err().to_string();
        assert!(error.contains("p.toml") && error.contains("line 2"), "{error}");
        let error =
            parse("p.toml", "[public]\nlistn = \"x\"\n", Vec::new()).unwrap_err().to_string();
        assert!(error.contains("did you mean `listen`?"), "{error}");
    }

    #[test]
    fn the_environment_beats_the_file() {
        let environment = vec![("PORTCULLIS_PUBLIC__LISTEN".to_owned(), "127.0.0.1:9".to_owned())];
        let config = parse("p.toml", "[public]\nlisten = \"127.0.0.1:1\"\n", environment).unwrap();
        assert_eq!(config.public.listen, "127.0.0.1:9");
    }

    #[test]
    fn a_misspelt_variable_is_refused_too() {
        let environment = vec![("PORTCULLIS_PUBLIC__LISTN".to_owned(), "x".to_owned())];
        assert!(
            parse("p.toml", "", environment)
                .unwrap_err()
                .to_string()
                .contains("did you mean `listen`?")
        );
    }

    #[test]
    fn distances_are_what_they_should_be() {
        assert_eq!(distance("listn", "listen"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
