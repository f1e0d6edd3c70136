//! `portcullis who-can|can|paths`: questions to the graph, of a world file or a running gateway.
//!
//! Every question gets its answer from [`answered`]: which graph is asked is settled there and nowhere else.

use crate::json::at;
use std::process::ExitCode;

use portcullis::gateway::access;
use portcullis::graph::Cell;
use portcullis::graph::Snapshot;
use portcullis::graph::csv_line;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Can;
use crate::cli::GraphFormat;
use crate::cli::GraphReach;
use crate::cli::Paths;
use crate::cli::WhoCan;
use crate::client::Operator;
use crate::layout::wrapped;
use crate::offline;

/// The answer of a world file, or of a gateway at this path below `/api/v1`.
pub async fn answered<A: Serialize>(
    reach: &GraphReach,
    path: &str,
    query: &[(&str, String)],
    offline_answer: impl FnOnce(&Snapshot) -> Result<A, access::Unanswered>,
) -> Result<Value, String> {
    if let Some(file) = &reach.world {
        let (mut graph, _) = offline::world(file)?;
        if let Some(edge) = &reach.without {
            graph = access::without(&graph, edge).map_err(|error| error.to_string())?;
        }
        let answer = offline_answer(&graph).map_err(|error| error.to_string())?;
        return serde_json::to_value(answer).map_err(|error| error.to_string());
    }
    let mut query = [query, &reach.when.query()].concat();
    query.push(("without", reach.without.clone().unwrap_or_default()));
    let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
    operator.get(path, &query).await.map_err(|error| error.to_string())
}

