//! Another CI's run, by its own token. Nothing of it is proven but who signed it: the commit and the ref are read back
//! from Bitbucket before any Allow.
//!
//! Which claim says what differs by CI and by how it was set up, so it is configured, never guessed.

use crate::event::caller::Issuer;
use crate::event::caller::KeySet;
use crate::event::caller::Scope;
use crate::event::caller::TokenError;
use crate::event::caller::cut;
use crate::event::caller::listed;
use crate::event::caller::token;
use crate::graph::ConnectionId;
use crate::graph::Known;
use crate::graph::Time;
use crate::graph::covers_text;

/// A CI whose tokens a connection accepts, by configuration alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiIssuer {
    /// What the record calls it.
    pub id: String,
    /// Who signs, and for whom.
    pub issuer: Issuer,
    /// Which claims say what.
    pub claims: ClaimNames,
    /// Subjects that may ask, with `*` for any run of characters; empty: every one.
    pub subjects: Vec<String>,
    /// What they may ask about.
    pub scope: Scope,
}

/// Which claims of a CI's token say what. A claim that is not named here is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimNames {
    /// Name of the claim with the subject; none: `sub`.
    pub subject: Option<String>,
    /// Name of the claim with the repository, `PROJECT/SLUG` or `workspace/slug`.
    pub repository: Option<String>,
    /// Name of the claim with the branch or tag, a short or a full name.
    pub reference: Option<String>,
    /// Name of the claim with the commit.
    pub commit: Option<String>,
    /// Name of the claim with the environment.
    pub environment: Option<String>,
    /// Name of the claim with the run: the build's number or address.
    pub run: Option<String>,
}

/// Another CI's run, as its own token names it. Each claim is nothing where none is configured, and unknown where the
/// token lacks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiIdentity {
    /// The connection whose issuer signed it.
    pub connection: ConnectionId,
    /// Which CI.
    pub ci: String,
    /// Which job of it.
    pub subject: String,
    /// The repository as the CI names it.
    pub repository: Known<String>,
    /// The branch or tag as the CI names it.
    pub reference: Known<String>,
    /// The commit.
    pub commit: Known<String>,
    /// The environment.
    pub environment: Known<String>,
    /// The run.
    pub run: Known<String>,
    /// When the token was made.
    pub issued: Time,
}

/// Whether the token is that of another CI's run, and which.
pub fn ci(
    token: &str,
    from: &CiIssuer,
    keys: &KeySet,
    now: Time,
) -> Result<CiIdentity, TokenError> {
    let claims = token::verified(token, &from.issuer, keys, now).map_err(for_a_ci)?;
    let told = |name: &Option<String>| claims.mapped(name.as_deref());
    let subject = match &from.claims.subject {
        None => claims.text("sub")?,
        Some(name) => claims.mapped(Some(name)).value().cloned().ok_or(TokenError::Claim {
            claim: "subject",
            why: "is missing: the configured claim is not there",
        })?,
    };
    let may = |pattern: &String| covers_text(pattern, &subject);
    if !from.subjects.is_empty() && !from.subjects.iter().any(may) {
        return Err(TokenError::Subject {
            found: cut(&subject),
            expected: listed(from.subjects.iter().map(String::as_str)),
        });
    }
    let names = &from.claims;
    Ok(CiIdentity {
        connection: from.issuer.connection.clone(),
        ci: from.id.clone(),
        subject,
        repository: told(&names.repository),
        reference: told(&names.reference),
        commit: told(&names.commit),
        environment: told(&names.environment),
        run: told(&names.run),
        issued: claims.issued(),
    })
}

/// Where an audience is chosen differs between a step and another CI, and so does what to do.
fn for_a_ci(error: TokenError) -> TokenError {
    if let TokenError::Audience { found, expected } = error {
        TokenError::CiAudience { found, expected }
    } else {
        error
    }
}
