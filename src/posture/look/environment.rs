//! An environment as posture rules ask after it: whether it is production, and whether a permission keeps it.

use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Snapshot;

/// Whether it is production. One whose tier is not told may be.
pub(super) fn is_production(graph: &Snapshot, environment: NodeNo) -> Known<bool> {
    graph.text(environment, "tier").map(|tier| tier == "production")
}

/// Whether administrators alone deploy to it from this repository. A permission that the plan does not enforce keeps
/// nothing. Source: Cloud's documentation, deployment permissions are part of Premium.
pub(super) fn is_kept(graph: &Snapshot, environment: NodeNo, repository: NodeNo) -> Known<bool> {
    match (graph.flag(environment, "admin_only"), graph.premium(repository)) {
        (Known::Value(false) | Known::Nothing, _) | (_, Known::Value(false) | Known::Nothing) => {
            Known::Value(false)
        }
        (Known::Value(true), Known::Value(true)) => Known::Value(true),
        (Known::Unknown(why), _) | (Known::Value(true), Known::Unknown(why)) => Known::Unknown(why),
    }
}
