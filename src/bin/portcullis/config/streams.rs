//! What a configuration says of streams: where every decision goes besides the record.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::SecretRef;

/// A stream of every decision.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// `[a-z0-9-]{2,40}`. Its place in the record is kept under it: another id begins anew.
    pub id: String,
    /// Where to: `{ file = "decisions.jsonl" }` or `{ url = "https://siem.example.com/in" }`.
    pub to: StreamTo,
    /// `portcullis` or `opa`. Absent: `portcullis`.
    pub format: Option<String>,
    /// What goes out of what holds names and texts: any of `input`, `names`, `told`. Absent: none of it.
    #[serde(default)]
    pub parts: Vec<String>,
    /// Where it begins the first time: `now` or `start`. Absent: `now`.
    pub begin: Option<String>,
}

/// Where a stream goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamTo {
    /// A file that lines are appended to.
    pub file: Option<PathBuf>,
    /// An https address that takes batches.
    pub url: Option<String>,
    /// The bearer token it wants.
    pub token: Option<SecretRef>,
    /// Exact hosts that may be spoken to over http.
    #[serde(default)]
    pub allow: Vec<String>,
}
