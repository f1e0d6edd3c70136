//! A rule is tried before it serves: on the example of each kind it answers and on the sparest document of that kind,
//! by the serving engine and by the interpreter. A fault, an undefined answer or a disagreement refuses it.

use std::time::Duration;

use serde_json::Map;
use serde_json::Value;

use crate::policy::Bundle;
use crate::policy::Rule;
use crate::policy::SubjectKind;
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
use crate::policy::subject;

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
    let refused = |kind: &str, message: String| {
        let head = unit.module.policy.iter().find(|rule| parse::head_name(rule) == Some("finding"));
        let span = head.map_or(&unit.module.package.span, |rule| parse::head_of(rule).span());
        unit.at(span, message).help(format!(
            "`portcullis policy check --example {kind}` prints the input it was tried on"
        ))
    };
    let wanted = Bundle::wanted_by(std::iter::once(rule));
    let mut bench = Bench { rule, second, program, data };
    for kind in &rule.on {
        for document in [example::example(*kind), example::bare(*kind)].into_iter().flatten() {
            let tried = bench.one(document.page(&wanted).json());
            tried.map_err(|why| {
                refused(kind.as_str(), format!("on the example of `{kind}` {why}"))
            })?;
        }
    }
    let Some(stance) = &rule.stance else { return Ok(()) };
    let kind = stance.subject;
    bench.posture(kind).map_err(|why| refused(kind.as_str(), why))
}

/// A rule, both engines that hold it, and its data.
struct Bench<'b> {
    rule: &'b Rule,
    second: &'b mut regorus::Engine,
    program: &'b Compiled,
    data: &'b regorus::Value,
}

impl Bench<'_> {
    /// What both engines answer.
    fn one(&mut self, document: &[u8]) -> Result<Answer, String> {
        let input = Prepared::new(document).map_err(|error| error.to_string())?;
        let served = engine::once(&self.rule.id, self.program, self.data, LIMITS, &input)
            .map_err(|error| error.to_string())?;
        if let Answer::Fault(why) = served {
            return Err(format!("this rule faults: {why}"));
        }
        let other = interpreter::ask(self.second, &self.rule.id, &input);
        if !interpreter::is_stricter(&other) {
            if let Answer::Fault(why) = other {
                return Err(format!("the interpreter that runs the tests faults: {why}"));
            }
            if other != served {
                return Err(
                    "the serving engine and the interpreter that runs the tests answer differently"
                        .to_owned(),
                );
            }
        }
        unbroken(served)
    }

    /// Beside the example, a posture rule is tried where nothing is there, where nothing is known, and on the example
    /// with each of its facts unknown. What is not known must never be what it finds: `not input.x` does that.
    fn posture(&mut self, kind: SubjectKind) -> Result<(), String> {
        let full = subject::example(kind).map_err(|error| error.to_string())?;
        let page = full.page(&Bundle::wanted_by(std::iter::once(self.rule)));
        let full: Value = serde_json::from_slice(page.json()).map_err(|error| error.to_string())?;
        let found = |answer: Answer| match answer {
            Answer::Observations(said) => said.len(),
            Answer::Findings(_) | Answer::Fault(_) => 0,
        };
        let on = |what: &str, why: String| format!("on {what} of `{kind}` {why}");
        let whole = self.one(&written(&full)).map_err(|why| on("the example", why))?;
        let whole = found(whole);
        let spare = spare(kind, &full);
        self.one(&written(&spare)).map_err(|why| on("the sparest example", why))?;
        for path in &self.rule.reads.clone() {
            let lacking = written(&without(&full, path));
            let answer = self.one(&lacking).map_err(|why| on("the example", why))?;
            if found(answer) > whole {
                return Err(format!(
                    "this rule finds something because `{path}` is not known: compare with a value, such as `input.{path} == false`, where it says `not`"
                ));
            }
        }
        let unknown = self.rule.reads.iter().fold(full, |document, path| without(&document, path));
        let answer = self.one(&written(&unknown)).map_err(|why| on("the unknown example", why))?;
        if found(answer) > 0 {
            return Err("this rule finds something where none of its facts is known: compare with values where it says `not`".to_owned());
        }
        Ok(())
    }
}

fn written(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}

/// The document with every fact of its subject known to be none.
fn spare(kind: SubjectKind, full: &Value) -> Value {
    let mut spare = full.clone();
    let record = spare.get_mut(kind.as_str()).and_then(Value::as_object_mut);
    for value in record.into_iter().flat_map(Map::values_mut) {
        *value = Value::Null;
    }
    spare
}

/// The document with one fact left out, in every item where it lies in a list.
fn without(document: &Value, path: &str) -> Value {
    let mut less = document.clone();
    let parts: Vec<&str> = path.split('.').collect();
    remove(&mut less, &parts);
    less
}

fn remove(value: &mut Value, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else { return };
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, path)),
        Value::Object(fields) if rest.is_empty() => {
            fields.remove(*first);
        }
        Value::Object(fields) => {
            fields.get_mut(*first).into_iter().for_each(|below| remove(below, rest));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn unbroken(answer: Answer) -> Result<Answer, String> {
    let Answer::Findings(findings) = &answer else { return Ok(answer) };
    match findings.iter().find(|finding| finding.origin == Origin::Broken) {
        Some(broken) => Err(format!("this is no finding: {}", broken.reason)),
        None => Ok(answer),
    }
}
