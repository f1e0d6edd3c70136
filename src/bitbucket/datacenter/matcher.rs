//! How a branch permission finds its refs, in our words; REST and the database say it alike.

use crate::graph::Id;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

/// A restriction's node: its kind, and the type and value of its matcher. A type that we do not know leaves unknown how
/// it finds its refs.
pub(crate) fn node(id: Id, kind: &str, (matcher, value): (&str, &str)) -> Node {
    let node = Node::new(id, kind).text("kind", kind).with("value", Value::Nothing);
    let (pattern, family) = (Value::Text(value.to_owned()), Value::Text(value.to_lowercase()));
    let (matching, pattern, family) = match matcher {
        "BRANCH" => ("branch", pattern, Value::Nothing),
        "PATTERN" => ("pattern", pattern, Value::Nothing),
        "MODEL_BRANCH" => ("model_branch", Value::Nothing, family),
        "MODEL_CATEGORY" => ("model_category", Value::Nothing, family),
        "ANY_REF" => ("any", Value::Nothing, Value::Nothing),
        _ => return node,
    };
    node.text("match", matching).with("pattern", pattern).with("branch_type", family)
}
