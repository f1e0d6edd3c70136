//! `portcullis access diff|since`: what access came and went, and since when something was possible.

use std::process::ExitCode;

use portcullis::graph::Cell;
use serde_json::Value;

use crate::cli::Diff;
use crate::cli::GraphFormat;
use crate::cli::Place;
use crate::cli::Since;
use crate::client::Operator;
use crate::graph::list;
use crate::graph::shown;
use crate::json::at;

/// `portcullis access diff`
pub async fn diff(question: Diff) -> ExitCode {
    let Diff { resource, from, to, place } = question;
    let query = [
        ("from", from),
        ("to", to.unwrap_or_default()),
        ("resource", resource.unwrap_or_default()),
    ];
    let answer = ask(&place, "access/diff", &query).await;
    told(place.looks.format, answer, diff_table, diff_rows)
}

/// `portcullis access since`
pub async fn since(question: Since) -> ExitCode {
    let Since { identity, action, resource, place } = question;
    let query = [("identity", identity), ("action", action), ("resource", resource)];
    let answer = ask(&place, "access/since", &query).await;
    told(place.looks.format, answer, since_table, since_rows)
}

fn told(
    format: GraphFormat,
    answer: Result<Value, String>,
    lines: impl FnOnce(&Value) -> Vec<String>,
    rows: impl FnOnce(&Value) -> Vec<Vec<Cell>>,
) -> ExitCode {
    if answer.as_ref().is_ok_and(|answer| at(answer, "/more") == true) {
        eprintln!("portcullis: there are more changes than are listed: name a resource");
    }
    shown(format, answer, lines, rows)
}

async fn ask(place: &Place, path: &str, query: &[(&str, String)]) -> Result<Value, String> {
    let operator = Operator::new(&place.gate).map_err(|error| error.to_string())?;
    operator.get(path, query).await.map_err(|error| error.to_string())
}

fn text(value: &Value, member: &str) -> String {
    match at(value, &format!("/{member}")) {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    }
}

fn lines(value: &Value, member: &str) -> Vec<String> {
    list(value, member).iter().filter_map(|line| line.as_str().map(ToOwned::to_owned)).collect()
}

/// The name, or the id where there is none.
fn called(value: &Value, name: &str, id: &str) -> String {
    let found = text(value, name);
    if found.is_empty() { text(value, id) } else { found }
}

fn diff_table(answer: &Value) -> Vec<String> {
    let mut out = vec![format!("from {} to {}", text(answer, "from"), text(answer, "to"))];
    let changes = list(answer, "changes");
    if changes.is_empty() {
        out.push("nobody's level changed".to_owned());
    }
    for change in &changes {
        let who = called(change, "name", "identity");
        let who = if who.is_empty() { "anyone".to_owned() } else { who };
        out.push(format!(
            "{:<6} → {:<6} {who:<20} {}",
            text(change, "before"),
            text(change, "after"),
            called(change, "resource_name", "resource")
        ));
        out.extend(lines(change, "by").iter().map(|line| format!("    {line}")));
        let unknown = text(change, "unknown");
        if !unknown.is_empty() {
            out.push(format!("    it may be otherwise: {unknown}"));
        }
    }
    out
}

fn since_table(answer: &Value) -> Vec<String> {
    let (who, what) =
        (called(answer, "name", "identity"), called(answer, "resource_name", "resource"));
    let action = text(answer, "action");
    let first = at(answer, "/first");
    let mut out = vec![match (first.is_null(), at(first, "/not_at").is_null()) {
        (true, _) => format!(
            "{who} could never {action} {what}, as far as is known since {}",
            text(answer, "known_since")
        ),
        (false, true) => {
            format!("{who} could {action} {what} when it was first read, {}", text(first, "from"))
        }
        (false, false) => format!(
            "{who} can {action} {what} since {}: not yet at {}",
            text(first, "from"),
            text(first, "not_at")
        ),
    }];
    for period in list(answer, "periods") {
        let can = match at(&period, "/can").as_bool() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        let until = text(&period, "until");
        let until = if until.is_empty() { "now".to_owned() } else { until };
        let (level, from) = (text(&period, "level"), text(&period, "from"));
        out.push(format!("{can:<7} {level:<6} from {from} until {until}"));
        out.extend(lines(&period, "by").iter().map(|line| format!("    {line}")));
        let actor = text(&period, "actor");
        if !actor.is_empty() {
            out.push(format!("    by whom: {actor}, as the audit log says"));
        }
        let unknown = text(&period, "actor_unknown");
        if !unknown.is_empty() {
            out.push(format!("    by whom: unknown. {unknown}"));
        }
    }
    out
}

const DIFF: &[&str] =
    &["identity", "name", "resource", "resource_name", "before", "after", "by", "unknown"];

fn diff_rows(answer: &Value) -> Vec<Vec<Cell>> {
    table(DIFF, &list(answer, "changes"))
}

const SINCE: &[&str] = &["can", "level", "from", "not_at", "until", "by", "actor"];

fn since_rows(answer: &Value) -> Vec<Vec<Cell>> {
    table(SINCE, &list(answer, "periods"))
}

/// A table with its header.
fn table(columns: &[&str], rows: &[Value]) -> Vec<Vec<Cell>> {
    let cell = |row: &Value, column: &str| match column {
        "by" => Cell::List(lines(row, column)),
        column => Cell::text(text(row, column)),
    };
    let header = columns.iter().map(|column| Cell::text(*column)).collect();
    let rows = rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect());
    std::iter::once(header).chain(rows).collect()
}
