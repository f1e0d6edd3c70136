//! `portcullis audit list|import`: audit logs, and what explains what.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use portcullis::bitbucket::audit::MAX_FILE_BYTES;
use portcullis::gateway::audit::told::AuditQuestion;
use portcullis::gateway::audit::told::AuditWhich;
use portcullis::gateway::audit::told::kept;
use portcullis::gateway::audit::told::kept_sources;
use portcullis::gateway::history::instant;
use portcullis::graph::Cell;
use portcullis::graph::ConnectionId;
use portcullis::graph::Kind;
use portcullis::store::StoreError;
use serde_json::Value;
use serde_json::json;

use crate::cli::Audit;
use crate::cli::AuditImport;
use crate::cli::AuditList;
use crate::client::Operator;
use crate::decision::graph;
use crate::graph::list;
use crate::graph::shown;
use crate::graph::text;
use crate::json::at;
use crate::operator::second;
use crate::operator::show;
use crate::serve::read_only;

/// Bytes of lines that are sent at once: escaped, they stay below what the gateway takes.
const PART_BYTES: usize = 512 << 10;

/// Runs it.
pub async fn run(command: Audit) -> ExitCode {
    match command {
        Audit::List(question) => {
            let answer = asked(&question).await;
            if answer.as_ref().is_ok_and(|answer| at(answer, "/more") == true) {
                eprintln!(
                    "portcullis: there is more than is listed: name a connection, or a time with --from and --to"
                );
            }
            shown(question.looks.format, answer, in_lines, in_rows)
        }
        Audit::Import(import) => {
            let answer = imported(&import).await;
            show(import.reach.format, answer, told)
        }
    }
}

/// The same from a store. What is configured is not known there: each source that was ever read is listed.
async fn from_store(address: &str, question: &AuditList) -> Result<Value, String> {
    let time = |told: &Option<String>| told.as_deref().map(instant).transpose();
    let connection = question.connection.as_deref().map(str::parse::<ConnectionId>).transpose();
    let asked = AuditQuestion {
        connection: connection.map_err(|error| error.to_string())?,
        from: time(&question.from).map_err(|error| error.to_string())?,
        to: time(&question.to).map_err(|error| error.to_string())?,
        which: if question.unmatched { AuditWhich::Unmatched } else { AuditWhich::All },
    };
    let store = read_only(address).await?;
    let graph = graph(&store).await?;
    let told = async {
        let mut told = kept(&store, &graph, &asked).await?;
        let workspaces = graph.all(Kind::Workspace).filter_map(|node| graph.node(node));
        let all: BTreeSet<ConnectionId> =
            workspaces.map(|workspace| workspace.id.connection()).collect();
        for connection in all {
            if asked.connection.as_ref().is_none_or(|only| *only == connection) {
                told.sources.extend(kept_sources(&store, &connection).await?);
            }
        }
        Ok::<_, StoreError>(told)
    };
    let told = told.await.map_err(|error| error.to_string())?;
    store.close().await;
    serde_json::to_value(told).map_err(|error| error.to_string())
}

async fn asked(question: &AuditList) -> Result<Value, String> {
    if let Some(store) = &question.store {
        return from_store(store, question).await;
    }
    let operator = Operator::new(&question.gate).map_err(|error| error.to_string())?;
    let unmatched = if question.unmatched { "true".to_owned() } else { String::new() };
    let query = [
        ("connection", question.connection.clone().unwrap_or_default()),
        ("unmatched", unmatched),
        ("from", question.from.clone().unwrap_or_default()),
        ("to", question.to.clone().unwrap_or_default()),
    ];
    operator.get("audit", &query).await.map_err(|error| error.to_string())
}

/// Sends a file in parts of whole lines; the sum of what became of them.
async fn imported(import: &AuditImport) -> Result<Value, String> {
    let text = read(&import.file)?;
    let operator = Operator::new(&import.reach.gate).map_err(|error| error.to_string())?;
    let path = format!("connections/{}/audit", import.connection);
    let mut sum = [0_u64; COUNTS.len()];
    for part in parts(&text) {
        let body = json!({"lines": part, "reason": import.reason});
        let answer = operator.post(&path, &body).await.map_err(|error| error.to_string())?;
        for (sum, name) in sum.iter_mut().zip(COUNTS) {
            *sum += at(&answer, &format!("/{name}")).as_u64().unwrap_or_default();
        }
    }
    Ok(COUNTS.iter().zip(sum).map(|(name, sum)| ((*name).to_owned(), json!(sum))).collect())
}

const COUNTS: [&str; 5] = ["lines", "kept", "known", "passed", "unreadable"];

fn read(file: &Path) -> Result<String, String> {
    let cannot = |why: String| format!("cannot read `{}`: {why}", file.display());
    let about = std::fs::metadata(file).map_err(|error| cannot(error.to_string()))?;
    if usize::try_from(about.len()).unwrap_or(usize::MAX) > MAX_FILE_BYTES {
        return Err(cannot(format!(
            "it has {} bytes, more than the {MAX_FILE_BYTES} taken at once: split it at the end of a line",
            about.len()
        )));
    }
    std::fs::read_to_string(file).map_err(|error| cannot(error.to_string()))
}

fn parts(text: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        match parts.last_mut() {
            Some(part) if part.len() + line.len() <= PART_BYTES => part.push_str(line),
            Some(_) | None => parts.push(line.to_owned()),
        }
    }
    parts
}

