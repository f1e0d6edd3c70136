//! Where a secret comes from: a file, a variable, or a prompt that shows nothing. Never an argument, which everybody on
//! the machine could read.

use std::path::Path;

use portcullis::secret::Secret;

use crate::config::SecretRef;
use crate::terminal;

/// A secret that is asked for.
pub struct Asked<'a> {
    /// What it is, for sentences.
    pub what: &'static str,
    /// The flags that name it.
    pub flags: &'static str,
    /// The file that was named.
    pub file: Option<&'a Path>,
    /// The variable that was named.
    pub env: Option<&'a str>,
}

impl Asked<'_> {
    /// Reads it.
    pub fn read(&self) -> Result<Secret<String>, String> {
        let named = match (self.file, self.env) {
            (Some(file), _) => Some(SecretRef::File(file.to_owned())),
            (None, Some(name)) => Some(SecretRef::Env(name.to_owned())),
            (None, None) => None,
        };
        let read = match named {
            Some(named) => named.read_text(self.what).map_err(|error| error.to_string())?,
            None if terminal::is_there() => {
                terminal::ask_secret(&format!("{} (not shown):", self.what))?
            }
            None => return Err(format!("{} is missing: name it with {}", self.what, self.flags)),
        };
        Ok(Secret::new(read.expose().trim().to_owned()))
    }
}
