//! `portcullis identities` and `portcullis access report`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use portcullis::gateway::access;
use portcullis::gateway::access::Wish;
use portcullis::graph::Cell;
use portcullis::graph::Links;
use portcullis::graph::NodeNo;
use portcullis::graph::Snapshot;
use portcullis::graph::Subject;
use portcullis::graph::World;
use portcullis::graph::csv_line;
use portcullis::http::console::access as pages;
use serde_json::Value;

use crate::cli::Identities;
use crate::cli::Report;
use crate::cli::ReportFormat;
use crate::client::Operator;
use crate::graph::answered;
use crate::graph::list;
use crate::graph::shown;
use crate::graph::text;
use crate::json::at;
use crate::layout::wrapped;
use crate::offline;
use crate::operator::table::table_of;

/// `portcullis identities`
pub async fn identities(question: Identities) -> ExitCode {
    let days = |days: Option<u64>| days.map(|days| days.to_string()).unwrap_or_default();
    let query = [
        ("kind", question.kind.clone().unwrap_or_default()),
        ("unowned", if question.unowned { "true".to_owned() } else { String::new() }),
        ("unused", days(question.unused)),
        ("expiring", days(question.expiring)),
        ("rotate", question.rotate.to_string()),
    ];
    let wish = Wish {
        kind: question.kind.clone(),
        unowned: question.unowned,
        unused_days: question.unused,
        expiring_days: question.expiring,
        rotate_days: question.rotate,
    };
    // A world file knows no later time than its own.
    let offline = |graph: &Snapshot| Ok(access::identities(graph, &wish, graph.as_of()));
    let answer = answered(&question.at, "identities", &query, offline).await;
    shown(question.looks.format, answer, identity_lines, identity_rows)
}

fn identity_lines(answer: &Value) -> Vec<String> {
    let mut lines: Vec<String> = list(answer, "identities").iter().flat_map(entry).collect();
    let maybe = list(answer, "maybe");
    if lines.is_empty() && maybe.is_empty() {
        lines.push("no such identity".to_owned());
    }
    if !maybe.is_empty() {
        lines.push("of these it cannot be told:".to_owned());
        lines.extend(maybe.iter().flat_map(entry));
    }
    lines
}

/// An identity in a few lines: what it is at the margin, the rest below.
fn entry(identity: &Value) -> Vec<String> {
    let of = |member: &str| text(identity, member);
    let off = if at(identity, "/active") == false { ", switched off" } else { "" };
    let mut lines = vec![format!("{:<15} {:<24} {}{off}", of("kind"), of("name"), of("id"))];
    let owners = names(identity, "owner/who");
    let owner = if owners.is_empty() {
        format!("owner unknown: {}", of("owner/why"))
    } else {
        format!("owner {} ({}: {})", owners.join(", "), of("owner/sure"), of("owner/why"))
    };
    lines.extend(wrapped(&owner, 2));
    lines.extend(wrapped(&of("most"), 2));
    if let Some(person) = at(identity, "/acts_for/name").as_str() {
        lines.extend(wrapped(&format!("acts for {person}: {}", of("principal_most")), 2));
    }
    let time = |member: &str, none: &str| match (
        at(identity, &format!("/{member}")).as_str(),
        at(identity, &format!("/unknown/{member}")).as_str(),
    ) {
        (Some(time), _) => time.split('T').next().unwrap_or_default().to_owned(),
        (None, Some(_)) => "unknown".to_owned(),
        (None, None) => none.to_owned(),
    };
    lines.push(format!(
        "  used {}, made {}, ends {}, due {}",
        time("last_used", "never"),
        time("created", "at no known time"),
        time("expires", "never"),
        time("rotation_due", "never")
    ));
    let who = names(identity, "changed_by");
    let more =
        at(identity, "/changers").as_u64().unwrap_or_default().saturating_sub(who.len() as u64);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let unsure =
        if at(identity, "/unknown/changed_by").is_null() { "" } else { ", perhaps others" };
    let who = if who.is_empty() { "nobody known".to_owned() } else { who.join(", ") };
    lines.extend(wrapped(&format!("changed by {who}{rest}{unsure}"), 2));
    lines
}

