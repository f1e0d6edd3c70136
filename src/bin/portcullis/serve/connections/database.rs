//! A connection's database: read once for its faults, asked only by discovery.

use std::path::Path;

use portcullis::bitbucket::Client;
use portcullis::bitbucket::datacenter::database::Database;
use portcullis::bitbucket::datacenter::database::SCHEMA;
use portcullis::bitbucket::datacenter::database::Settings;
use portcullis::bitbucket::datacenter::database::WARNING;
use portcullis::graph::Product;
use portcullis::secret::Secret;

use crate::config::Config;
use crate::config::ConfigError;
use crate::config::DatabaseConfig;

/// Points the connection's discovery to its database, if it has one.
pub fn of(
    key: &str,
    (product, client): (Product, Option<&Client>),
    config: Option<&DatabaseConfig>,
) -> Result<(), ConfigError> {
    let Some(config) = config else { return Ok(()) };
    if product == Product::Cloud {
        return Err(ConfigError::value(key, "Bitbucket Cloud shows nobody its database"));
    }
    let Some(client) = client else {
        return Err(ConfigError::value(
            key,
            "a connection with a `database` needs a `credential` too: commits, pull requests and statuses are asked of REST. Without one, `portcullis access import --database` makes a world file for `serve --world`",
        ));
    };
    let url = config.url.read_text(&format!("{key}.url"))?;
    let database = open(url, config.schema.as_deref(), config.ca.as_deref());
    client.discover_from(database.map_err(|why| ConfigError::value(key, why))?);
    Ok(())
}

/// What whoever points a connection to its database must have read.
pub fn warnings(config: &Config) -> Vec<String> {
    let with = config.connection.iter().filter(|connection| connection.database.is_some());
    with.map(|connection| format!("`{}` is read from its database. {WARNING}", connection.id))
        .collect()
}

/// A database by its address, or what is wrong with it.
pub fn open(
    url: Secret<String>,
    schema: Option<&str>,
    ca: Option<&Path>,
) -> Result<Database, String> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
    };
    let settings = Settings {
        url,
        schema: schema.unwrap_or(SCHEMA).to_owned(),
        authority: ca.map(read).transpose()?,
    };
    Database::new(&settings).map_err(|error| error.to_string())
}
