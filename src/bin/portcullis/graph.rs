//! `portcullis who-can|can|paths`: questions to the graph, of a world file or a running gateway.

use crate::json::at;
use std::process::ExitCode;

use portcullis::gateway::access;
use portcullis::graph::Snapshot;
use serde::Serialize;
use serde_json::Value;

use crate::cli::Can;
use crate::cli::Format;
use crate::cli::GraphReach;
use crate::cli::Paths;
use crate::cli::WhoCan;
use crate::client::Operator;
use crate::offline;

async fn answered<A: Serialize>(
    at: &GraphReach,
    path: &str,
    query: &[(&str, String)],
    offline_answer: impl FnOnce(&Snapshot) -> Result<A, access::Unanswered>,
) -> Result<Value, String> {
    if let Some(file) = &at.world {
        let (graph, _) = offline::world(file)?;
        let answer = offline_answer(&graph).map_err(|error| error.to_string())?;
        return serde_json::to_value(answer).map_err(|error| error.to_string());
    }
    let operator = Operator::new(&at.reach.reach).map_err(|error| error.to_string())?;
    let query = [query, &at.when.query()].concat();
    operator.get(path, &query).await.map_err(|error| error.to_string())
}

fn shown(
    format: Format,
    answer: Result<Value, String>,
    lines: impl FnOnce(&Value) -> Vec<String>,
) -> ExitCode {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            eprintln!("portcullis: {why}");
            return ExitCode::FAILURE;
        }
    };
    match format {
        Format::Json => println!("{answer}"),
        Format::Text => lines(&answer).iter().for_each(|line| println!("{line}")),
    }
    if at(&answer, "/can") == false { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn listed(answer: &Value, member: &str, line: impl Fn(&Value) -> String) -> Vec<String> {
    at(answer, &format!("/{member}"))
        .as_array()
        .map(|rows| rows.iter().map(line).collect())
        .unwrap_or_default()
}

fn text(value: &Value, member: &str) -> String {
    at(value, &format!("/{member}")).as_str().unwrap_or_default().to_owned()
}

fn unknown(answer: &Value) -> Option<String> {
    at(answer, "/unknown").as_str().map(|why| format!("there may be more: {why}"))
}

/// `portcullis who-can`
pub async fn who_can(question: WhoCan) -> ExitCode {
    let query = [("action", question.action.clone()), ("resource", question.resource.clone())];
    let offline = |graph: &Snapshot| access::who_can(graph, &question.action, &question.resource);
    let answer = answered(&question.at, "who-can", &query, offline).await;
    shown(question.at.reach.reach.format, answer, |answer| {
        let mut lines = Vec::new();
        if at(answer, "/anyone") == true {
            lines.push("anyone: it is public".to_owned());
        }
        lines.extend(listed(answer, "who", |who| {
            format!("{:<6} {:<20} {}", text(who, "level"), text(who, "name"), text(who, "id"))
        }));
        lines.extend(unknown(answer));
        lines
    })
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
    shown(question.at.reach.reach.format, answer, |answer| {
        let word = match at(answer, "/can").as_bool() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        let mut lines = vec![format!("{word}: the level is {}", text(answer, "level"))];
        lines.extend(listed(answer, "via", |path| {
            format!("  {}", path.as_str().unwrap_or_default())
        }));
        lines.extend(unknown(answer));
        lines
    })
}

/// `portcullis paths`
pub async fn paths(question: Paths) -> ExitCode {
    let query = [("identity", question.identity.clone()), ("resource", question.resource.clone())];
    let offline = |graph: &Snapshot| access::paths(graph, &question.identity, &question.resource);
    let answer = answered(&question.at, "paths", &query, offline).await;
    shown(question.at.reach.reach.format, answer, |answer| {
        let mut lines = listed(answer, "paths", |path| {
            format!("{:<6} {}", text(path, "level"), text(path, "line"))
        });
        if lines.is_empty() {
            lines.push("no path".to_owned());
        }
        lines.extend(unknown(answer));
        lines
    })
}
