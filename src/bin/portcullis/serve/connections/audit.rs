//! A connection's audit log: where it is, judged before anything starts.

use portcullis::bitbucket::Client;
use portcullis::bitbucket::Trust;
use portcullis::bitbucket::audit::AuditSource;

use crate::config::AuditConfig;
use crate::config::ConfigError;

/// Points the connection to its audit log, if it has one.
pub fn of(
    key: &str,
    client: Option<&Client>,
    config: Option<&AuditConfig>,
) -> Result<(), ConfigError> {
    let Some(config) = config else { return Ok(()) };
    let Some(client) = client else {
        return Err(ConfigError::value(
            key,
            "a connection with an `audit` needs a `credential` too: lines are held against what discovery reads",
        ));
    };
    let source = match config {
        AuditConfig::Organization { id, token } => AuditSource::Organization {
            organization: id.clone(),
            token: token.read_text(&format!("{key}.token"))?,
        },
        AuditConfig::Rest => AuditSource::Rest,
        AuditConfig::Folder { path } => AuditSource::Folder(path.clone()),
    };
    let pointed = client.audit_from(source, &Trust::default());
    pointed.map_err(|error| ConfigError::value(key, error.to_string()))
}
