//! Addresses: bases from configuration, and what may be put below them.

use url::Host;
use url::Url;

use crate::bitbucket::client::SettingsError;
use crate::bitbucket::transport::FetchError;

/// Reads a base address: no query, no user, HTTPS unless loopback, one trailing slash taken off.
pub(crate) fn address(text: &str) -> Result<Url, SettingsError> {
    let shown = || text.chars().take(120).flat_map(char::escape_debug).collect::<String>();
    let url =
        Url::parse(text.trim_end_matches('/')).map_err(|_| SettingsError::Address(shown()))?;
    if url.host().is_none() || !matches!(url.scheme(), "http" | "https") {
        return Err(SettingsError::Address(shown()));
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        // Not shown: what stands there may be a password.
        return Err(SettingsError::Extras(url.host_str().unwrap_or_default().to_owned()));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(SettingsError::Plain(shown()));
    }
    Ok(url)
}

/// Whether an address leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Reads a workspace's slug.
pub(crate) fn workspace(text: &str) -> Result<String, SettingsError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let bare = text.trim_start_matches('{').trim_end_matches('}');
    if !bare.is_empty() && bare.len() <= 64 && bare.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(SettingsError::Workspace(text.chars().take(80).flat_map(char::escape_debug).collect()))
    }
}

/// An address of these segments below a base. Segments that would lead elsewhere are refused.
pub(crate) fn below(base: &Url, path: &[&str]) -> Result<Url, FetchError> {
    let refuse = |segment: &str| {
        let shown = segment.chars().take(80).flat_map(char::escape_debug).collect();
        FetchError::Unaskable(shown, "part of an address")
    };
    let mut url = base.clone();
    if let Some(bad) = path.iter().find(|segment| matches!(**segment, "." | "..")) {
        return Err(refuse(bad));
    }
    url.path_segments_mut().map_err(|()| refuse(base.as_str()))?.pop_if_empty().extend(path);
    Ok(url)
}

/// A commit's hash, in full or cut, as it may stand in an address.
pub(crate) fn hex(text: &str) -> Result<&str, FetchError> {
    if (7..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(text);
    }
    let shown = text.chars().take(48).flat_map(char::escape_debug).collect();
    Err(FetchError::Unaskable(shown, "a commit: use 7 to 40 hex digits"))
}

/// Whether a hash has all its 40 lower-case hex digits.
pub(crate) fn is_full(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
