//! What may be said of a node beside its id and name: one table of attributes per kind, and of the lists that belong
//! to it and can be known in part. Other attributes may stand in a world file: they are kept and mean nothing here.
//!
//! An attribute that is given is a value, `null` says that there is none, and one that is left out is unknown.

use crate::graph::Kind;

/// The longest text an attribute may hold, bytes: a ref name has at most 1,000, a description is not kept. Without a
/// bound one name could fill every page that mentions it.
pub const MAX_TEXT_BYTES: usize = 2_000;

/// The most items of a list attribute (events of a hook, labels of a runner).
pub const MAX_LIST: usize = 500;

/// The most attributes of a node, ours and others: without a bound one node could be as large as the file.
pub const MAX_ATTRIBUTES: usize = 64;

/// The longest name of an attribute, bytes.
pub const MAX_FIELD_BYTES: usize = 64;

/// The value of an attribute, in a world file JSON `null`, flag, whole number, text or list of texts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Known to be none.
    Nothing,
    /// True or false.
    Flag(bool),
    /// A whole number.
    Whole(u64),
    /// A text.
    Text(String),
    /// Texts, in the order given.
    List(Vec<String>),
}

/// What values an attribute takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A flag.
    Flag,
    /// A whole number.
    Whole,
    /// A list of texts.
    List,
    /// An RFC 3339 instant.
    Instant,
}

impl Form {
    /// What to write, for a person.
    pub fn wanted(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Flag => "true or false".to_owned(),
            Self::Whole => "a whole number".to_owned(),
            Self::List => "a list of texts".to_owned(),
            Self::Instant => "a time like `2026-11-21T18:05:00.000Z`".to_owned(),
        }
    }

    /// Whether this value will do; `null` always does.
    pub fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Nothing)
            | (Self::Text, Value::Text(_))
            | (Self::Flag, Value::Flag(_))
            | (Self::Whole, Value::Whole(_))
            | (Self::List, Value::List(_)) => true,
            (Self::Word(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Instant, Value::Text(text)) => text.parse::<crate::graph::Time>().is_ok(),
            (
                Self::Text | Self::Word(_) | Self::Flag | Self::Whole | Self::List | Self::Instant,
                Value::Flag(_) | Value::Whole(_) | Value::Text(_) | Value::List(_),
            ) => false,
        }
    }
}

/// One attribute: its name, its form, and what it means.
pub type Attribute = (&'static str, Form, &'static str);

/// The words for who can see a repository or project.
pub const VISIBILITIES: &[&str] = &["private", "public"];
/// The words for a project's default permission (Data Center).
pub const DEFAULTS: &[&str] = &["none", "read", "write", "create", "admin"];
/// The words for who may fork.
pub const FORKS: &[&str] = &["any", "private_only", "none"];
/// The words for what an environment is for.
pub const TIERS: &[&str] = &["test", "staging", "production", "other"];
/// How a restriction finds its refs: Cloud `glob` and `branching_model`; Data Center `branch` (one full name),
/// `pattern` (ant style), `model_branch`, `model_category` and `any`.
pub const MATCHES: &[&str] =
    &["glob", "branching_model", "branch", "pattern", "model_branch", "model_category", "any"];
/// The branches and families of a branching model.
pub const BRANCH_TYPES: &[&str] =
    &["development", "production", "feature", "bugfix", "release", "hotfix"];

const SLUG: Attribute = ("slug", Form::Text, "short name in addresses; it can change");
const KIND: Attribute = ("kind", Form::Text, "the product's own word for what it is");
const ACTIVE: Attribute =
    ("active", Form::Flag, "whether it is switched on; left out counts as yes");
const CREATED: Attribute = ("created_at", Form::Instant, "when it was made");
const EXPIRES: Attribute = ("expires_at", Form::Instant, "when it ends; null for never");
const USED: Attribute = ("last_used_at", Form::Instant, "when it was last used; null for never");
const SCOPES: Attribute = ("scopes", Form::List, "what the product lets it do");
const SEEN_BY: Attribute = ("visibility", Form::Word(VISIBILITIES), "who can see it");
const CLASS: Attribute = ("class", Form::Text, "its classification; null where it has none");

