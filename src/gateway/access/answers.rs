//! The shapes of answers about access: the same in the API, the pages and the offline commands.

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::Level;
use crate::graph::Relation;
use crate::graph::Time;

/// Everyone who can do something to a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct WhoCan {
    /// The level or deed that was asked for.
    pub action: String,
    /// The resource.
    pub resource: Named,
    /// Whether also anyone at all, signed in or not: it is public.
    pub anyone: bool,
    /// Those with an account or key; groups are resolved to who is in them.
    pub who: Vec<Holder>,
    /// Those of whom it cannot be told, and why.
    pub maybe: Vec<Unsure>,
    /// Why there may be more; null: this is all.
    pub unknown: Option<String>,
    /// What it was read from.
    pub graph: GraphAsOf,
}

/// Whether an identity can do something to a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Can {
    /// The identity.
    pub identity: Named,
    /// The level or deed that was asked for.
    pub action: String,
    /// The resource.
    pub resource: Named,
    /// Whether it can; null: that cannot be told.
    pub can: Option<bool>,
    /// The level that what is known gives; of a deed, on the repository or place that it is done in.
    pub level: Level,
    /// How, a line for each path.
    pub via: Vec<String>,
    /// Whether there are more paths than are listed.
    pub more: bool,
    /// What it lacks, if it cannot.
    pub missing: Vec<String>,
    /// Why it cannot be told.
    pub unknown: Option<String>,
    /// The person it works for, and whether that person can.
    pub acts_for: Option<Principal>,
    /// What it was read from.
    pub graph: GraphAsOf,
}

/// The person behind an agent, app, token or runner.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Principal {
    /// Who.
    #[serde(flatten)]
    pub who: Named,
    /// Whether that person can; null: that cannot be told.
    pub can: Option<bool>,
}

/// Every path from an identity to a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Ways {
    /// The identity.
    pub identity: Named,
    /// The resource.
    pub resource: Named,
    /// The level that what is known gives; `none` for what is no repository, project or workspace.
    pub level: Level,
    /// The paths, strongest first.
    pub paths: Vec<Way>,
    /// Whether there are more paths than are listed.
    pub more: bool,
    /// Why it may be otherwise.
    pub unknown: Option<String>,
    /// What it was read from.
    pub graph: GraphAsOf,
}

/// One path.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Way {
    /// What it gives: a level, or a deed.
    pub gives: String,
    /// The level it rests on.
    pub level: Level,
    /// The path as one line for people.
    pub line: String,
    /// From the identity to the resource.
    pub steps: Vec<Step>,
}

/// One edge of a path.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    /// Id of who or what.
    pub from: String,
    /// The word.
    pub is: Relation,
    /// Id of to whom or what.
    pub to: String,
    /// Where it was read.
    pub source: Option<String>,
}

/// A node: its id and its name as Bitbucket keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Named {
    /// `<connection>/<kind>/<native>`.
    pub id: Option<String>,
    /// Null: Bitbucket did not tell one.
    pub name: Option<String>,
}

/// Somebody who can.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Holder {
    /// Who.
    #[serde(flatten)]
    pub who: Named,
    /// Their level there.
    pub level: Level,
    /// How, the first path as a line; null beyond the first 200 holders.
    pub via: Option<String>,
}

/// Somebody of whom it cannot be told.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unsure {
    /// Who.
    #[serde(flatten)]
    pub who: Named,
    /// Why not.
    pub why: String,
}

/// What an answer was read from.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct GraphAsOf {
    /// Its revision.
    pub revision: u64,
    /// When the oldest of its connections was read; 1970: no graph is loaded.
    pub as_of: Time,
}
