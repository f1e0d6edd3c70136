//! What the rules saw, quoted: the value at a path of the input, or why there is none.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::decision::record::Part;
use crate::decision::record::erased;

/// Longest value that is quoted, in characters. A longer one would bury the reason; the whole stands in the input.
const MAX_QUOTE: usize = 400;

/// The input of a record, read once.
pub enum Seen {
    /// It is kept.
    Input(Value),
    /// It was erased: what stands in the place of every value.
    Erased(String),
}

impl Seen {
    /// Of this part.
    pub fn of(input: &Part<Box<RawValue>>) -> Self {
        match input {
            Part::Kept(input) => Self::Input(serde_json::from_str(input.get()).unwrap_or_default()),
            Part::Erased(at) => Self::Erased(erased(at)),
        }
    }

    /// The value at a dotted path, as JSON; for one that is not known, why.
    pub fn quote(&self, path: &str) -> String {
        match self {
            Self::Erased(erased) => erased.clone(),
            Self::Input(document) => match at(document, path) {
                Some(value) => cut(&value.to_string(), MAX_QUOTE),
                None => missing(document, path),
            },
        }
    }
}

fn at<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(document, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        Value::Object(_) => value.get(part),
        // Below what is known to be none there is none.
        Value::Null => Some(value),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// A value that is not there: unknown with its why, or never asked for.
fn missing(document: &Value, path: &str) -> String {
    let text = |gap: &Value, member: &str| gap.get(member)?.as_str().map(str::to_owned);
    let gaps = document.get("unknown").and_then(Value::as_array);
    let why = gaps.into_iter().flatten().find_map(|gap| {
        text(gap, "path").filter(|unknown| is_within(path, unknown)).and_then(|_| text(gap, "why"))
    });
    match why {
        Some(why) => format!("unknown: {why}"),
        None => "not in the input".to_owned(),
    }
}

fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// At most so many characters; where something was cut, how much there was.
pub fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => {
            let kept = text.get(..end).unwrap_or_default();
            format!("{kept}… ({} characters in all)", text.chars().count())
        }
    }
}
