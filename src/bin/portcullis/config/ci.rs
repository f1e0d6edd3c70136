//! What a configuration says of another CI. What is pinned here is all that its tokens are believed.

use schemars::JsonSchema;
use serde::Deserialize;

/// Another CI.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CiConfig {
    /// `[a-z0-9-]{2,40}`: what the record calls it.
    pub id: String,
    /// The exact `iss` of its tokens.
    pub issuer: String,
    /// Audiences its tokens may be made for. Absent: those of the connection, else `[public] url`.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Where its keys are: an address, or a file. Absent: where the issuer's own openid-configuration says.
    pub jwks: Option<String>,
    /// What it may sign with: `RS256`, `ES256`. Absent: `RS256`.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Subjects that may ask, with `*` for any run of characters. Absent: every one.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Repositories they may ask about: `PAY/ledger`, `PAY/*`. Absent: every one, and then `claims.repository` has to say
    /// which.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// Actions they may ask about. Absent: every one.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Environments they may name; what they name out of these is taken for proven.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Which claims of its tokens say what.
    #[serde(default)]
    pub claims: ClaimsConfig,
}

/// Which claims of a CI's tokens say what. What is not named here is taken from the question.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimsConfig {
    /// The job. Absent: `sub`.
    pub subject: Option<String>,
    /// The repository: `PROJECT/SLUG`, on Cloud `workspace/slug`.
    pub repository: Option<String>,
    /// The commit, 40 hex digits.
    pub commit: Option<String>,
    /// The branch or tag, by its short or full name.
    pub r#ref: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The run: the build's number or address.
    pub run: Option<String>,
}
