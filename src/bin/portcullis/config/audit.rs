//! What a configuration says of a connection's audit log.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::SecretRef;

/// Where a connection's audit log is read. Each product has its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AuditConfig {
    /// Cloud: events of the Atlassian organisation. Needs Atlassian Guard.
    Organization {
        /// The organisation's id.
        id: String,
        /// An API key of the organisation with `read:events:admin`; it lives a year at most.
        token: SecretRef,
    },
    /// Data Center: REST, with the connection's own credential, which has to be a global administrator's.
    Rest,
    /// Data Center: the files of every node, as `<home>/log/audit` has them.
    Folder {
        /// The folder.
        path: PathBuf,
    },
}
