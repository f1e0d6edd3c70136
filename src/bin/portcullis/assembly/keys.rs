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

/// The seal from a configured key: 64 hex digits.
pub fn seal_of(key: &SecretRef) -> Result<Arc<Seal>, ConfigError> {
    let text = key.read_text("store.key")?;
    let bytes = decoded(text.expose())
        .ok_or_else(|| ConfigError::value("store.key", "the key must be 64 hex digits"))?;
    Ok(Arc::new(Seal::new(&bytes, None)))
}

/// The seal from the key file beside the store; made at first start.
pub fn seal_beside(store: &Path, make: bool) -> Result<Arc<Seal>, String> {
    let path = store.with_file_name(KEY_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => Secret::new(text),
        Err(error) if make && error.kind() == std::io::ErrorKind::NotFound => made(store, &path)?,
        Err(error) => {
            return Err(format!("cannot read the store's key `{}`: {error}", path.display()));
        }
    };
    let bytes = decoded(text.expose().trim()).ok_or_else(|| {
        format!("`{}` does not hold 64 hex digits: restore it from your backup", path.display())
    })?;
    Ok(Arc::new(Seal::new(&bytes, None)))
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
