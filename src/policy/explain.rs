//! Why a test failed: the first line that does not hold, and the values that stood on its sides.
//!
//! The interpreter only says that a rule is undefined. So the body is asked again, line by line, in a scratch file of
//! the same package that repeats the test's own text.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree is the engine's: what has no name here is refused or nothing"
)]

use std::fmt::Write;
use std::ops::Range;

use regorus::Engine;
use regorus::Value;
use regorus::unstable::AssignOp;
use regorus::unstable::BoolOp;
use regorus::unstable::Expr;
use regorus::unstable::Literal;
use regorus::unstable::LiteralStmt;
use regorus::unstable::Query;
use regorus::unstable::Rule as Written;
use regorus::unstable::Span;
use serde::Deserialize;
use serde::Serialize;

use crate::policy::parse;
use crate::policy::parse::Unit;

/// Longest value shown.
const MAX_SHOWN: usize = 400;

/// Most lines of a body that are asked again.
const MAX_LINES: usize = 60;

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The line that does not hold.
    pub line: u32,
    /// That line's text.
    pub text: String,
    /// What happened, one sentence.
    pub message: String,
    /// The parts of that line and what they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Shown>,
}

impl Failure {
    /// For a terminal: the line, what happened, and the values that stood on its sides.
    pub fn in_words(&self) -> String {
        let mut out = format!("    line {}: {}\n    {}", self.line, self.text.trim(), self.message);
        for shown in &self.values {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "\n      {} = {}", shown.text, shown.value);
        }
        out
    }
}

/// A part of an expression and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The part as written.
    pub text: String,
    /// Its value as JSON, or `undefined`.
    pub value: String,
}

/// A test that could not be evaluated.
pub fn broken(unit: &Unit<'_>, rule: &Written, said: &str) -> Failure {
    let file = unit.file;
    let wrong = parse::engine_error(&file.path, &file.text, said);
    let line = if wrong.line == 0 { rule.span().line } else { wrong.line };
    Failure { line, text: line_text(unit, line), message: wrong.message, values: Vec::new() }
}

/// A test that is not true.
pub fn failure(unit: &Unit<'_>, rule: &Written, value: &Value, engine: &Engine) -> Failure {
    let line = rule.span().line;
    let whole = Failure {
        line,
        text: line_text(unit, line),
        message: format!("the test is {}", shown(value)),
        values: Vec::new(),
    };
    let Written::Spec { bodies, .. } = rule else { return whole };
    let Some(query) = bodies.first().map(|body| &body.query) else { return whole };
    let probe = Probe { unit, query, engine };
    let Some(position) = probe.first_failing() else { return whole };
    let Some(stmt) = query.stmts.get(position) else { return whole };
    let values = probe.sides(position, stmt);
    let line = stmt.span.line;
    Failure {
        line,
        text: text(unit, stmt).to_owned(),
        message: "this does not hold".to_owned(),
        values,
    }
}

fn line_text(unit: &Unit<'_>, line: u32) -> String {
    let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    unit.file.text.lines().nth(index).unwrap_or_default().trim().to_owned()
}

fn text<'u>(unit: &'u Unit<'_>, stmt: &LiteralStmt) -> &'u str {
    unit.file.text.get(quoted(unit, &stmt.span)).unwrap_or_default()
}

/// The engine's spans leave out the quotes of a text that stands at an end of an expression.
fn quoted(unit: &Unit<'_>, span: &Span) -> Range<usize> {
    let bytes = parse::bytes(span);
    let source = unit.file.text.as_bytes();
    let is_quote = |at: Option<usize>| {
        at.and_then(|at| source.get(at)).is_some_and(|b| matches!(b, b'"' | b'`'))
    };
    let start = bytes.start - usize::from(is_quote(bytes.start.checked_sub(1)));
    start..bytes.end + usize::from(is_quote(Some(bytes.end)))
}

fn shown(value: &Value) -> String {
    // An undefined value would be written as a text that looks like one.
    if matches!(value, Value::Undefined) {
        return "undefined".to_owned();
    }
    let json = serde_json::to_string(value).unwrap_or_else(|_| "not a JSON value".to_owned());
    if json.chars().count() <= MAX_SHOWN {
        return json;
    }
    json.chars().take(MAX_SHOWN).chain(['…']).collect()
}

struct Probe<'p> {
    unit: &'p Unit<'p>,
    query: &'p Query,
    engine: &'p Engine,
}

