//! What access came and went between two times.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::gateway::Gateway;
use crate::gateway::history::NoPast;
use crate::gateway::history::View;
use crate::graph::Cause;
use crate::graph::Id;
use crate::graph::Level;
use crate::graph::LookupError;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Step;
use crate::graph::Time;
use crate::graph::attribute::Value;
use crate::graph::compare;

/// What access came and went.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccessDiff")]
pub struct Diff {
    /// From when.
    pub from: Time,
    /// Until when.
    pub to: Time,
    /// When the oldest part of the first graph was true.
    pub from_as_of: Time,
    /// When the oldest part of the second graph was true.
    pub to_as_of: Time,
    /// Every change of level, by place and then by who.
    pub changes: Vec<Change>,
    /// Whether there are more changes than are listed.
    pub more: bool,
}

/// Somebody's level on a place, before and after.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccessChange")]
pub struct Change {
    /// Id of who; null: anyone at all.
    pub identity: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Id of the place.
    pub resource: String,
    /// Its name.
    pub resource_name: Option<String>,
    /// The level before.
    pub before: Level,
    /// The level after.
    pub after: Level,
    /// What did it, a line each.
    pub by: Vec<String>,
    /// The edges and attributes that did it.
    pub causes: Vec<Did>,
    /// Why either level may be another.
    pub unknown: Option<String>,
}

/// What changed a level.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "what", rename_all = "lowercase")]
#[schemars(rename = "AccessCause")]
pub enum Did {
    /// An edge came.
    Came {
        /// Id of who or what.
        from: String,
        /// The word.
        is: Relation,
        /// Id of to whom or what.
        to: String,
        /// Where it was read.
        source: Option<String>,
    },
    /// An edge went.
    Went {
        /// Id of who or what.
        from: String,
        /// The word.
        is: Relation,
        /// Id of to whom or what.
        to: String,
        /// Where it was read.
        source: Option<String>,
    },
    /// An attribute is another one.
    Set {
        /// Id of whom or what.
        about: String,
        /// Which.
        attribute: String,
        /// What it was, as JSON.
        before: Option<String>,
        /// What it is, as JSON.
        after: Option<String>,
    },
}

/// Why there is no difference.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoDiff {
    /// One of the graphs cannot be had.
    #[error(transparent)]
    Past(#[from] NoPast),
    /// The times stand the wrong way round.
    #[error("{from} is not before {to}: give the earlier time first")]
    Order {
        /// The first.
        from: Time,
        /// The second.
        to: Time,
    },
    /// The place is in neither graph.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

impl Gateway {
    /// What access came and went between two times: on a resource, or on every repository.
    pub async fn access_diff(
        &self,
        (from, to): (Time, Time),
        resource: Option<&str>,
    ) -> Result<Diff, NoDiff> {
        if from >= to {
            return Err(NoDiff::Order { from, to });
        }
        let before = self.graph_at(from, View::True).await?;
        let after = self.graph_at(to, View::True).await?;
        let place = resource.map(|text| place(&before, &after, text)).transpose()?;
        let working = spawn_blocking(move || told(&before, &after, (from, to), place.as_ref()));
        working.await.map_err(|_| NoDiff::Past(NoPast::Ending))
    }
}

/// The id of a place that is in one of the graphs: names are read as they are now first.
fn place(before: &Snapshot, after: &Snapshot, text: &str) -> Result<Id, LookupError> {
    let in_one = |graph: &Snapshot| -> Result<Option<Id>, LookupError> {
        let node = graph.resolve(text)?;
        Ok(graph.node(node).map(|node| node.id.clone()))
    };
    let unknown = || LookupError::Unknown(text.chars().take(120).collect());
    match in_one(after) {
        Ok(found) => found.ok_or_else(unknown),
        Err(LookupError::Unknown(_)) => in_one(before)?.ok_or_else(unknown),
        Err(error @ LookupError::Ambiguous { .. }) => Err(error),
    }
}

/// What a cause is, in one line, with names as they are now or were then.
pub(in crate::gateway::history) fn line(
    before: &Snapshot,
    after: &Snapshot,
    cause: &Cause,
) -> String {
    Names { before, after }.line(cause)
}

fn told(
    before: &Arc<Snapshot>,
    after: &Arc<Snapshot>,
    (from, to): (Time, Time),
    place: Option<&Id>,
) -> Diff {
    let names = Names { before, after };
    let shifts = compare(before, after, place);
    let change = |shift: &crate::graph::Shift| Change {
        identity: shift.who.as_ref().map(ToString::to_string),
        name: shift.who.as_ref().and_then(|who| names.of(who)),
        resource: shift.place.to_string(),
        resource_name: names.of(&shift.place),
        before: shift.before,
        after: shift.after,
        by: shift.causes.iter().map(|cause| names.line(cause)).collect(),
        causes: shift.causes.iter().map(did).collect(),
        unknown: shift.unknown.as_ref().map(|why| why.as_str().to_owned()),
    };
    Diff {
        from,
        to,
        from_as_of: before.as_of(),
        to_as_of: after.as_of(),
        changes: shifts.all.iter().map(change).collect(),
        more: shifts.more,
    }
}

/// What things are called, now or then.
struct Names<'s> {
    before: &'s Snapshot,
    after: &'s Snapshot,
}

impl Names<'_> {
    fn of(&self, id: &Id) -> Option<String> {
        let name = |graph: &Snapshot| {
            let node: NodeNo = graph.find(id)?;
            graph.node(node).and_then(|node| node.name.clone())
        };
        name(self.after).or_else(|| name(self.before))
    }

    fn called(&self, id: &Id) -> String {
        self.of(id).unwrap_or_else(|| id.native().to_owned())
    }

    fn line(&self, cause: &Cause) -> String {
        match cause {
            Cause::Came(step) => format!("came: {}", self.edge(step)),
            Cause::Went(step) => format!("went: {}", self.edge(step)),
            Cause::Set { about, attribute, before, after } => format!(
                "set: `{attribute}` of {} {} from {} to {}",
                about.kind().as_str(),
                self.called(about),
                shown(before.as_ref()),
                shown(after.as_ref()),
            ),
        }
    }

    fn edge(&self, step: &Step) -> String {
        let (from, to) = (self.called(&step.from), self.called(&step.to));
        format!(
            "{} {from} `{}` {} {to}",
            step.from.kind().as_str(),
            step.is,
            step.to.kind().as_str()
        )
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "unknown".to_owned(), json)
}

fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn did(cause: &Cause) -> Did {
    match cause {
        Cause::Came(step) => Did::Came {
            from: step.from.to_string(),
            is: step.is,
            to: step.to.to_string(),
            source: step.source.clone(),
        },
        Cause::Went(step) => Did::Went {
            from: step.from.to_string(),
            is: step.is,
            to: step.to.to_string(),
            source: step.source.clone(),
        },
        Cause::Set { about, attribute, before, after } => Did::Set {
            about: about.to_string(),
            attribute: attribute.clone(),
            before: before.as_ref().map(json),
            after: after.as_ref().map(json),
        },
    }
}
