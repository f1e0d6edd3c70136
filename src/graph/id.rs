//! Names that never change: `<connection>/<kind>/<native>`. Slugs, keys, nicknames and e-mail addresses are attributes.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;
use serde::Deserialize;
use serde::Serialize;

/// The longest native part: a ref is a repository's number or UUID and a path of at most 1,000 bytes. Without a bound
/// one hostile branch name would be copied into every row that mentions it.
pub const MAX_NATIVE_BYTES: usize = 1_100;

/// Which Bitbucket a connection speaks to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Product {
    /// Bitbucket Cloud.
    Cloud,
    /// Bitbucket Server or Data Center.
    DataCenter,
}

impl Product {
    /// `cloud` or `datacenter`, as in configuration, input and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::DataCenter => "datacenter",
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Product {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "cloud" => Ok(Self::Cloud),
            "datacenter" => Ok(Self::DataCenter),
            _ => Err(IdError::Product(quoted(text))),
        }
    }
}

/// The id of a connection: `[a-z0-9-]{2,40}`, part of every id, never reused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(Arc<str>);

impl ConnectionId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConnectionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (2..=40).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(IdError::Connection(quoted(text)))
        }
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident = $text:literal ),+ $(,)?) => {
        /// What an id names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $( $(#[$doc])* $name ),+ }

        impl Kind {
            /// Every kind, in the order of the contract.
            pub const ALL: &'static [Self] = &[ $( Self::$name ),+ ];

            /// The word in an id.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text ),+ }
            }
        }

        impl FromStr for Kind {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $( $text => Ok(Self::$name), )+ _ => Err(IdError::Kind(quoted(text))) }
            }
        }
    };
}

kinds! {
    /// A person.
    User = "user",
    /// A group of people.
    Group = "group",
    /// An OAuth consumer, Forge app or other application.
    App = "app",
    /// An access token.
    Token = "token",
    /// A deploy or access key.
    Key = "key",
    /// A pipelines runner.
    Runner = "runner",
    /// An agent that acts for a person.
    Agent = "agent",
    /// A Cloud workspace, or the whole of a Data Center.
    Workspace = "workspace",
    /// A project.
    Project = "project",
    /// A repository.
    Repository = "repository",
    /// A branch or tag.
    Ref = "ref",
    /// A deployment environment.
    Environment = "environment",
    /// A pipeline variable.
    Variable = "variable",
    /// A branch restriction.
    Restriction = "restriction",
    /// A webhook.
    Hook = "hook",
    /// A credential that cannot be listed.
    Credential = "credential",
}

/// An id: connection, kind, and the name the product itself never changes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    text: Arc<str>,
    kind: Kind,
    native_at: u16,
}

impl Id {
    /// Builds an id. Cloud natives are normalised to bare lower-case UUIDs; others are kept as given.
    pub fn new(connection: &ConnectionId, kind: Kind, native: &str) -> Result<Self, IdError> {
        let native = bare(native);
        if native.is_empty()
            || native.len() > MAX_NATIVE_BYTES
            || native.contains(['\0', '\n', '\r'])
        {
            return Err(IdError::Native(quoted(&native)));
        }
        let head = format!("{connection}/{}/", kind.as_str());
        let native_at = u16::try_from(head.len()).unwrap_or(u16::MAX);
        Ok(Self { text: (head + &native).into(), kind, native_at })
    }

    /// The id of a ref of this repository; `name` is the full name, `refs/heads/…` or `refs/tags/…`.
    pub fn reference(repository: &Self, name: &str) -> Result<Self, IdError> {
        Self::new(&repository.connection(), Kind::Ref, &format!("{}:{name}", repository.native()))
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The connection it belongs to.
    pub fn connection(&self) -> ConnectionId {
        ConnectionId(self.text.split('/').next().unwrap_or_default().into())
    }

    /// What it names.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The product's own name for it.
    pub fn native(&self) -> &str {
        self.text.get(usize::from(self.native_at)..).unwrap_or_default()
    }
}

/// A Cloud UUID in braces or capitals becomes bare and lower-case; anything else stays as it is.
fn bare(native: &str) -> String {
    let inner = native.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(native);
    match uuid::Uuid::try_parse(inner) {
        Ok(uuid) if inner.len() == 36 => uuid.to_string(),
        Ok(_) | Err(_) => native.to_owned(),
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(connection), Some(kind), Some(native)) => {
                Self::new(&connection.parse()?, kind.parse()?, native)
            }
            _ => Err(IdError::Shape(quoted(text))),
        }
    }
}

impl JsonSchema for ConnectionId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ConnectionId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[a-z0-9-]{2,40}$"})
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for ConnectionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ConnectionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not three parts.
    #[error("`{0}` is not an id: write `<connection>/<kind>/<native>`")]
    Shape(String),
    /// Not a connection id.
    #[error("`{0}` is not a connection id: use 2 to 40 of a-z, 0-9 and `-`")]
    Connection(String),
    /// Not a kind.
    #[error(
        "`{0}` is not a kind of thing: use one of user, group, app, token, key, runner, agent, workspace, project, repository, ref, environment, variable, restriction, hook, credential"
    )]
    Kind(String),
    /// Not a native name.
    #[error(
        "`{0}` cannot be the last part of an id: it is empty, longer than {MAX_NATIVE_BYTES} bytes, or holds a line break"
    )]
    Native(String),
    /// Not a product.
    #[error("`{0}` is not a product: use `cloud` or `datacenter`")]
    Product(String),
}

/// What a message may quote of a foreign text: at most 80 characters, controls escaped.
fn quoted(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
