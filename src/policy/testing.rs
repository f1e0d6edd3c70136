//! Running the tests of a bundle: every `test_` rule, by the interpreter, with coverage of the rules by line.
//!
//! Tests may do what rules may not: `with`, `print`, other built-ins. They run where bundles are loaded, in a worker
//! process. A test that begins with `todo_` is counted, not run.

use std::collections::BTreeSet;
use std::time::Duration;

use regorus::Engine;
use regorus::Value;
use regorus::unstable::Rule as Written;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::bundle::SourceFile;
use crate::policy::data;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::engine::Limits;
use crate::policy::explain;
use crate::policy::explain::Failure;
use crate::policy::interpreter;
use crate::policy::load;
use crate::policy::parse;
use crate::policy::parse::Role;
use crate::policy::parse::Unit;
use crate::policy::scan;
use crate::words;

/// Time for one test.
const LIMITS: Limits = Limits { instructions: usize::MAX, time: Duration::from_secs(5) };

/// Most printed lines kept of one test.
const MAX_PRINTS: usize = 100;

words! {
    /// How a test ended.
    pub enum Outcome {
        /// It is true.
        Passed = "passed",
        /// It is false or undefined.
        Failed = "failed",
        /// It could not be evaluated.
        Broken = "broken",
        /// It begins with `todo_`.
        Skipped = "skipped",
    }
}

/// What the tests of a bundle said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Every test, by file and line.
    pub tests: Vec<Test>,
    /// Every rule and library file, by path.
    pub coverage: Vec<Coverage>,
}

impl Report {
    /// How many ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.tests.iter().filter(|test| test.outcome == outcome).count()
    }

    /// Whether none failed and none broke.
    pub fn is_good(&self) -> bool {
        self.count(Outcome::Failed) + self.count(Outcome::Broken) == 0
    }
}

/// One test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Test {
    /// Its file.
    pub file: String,
    /// The line it begins on.
    pub line: u32,
    /// Its package.
    pub package: String,
    /// Its name, with `test_`.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What it printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prints: Vec<String>,
}

/// Which lines of a file the tests evaluated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The file.
    pub file: String,
    /// Lines that were evaluated.
    pub covered: Vec<u32>,
    /// Lines that were not.
    pub missed: Vec<u32>,
    /// Percent of the lines that can be, to one decimal. A file without such lines has 100.
    pub percent: f64,
}

/// Runs every test of these files. An error is a file that cannot be read as policy.
pub fn run(files: &[SourceFile]) -> Result<Report, Vec<Diagnostic>> {
    load::on_deep_stack(|| run_here(files))
}

fn run_here(files: &[SourceFile]) -> Result<Report, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut units = Vec::new();
    for file in files.iter().filter(|file| parse::is_policy(&file.path)) {
        match scan::scan(&file.path, &file.text).and_then(|()| parse::parse(file)) {
            Ok(unit) => units.push(unit),
            Err(wrong) => found.push(wrong),
        }
    }
    let data = data::gather(files, &mut found);
    let mut engine = interpreter::with_files(units.iter().map(|unit| unit.file), data, LIMITS)
        .map_err(|wrong| vec![wrong])?;
    engine.set_enable_coverage(true);
    if !found.is_empty() {
        found.sort();
        return Err(found);
    }
    units.sort_by(|a, b| a.file.path.cmp(&b.file.path));
    let tests = units.iter().flat_map(|unit| tests_of(unit, &mut engine)).collect();
    let coverage = coverage(&units, &engine);
    Ok(Report { tests, coverage })
}

fn tests_of(unit: &Unit<'_>, engine: &mut Engine) -> Vec<Test> {
    let mut seen = BTreeSet::new();
    let mut tests = Vec::new();
    for rule in &unit.module.policy {
        let name = parse::head_name(rule).unwrap_or_default();
        let todo = name.starts_with("todo_test_");
        if (todo || name.starts_with("test_")) && seen.insert(name) {
            tests.push(test(unit, rule, name, engine));
        }
    }
    tests
}

fn test(unit: &Unit<'_>, rule: &Written, name: &str, engine: &mut Engine) -> Test {
    let mut test = Test {
        file: unit.file.path.clone(),
        line: rule.span().line,
        package: unit.package_text(),
        name: name.to_owned(),
        outcome: Outcome::Skipped,
        failure: None,
        prints: Vec::new(),
    };
    if name.starts_with("todo_") {
        return test;
    }
    let path = format!("data.{}.{name}", test.package);
    match engine.eval_rule(path) {
        Ok(Value::Bool(true)) => test.outcome = Outcome::Passed,
        Ok(value) => {
            test.outcome = Outcome::Failed;
            test.failure = Some(explain::failure(unit, rule, &value, engine));
        }
        Err(error) => {
            test.outcome = Outcome::Broken;
            test.failure = Some(explain::broken(unit, rule, &error.to_string()));
        }
    }
    test.prints = engine.take_prints().unwrap_or_default();
    test.prints.truncate(MAX_PRINTS);
    test
}

fn coverage(units: &[Unit<'_>], engine: &Engine) -> Vec<Coverage> {
    let report = engine.get_coverage_report().map(|report| report.files).unwrap_or_default();
    let served =
        |path: &str| units.iter().any(|unit| unit.file.path == path && unit.role != Role::Test);
    let mut coverage: Vec<Coverage> = report
        .into_iter()
        .filter(|file| served(&file.path))
        .map(|file| {
            let percent = percent(file.covered.len(), file.covered.len() + file.not_covered.len());
            Coverage {
                file: file.path,
                covered: file.covered.into_iter().collect(),
                missed: file.not_covered.into_iter().collect(),
                percent,
            }
        })
        .collect();
    coverage.sort_by(|a, b| a.file.cmp(&b.file));
    coverage
}

/// To one decimal.
fn percent(part: usize, whole: usize) -> f64 {
    let tenths = (part * 1_000).checked_div(whole).unwrap_or(1_000);
    f64::from(u32::try_from(tenths).unwrap_or(1_000)) / 10.0
}
