//! `portcullis evidence …`: what people bring because no API tells it, through the gateway's API.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::graph::Time;
use portcullis::posture::evidence::read::MAX_BYTES;
use serde_json::Value;
use serde_json::json;

use crate::cli::Evidence;
use crate::cli::EvidenceImport;
use crate::cli::Reach;
use crate::client::Operator;
use crate::json::at;
use crate::operator::Failed;
use crate::operator::rows;
use crate::operator::second;
use crate::operator::show;
use crate::operator::table::listing;
use crate::operator::table::table;
use crate::operator::text;

/// Rows named in one line for people; `--format json` has them all.
const NAMED: usize = 20;

/// Runs the command.
pub async fn run(command: Evidence) -> ExitCode {
    match command {
        Evidence::Import(import) => {
            let answer = imported(&import).await;
            show(import.reach.format, answer, understood_in_words)
        }
        Evidence::List { connection, reach } => {
            let query = [("connection", connection.unwrap_or_default())];
            let answer = async {
                let got = operator(&reach)?.get("evidence", &query).await;
                got.map_err(|error| error.to_string())
            };
            show(reach.format, answer.await, list_in_words)
        }
        Evidence::Show { id, reach } => {
            let answer = async {
                let got = operator(&reach)?.get(&path(&id)?, &[]).await;
                got.map_err(|error| error.to_string())
            };
            show(reach.format, answer.await, said_in_words)
        }
        Evidence::Withdraw { id, reason, reach } => {
            let answer = async {
                let body = json!({ "reason": reason });
                let gone = operator(&reach)?.delete_with(&path(&id)?, &body).await;
                gone.map_err(|error| error.to_string())
            };
            show(reach.format, answer.await, |line| {
                let (kind, id) = (text(line, "kind"), text(line, "id"));
                format!(
                    "The {kind} {id} is withdrawn: what it said is forgotten, and unknown from now on."
                )
            })
        }
    }
}

fn operator(reach: &Reach) -> Result<Operator, Failed> {
    Operator::new(&reach.gate).map_err(|error| error.to_string())
}

/// An id as it may stand in a path.
fn path(id: &str) -> Result<String, Failed> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if id.bytes().all(plain) && !id.is_empty() {
        Ok(format!("evidence/{id}"))
    } else {
        Err(format!("`{}` is no id of evidence: `evidence list` shows them", id.escape_debug()))
    }
}

async fn imported(import: &EvidenceImport) -> Result<Value, Failed> {
    let bytes = bytes_of(&import.file)?;
    let operator = operator(&import.reach)?;
    // Names of people travel with it.
    operator.may_carry_secrets().map_err(|error| error.to_string())?;
    let as_of: Time = match &import.as_of {
        Some(told) => told.parse().map_err(|error| format!("{error}"))?,
        None => written(&import.file)?,
    };
    let until = match (&import.until, import.lasts) {
        (Some(told), _) => Some(told.parse::<Time>().map_err(|error| format!("{error}"))?),
        (None, Some(lasts)) => Some(as_of.plus(lasts)),
        (None, None) => None,
    };
    let coverage = match (import.whole, import.part) {
        (true, _) => Some("whole"),
        (false, true) => Some("part"),
        (false, false) => None,
    };
    let connection = connection(&operator, import.connection.as_deref()).await?;
    let name = import.file.file_name().unwrap_or(import.file.as_os_str()).to_string_lossy();
    let wish = json!({
        "connection": connection, "kind": import.kind.as_str(), "as_of": as_of, "until": until,
        "coverage": coverage, "map": mapped(&import.map)?,
        "shows": import.shows.map(crate::cli::Shows::as_str), "file": name,
        "reason": import.reason, "content": STANDARD.encode(&bytes), "preview": import.dry_run,
    });
    operator.post_long("evidence", &wish).await.map_err(|error| error.to_string())
}

fn mapped(map: &[String]) -> Result<BTreeMap<&str, &str>, Failed> {
    let pair = |text: &'_ String| {
        text.split_once('=').map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned()))
    };
    let wrong = map.iter().find(|text| pair(text).is_none());
    if let Some(wrong) = wrong {
        return Err(format!("`{}` maps nothing: write OURS=THEIRS", wrong.escape_debug()));
    }
    Ok(map.iter().filter_map(|text| text.split_once('=')).collect())
}

/// The connection that is meant: the one named, or the only one.
async fn connection(operator: &Operator, told: Option<&str>) -> Result<String, Failed> {
    if let Some(told) = told {
        return Ok(told.to_owned());
    }
    let known = operator.get("connections", &[]).await.map_err(|error| error.to_string())?;
    let known: Vec<String> =
        rows(&known, "connections").iter().map(|one| text(one, "id")).collect();
    match known.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err("there is no connection yet: `portcullis connect`".to_owned()),
        [..] => {
            Err(format!("say which connection it is about with --connection: {}", known.join(", ")))
        }
    }
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, Failed> {
    let cannot = |why: String| format!("cannot read `{}`: {why}", file.display());
    let about = std::fs::metadata(file).map_err(|error| cannot(error.to_string()))?;
    if usize::try_from(about.len()).unwrap_or(usize::MAX) > MAX_BYTES {
        return Err(cannot(format!(
            "it has {} bytes, more than the {MAX_BYTES} read",
            about.len()
        )));
    }
    std::fs::read(file).map_err(|error| cannot(error.to_string()))
}

/// When the file was last written.
fn written(file: &Path) -> Result<Time, Failed> {
    let at = std::fs::metadata(file).and_then(|about| about.modified());
    let at = at.map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(Time::default().plus(since))
}

