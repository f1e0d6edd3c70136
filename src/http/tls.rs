//! The certificate a listener shows, and how it is changed without a restart.
//!
//! rustls with aws-lc-rs, TLS 1.2 and 1.3, HTTP/1.1 only: it is the one protocol that ALPN offers. It is deliberately
//! no certificate manager: files come from outside, [`watch`] has them read again, and a bad pair of files changes
//! nothing.

mod expiry;
pub mod watch;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::graph::Time;

/// Where the certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// PEM: the certificate, then the chain below the root.
    pub certificate: PathBuf,
    /// PEM: its private key (PKCS#8, PKCS#1 or SEC1), not encrypted.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A file that is not there, not readable, or holds nothing of the kind.
    #[error("cannot read the {what} from `{}`: {why}", path.display())]
    Unreadable {
        /// Certificate or key.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        why: String,
    },
    /// The file holds no certificate.
    #[error("`{}` holds no certificate", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or are of a kind that TLS does not know.
    #[error("certificate `{}` and key `{}` cannot be used together: {why}", settings.certificate.display(), settings.key.display())]
    Refused {
        /// Both files.
        settings: Settings,
        /// What was wrong.
        why: rustls::Error,
    },
}

/// The certificate in use.
#[derive(Debug)]
pub struct Tls {
    settings: Settings,
    current: ArcSwap<Served>,
}

/// A certificate that can be shown, and when it ends.
#[derive(Debug)]
struct Served {
    config: Arc<ServerConfig>,
    ends: Option<Time>,
}

/// What changes when a file does: length and time of certificate and key, as far as they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark([Option<(u64, SystemTime)>; 2]);

impl Tls {
    /// Reads both files. Blocking: for the start, or a thread that may block.
    pub fn load(settings: Settings) -> Result<Self, Unusable> {
        let current = ArcSwap::from_pointee(read(&settings)?);
        Ok(Self { settings, current })
    }

    /// Reads both files again. New connections get the new certificate, open ones keep theirs; on an error the old
    /// one stays in use. Blocking, as [`Tls::load`].
    pub fn reload(&self) -> Result<(), Unusable> {
        self.current.store(Arc::new(read(&self.settings)?));
        Ok(())
    }

    /// What the next handshake uses.
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// When the certificate in use ends, if that can be read.
    pub fn ends(&self) -> Option<Time> {
        self.current.load().ends
    }

    /// How the files look now: another mark is another pair of files.
    pub fn mark(&self) -> Mark {
        let look = |path: &Path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.len(), about.modified().ok()?))
        };
        Mark([look(&self.settings.certificate), look(&self.settings.key)])
    }
}

fn read(settings: &Settings) -> Result<Served, Unusable> {
    let chain = certificates(&settings.certificate)?;
    let ends = chain.first().and_then(|certificate| expiry::of(certificate));
    let key = PrivateKeyDer::from_pem_file(&settings.key)
        .map_err(|why| unreadable("private key", &settings.key, &why))?;
    let refused = |why| Unusable::Refused { settings: settings.clone(), why };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(refused)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(refused)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Served { config: Arc::new(config), ends })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain = chain.map_err(|why| unreadable("certificate", path, &why))?;
    if chain.is_empty() { Err(Unusable::Empty { path: path.to_owned() }) } else { Ok(chain) }
}

fn unreadable(what: &'static str, path: &Path, why: &rustls_pki_types::pem::Error) -> Unusable {
    Unusable::Unreadable { what, path: path.to_owned(), why: why.to_string() }
}