const USER: &[Attribute] = &[
    SLUG,
    ("nickname", Form::Text, "what people call them (Cloud)"),
    (
        "account_id",
        Form::Text,
        "id of their Atlassian account, by which audit logs name them (Cloud)",
    ),
    ("email", Form::Text, "e-mail address"),
    KIND,
    ACTIVE,
    CREATED,
    ("last_used_at", Form::Instant, "when they were last signed in; null for never (Data Center)"),
];
const GROUP: &[Attribute] = &[SLUG];
const ACTOR: &[Attribute] = &[KIND, ACTIVE, SCOPES, CREATED, EXPIRES, USED];
const KEY: &[Attribute] = &[
    KIND,
    ("fingerprint", Form::Text, "fingerprint of the public key"),
    ACTIVE,
    SCOPES,
    CREATED,
    EXPIRES,
    USED,
];
const RUNNER: &[Attribute] = &[
    ("labels", Form::List, "its labels"),
    ("state", Form::Text, "the product's word"),
    ACTIVE,
    USED,
];
const WORKSPACE: &[Attribute] = &[
    SLUG,
    (
        "premium",
        Form::Flag,
        "whether its plan is Premium: without it Cloud's merge checks only advise",
    ),
    ("private_only", Form::Flag, "whether everything in it must be private (Cloud)"),
    ("forks", Form::Word(FORKS), "who may fork out of it"),
    (
        "anonymous",
        Form::Flag,
        "whether public means everyone, not only signed-in people (Data Center)",
    ),
    ("version", Form::Text, "the product's version (Data Center)"),
    (
        "definitions",
        Form::Flag,
        "whether pipeline definitions are read: the switch `pipeline-definition` (Cloud)",
    ),
];
const PROJECT: &[Attribute] = &[
    ("key", Form::Text, "its key"),
    SEEN_BY,
    ("personal", Form::Flag, "whether it is one person's own (Data Center)"),
    (
        "default",
        Form::Word(DEFAULTS),
        "level of every licensed user (Data Center); needs a `default` edge unless none",
    ),
    CLASS,
];
const REPOSITORY: &[Attribute] = &[
    SLUG,
    SEEN_BY,
    ("default_branch", Form::Text, "short name; null for an empty repository"),
    ("archived", Form::Flag, "whether it is read-only for everyone"),
    CLASS,
    ("forks", Form::Word(FORKS), "who may fork it"),
    ("parent", Form::Text, "id of the repository it was forked from"),
    ("pipelines", Form::Flag, "whether pipelines are on (Cloud)"),
    (
        "images",
        Form::List,
        "images its pipelines run in, a line each: host, `pinned` or `moving`, `inline` where a password stands beside it, `own` or `outside` where that can be told; null without a definition",
    ),
    ("echoes", Form::List, "variables that its pipelines print, by name; `*` where they print all"),
    ("deployments", Form::List, "environments that its pipelines deploy to, as they call them"),
    (
        "own_restrictions",
        Form::Flag,
        "whether it left its project's restrictions (Cloud `override_settings`)",
    ),
    (
        "required_approvals",
        Form::Whole,
        "approvals a merge needs, all merge checks taken together (Data Center)",
    ),
    (
        "required_builds",
        Form::Whole,
        "passing builds a merge needs, by the repository's merge check (Data Center)",
    ),
    ("merges_read", Form::Whole, "how many merged pull requests were looked at, the newest"),
    ("merges_unreviewed", Form::Whole, "how many of them nobody but their author approved"),
    ("updated_at", Form::Instant, "when it was changed last"),
    (
        "model_development",
        Form::Text,
        "effective branching model: the development branch, short name",
    ),
    ("model_production", Form::Text, "the production branch, short name; null without one"),
    ("model_feature", Form::Text, "prefix of feature branches; null when the family is off"),
    ("model_bugfix", Form::Text, "prefix of bugfix branches"),
    ("model_release", Form::Text, "prefix of release branches"),
    ("model_hotfix", Form::Text, "prefix of hotfix branches"),
];
const REF: &[Attribute] = &[("commit", Form::Text, "where it points, 40 hex digits")];
const ENVIRONMENT: &[Attribute] = &[
    SLUG,
    ("tier", Form::Word(TIERS), "what it is for"),
    ("rank", Form::Whole, "its place in the order of environments"),
    ("admin_only", Form::Flag, "whether only administrators may deploy to it"),
    ("locked", Form::Flag, "whether it is locked now"),
];
const VARIABLE: &[Attribute] = &[("secured", Form::Flag, "whether it is masked in logs")];
const RESTRICTION: &[Attribute] = &[
    (
        "kind",
        Form::Text,
        "the product's own word: `push`, `force`, `read-only`, `pull-request-only` …",
    ),
    ("match", Form::Word(MATCHES), "how it finds its refs"),
    (
        "pattern",
        Form::Text,
        "the glob, ant pattern or full ref name; null where the model finds them",
    ),
    ("branch_type", Form::Word(BRANCH_TYPES), "which branch or family of the model"),
    ("value", Form::Whole, "the number it asks for"),
];
const HOOK: &[Attribute] = &[
    ("host", Form::Text, "host of its address, never the whole address"),
    ("external", Form::Flag, "whether that host is none of the organisation's own"),
    ("secret_set", Form::Flag, "whether bodies are signed"),
    ("tls_verified", Form::Flag, "whether the receiver's certificate is checked"),
    ACTIVE,
    ("events", Form::List, "the events it is sent"),
];

