//! The little of Cloud's filter language (BBQL) that the gate needs: one clause, `field op "value"`.

use serde_json::Value;

use crate::simulator::answer::Answer;
use crate::simulator::answer::Request;
use crate::simulator::answer::cloud_error;

/// Levels in rising order, for `permission > "read"`.
const LEVELS: [&str; 5] = ["none", "read", "write", "create-repo", "admin"];

/// What `q=` leaves; everything without one. A clause of another form is 400, as a field that cannot be filtered is.
pub(crate) fn filtered(request: &Request, values: Vec<Value>) -> Result<Vec<Value>, Answer> {
    let Some(query) = request.param("q") else { return Ok(values) };
    let clause = parse(query).ok_or_else(|| cloud_error(400, "Invalid query."))?;
    Ok(values.into_iter().filter(|value| holds(value, &clause)).collect())
}

struct Clause<'a> {
    pointer: String,
    operator: &'a str,
    wanted: &'a str,
}

fn parse(query: &str) -> Option<Clause<'_>> {
    let at = query.find(['=', '!', '>', '<', '~'])?;
    let (field, rest) = query.split_at(at);
    let wide = rest.get(1..2) == Some("=");
    let (operator, wanted) = rest.split_at_checked(if wide { 2 } else { 1 })?;
    let wanted = wanted.trim().strip_prefix('"')?.strip_suffix('"')?;
    if wanted.contains('"') || !matches!(operator, "=" | "!=" | ">" | ">=" | "<" | "<=" | "~") {
        return None;
    }
    Some(Clause { pointer: format!("/{}", field.trim().replace('.', "/")), operator, wanted })
}

fn holds(value: &Value, clause: &Clause<'_>) -> bool {
    let Some(found) = value.pointer(&clause.pointer).and_then(Value::as_str) else { return false };
    let rank = |word: &str| LEVELS.iter().position(|level| *level == word);
    let order = match (rank(found), rank(clause.wanted)) {
        (Some(found), Some(wanted)) => found.cmp(&wanted),
        _ => found.cmp(clause.wanted),
    };
    match clause.operator {
        "=" => order.is_eq(),
        "!=" => order.is_ne(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        _ => found.to_lowercase().contains(&clause.wanted.to_lowercase()),
    }
}
