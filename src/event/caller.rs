//! Who asks: is this token good? Keys and the hour are handed in; nothing here fetches or waits.
//!
//! A step token proves "some code in this step of this pipeline", never a person: every command of the step can read
//! it. It names no commit and no branch that could be trusted for more than a hint; these are read from Bitbucket.
//!
//! Source: RFC 7519, RFC 8725, and Atlassian's "Integrate Pipelines with resource servers using OIDC".

mod ci;
mod keys;
mod scope;
mod service;
mod token;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Kind;
use crate::graph::Time;

pub use ci::CiIdentity;
pub use ci::CiIssuer;
pub use ci::ClaimNames;
pub use ci::ci;
pub use keys::KeyError;
pub use keys::KeySet;
pub use keys::MAX_KEY_SET_BYTES;
pub use keys::MAX_KEYS;
pub use keys::Signing;
pub use scope::Scope;
pub use service::ServiceToken;
pub use service::ServiceTokenError;
pub use service::TokenDoor;
pub use token::LEEWAY;
pub use token::MAX_TOKEN_BYTES;
pub use token::Peek;
pub use token::peek;

/// An issuer whose tokens a connection accepts, by configuration alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The connection.
    pub connection: ConnectionId,
    /// `iss`, compared byte for byte.
    pub issuer: String,
    /// The audiences this gate answers to; a token must name one of them.
    pub audiences: Vec<String>,
}

/// A pipeline step, as its own token names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepIdentity {
    /// The connection whose issuer signed it.
    pub connection: ConnectionId,
    /// UUID of the workspace, bare and lower-case.
    pub workspace_uuid: String,
    /// The repository.
    pub repository: Id,
    /// UUID of the pipeline, bare and lower-case.
    pub pipeline: String,
    /// UUID of the step, bare and lower-case.
    pub step: String,
    /// The environment the step deploys to; a step without `deployment:` has none.
    pub environment: Option<Id>,
    /// The branch, as a short name: missing for tags, the source branch of a pull request.
    pub branch: Option<String>,
    /// When the token was made: with the step's UUID it tells one run from the next.
    pub issued: Time,
    /// When the token ends.
    pub ends: Time,
}

/// What a check's body says of the step that asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClaimedStep<'a> {
    /// UUID of the pipeline.
    pub pipeline: Option<&'a str>,
    /// UUID of the step.
    pub step: Option<&'a str>,
    /// The environment that the named one was found to be.
    pub environment: Option<&'a Id>,
}

/// Why a token is not good. The caller is refused (4xx); `--on-error allow` never covers it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too long to look at.
    #[error("the token has {bytes} bytes, more than the {MAX_TOKEN_BYTES} that are looked at")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not three parts of base64url.
    #[error("the token is not a JSON Web Token: {why}")]
    Malformed {
        /// What is wrong.
        why: &'static str,
    },
    /// A header that chooses its own key, or asks for what we do not do.
    #[error(
        "the token's header carries `{name}`, which is not accepted: keys come from the issuer alone"
    )]
    Header {
        /// The header's field.
        name: &'static str,
    },
    /// Another algorithm than the issuer's keys are for.
    #[error(
        "the token is signed with `{found}`, which is not accepted from this issuer: `RS256` is, and `ES256` where its configuration lists it"
    )]
    Algorithm {
        /// What the header says.
        found: String,
    },
    /// No key of this name.
    #[error("the token names the key `{key}`, which the issuer does not publish")]
    UnknownKey {
        /// The key's name, cut.
        key: String,
    },
    /// The signature does not hold.
    #[error("the token's signature does not hold")]
    Signature,
    /// A claim is missing or of another kind.
    #[error("the token's `{claim}` {why}")]
    Claim {
        /// Which.
        claim: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// From somebody else.
    #[error(
        "the token is from `{found}`, this connection trusts `{expected}`: check the workspace's slug"
    )]
    Issuer {
        /// The token's.
        found: String,
        /// Ours.
        expected: String,
    },
    /// For somebody else.
    #[error(
        "the token is for `{found}`, this gate answers to `{expected}`: list it under `oidc: audiences` of the step"
    )]
    Audience {
        /// The token's.
        found: String,
        /// Ours.
        expected: String,
    },
    /// Of another CI, for somebody else.
    #[error(
        "the token is for `{found}`, this gate answers to `{expected}`: have the CI make it for that audience"
    )]
    CiAudience {
        /// The token's.
        found: String,
        /// Ours.
        expected: String,
    },
    /// For a job that may not ask.
    #[error(
        "the token is for the subject `{found}`, and of this CI only `{expected}` may ask: add it to `subjects`"
    )]
    Subject {
        /// The token's.
        found: String,
        /// Ours.
        expected: String,
    },
    /// Over.
    #[error(
        "the token ended at {ended}, it is {now} now: it cannot be renewed, so run the step or job again"
    )]
    Expired {
        /// `exp`.
        ended: Time,
        /// The hour.
        now: Time,
    },
    /// Not begun.
    #[error("the token is good from {from} only, it is {now} now: compare the clocks")]
    Early {
        /// `iat` or `nbf`.
        from: Time,
        /// The hour.
        now: Time,
    },
    /// The check's body names another step, pipeline or environment.
    #[error("the check names the {what} `{claimed}`, its token speaks for `{told}`")]
    Other {
        /// `pipeline`, `step` or `environment`.
        what: &'static str,
        /// The body's.
        claimed: String,
        /// The token's.
        told: String,
    },
    /// An id that cannot be one.
    #[error("the token names no usable id: {0}")]
    Id(#[from] IdError),
}