fn number(of: &Value, member: &str) -> u64 {
    at(of, &format!("/{member}")).as_u64().unwrap_or_default()
}

/// The head of a piece in two lines.
fn head(line: &Value) -> Vec<String> {
    let reason = text(line, "reason");
    let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    vec![
        format!(
            "{} of {} for {}, {}, true at {}, counts until {}",
            text(line, "kind"),
            text(line, "file"),
            text(line, "connection"),
            if text(line, "coverage") == "whole" { "of everybody" } else { "in part" },
            second(line, "as_of"),
            second(line, "until"),
        ),
        format!(
            "sha256 {} · {} bytes · {} rows",
            text(line, "sha256"),
            number(line, "bytes"),
            number(line, "rows")
        ),
        format!("brought by {} at {}{reason}", text(line, "by"), second(line, "brought")),
    ]
}

fn understood_in_words(told: &Value) -> String {
    let mut lines = head(told);
    let kind = text(told, "kind");
    if kind == "user-directory" || kind == "joiners-leavers" {
        lines.push(format!(
            "{} of {} rows mean somebody of the graph; {} mean nobody{}",
            number(told, "matched_rows"),
            number(told, "rows"),
            number(told, "unmatched_rows"),
            numbered(&rows(told, "unmatched")),
        ));
        lines.push(format!("{} people of the graph stand in no row", number(told, "not_named")));
        for matched in rows(told, "matched").iter().take(NAMED) {
            lines.push(format!("row {} is {}", number(matched, "row"), person(matched)));
        }
        for unclear in rows(told, "unclear").iter().take(NAMED) {
            lines.push(format!("{}: {}", person(unclear), text(unclear, "why")));
        }
    }
    if let Some(classes) = at(told, "/classes").as_object().filter(|all| !all.is_empty()) {
        let told = classes.iter().map(|(class, count)| {
            let class = if class.is_empty() { "left out" } else { class };
            format!("{class}: {count}")
        });
        lines.push(format!("repositories of the graph, {}", told.collect::<Vec<_>>().join(", ")));
    }
    let ignored: Vec<String> =
        rows(told, "ignored").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if !ignored.is_empty() {
        lines.push(format!("columns that mean nothing here: {}", ignored.join(", ")));
    }
    lines.push(if at(told, "/preview") == true {
        "Nothing is kept: without --dry-run it would be.".to_owned()
    } else {
        format!("It is kept as {}; the file stays with you.", text(told, "id"))
    });
    listing(std::iter::once(lines), "")
}

fn person(of: &Value) -> String {
    let name = text(of, "name");
    if name.is_empty() { text(of, "id") } else { format!("{name} ({})", text(of, "id")) }
}

fn numbered(rows: &[Value]) -> String {
    let numbers: Vec<String> =
        rows.iter().take(NAMED).filter_map(Value::as_u64).map(|row| row.to_string()).collect();
    match (numbers.is_empty(), rows.len() > NAMED) {
        (true, _) => String::new(),
        (false, more) => {
            format!(" (rows {}{})", numbers.join(", "), if more { " …" } else { "" })
        }
    }
}

fn list_in_words(answer: &Value) -> String {
    let row = |line: &Value| {
        let of = |member: &str| text(line, member);
        [
            of("connection"),
            of("kind"),
            of("file"),
            number(line, "rows").to_string(),
            second(line, "as_of"),
            second(line, "until"),
            of("state"),
            of("id"),
        ]
    };
    let all = rows(answer, "evidence");
    let columns = ["connection", "kind", "file", "rows", "true at", "until", "state", "id"];
    table(&columns, all.iter().map(row), "nobody has brought any evidence")
}

fn said_in_words(said: &Value) -> String {
    let mut lines = head(said);
    lines.push(match text(said, "state").as_str() {
        "in-force" => "it counts".to_owned(),
        "ended" => "it has ended".to_owned(),
        _ => "it is withdrawn".to_owned(),
    });
    match at(said, "/second_factor_enforced").as_bool() {
        Some(true) => lines.push("a second factor is demanded of everybody".to_owned()),
        Some(false) => lines.push("a second factor is not demanded of everybody".to_owned()),
        None => lines.extend(Some(text(said, "why")).filter(|why| !why.is_empty())),
    }
    for of in rows(said, "says") {
        lines.push(format!("{}: {}", person(&of), facts(&of).join("; ")));
    }
    let more = number(said, "more");
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    listing(std::iter::once(lines), "")
}

/// What follows for one person or repository, a part for each fact.
fn facts(of: &Value) -> Vec<String> {
    let unknown = at(of, "/unknown");
    let mut facts = Vec::new();
    if let Some(has) = at(of, "/second_factor").as_bool() {
        facts.push(if has { "second factor" } else { "no second factor" }.to_owned());
    }
    for (member, word) in [("last_login", "last login"), ("left", "left"), ("class", "class")] {
        let told = text(of, member);
        if !told.is_empty() {
            facts.push(format!("{word} {told}"));
        }
    }
    // Facts of one list are mostly unknown for one reason.
    let mut whys: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, why) in unknown.as_object().into_iter().flatten() {
        whys.entry(why.as_str().unwrap_or_default()).or_default().push(name.replace('_', " "));
    }
    let whys = whys.into_iter().map(|(why, of)| format!("{} unknown: {why}", of.join(" and ")));
    facts.extend(whys);
    if facts.is_empty() {
        facts.push("nothing".to_owned());
    }
    facts
}