impl Probe<'_> {
    /// The position of the first statement with which the body no longer holds.
    fn first_failing(&self) -> Option<usize> {
        let count = self.query.stmts.len().min(MAX_LINES);
        let mut rules = String::new();
        for position in 0..count {
            let _ = writeln!(
                rules,
                "portcullis_probe_{position} if {{\n{}\n}}\n",
                self.lines(position + 1)
            );
        }
        let mut engine = self.with(&rules)?;
        (0..count).find(|position| self.ask(&mut engine, *position) == Some(Value::Undefined))
    }

    /// The first `count` statements, one below the other.
    fn lines(&self, count: usize) -> String {
        let lines: Vec<&str> =
            self.query.stmts.iter().take(count).map(|stmt| text(self.unit, stmt)).collect();
        lines.join("\n")
    }

    /// The interpreter with a scratch file of the test's package and imports.
    fn with(&self, rules: &str) -> Option<Engine> {
        let source = &self.unit.file.text;
        let start = parse::bytes(&self.unit.module.package.span).start;
        let head = self
            .unit
            .module
            .imports
            .iter()
            .map(|import| parse::bytes(&import.span).end)
            .max()
            .unwrap_or_else(|| parse::bytes(&self.unit.module.package.span).end);
        let mut engine = self.engine.clone();
        let text = format!("{}\n\n{rules}", source.get(start..head)?);
        engine.add_policy("probe.rego".to_owned(), text).ok()?;
        Some(engine)
    }

    fn ask(&self, engine: &mut Engine, position: usize) -> Option<Value> {
        let path = format!("data.{}.portcullis_probe_{position}", self.unit.package_text());
        engine.eval_rule(path).ok()
    }

    /// The parts of a failing statement with their values.
    fn sides(&self, position: usize, stmt: &LiteralStmt) -> Vec<Shown> {
        let parts = parts(self.unit, stmt);
        let literal_end = quoted(self.unit, literal_span(stmt)).end;
        let end = quoted(self.unit, &stmt.span).end;
        let with = self.unit.file.text.get(literal_end..end).unwrap_or_default();
        let before = self.lines(position);
        let mut rules = String::new();
        for (number, part) in parts.iter().enumerate() {
            let _ = writeln!(
                rules,
                "portcullis_probe_{number} := [portcullis_value | {before}\nportcullis_value := {part}{with}\n]\n"
            );
        }
        let Some(mut engine) = self.with(&rules) else { return Vec::new() };
        let value = |number: usize, engine: &mut Engine| match self.ask(engine, number) {
            Some(Value::Array(all)) => {
                all.iter().next().map_or_else(|| "undefined".to_owned(), shown)
            }
            _ => "undefined".to_owned(),
        };
        parts
            .iter()
            .enumerate()
            .map(|(number, part)| Shown {
                text: (*part).to_owned(),
                value: value(number, &mut engine),
            })
            .collect()
    }
}

const fn literal_span(stmt: &LiteralStmt) -> &Span {
    match &stmt.literal {
        Literal::SomeVars { span, .. }
        | Literal::SomeIn { span, .. }
        | Literal::Expr { span, .. }
        | Literal::NotExpr { span, .. }
        | Literal::Every { span, .. } => span,
    }
}

/// The parts of a statement whose values tell why it does not hold.
fn parts<'u>(unit: &'u Unit<'_>, stmt: &LiteralStmt) -> Vec<&'u str> {
    let source = unit.file.text.as_str();
    let bytes = quoted(unit, literal_span(stmt));
    let whole = source.get(bytes.clone()).unwrap_or_default().trim();
    match &stmt.literal {
        Literal::Expr { expr, .. } => match expr.as_ref() {
            Expr::BoolExpr { op, lhs, .. } => {
                cut(source, bytes, parse::bytes(lhs.span()).end, sign(op))
            }
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                let sign = if *op == AssignOp::ColEq { ":=" } else { "=" };
                let sides = cut(source, bytes, parse::bytes(lhs.span()).end, sign);
                // The left of `:=` has no value of its own.
                let _ = rhs;
                sides.into_iter().skip(usize::from(*op == AssignOp::ColEq)).collect()
            }
            Expr::Membership { value, .. } => {
                cut(source, bytes, parse::bytes(value.span()).end, "in")
            }
            _ => vec![whole],
        },
        Literal::NotExpr { .. } => vec![whole.strip_prefix("not").unwrap_or(whole).trim()],
        Literal::SomeIn { value, .. } => {
            cut(source, bytes, parse::bytes(value.span()).end, "in").into_iter().skip(1).collect()
        }
        Literal::Every { .. } | Literal::SomeVars { .. } => Vec::new(),
    }
}

const fn sign(op: &BoolOp) -> &'static str {
    match op {
        BoolOp::Lt => "<",
        BoolOp::Le => "<=",
        BoolOp::Eq => "==",
        BoolOp::Ge => ">=",
        BoolOp::Gt => ">",
        BoolOp::Ne => "!=",
    }
}

/// Both sides of the first `sign` after `from`.
fn cut<'s>(source: &'s str, bytes: Range<usize>, from: usize, sign: &str) -> Vec<&'s str> {
    let rest = source.get(from..bytes.end).unwrap_or_default();
    let Some(at) = rest.find(sign).map(|at| from + at) else { return Vec::new() };
    let left = source.get(bytes.start..at).unwrap_or_default().trim();
    let right = source.get(at + sign.len()..bytes.end).unwrap_or_default().trim();
    vec![left, right]
}