fn names(identity: &Value, member: &str) -> Vec<String> {
    list(identity, member).iter().map(|who| text(who, "name")).collect()
}

fn identity_rows(answer: &Value) -> Vec<Vec<Cell>> {
    const COLUMNS: [&str; 13] = [
        "matches",
        "kind",
        "id",
        "name",
        "owner",
        "owner_sure",
        "acts_for",
        "most",
        "last_used",
        "created",
        "expires",
        "rotation_due",
        "changed_by",
    ];
    let mut rows = vec![COLUMNS.iter().map(|name| Cell::text(*name)).collect::<Vec<_>>()];
    for (matches, member) in [("yes", "identities"), ("unknown", "maybe")] {
        for identity in list(answer, member) {
            let plain = |member: &str| {
                let told = at(&identity, &format!("/{member}")).as_str().map(Cell::text);
                let why = at(&identity, &format!("/unknown/{member}")).as_str();
                let untold = || why.map(|why| Cell::Unknown { unknown: why.to_owned() });
                told.or_else(untold).unwrap_or(Cell::Nothing(()))
            };
            rows.push(vec![
                Cell::text(matches),
                plain("kind"),
                plain("id"),
                plain("name"),
                Cell::List(names(&identity, "owner/who")),
                plain("owner/sure"),
                plain("acts_for/name"),
                plain("most"),
                plain("last_used"),
                plain("created"),
                plain("expires"),
                plain("rotation_due"),
                Cell::List(names(&identity, "changed_by")),
            ]);
        }
    }
    rows
}

/// `portcullis access report`
pub async fn run(report: Report) -> ExitCode {
    match written(&report).await {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

/// What a report puts on standard output.
async fn written(report: &Report) -> Result<String, String> {
    match report.format {
        ReportFormat::World => {
            let bytes = world(report).await?.write();
            String::from_utf8(bytes).map_err(|error| error.to_string())
        }
        ReportFormat::Html => match (&report.of, &report.out) {
            (Some(of), _) => page(report, of).await,
            (None, Some(folder)) => {
                let world = world(report).await?;
                all_pages(&world, &links(report, &world)?, folder)
            }
            (None, None) => {
                Err("`--format html` needs --of THING for one page, or --out DIR for all of them"
                    .to_owned())
            }
        },
        ReportFormat::Table | ReportFormat::Json | ReportFormat::Csv => rows(report).await,
    }
}

/// A report's rows.
async fn rows(report: &Report) -> Result<String, String> {
    let subject = Subject::from_text(&report.about).ok_or_else(|| {
        format!("`{}` is not a report: use one of {}", report.about, Subject::TEXTS.join(", "))
    })?;
    let mut base = Links::default();
    if let Some(file) = &report.at.world {
        base = links(report, &offline::read_world(file)?)?;
    }
    let offline = |graph: &Snapshot| Ok(access::report(graph, subject, &base));
    let query = [("report", subject.as_str().to_owned())];
    let answer = answered(&report.at, "access/report", &query, offline).await?;
    let columns: Vec<String> =
        list(&answer, "columns").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let cells: Vec<Vec<Cell>> = list(&answer, "rows")
        .iter()
        .map(|row| columns.iter().map(|column| cell(at(row, &format!("/{column}")))).collect())
        .collect();
    Ok(match report.format {
        ReportFormat::Json => format!("{answer}\n"),
        ReportFormat::Csv => {
            let header: Vec<Cell> =
                columns.iter().map(|column| Cell::text(column.as_str())).collect();
            std::iter::once(&header).chain(&cells).map(|row| csv_line(row)).collect()
        }
        ReportFormat::Table | ReportFormat::World | ReportFormat::Html => {
            in_columns(&columns, &cells, &answer)
        }
    })
}

/// A cell of a report, read back.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Nothing(()),
        Value::Bool(flag) => Cell::Flag(*flag),
        Value::Number(number) => Cell::Whole(number.as_u64().unwrap_or_default()),
        Value::String(text) => Cell::text(text.as_str()),
        Value::Array(items) => {
            Cell::List(items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        }
        Value::Object(_) => Cell::Unknown { unknown: text(value, "unknown") },
    }
}

/// For people: columns in which nothing stands are left out.
fn in_columns(columns: &[String], rows: &[Vec<Cell>], answer: &Value) -> String {
    let shown: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(Cell::shown).collect()).collect();
    let used: Vec<usize> = (0..columns.len())
        .filter(|&at| shown.iter().any(|row| row.get(at).is_some_and(|cell| !cell.is_empty())))
        .collect();
    let pick = |row: &[String]| -> Vec<String> {
        used.iter().filter_map(|&at| row.get(at).cloned()).collect()
    };
    let mut out = table_of(&pick(columns), shown.iter().map(|row| pick(row)), "no row");
    out.push('\n');
    for why in list(answer, "unknown") {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "not known: {}", why.as_str().unwrap_or_default());
    }
    out
}

