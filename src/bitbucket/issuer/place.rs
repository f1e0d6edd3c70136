//! Where an issuer's keys lie, and reading them there. What is read is not judged here but for whose it is.

use std::path::PathBuf;

use serde::Deserialize;
use tokio::io::AsyncReadExt;

use crate::bitbucket::client::address;
use crate::bitbucket::issuer::Issuer;
use crate::bitbucket::issuer::KeyError;
use crate::bitbucket::issuer::PATIENCE;
use crate::bitbucket::transport::Deadline;
use crate::bitbucket::transport::FetchError;
use crate::bitbucket::transport::receive;
use crate::event::caller::MAX_KEY_SET_BYTES;

const WHAT: &str = "the issuer's keys";

/// Where OpenID Connect Discovery 1.0 section 4 has an issuer describe itself.
const DESCRIPTION: &str = ".well-known/openid-configuration";

/// Where an issuer's keys lie. Configuration says it, never a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// At `{issuer}/keys.json`, as Bitbucket's do.
    Beside,
    /// Where the issuer's own openid-configuration says.
    Described,
    /// At this address.
    Address(String),
    /// In this file: for an issuer that the gate cannot reach.
    File(PathBuf),
}

#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

/// The key set's bytes. Cost: one request, two where the issuer describes itself, within [`PATIENCE`] together.
pub(super) async fn read(http: &reqwest::Client, issuer: &Issuer) -> Result<Vec<u8>, KeyError> {
    let deadline = Deadline::within(PATIENCE);
    let base = issuer.url.trim_end_matches('/');
    match &issuer.keys {
        Place::Beside => fetched(http, issuer, &format!("{base}/keys.json"), deadline).await,
        Place::Address(url) => fetched(http, issuer, url, deadline).await,
        Place::Described => {
            let url = format!("{base}/{DESCRIPTION}");
            let json = fetched(http, issuer, &url, deadline).await?;
            let url = described(issuer, &json)?;
            fetched(http, issuer, &url, deadline).await
        }
        Place::File(path) => {
            let read = tokio::time::timeout(PATIENCE, whole(path)).await;
            let read = read.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
            read.map_err(|error| KeyError::File(issuer.url.clone(), error.to_string()))
        }
    }
}

async fn fetched(
    http: &reqwest::Client,
    issuer: &Issuer,
    url: &str,
    deadline: Deadline,
) -> Result<Vec<u8>, KeyError> {
    let url = address(url).map_err(|_| KeyError::Address(issuer.url.clone()))?;
    let asked = async {
        let request = http.get(url).header(reqwest::header::ACCEPT, "application/json");
        let response = request.send().await.map_err(|_| FetchError::Unreachable)?;
        receive(response, WHAT, MAX_KEY_SET_BYTES).await
    };
    let unread = |why| KeyError::Unread(issuer.url.clone(), why);
    let answer = deadline.hold(WHAT, asked).await.map_err(unread)?;
    answer.json(WHAT).map(<[u8]>::to_vec).map_err(unread)
}

/// Where the description says the keys are. It must be the issuer's own, and may not lead out of TLS.
fn described(issuer: &Issuer, json: &[u8]) -> Result<String, KeyError> {
    let description: Description = serde_json::from_slice(json)
        .map_err(|_| KeyError::Described(issuer.url.clone(), "nobody".to_owned()))?;
    if description.issuer != issuer.url {
        let whose = description.issuer.chars().take(120).flat_map(char::escape_debug).collect();
        return Err(KeyError::Described(issuer.url.clone(), whose));
    }
    let is_encrypted = |url: &str| url.starts_with("https://");
    if is_encrypted(&issuer.url) && !is_encrypted(&description.jwks_uri) {
        return Err(KeyError::Address(issuer.url.clone()));
    }
    Ok(description.jwks_uri)
}

/// A small file. One byte more than is kept tells that it is too large.
async fn whole(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_KEY_SET_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    tokio::fs::File::open(path).await?.take(most).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
