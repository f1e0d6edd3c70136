//! Secrets are named, never written: `{ file = "…" }` or `{ env = "…" }`.

use std::path::PathBuf;

use portcullis::secret::Secret;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::ConfigError;
use crate::config::variable;

/// Largest secret file: a PEM key is 3 KB; a larger file is the wrong one.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Where a secret is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretRef {
    /// In a file; one line break at its end is not part of it.
    File(PathBuf),
    /// In a variable of the environment.
    Env(String),
}

impl SecretRef {
    /// Reads it. `key` names the configuration key in errors; the secret itself is never in one.
    pub fn read(&self, key: &str) -> Result<Secret<Vec<u8>>, ConfigError> {
        let bytes = match self {
            Self::Env(name) => variable(name).map(String::into_bytes).ok_or_else(|| {
                ConfigError::value(key, format!("the variable `{name}` is not set"))
            })?,
            Self::File(path) => read_file(key, path)?,
        };
        if bytes.is_empty() {
            return Err(ConfigError::value(
                key,
                "the secret is empty; an empty one would accept everybody",
            ));
        }
        Ok(Secret::new(bytes))
    }

    /// Reads it as text.
    pub fn read_text(&self, key: &str) -> Result<Secret<String>, ConfigError> {
        let bytes = self.read(key)?;
        String::from_utf8(bytes.expose().clone())
            .map(Secret::new)
            .map_err(|_| ConfigError::value(key, "the secret is not UTF-8 text"))
    }
}

fn read_file(key: &str, path: &std::path::Path) -> Result<Vec<u8>, ConfigError> {
    let refuse = |why: String| ConfigError::value(key, format!("`{}`: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if size > MAX_SECRET_BYTES {
        return Err(refuse(format!(
            "{size} bytes are no secret; at most {MAX_SECRET_BYTES} are read"
        )));
    }
    let mut bytes = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    Ok(bytes)
}
