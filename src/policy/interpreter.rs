//! The second engine: the interpreter that runs the tests. It answers the same questions more slowly, so that the
//! serving engine can be held against it. It never serves.

use regorus::Engine;
use regorus::Value;

use crate::policy::RuleId;
use crate::policy::answer;
use crate::policy::answer::Answer;
use crate::policy::bundle::SourceFile;
use crate::policy::data;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::engine;
use crate::policy::engine::Limits;
use crate::policy::engine::Prepared;
use crate::policy::parse;

/// An interpreter with files and data.
pub struct Interpreter {
    engine: Engine,
}

impl Interpreter {
    /// With the rules, libraries and data of a bundle; its tests are left out. The files should have passed
    /// [`load`](crate::policy::load::load): nothing is checked here.
    pub fn new(files: &[SourceFile], limits: Limits) -> Result<Self, Vec<Diagnostic>> {
        let mut found = Vec::new();
        let data = data::gather(files, &mut found);
        let served =
            files.iter().filter(|file| parse::is_policy(&file.path) && !parse::is_test(&file.path));
        let engine = with_files(served, data, limits).map_err(|wrong| vec![wrong])?;
        if found.is_empty() { Ok(Self { engine }) } else { Err(found) }
    }

    /// Asks one rule.
    pub fn ask(&mut self, rule: &RuleId, input: &Prepared) -> Answer {
        ask(&mut self.engine, rule, input)
    }
}

/// Whether the interpreter faulted only because it is stricter: `some … in` over null or a single value is an error to
/// it, while OPA and the serving engine iterate over nothing.
pub fn is_stricter(answer: &Answer) -> bool {
    matches!(answer, Answer::Fault(why) if why.starts_with("`some .. in collection` expects"))
}

/// An interpreter with these files and this data, as OPA evaluates them: a built-in that cannot answer is undefined.
pub(in crate::policy) fn with_files<'f>(
    files: impl IntoIterator<Item = &'f SourceFile>,
    data: Value,
    limits: Limits,
) -> Result<Engine, Diagnostic> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(false);
    engine.set_gather_prints(true);
    engine.set_execution_timer_config(engine::timer(limits));
    for file in files {
        engine
            .add_policy(file.path.clone(), file.text.clone())
            .map_err(|error| parse::engine_error(&file.path, &file.text, &error.to_string()))?;
    }
    engine.add_data(data).map_err(|error| Diagnostic::about("", error.to_string()))?;
    Ok(engine)
}

/// Asks an interpreter that holds the rule's file.
pub(in crate::policy) fn ask(engine: &mut Engine, rule: &RuleId, input: &Prepared) -> Answer {
    engine.set_input(input.value().clone());
    let package = rule.as_str().replace('/', ".").replace('-', "_");
    match engine.eval_rule(format!("data.portcullis.rules.{package}.finding")) {
        Ok(value) => answer::read(rule, &value),
        Err(error) => Answer::Fault(parse::engine_error("", "", &error.to_string()).message),
    }
}
