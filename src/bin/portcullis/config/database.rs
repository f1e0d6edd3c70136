//! What a configuration says of Bitbucket Data Center's own database.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::SecretRef;

/// Bitbucket's own PostgreSQL.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgresql://ROLE:PASSWORD@HOST:5432/bitbucket`. TLS outside loopback.
    pub url: SecretRef,
    /// The schema that holds Bitbucket's tables. Absent: `public`.
    pub schema: Option<String>,
    /// PEM file of a private certificate authority. Absent: those the system trusts.
    pub ca: Option<PathBuf>,
}
