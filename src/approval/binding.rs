//! What an approval is bound to: SHA-256 of RFC 8785 JSON of everything that was seen. One byte differs, no grant.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

use crate::policy::Input;
use crate::policy::RuleId;

/// Members of the input that an approval does not rest on: they differ between two runs of the same thing.
const NOT_BOUND: &[&str] = &["event", "now", "claimed", "graph", "caller"];

/// Likewise, inside `pipeline`.
const NOT_BOUND_IN_PIPELINE: &[&str] = &["id", "step"];

/// Everything a ticket is bound to. Members that are not known are `null`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// 1.
    pub v: u8,
    /// Id of the connection.
    pub connection: String,
    /// What is to be done.
    pub action: String,
    /// Id of the repository.
    pub repository: Option<String>,
    /// Full name of the ref.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Commit, 40 hex digits. A ticket is never granted over none.
    pub commit: Option<String>,
    /// Id of the environment.
    pub environment: Option<String>,
    /// Names of the variables asked for, sorted.
    pub variables: Vec<String>,
    /// SHA-256 of the executed commands, hex.
    pub script_sha256: Option<String>,
    /// Revision of the bundle.
    pub bundle: String,
    /// Rules that ask for the approval, sorted.
    pub rules: Vec<RuleId>,
    /// [`facts`] of the input, hex.
    pub facts: String,
}

impl Binding {
    /// The digest a grant is bound to.
    pub fn digest(&self) -> [u8; 32] {
        canonical(self)
    }

    /// Names of the members that differ, in the contract's order.
    pub fn differs_from(&self, other: &Self) -> Vec<&'static str> {
        let members = [
            ("v", self.v == other.v),
            ("connection", self.connection == other.connection),
            ("action", self.action == other.action),
            ("repository", self.repository == other.repository),
            ("ref", self.reference == other.reference),
            ("commit", self.commit == other.commit),
            ("environment", self.environment == other.environment),
            ("variables", self.variables == other.variables),
            ("script_sha256", self.script_sha256 == other.script_sha256),
            ("bundle", self.bundle == other.bundle),
            ("rules", self.rules == other.rules),
            ("facts", self.facts == other.facts),
        ];
        members.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

/// SHA-256 of the pruned input without what differs between two runs of the same thing, hex.
pub fn facts(input: &Input) -> String {
    let mut document: Value = serde_json::from_slice(input.json()).unwrap_or_default();
    if let Some(members) = document.as_object_mut() {
        for name in NOT_BOUND {
            members.remove(*name);
        }
        if let Some(pipeline) = members.get_mut("pipeline").and_then(Value::as_object_mut) {
            for name in NOT_BOUND_IN_PIPELINE {
                pipeline.remove(*name);
            }
        }
    }
    hex::encode(canonical(&document))
}

fn canonical<T: Serialize>(value: &T) -> [u8; 32] {
    // Values here are plain structs and parsed JSON: both always have a canonical form.
    Sha256::digest(serde_json_canonicalizer::to_vec(value).unwrap_or_default()).into()
}
