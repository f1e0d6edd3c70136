//! A channel: an address that takes signed messages, its secrets, and which private hosts it may stand on.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use url::Host;
use url::Url;

use crate::notify::guard;
use crate::notify::guard::Refused;
use crate::notify::sign::Key;

/// Words of the route table that no channel may be called.
const RESERVED: [&str; 2] = ["owner", "security-contact"];

/// Longest address, characters. A longer one is no address, and it would stand in every log line about its channel.
const MAX_URL: usize = 2_048;

/// What a channel is called: 2 to 40 of a-z, 0-9 and `-`. It stands in the open in the ledger, so it is no person's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelId(String);

impl ChannelId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelId {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(2..=40).contains(&text.len()) || !text.bytes().all(plain) {
            return Err(ChannelError::Id(text.chars().take(48).collect()));
        }
        if RESERVED.contains(&text) {
            return Err(ChannelError::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ChannelId {
    type Error = ChannelError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ChannelId> for String {
    fn from(id: ChannelId) -> Self {
        id.0
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Hosts that the operator named, and that may therefore be private.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<Host>);

impl Allowed {
    /// Reads exact hosts: names or addresses, without a scheme, a port or a pattern.
    pub fn read(hosts: &[String]) -> Result<Self, ChannelError> {
        let one = |text: &String| {
            let refuse = || ChannelError::Allow(text.chars().take(120).collect());
            if text.contains(['*', '/', '@', ' ']) {
                return Err(refuse());
            }
            Host::parse(text).map_err(|_| refuse())
        };
        Ok(Self(hosts.iter().map(one).collect::<Result<_, _>>()?))
    }

    /// Whether this very host is among them.
    pub fn holds(&self, host: &Host<&str>) -> bool {
        self.0.contains(&host.to_owned())
    }
}

/// Where messages go. A channel without a secret cannot be made: whoever receives could not tell ours from others'.
#[derive(Clone, Debug)]
pub struct Channel {
    id: ChannelId,
    url: Url,
    keys: Vec<Key>,
    allowed: Allowed,
}

/// Why a channel cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Its id.
    #[error("`{0}` is no channel id: use 2 to 40 of a-z, 0-9 and `-`")]
    Id(String),
    /// Its id means something else.
    #[error("`{0}` is a word of the route table: call the channel something else")]
    Reserved(String),
    /// Its address cannot be read. It is not shown: such addresses often hold a token.
    #[error("the url is no address: write it like `https://hooks.example.com/portcullis`")]
    Address,
    /// Its address leads where nothing may be sent.
    #[error("the url is refused: {0}")]
    Refused(#[from] Refused),
    /// No secret, or too many.
    #[error("a channel has one secret, or two during rotation; this one has {0}")]
    Secrets(usize),
    /// A host that is none.
    #[error(
        "`{0}` is no host: `allow` lists exact names or addresses, without scheme, port or `*`"
    )]
    Allow(String),
}

impl Channel {
    /// A channel at an address. What can be judged without asking anybody is judged now; what its name resolves to is
    /// judged before each message.
    pub fn new(
        id: ChannelId,
        url: &str,
        keys: Vec<Key>,
        allowed: Allowed,
    ) -> Result<Self, ChannelError> {
        if !(1..=2).contains(&keys.len()) {
            return Err(ChannelError::Secrets(keys.len()));
        }
        if url.len() > MAX_URL {
            return Err(ChannelError::Address);
        }
        let url = Url::parse(url).map_err(|_| ChannelError::Address)?;
        guard::judge(&url, &allowed)?;
        Ok(Self { id, url, keys, allowed })
    }

    /// What it is called.
    pub const fn id(&self) -> &ChannelId {
        &self.id
    }

    /// Where it is. It may hold a token: for the request alone, never for a log or a page.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Scheme and host: what may be shown of its address.
    pub fn shown(&self) -> String {
        format!("{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())
    }

    /// Its secrets, never none.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Private hosts it may stand on.
    pub const fn allowed(&self) -> &Allowed {
        &self.allowed
    }
}
