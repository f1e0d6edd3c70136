//! `portcullis eval`: findings, verdict and effect for one input document. Offline, in this process: the rules are the
//! caller's own.

mod subject;

use crate::json::at;
use std::process::ExitCode;

use portcullis::decision::Effect;
use portcullis::decision::Outcome;
use portcullis::decision::decide;
use portcullis::policy::Finding;
use portcullis::policy::Input;
use portcullis::policy::InputError;
use portcullis::policy::Limits;
use portcullis::policy::Machine;
use portcullis::policy::Prepared;
use portcullis::policy::diagnostic;
use portcullis::policy::load;
use portcullis::policy::weigh;
use serde_json::Value;
use serde_json::json;

use crate::cli::Eval;
use crate::cli::Format;
use crate::offline;

/// What is wrong with the question itself: exit 2.
struct Unusable(String);

/// Runs the command.
pub fn run(eval: &Eval) -> ExitCode {
    match evaluated(eval) {
        Ok(answer) => {
            match eval.format {
                Format::Json => println!("{answer:#}"),
                Format::Text if answer.get("judgements").is_some() => subject::in_words(&answer),
                Format::Text => in_words(&answer),
            }
            ExitCode::SUCCESS
        }
        Err(Unusable(why)) => {
            // Diagnostics stand as they are; a sentence says who speaks.
            if why.contains('\n') {
                eprint!("{why}");
            } else {
                eprintln!("portcullis: {why}");
            }
            ExitCode::from(2)
        }
    }
}

fn evaluated(eval: &Eval) -> Result<Value, Unusable> {
    let sides = offline::rules(eval.policies.as_deref()).map_err(Unusable)?.or_shipped();
    let bytes = std::fs::read(&eval.input)
        .map_err(|error| Unusable(format!("cannot read `{}`: {error}", eval.input.display())))?;
    let named = |error: InputError| format!("{}: {error}", eval.input.display());
    if subject::is_one(&bytes) {
        return subject::evaluated(&sides.posture, &bytes, named).map_err(Unusable);
    }
    let loaded = load(&sides.gate).map_err(|found| Unusable(diagnostic::render_all(&found)))?;
    let mut machine =
        Machine::new(&loaded, Limits::default()).map_err(|error| Unusable(error.to_string()))?;
    let unreadable = |error: InputError| Unusable(named(error));
    let kind = Input::from_json(&bytes, &[]).map_err(unreadable)?.kind();
    let kind =
        kind.ok_or_else(|| Unusable(format!("{}: `event.kind` is missing", eval.input.display())))?;
    let routed: Vec<_> = loaded.bundle().routed(kind).collect();
    let declared: Vec<String> = routed.iter().flat_map(|(_, rule)| rule.reads.clone()).collect();
    let input = Input::from_json(&bytes, &declared).map_err(unreadable)?;
    let prepared = Prepared::new(input.json()).map_err(|error| Unusable(error.to_string()))?;
    let mut all: Vec<Finding> = Vec::new();
    let mut rules = Vec::new();
    for (position, rule) in &routed {
        let findings = weigh(rule, &input, machine.ask(*position, &prepared));
        rules.push(
            json!({"rule": rule.id, "title": rule.title, "outcome": Outcome::of(findings.iter())}),
        );
        all.extend(findings);
    }
    let verdict = decide(&all, &[]).verdict;
    Ok(json!({
        "verdict": verdict,
        "effect": Effect::from(verdict),
        "uncovered": routed.is_empty(),
        "findings": all,
        "rules": rules,
        "unknown": input.unknown(),
    }))
}

fn in_words(answer: &Value) {
    let word = |name: &str| at(answer, &format!("/{name}")).as_str().unwrap_or("?").to_owned();
    println!("{} → {}", word("verdict").to_uppercase(), word("effect"));
    if at(answer, "/uncovered") == true {
        println!("  no rule answers this kind of event: it is uncovered");
    }
    let listed =
        |name: &str| at(answer, &format!("/{name}")).as_array().cloned().unwrap_or_default();
    for rule in listed("rules") {
        let text =
            |name: &str| at(&rule, &format!("/{name}")).as_str().unwrap_or_default().to_owned();
        println!("  {} {}: {}", text("rule"), text("outcome"), text("title"));
        for finding in
            listed("findings").iter().filter(|finding| at(finding, "/rule") == at(&rule, "/rule"))
        {
            println!(
                "    {}: {}",
                at(finding, "/verdict").as_str().unwrap_or_default(),
                at(finding, "/reason").as_str().unwrap_or_default()
            );
        }
    }
    for gap in listed("unknown") {
        println!(
            "  unknown {}: {}",
            at(&gap, "/path").as_str().unwrap_or_default(),
            at(&gap, "/why").as_str().unwrap_or_default()
        );
    }
}
