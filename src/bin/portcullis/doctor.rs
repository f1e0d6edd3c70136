//! `portcullis doctor`: what is wrong with the tie to a Bitbucket, and what to do about it. Exit 1 if anything is.

use std::process::ExitCode;

use serde_json::Value;

use crate::cli::Doctor;
use crate::cli::Format;
use crate::client::Operator;
use crate::json::at;
use crate::operator::rows;
use crate::operator::table::listing;
use crate::operator::text;

/// Runs the command.
pub async fn run(doctor: Doctor) -> ExitCode {
    let answer = async {
        let operator = Operator::new(&doctor.reach.gate)?;
        let only = doctor.id.clone().unwrap_or_default();
        operator.get_long("doctor", &[("connection", only)]).await
    };
    match answer.await {
        Ok(answer) => {
            match doctor.reach.format {
                Format::Json => println!("{answer}"),
                Format::Text => println!("{}", in_words(&answer, doctor.all)),
            }
            if at(&answer, "/well") == true { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("portcullis: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is wrong first; what is well only where it is asked for.
fn in_words(answer: &Value, all: bool) -> String {
    let found = rows(answer, "findings");
    let count = |health: &str| found.iter().filter(|one| text(one, "health") == health).count();
    let (wrong, unknown, well) = (count("wrong"), count("unknown"), count("ok"));
    let shown =
        |health: &'static str| found.iter().filter(move |one| text(one, "health") == health);
    let mut entries: Vec<Vec<String>> = shown("wrong").chain(shown("unknown")).map(entry).collect();
    if all {
        entries.extend(shown("ok").map(entry));
    }
    let sum = vec![format!("{wrong} wrong, {unknown} unknown, {well} as it should be")];
    listing(entries.into_iter().chain([sum]), "")
}

fn entry(found: &Value) -> Vec<String> {
    let of = |member: &str| text(found, member);
    let place = [of("connection"), of("area"), of("what")];
    let place: Vec<String> = place.into_iter().filter(|word| !word.is_empty()).collect();
    let mut lines =
        vec![format!("{:<7}  {}", of("health").to_uppercase(), place.join(" · ")), of("said")];
    let remedy = of("remedy");
    if !remedy.is_empty() {
        lines.push(format!("→ {remedy}"));
    }
    lines
}