/// One page.
async fn page(report: &Report, of: &str) -> Result<String, String> {
    let mut base = Links::default();
    if let Some(file) = &report.at.world {
        base = links(report, &offline::read_world(file)?)?;
    }
    let offline = |graph: &Snapshot| pages::keepsake(graph, of, &base);
    let query = [("of", of.to_owned())];
    let answer = answered(&report.at, "access/page", &query, offline).await?;
    answer
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| "the gateway did not answer with a page".to_owned())
}

/// Everything that is known of one connection.
async fn world(report: &Report) -> Result<World, String> {
    if let Some(file) = &report.at.world {
        return offline::read_world(file);
    }
    let connection = report.connection.clone().ok_or(
        "say which connection with --connection ID: a world file holds one (`portcullis config check` lists them)",
    )?;
    let operator = Operator::new(&report.at.gate).map_err(|error| error.to_string())?;
    let query = [("connection", connection)];
    let told = operator.get("access/world", &query).await.map_err(|error| error.to_string())?;
    World::read(told.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn links(report: &Report, world: &World) -> Result<Links, String> {
    let Some(base) = &report.base_url else { return Ok(Links::default()) };
    if !(base.starts_with("https://") || base.starts_with("http://")) {
        return Err(format!(
            "`{base}` is not an address: write it like `https://bitbucket.example.com`"
        ));
    }
    Ok(Links::new([(world.connection.id.clone(), base.clone())]))
}

/// Writes a page for each repository and identity, and one that leads to all.
fn all_pages(world: &World, links: &Links, folder: &Path) -> Result<String, String> {
    let graph =
        Snapshot::build(1, std::slice::from_ref(world)).map_err(|error| error.to_string())?;
    let failed =
        |path: &Path, error: std::io::Error| format!("cannot write `{}`: {error}", path.display());
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut taken = BTreeSet::new();
    let mut index = Vec::new();
    for node in pages::subjects(&graph) {
        let id = graph.node(node).map(|node| node.id.to_string()).unwrap_or_default();
        let file = file_name(&graph, node, &mut taken);
        let html = pages::keepsake(&graph, &id, links).map_err(|error| error.to_string())?;
        let path = folder.join(&file);
        std::fs::write(&path, html).map_err(|error| failed(&path, error))?;
        index.push((file, node));
    }
    let path = folder.join("index.html");
    std::fs::write(&path, pages::index(&graph, &index)).map_err(|error| failed(&path, error))?;
    Ok(format!("{} pages and an index in {}\n", index.len(), folder.display()))
}

/// A file name that no other page has.
fn file_name(graph: &Snapshot, node: NodeNo, taken: &mut BTreeSet<String>) -> String {
    let id = graph.node(node).map(|node| node.id.clone());
    let kind = id.as_ref().map_or("thing", |id| id.kind().as_str());
    let native = id.as_ref().map(|id| id.native().to_owned()).unwrap_or_default();
    let plain: String = native
        .chars()
        .take(80)
        .map(|sign| if sign.is_ascii_alphanumeric() || sign == '-' { sign } else { '_' })
        .collect();
    let mut name = format!("{kind}-{plain}.html");
    let mut number = 1;
    while !taken.insert(name.to_lowercase()) {
        number += 1;
        name = format!("{kind}-{plain}-{number}.html");
    }
    name
}