/// The attributes of a kind.
pub const fn of(kind: Kind) -> &'static [Attribute] {
    match kind {
        Kind::User => USER,
        Kind::Group => GROUP,
        Kind::App | Kind::Token | Kind::Agent | Kind::Credential => ACTOR,
        Kind::Key => KEY,
        Kind::Runner => RUNNER,
        Kind::Workspace => WORKSPACE,
        Kind::Project => PROJECT,
        Kind::Repository => REPOSITORY,
        Kind::Ref => REF,
        Kind::Environment => ENVIRONMENT,
        Kind::Variable => VARIABLE,
        Kind::Restriction => RESTRICTION,
        Kind::Hook => HOOK,
    }
}

/// The form of one attribute.
pub fn form(kind: Kind, name: &str) -> Option<Form> {
    of(kind).iter().find(|attribute| attribute.0 == name).map(|attribute| attribute.1)
}

/// Lists about a node that can be known in part. `unknown` in a world file names an attribute or one of these:
///
/// * `members`: who is in this group or workspace · `groups`: which groups this identity is in
/// * `grants`: who is granted what on this repository, project or workspace (licences and owners too)
/// * `project`: where this repository lives · `acts_for`: for whom this identity works · `holds`: what is in their hands
/// * `credentials`: what is in the hands of anybody here: keys and tokens
/// * `restrictions`, `variables`, `environments`, `hooks`, `runners`, `keys`, `tokens`, `refs`: what belongs to this place
/// * `exempt`: whom this restriction lets through
pub const fn lists(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::User => &["groups", "holds"],
        Kind::Group => &["members", "groups"],
        Kind::App | Kind::Token | Kind::Agent | Kind::Runner => &["groups", "acts_for"],
        Kind::Key | Kind::Credential => &["acts_for"],
        Kind::Workspace => &[
            "members",
            "grants",
            "variables",
            "hooks",
            "runners",
            "groups",
            "projects",
            "credentials",
        ],
        Kind::Project => &[
            "grants",
            "restrictions",
            "variables",
            "hooks",
            "repositories",
            "keys",
            "tokens",
            "runners",
        ],
        Kind::Repository => &[
            "grants",
            "project",
            "restrictions",
            "variables",
            "environments",
            "hooks",
            "runners",
            "keys",
            "tokens",
            "refs",
        ],
        Kind::Environment => &["variables"],
        Kind::Restriction => &["exempt"],
        Kind::Ref | Kind::Variable | Kind::Hook => &[],
    }
}
