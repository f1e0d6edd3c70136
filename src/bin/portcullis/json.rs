//! Looking into JSON that somebody else wrote: what is not there is `null`, never a panic.

use serde_json::Value;

static NOTHING: Value = Value::Null;

/// The value at a JSON pointer such as `/ticket/id`, or `null`.
pub fn at<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    value.pointer(pointer).unwrap_or(&NOTHING)
}