/// Shows an answer in lines, as JSON or as the lines of a CSV file, or says why there is none.
pub fn shown(
    format: GraphFormat,
    answer: Result<Value, String>,
    lines: impl FnOnce(&Value) -> Vec<String>,
    csv: impl FnOnce(&Value) -> Vec<Vec<Cell>>,
) -> ExitCode {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            eprintln!("portcullis: {why}");
            return ExitCode::FAILURE;
        }
    };
    match format {
        GraphFormat::Json => println!("{answer}"),
        GraphFormat::Table => lines(&answer).iter().for_each(|line| println!("{line}")),
        GraphFormat::Csv => csv(&answer).iter().for_each(|row| print!("{}", csv_line(row))),
    }
    // Only a yes is a yes: what cannot be told must not let a script go on.
    let asked = answer.get("can").is_some();
    if asked && at(&answer, "/can") != true { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The members of a list.
pub fn list(answer: &Value, member: &str) -> Vec<Value> {
    at(answer, &format!("/{member}")).as_array().cloned().unwrap_or_default()
}

/// A member that is text; empty for none.
pub fn text(value: &Value, member: &str) -> String {
    at(value, &format!("/{member}")).as_str().unwrap_or_default().to_owned()
}

/// A member as a cell.
fn cell(value: &Value, member: &str) -> Cell {
    match at(value, &format!("/{member}")) {
        Value::String(text) => Cell::text(text.as_str()),
        Value::Bool(flag) => Cell::Flag(*flag),
        Value::Number(number) => number.as_u64().map_or(Cell::Nothing(()), Cell::Whole),
        Value::Null | Value::Array(_) | Value::Object(_) => Cell::Nothing(()),
    }
}

/// A header, and a row for each of these.
fn table(columns: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> Vec<Vec<Cell>> {
    let header = columns.iter().map(|name| Cell::text(*name)).collect();
    std::iter::once(header).chain(rows).collect()
}

fn unknown(answer: &Value) -> Option<String> {
    at(answer, "/unknown").as_str().map(|why| format!("there may be more: {why}"))
}

/// `portcullis who-can`
pub async fn who_can(question: WhoCan) -> ExitCode {
    let query = [("action", question.action.clone()), ("resource", question.resource.clone())];
    let offline = |graph: &Snapshot| access::who_can(graph, &question.action, &question.resource);
    let answer = answered(&question.at, "who-can", &query, offline).await;
    let lines = |answer: &Value| {
        let mut lines = Vec::new();
        if at(answer, "/anyone") == true {
            lines.push("anyone: it is public".to_owned());
        }
        for who in list(answer, "who") {
            lines.push(format!(
                "{:<6} {:<20} {}",
                text(&who, "level"),
                text(&who, "name"),
                text(&who, "id")
            ));
            lines.extend(wrapped(&text(&who, "via"), 7));
        }
        for who in list(answer, "maybe") {
            lines.push(format!("{:<6} {:<20} {}", "?", text(&who, "name"), text(&who, "id")));
            lines.extend(wrapped(&text(&who, "why"), 7));
        }
        if lines.is_empty() {
            lines.push("nobody".to_owned());
        }
        lines.extend(unknown(answer));
        lines
    };
    let csv = |answer: &Value| {
        let row = |can: &str, who: &Value, how: &str| {
            vec![
                Cell::text(can),
                cell(who, "id"),
                cell(who, "name"),
                cell(who, "level"),
                cell(who, how),
            ]
        };
        let sure = list(answer, "who").into_iter().map(|who| row("yes", &who, "via"));
        let maybe = list(answer, "maybe").into_iter().map(|who| row("unknown", &who, "why"));
        table(
            &["can", "id", "name", "level", "how"],
            sure.chain(maybe).collect::<Vec<_>>().into_iter(),
        )
    };
    shown(question.looks.format, answer, lines, csv)
}

/// `portcullis can`: 0 yes, 1 no or unknown.
pub async fn can(question: Can) -> ExitCode {
    let query = [
        ("identity", question.identity.clone()),
        ("action", question.action.clone()),
        ("resource", question.resource.clone()),
    ];
    let offline = |graph: &Snapshot| {
        access::can(graph, &question.identity, &question.action, &question.resource)
    };
    let answer = answered(&question.at, "can", &query, offline).await;
    let csv = |answer: &Value| {
        let row = vec![
            cell(answer, "identity/id"),
            cell(answer, "action"),
            cell(answer, "resource/id"),
            Cell::text(word(answer)),
            cell(answer, "level"),
            list_cell(answer, "via"),
            list_cell(answer, "missing"),
            cell(answer, "unknown"),
        ];
        let columns =
            ["identity", "action", "resource", "can", "level", "via", "missing", "unknown"];
        table(&columns, std::iter::once(row))
    };
    shown(question.looks.format, answer, can_lines, csv)
}

fn word(answer: &Value) -> &'static str {
    match at(answer, "/can").as_bool() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

fn list_cell(answer: &Value, member: &str) -> Cell {
    let texts = list(answer, member).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Cell::List(texts)
}

fn can_lines(answer: &Value) -> Vec<String> {
    let mut lines = vec![format!("{}: the level is {}", word(answer), text(answer, "level"))];
    let said = |member: &str| list(answer, member);
    lines.extend(said("via").iter().flat_map(|path| wrapped(path.as_str().unwrap_or_default(), 2)));
    if at(answer, "/more") == true {
        lines.push("  and more paths".to_owned());
    }
    let missing = said("missing");
    lines.extend(missing.iter().flat_map(|line| wrapped(line.as_str().unwrap_or_default(), 2)));
    if let Some(person) = at(answer, "/acts_for/name").as_str() {
        let can = match at(answer, "/acts_for/can").as_bool() {
            Some(true) => "can",
            Some(false) => "cannot",
            None => "may: that cannot be told",
        };
        lines.push(format!("it acts for {person}, who {can}"));
    }
    let why = at(answer, "/unknown").as_str();
    lines.extend(why.map(|why| format!("it cannot be told: {why}")));
    lines
}

/// `portcullis paths`
pub async fn paths(question: Paths) -> ExitCode {
    let query = [("identity", question.identity.clone()), ("resource", question.resource.clone())];
    let offline = |graph: &Snapshot| access::paths(graph, &question.identity, &question.resource);
    let answer = answered(&question.at, "paths", &query, offline).await;
    let lines = |answer: &Value| {
        let mut lines: Vec<String> = list(answer, "paths")
            .iter()
            .map(|path| format!("{:<6} {}", text(path, "gives"), text(path, "line")))
            .collect();
        if lines.is_empty() {
            lines.push("no path".to_owned());
        }
        lines.extend(unknown(answer));
        lines
    };
    let csv = |answer: &Value| {
        let rows = list(answer, "paths");
        let row = |path: &Value| vec![cell(path, "gives"), cell(path, "level"), cell(path, "line")];
        table(&["gives", "level", "path"], rows.iter().map(row).collect::<Vec<_>>().into_iter())
    };
    shown(question.looks.format, answer, lines, csv)
}
