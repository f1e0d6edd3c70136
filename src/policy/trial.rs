//! A rule is tried before it serves: on the example of each kind it answers and on the sparest document of that kind,
//! by the serving engine and by the interpreter. A fault, an undefined answer or a disagreement refuses it.

use std::time::Duration;

use crate::event::EventKind;
use crate::graph::fact::Wanted;
use crate::policy::Document;
use crate::policy::Finding;
use crate::policy::Rule;
use crate::policy::answer::Answer;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::engine;
use crate::policy::engine::Compiled;
use crate::policy::engine::Limits;
use crate::policy::engine::Prepared;
use crate::policy::example;
use crate::policy::finding::Origin;
use crate::policy::interpreter;
use crate::policy::parse;
use crate::policy::parse::Unit;

/// Room for one trial: more than serving allows, since a busy machine must not refuse a good bundle.
pub const LIMITS: Limits = Limits { instructions: 2_000_000, time: Duration::from_secs(2) };

/// Tries one rule on every kind it answers.
pub fn run(
    unit: &Unit<'_>,
    rule: &Rule,
    second: &mut regorus::Engine,
    program: &Compiled,
    data: &regorus::Value,
) -> Result<(), Diagnostic> {
    let refused = |kind: EventKind, message: String| {
        let head = unit.module.policy.iter().find(|rule| parse::head_name(rule) == Some("finding"));
        let span = head.map_or(&unit.module.package.span, |rule| parse::head_of(rule).span());
        unit.at(span, message).help(format!(
            "`portcullis policy check --example {kind}` prints the input it was tried on"
        ))
    };
    for kind in &rule.on {
        for document in [example::example(*kind), example::bare(*kind)].into_iter().flatten() {
            let tried = one(rule, second, program, data, &document);
            tried.map_err(|why| refused(*kind, format!("on the example of `{kind}` {why}")))?;
        }
    }
    Ok(())
}

fn one(
    rule: &Rule,
    second: &mut regorus::Engine,
    program: &Compiled,
    data: &regorus::Value,
    document: &Document,
) -> Result<(), String> {
    let mut wanted = Wanted::default();
    rule.reads.iter().for_each(|path| wanted.add(path));
    let page = document.page(&wanted);
    let input = Prepared::new(page.json()).map_err(|error| error.to_string())?;
    let served =
        engine::once(&rule.id, program, data, LIMITS, &input).map_err(|error| error.to_string())?;
    let findings = match served {
        Answer::Findings(findings) => findings,
        Answer::Fault(why) => return Err(format!("this rule faults: {why}")),
    };
    let other = interpreter::ask(second, &rule.id, &input);
    if interpreter::is_stricter(&other) {
        return unbroken(&findings);
    }
    match other {
        Answer::Fault(why) => Err(format!("the interpreter that runs the tests faults: {why}")),
        Answer::Findings(other) if other != findings => {
            Err("the serving engine and the interpreter that runs the tests answer differently"
                .to_owned())
        }
        Answer::Findings(_) => unbroken(&findings),
    }
}

fn unbroken(findings: &[Finding]) -> Result<(), String> {
    match findings.iter().find(|finding| finding.origin == Origin::Broken) {
        Some(broken) => Err(format!("this is no finding: {}", broken.reason)),
        None => Ok(()),
    }
}
