//! Where the database is and how it is spoken to: an address that is PostgreSQL's, encrypted unless it stays on this
//! machine.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use tokio_postgres::config::SslMode;

use crate::bitbucket::datacenter::database::DatabaseError;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);

/// Beginnings of addresses that Bitbucket's own settings hold, and whose they are.
const FOREIGN: [(&str, &str); 8] = [
    ("oracle", "Oracle"),
    ("sqlserver", "SQL Server"),
    ("mssql", "SQL Server"),
    ("jtds", "SQL Server"),
    ("mysql", "MySQL"),
    ("mariadb", "MariaDB"),
    ("h2", "H2"),
    ("hsqldb", "HSQLDB"),
];

/// The settings of an address.
pub(super) fn config(url: &str) -> Result<Config, DatabaseError> {
    let url = url.trim();
    let bare = url.strip_prefix("jdbc:").unwrap_or(url).to_ascii_lowercase();
    if let Some((_, name)) = FOREIGN.iter().find(|(scheme, _)| bare.starts_with(scheme)) {
        return Err(DatabaseError::Foreign(name));
    }
    if !(url.starts_with("postgresql://") || url.starts_with("postgres://")) {
        return Err(DatabaseError::Address);
    }
    if verifies(url) {
        return Err(DatabaseError::Verify);
    }
    // The parser's own words quote parts of the address.
    let mut config = Config::from_str(url).map_err(|_| DatabaseError::Address)?;
    if config.get_hosts().is_empty() || config.get_user().is_none() {
        return Err(DatabaseError::Address);
    }
    // Where both are given, the connection goes to the second.
    let here = config.get_hosts().iter().all(stays_here)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    let mode = match (here, config.get_ssl_mode()) {
        (true, SslMode::Require) | (false, SslMode::Require | SslMode::Prefer) => SslMode::Require,
        (true, _) => SslMode::Disable,
        (false, _) => return Err(DatabaseError::Plain),
    };
    config.ssl_mode(mode).connect_timeout(CONNECT).application_name("portcullis");
    Ok(config)
}

/// Whether the address asks for what is done anyway, in words that the parser does not know.
fn verifies(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let is_full = |mode: &str| matches!(mode, "verify-full" | "verify-ca");
    url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "sslmode" && is_full(&value))
}

fn stays_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// TLS with these certificate authorities, or with those of the system.
pub(super) fn tls(authority: Option<&[u8]>) -> Result<ClientConfig, DatabaseError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| DatabaseError::Tls)?;
    let Some(pem) = authority else {
        let verified = builder.with_platform_verifier().map_err(|_| DatabaseError::Tls)?;
        return Ok(verified.with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| DatabaseError::Authority)?;
        roots.add(certificate).map_err(|_| DatabaseError::Authority)?;
    }
    if roots.is_empty() {
        return Err(DatabaseError::Authority);
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