fn told(answer: &Value) -> String {
    let count = |name: &str| at(answer, &format!("/{name}")).as_u64().unwrap_or_default();
    format!(
        "{} lines: {} kept, {} known already, {} let go as none of the gate's business, {} unreadable",
        count("lines"),
        count("kept"),
        count("known"),
        count("passed"),
        count("unreadable")
    )
}

fn in_lines(answer: &Value) -> Vec<String> {
    let mut out: Vec<String> = list(answer, "sources").iter().map(source).collect();
    let (lines, changes) = (list(answer, "lines"), list(answer, "changes"));
    out.push(String::new());
    out.push("LINES".to_owned());
    if lines.is_empty() {
        out.push("none".to_owned());
    }
    out.extend(lines.iter().flat_map(line));
    out.push(String::new());
    out.push("CHANGES".to_owned());
    if changes.is_empty() {
        out.push("none".to_owned());
    }
    out.extend(changes.iter().flat_map(change));
    out
}

fn source(row: &Value) -> String {
    let (connection, name, why) = (text(row, "connection"), text(row, "source"), text(row, "why"));
    let count = |name: &str| at(row, &format!("/{name}")).as_u64().unwrap_or_default();
    let read = text(row, "read");
    let read = if read.is_empty() {
        "not read yet".to_owned()
    } else {
        format!("read until {}", second(row, "read"))
    };
    let why = if why.is_empty() { String::new() } else { format!(": {why}") };
    if name.is_empty() || name == "null" {
        return format!("{connection}{why}");
    }
    format!(
        "{connection} · {name}: {read}, {} lines kept, {} let go, {} unreadable{why}",
        count("kept"),
        count("passed"),
        count("unreadable")
    )
}

/// The name, or the id where there is none, or that nobody is named.
fn called(row: &Value, name: &str, id: &str) -> String {
    let told = [text(row, name), text(row, id)];
    told.into_iter().find(|told| !told.is_empty()).unwrap_or_else(|| "nobody named".to_owned())
}

fn line(row: &Value) -> Vec<String> {
    let about: Vec<String> = list(row, "about_names")
        .iter()
        .filter_map(|name| name.as_str().map(ToOwned::to_owned))
        .collect();
    let mut out = vec![format!(
        "{:<9}  {}  {}  {}  {}",
        text(row, "state"),
        second(row, "at"),
        called(row, "who_name", "who"),
        text(row, "action"),
        about.join(", ")
    )];
    let explains: Vec<String> = list(row, "explains").iter().map(ToString::to_string).collect();
    if !explains.is_empty() {
        out.push(format!("    explains change {}", explains.join(", ")));
    }
    let why = text(row, "why");
    if !why.is_empty() {
        out.push(format!("    {why}"));
    }
    out
}

fn change(row: &Value) -> Vec<String> {
    let on = called(row, "on_name", "on");
    let on = if text(row, "on").is_empty() { String::new() } else { format!(" on {on}") };
    let mut out = vec![format!(
        "{:>4}  {}  {}{on}  between {} and {}",
        at(row, "/no").to_string(),
        text(row, "event"),
        called(row, "thing_name", "thing"),
        second(row, "after"),
        second(row, "until")
    )];
    let why = text(row, "actor_unknown");
    out.push(if why.is_empty() {
        format!("      by {}", called(row, "actor_name", "actor"))
    } else {
        format!("      by whom: unknown, {why}")
    });
    out
}

const ROWS: &[&str] =
    &["row", "connection", "id", "at", "what", "who", "about", "state", "counterpart", "why"];

/// Lines and changes in one table, told apart by the first column.
fn in_rows(answer: &Value) -> Vec<Vec<Cell>> {
    let header = ROWS.iter().map(|name| Cell::text(*name)).collect();
    let names = |row: &Value, member: &str| {
        let listed = list(row, member);
        Cell::List(
            listed
                .iter()
                .map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned))
                .collect(),
        )
    };
    let of_line = |row: &Value| {
        vec![
            Cell::text("line"),
            Cell::text(text(row, "connection")),
            Cell::text(text(row, "id")),
            Cell::text(text(row, "at")),
            Cell::text(text(row, "action")),
            Cell::text(text(row, "who")),
            names(row, "about"),
            Cell::text(text(row, "state")),
            names(row, "explains"),
            Cell::text(text(row, "why")),
        ]
    };
    let of_change = |row: &Value| {
        let explained = !list(row, "lines").is_empty();
        let about = [text(row, "thing"), text(row, "on")];
        vec![
            Cell::text("change"),
            Cell::text(text(row, "connection")),
            Cell::text(at(row, "/no").to_string()),
            Cell::text(text(row, "until")),
            Cell::text(text(row, "event")),
            Cell::text(text(row, "actor")),
            Cell::List(about.into_iter().filter(|id| !id.is_empty()).collect()),
            Cell::text(if explained { "matched" } else { "unmatched" }),
            names(row, "lines"),
            Cell::text(text(row, "actor_unknown")),
        ]
    };
    let (lines, changes) = (list(answer, "lines"), list(answer, "changes"));
    let rows = lines.iter().map(of_line).chain(changes.iter().map(of_change));
    std::iter::once(header).chain(rows).collect()
}
