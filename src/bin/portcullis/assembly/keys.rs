//! Keys of a store: the one that seals (never in the store), and the one that signs its ledger (in it, sealed).

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use portcullis::ledger::VerifierKey;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::store::Store;

use crate::assembly::AssemblyError;
use crate::config::ConfigError;
use crate::config::SecretRef;

/// Where a store keeps the text of its verifier key.
pub const VKEY: &str = "ledger-vkey";

/// Where a store keeps its signing key, sealed.
const SIGNING: &str = "ledger-signing";

/// The file of the sealing key, beside the store's file.
const KEY_FILE: &str = "store.key";

/// The file of the one before, while everything is being sealed again.
const OLD_KEY_FILE: &str = "store.key.old";

/// The seal of a store: from configured keys, each 64 hex digits, else from the files beside it.
pub fn seal_of(
    store: &Path,
    key: Option<&SecretRef>,
    old: Option<&SecretRef>,
) -> Result<Arc<Seal>, KeysError> {
    let read = |name: &str, key: &SecretRef| {
        let text = key.read_text(name)?;
        let wrong = || ConfigError::value(name, "the key must be 64 hex digits");
        decoded(text.expose().trim()).ok_or_else(wrong)
    };
    let key = match key {
        Some(key) => read("store.key", key)?,
        None => beside(store, Missing::Made).map_err(KeysError::Beside)?,
    };
    let old = match old {
        Some(old) => Some(read("store.old_key", old)?),
        None => old_beside(store).map_err(KeysError::Beside)?,
    };
    Ok(Arc::new(Seal::new(&key, old.as_ref())))
}

/// Why there is no seal.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The configuration names no key.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The files beside the store hold none.
    #[error("{0}")]
    Beside(String),
}

/// What becomes of a key that is not there.
#[derive(Clone, Copy)]
enum Missing {
    Made,
    Refused,
}

/// The seal from the key files beside a store that is there.
pub fn seal_beside(store: &Path) -> Result<Arc<Seal>, String> {
    Ok(Arc::new(Seal::new(&beside(store, Missing::Refused)?, old_beside(store)?.as_ref())))
}

/// The seal of a store whose key is made at first start.
pub fn seal_made(store: &Path) -> Result<Arc<Seal>, String> {
    Ok(Arc::new(Seal::new(&beside(store, Missing::Made)?, None)))
}

fn beside(store: &Path, missing: Missing) -> Result<Secret<[u8; 32]>, String> {
    let path = store.with_file_name(KEY_FILE);
    let text = match (std::fs::read_to_string(&path), missing) {
        (Ok(text), _) => Secret::new(text),
        (Err(error), Missing::Made) if error.kind() == std::io::ErrorKind::NotFound => {
            made(store, &path)?
        }
        (Err(error), _) => {
            return Err(format!("cannot read the store's key `{}`: {error}", path.display()));
        }
    };
    decoded_file(&path, &text)
}

fn old_beside(store: &Path) -> Result<Option<Secret<[u8; 32]>>, String> {
    let path = store.with_file_name(OLD_KEY_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => decoded_file(&path, &Secret::new(text)).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("cannot read the store's old key `{}`: {error}", path.display())),
    }
}

fn decoded_file(path: &Path, text: &Secret<String>) -> Result<Secret<[u8; 32]>, String> {
    decoded(text.expose().trim()).ok_or_else(|| {
        format!("`{}` does not hold 64 hex digits: restore it from your backup", path.display())
    })
}

fn made(store: &Path, path: &Path) -> Result<Secret<String>, String> {
    if store.exists() {
        return Err(format!(
            "the store `{}` is there, but its key `{}` is not: restore the key from your backup, without it nothing sealed can be read",
            store.display(),
            path.display()
        ));
    }
    let random = portcullis::secret::random::<32>().map_err(|error| error.to_string())?;
    let text = hex::encode(random);
    private_file(path, &text)
        .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    Ok(Secret::new(text))
}

/// Writes a new file that only its owner can read.
pub fn private_file(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    // Written beside it and moved into place: a crash leaves the old file or the new one, never half a key.
    let beside = path.with_added_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn decoded(text: &str) -> Option<Secret<[u8; 32]>> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(Secret::new(bytes))
}

/// The key that signs the store's ledger, made at first start, and the one that verifies it.
pub async fn signing(store: &Store) -> Result<(SigningKey, VerifierKey), AssemblyError> {
    let kept = store.key(SIGNING).await.map_err(AssemblyError::other)?;
    let signing = match &kept {
        Some(bytes) => SigningKey::from_pkcs8(bytes).map_err(AssemblyError::other)?,
        None => SigningKey::generate().map_err(AssemblyError::other)?,
    };
    let verifier =
        VerifierKey::new(store.origin(), signing.public_key()).map_err(AssemblyError::other)?;
    if kept.is_none() {
        let bytes = signing.to_pkcs8().map_err(AssemblyError::other)?;
        store.keep_key(SIGNING, &bytes).await.map_err(AssemblyError::other)?;
    }
    // Looked for by itself: a first start can end between the two.
    if store.meta(VKEY).await.map_err(AssemblyError::other)?.is_none() {
        store
            .set_meta(VKEY, verifier.to_string().as_bytes())
            .await
            .map_err(AssemblyError::other)?;
    }
    Ok((signing, verifier))
}