impl TokenError {
    /// How much it says where several entries of one issuer were tried: that a token is for another audience is what
    /// every entry but its own says of it, and only its own can say that its job may not ask.
    pub const fn tells(&self) -> u8 {
        match self {
            Self::CiAudience { .. } => 0,
            Self::Subject { .. } => 2,
            Self::TooLong { .. }
            | Self::Malformed { .. }
            | Self::Header { .. }
            | Self::Algorithm { .. }
            | Self::UnknownKey { .. }
            | Self::Signature
            | Self::Claim { .. }
            | Self::Issuer { .. }
            | Self::Audience { .. }
            | Self::Expired { .. }
            | Self::Early { .. }
            | Self::Other { .. }
            | Self::Id(_) => 1,
        }
    }
}

/// Finds the issuer that the token says it is from, among those that configuration trusts. The saying is unproven: it
/// only chooses which keys to try.
pub fn choose<'i>(peek: &Peek, trusted: &'i [Issuer]) -> Result<&'i Issuer, TokenError> {
    trusted.iter().find(|issuer| issuer.issuer == peek.issuer).ok_or_else(|| TokenError::Issuer {
        found: cut(&peek.issuer),
        expected: listed(trusted.iter().map(|issuer| issuer.issuer.as_str())),
    })
}

/// Whether the token is that of a step, and which. Cost: one RSA verification, about 20 microseconds.
pub fn step(
    token: &str,
    from: &Issuer,
    keys: &KeySet,
    now: Time,
) -> Result<StepIdentity, TokenError> {
    let claims = token::verified(token, from, keys, now)?;
    let id = |kind, uuid: &str| Id::new(&from.connection, kind, uuid);
    let environment = match claims.optional_uuid("deploymentEnvironmentUuid")? {
        Some(uuid) => Some(uuid),
        None => claims.optional_uuid("deploymentEnvironment")?,
    };
    Ok(StepIdentity {
        connection: from.connection.clone(),
        workspace_uuid: claims.uuid("workspaceUuid")?,
        repository: id(Kind::Repository, &claims.uuid("repositoryUuid")?)?,
        pipeline: claims.uuid("pipelineUuid")?,
        step: claims.uuid("stepUuid")?,
        environment: environment.map(|uuid| id(Kind::Environment, &uuid)).transpose()?,
        branch: claims.optional_text("branchName")?,
        issued: claims.issued(),
        ends: claims.ends(),
    })
}

impl StepIdentity {
    /// Whether the check's body speaks of this very step. What the body leaves out does not contradict; an environment
    /// that the token does not have does.
    pub fn agrees(&self, claimed: &ClaimedStep<'_>) -> Result<(), TokenError> {
        same_uuid("pipeline", claimed.pipeline, &self.pipeline)?;
        same_uuid("step", claimed.step, &self.step)?;
        match (claimed.environment, &self.environment) {
            (Some(claimed), Some(told)) if claimed == told => Ok(()),
            (None, _) => Ok(()),
            (Some(claimed), told) => Err(TokenError::Other {
                what: "environment",
                claimed: cut(claimed.native()),
                told: told.as_ref().map_or("no environment", Id::native).to_owned(),
            }),
        }
    }
}

fn same_uuid(what: &'static str, claimed: Option<&str>, told: &str) -> Result<(), TokenError> {
    match claimed {
        Some(claimed) if bare(claimed).as_deref() != Some(told) => {
            Err(TokenError::Other { what, claimed: cut(claimed), told: told.to_owned() })
        }
        Some(_) | None => Ok(()),
    }
}

/// A UUID without braces, lower-case; nothing else passes.
fn bare(text: &str) -> Option<String> {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let uuid = uuid::Uuid::try_parse(inner).ok()?;
    (inner.len() == 36).then(|| uuid.to_string())
}

/// What a message may quote of a foreign text.
fn cut(text: &str) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}

fn listed<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let texts: Vec<String> = texts.take(10).map(cut).collect();
    if texts.is_empty() { "nothing".to_owned() } else { texts.join("`, `") }
}
