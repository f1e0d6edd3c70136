//! `portcullis findings …`: what is wrong when nothing happens, from a running gateway or, offline, from a world file.

mod catalogue;
pub mod lines;
mod offline;
mod source;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use portcullis::gateway::findings::FindingStory;
use portcullis::gateway::findings::Findings as Page;
use portcullis::graph::Time;
use portcullis::posture::Finding;
use portcullis::posture::csv;
use portcullis::posture::last_of_each;
use portcullis::posture::sarif;
use portcullis::posture::sarif::Export;
use serde_json::Value;
use serde_json::json;

use crate::cli::ExportFormat;
use crate::cli::FindingAccept;
use crate::cli::FindingAcknowledge;
use crate::cli::FindingExport;
use crate::cli::FindingFormat;
use crate::cli::FindingList;
use crate::cli::FindingOne;
use crate::cli::FindingReport;
use crate::cli::Findings;
use crate::cli::Format;
use crate::cli::MAX_LISTED;
use crate::cli::Reach;
use crate::client::Operator;
use crate::findings::source::Ground;

/// Runs the command.
pub async fn run(command: Findings) -> ExitCode {
    let done = match command {
        Findings::List(list) => listed(list).await,
        Findings::Show(one) => shown(one, lines::short).await,
        Findings::Explain(one) => shown(one, lines::story).await,
        Findings::Acknowledge(said) => acknowledged(said).await,
        Findings::Accept(said) => accepted(said).await,
        Findings::Export(export) => exported(export).await,
        Findings::Report(report) => reported(report).await,
        Findings::Catalogue(asked) => catalogue::written(&asked).map(|text| print!("{text}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("portcullis: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn listed(list: FindingList) -> Result<(), String> {
    let page = source::list(&list.at, &list.wish, list.limit).await?;
    match list.format {
        FindingFormat::Json => println!("{}", json_of(&page)?),
        FindingFormat::Csv => print!("{}", csv::write(&page.findings)),
        FindingFormat::Table => {
            println!("{}", lines::list(&page.findings));
            if page.next.is_some() {
                println!("… and more: --limit shows them, --severity and the like leave some out");
            }
        }
    }
    Ok(())
}

async fn shown(one: FindingOne, told: fn(&FindingStory) -> String) -> Result<(), String> {
    let story = source::one(&one.at, &one.id).await?;
    match one.format {
        FindingFormat::Json => println!("{}", json_of(&story)?),
        FindingFormat::Csv => print!("{}", csv::write(std::slice::from_ref(&story.finding))),
        FindingFormat::Table => print!("{}", told(&story)),
    }
    Ok(())
}

async fn acknowledged(said: FindingAcknowledge) -> Result<(), String> {
    let body = json!({"because": said.because, "who": said.who});
    changed(&said.reach, &format!("findings/{}/acknowledge", said.id), &body).await
}

async fn accepted(said: FindingAccept) -> Result<(), String> {
    let body = json!({"because": said.because, "until": said.until, "who": said.who});
    changed(&said.reach, &format!("findings/{}/accept", said.id), &body).await
}

async fn changed(reach: &Reach, path: &str, body: &Value) -> Result<(), String> {
    let operator = Operator::new(&reach.gate).map_err(|error| error.to_string())?;
    let answer = operator.post(path, body).await.map_err(|error| error.to_string())?;
    match reach.format {
        Format::Json => println!("{answer}"),
        Format::Text => print!("{}", lines::short(&source::read(answer)?)),
    }
    Ok(())
}

async fn exported(export: FindingExport) -> Result<(), String> {
    let page = source::list(&export.at, &export.wish, MAX_LISTED).await?;
    let text = match export.format {
        ExportFormat::Json => format!("{}\n", json_of(&page)?),
        ExportFormat::Csv => csv::write(&page.findings),
        ExportFormat::Sarif => in_sarif(&source::ground(&export.at).await?, &page.findings),
    };
    match &export.out {
        None => print!("{text}"),
        Some(path) => {
            written(path, &text)?;
            println!("{} findings are in {}", page.findings.len(), path.display());
        }
    }
    whole(&page)
}

/// An acceptance that is over has left the findings already: only those that hold are still told.
fn in_sarif(ground: &Ground, findings: &[Finding]) -> String {
    let scans: Vec<_> = last_of_each(&ground.scans).into_iter().cloned().collect();
    let at = Time::default();
    sarif::write(&Export { findings, scans: &scans, catalogue: &ground.catalogue, at })
}

async fn reported(report: FindingReport) -> Result<(), String> {
    written(&report.out, &source::report(&report.at).await?)?;
    println!("the report is in {}", report.out.display());
    Ok(())
}

/// A file that lacks some must not pass for all.
fn whole(page: &Page) -> Result<(), String> {
    match &page.next {
        None => Ok(()),
        Some(_) => {
            Err(format!("there are more than {MAX_LISTED} findings, and these are the first"))
        }
    }
}

fn written(path: &Path, text: &str) -> Result<(), String> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

fn json_of(told: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(told).map_err(|error| error.to_string())
}
