//! `portcullis policy check|test`: what security teams run while they write. Offline; what asks a gateway is `govern`'s.

use std::path::Path;
use std::process::ExitCode;

use portcullis::event::EventKind;
use portcullis::graph::fact::Wanted;
use portcullis::policy::Diagnostic;
use portcullis::policy::Loaded;
use portcullis::policy::Sides;
use portcullis::policy::SubjectKind;
use portcullis::policy::diagnostic;
use portcullis::policy::example::example;
use portcullis::policy::load;
use portcullis::policy::schema;
use portcullis::policy::subject;
use portcullis::policy::testing;
use portcullis::policy::testing::Outcome;
use portcullis::policy::testing::Report;
use portcullis::policy::testing::Test;
use serde_json::Value;
use serde_json::json;

use crate::cli::Format;
use crate::cli::Policy;
use crate::govern;
use crate::offline;

/// Runs the command.
pub async fn run(policy: Policy) -> ExitCode {
    match &policy {
        Policy::Check { schema: true, subject, .. } => print_schema(subject.as_deref()),
        Policy::Check { example: Some(kind), .. } => print_example(kind),
        Policy::Check { dir, format, .. } => check(dir.as_deref(), *format),
        Policy::Test { dir, run, format } => test(dir.as_deref(), run.as_deref(), *format),
        Policy::Promote(promote) => govern::promote(promote).await,
        Policy::Demote(demote) => govern::demote(demote).await,
        Policy::Modes { reach } => govern::modes(reach).await,
    }
}

fn usage(why: &str) -> ExitCode {
    eprintln!("portcullis: {why}");
    ExitCode::from(2)
}

fn print_schema(subject: Option<&str>) -> ExitCode {
    let Some(told) = subject else {
        println!("{:#}", schema::json_schema());
        return ExitCode::SUCCESS;
    };
    match SubjectKind::from_text(told) {
        Some(kind) => {
            println!("{:#}", schema::subject_schema(kind));
            ExitCode::SUCCESS
        }
        None => usage(&format!(
            "`{told}` is not a kind of subject: use one of {}",
            SubjectKind::TEXTS.join(", ")
        )),
    }
}

/// The example of an event, or of a subject: no kind of one has the name of the other.
fn print_example(kind: &str) -> ExitCode {
    let all = Wanted::all();
    let made = match (EventKind::from_text(kind), SubjectKind::from_text(kind)) {
        (Some(event), _) => example(event).map(|document| document.page(&all)),
        (None, Some(subject)) => subject::example(subject).map(|document| document.page(&all)),
        (None, None) => {
            return usage(&format!(
                "`{kind}` is not an event kind: use one of {}; nor a kind of subject: {}",
                EventKind::TEXTS.join(", "),
                SubjectKind::TEXTS.join(", ")
            ));
        }
    };
    match made {
        Ok(input) => {
            let shown: serde_json::Value = serde_json::from_slice(input.json()).unwrap_or_default();
            println!("{shown:#}");
            ExitCode::SUCCESS
        }
        Err(error) => usage(&error.to_string()),
    }
}

fn check(dir: Option<&Path>, format: Format) -> ExitCode {
    let sides = match offline::rules(dir) {
        Ok(sides) => sides,
        Err(why) => return usage(&why),
    };
    let (gate, posture) = match (load(&sides.gate), load(&sides.posture)) {
        (Ok(gate), Ok(posture)) => (gate, posture),
        (gate, posture) => {
            let mut found: Vec<Diagnostic> =
                [gate.err(), posture.err()].into_iter().flatten().flatten().collect();
            // What both bundles hold is wrong in both.
            found.sort();
            found.dedup();
            return refused(&found, format);
        }
    };
    match format {
        Format::Json => println!("{}", good(&sides, &gate, &posture)),
        Format::Text => {
            for (there, loaded, what) in
                [(sides.has_gate(), &gate, "rule"), (sides.has_posture(), &posture, "posture rule")]
            {
                eprint!("{}", diagnostic::render_all(loaded.warnings()));
                if there {
                    let bundle = loaded.bundle();
                    let (count, revision) = (bundle.rules.len(), short(&bundle.revision));
                    println!("{}, revision {revision}: good", counted(count, what));
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// Two bundles that would be taken. Posture rules are told where there are some.
fn good(sides: &Sides, gate: &Loaded, posture: &Loaded) -> Value {
    let bundle = gate.bundle();
    let mut told = json!({
        "ok": true, "revision": bundle.revision, "rules": bundle.rules, "warnings": gate.warnings(),
    });
    if let Some(told) = told.as_object_mut().filter(|_| sides.has_posture()) {
        let bundle = posture.bundle();
        let more = json!({
            "revision": bundle.revision, "rules": bundle.rules, "warnings": posture.warnings(),
        });
        told.insert("posture".to_owned(), more);
    }
    told
}

fn refused(found: &[Diagnostic], format: Format) -> ExitCode {
    match format {
        Format::Json => println!("{}", json!({"ok": false, "diagnostics": found})),
        Format::Text => {
            eprint!("{}", diagnostic::render_all(found));
            println!("{}: this bundle would be refused", counted(found.len(), "problem"));
        }
    }
    ExitCode::FAILURE
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn short(revision: &str) -> &str {
    revision.get(..12).unwrap_or(revision)
}

fn test(dir: Option<&Path>, word: Option<&str>, format: Format) -> ExitCode {
    let files = match offline::rules(dir) {
        Ok(sides) => sides.all(),
        Err(why) => return usage(&why),
    };
    let mut report = match testing::run(&files) {
        Ok(report) => report,
        Err(found) => return refused(&found, format),
    };
    if let Some(word) = word {
        report.tests.retain(|test| test.name.contains(word) || test.package.contains(word));
    }
    match format {
        Format::Json => println!("{}", json!({"ok": report.is_good(), "report": report})),
        Format::Text => in_words(&report),
    }
    if report.is_good() && !report.tests.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_words(report: &Report) {
    for test in report.tests.iter().filter(|test| test.outcome != Outcome::Passed) {
        one_test(test);
    }
    for file in &report.coverage {
        let missed: Vec<String> = file.missed.iter().map(ToString::to_string).collect();
        let lines = if missed.is_empty() {
            String::new()
        } else {
            format!("  not tested: line {}", missed.join(", "))
        };
        println!("{:>6.1} %  {}{lines}", file.percent, file.file);
    }
    let count = |outcome| report.count(outcome);
    println!(
        "{} passed, {} failed, {} could not run, {} skipped",
        count(Outcome::Passed),
        count(Outcome::Failed),
        count(Outcome::Broken),
        count(Outcome::Skipped)
    );
    if report.tests.is_empty() {
        println!("no test was found: write `test_…` rules in a file that ends in `_test.rego`");
    }
}

fn one_test(test: &Test) {
    println!("{}:{}: {} {}", test.file, test.line, test.name, test.outcome);
    if let Some(failure) = &test.failure {
        println!("{}", failure.in_words());
    }
    for line in &test.prints {
        println!("    {line}");
    }
}
