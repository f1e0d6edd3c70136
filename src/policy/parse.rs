//! A policy file as the engine reads it: its package, imports and rules, with places.
//!
//! The engine's own syntax tree is used, so that what is checked is what runs.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree is the engine's: what has no name here is refused or nothing"
)]

use std::collections::BTreeMap;
use std::ops::Range;

use regorus::unstable::Expr;
use regorus::unstable::Module;
use regorus::unstable::Ref;
use regorus::unstable::Rule as Written;
use regorus::unstable::RuleHead;
use regorus::unstable::Span;

use crate::policy::bundle::SourceFile;
use crate::policy::diagnostic::Diagnostic;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A rule: its package lies below `portcullis.rules`.
    Rule,
    /// Helpers that rules import.
    Library,
    /// Tests: not served.
    Test,
}

/// One parsed file.
pub struct Unit<'f> {
    /// The file.
    pub file: &'f SourceFile,
    /// What it is for.
    pub role: Role,
    /// Parts of its package.
    pub package: Vec<String>,
    /// The syntax tree.
    pub module: Ref<Module>,
    /// Import aliases → full path, `data` or `input` first.
    pub imports: BTreeMap<String, Vec<String>>,
}

impl Unit<'_> {
    /// The package as written, without `data`.
    pub fn package_text(&self) -> String {
        self.package.join(".")
    }

    /// A message about a place in this file.
    pub fn at(&self, span: &Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file.path, &self.file.text, bytes(span), message)
    }

    /// Names of its rules.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.module.policy.iter().filter_map(|rule| head_name(rule))
    }
}

/// The bytes of a span.
pub fn bytes(span: &Span) -> Range<usize> {
    let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    number(span.start)..number(span.end)
}

/// Whether a file is policy.
pub fn is_policy(path: &str) -> bool {
    path.strip_suffix(".rego").is_some()
}

/// Whether a file holds tests.
pub fn is_test(path: &str) -> bool {
    path.ends_with("_test.rego")
}

/// Parses one file that passed the scan.
pub fn parse(file: &SourceFile) -> Result<Unit<'_>, Diagnostic> {
    let mut engine = regorus::Engine::new();
    engine
        .add_policy(file.path.clone(), file.text.clone())
        .map_err(|error| engine_error(&file.path, &file.text, &error.to_string()))?;
    let module = engine
        .get_modules()
        .first()
        .cloned()
        .ok_or_else(|| Diagnostic::about(&file.path, "this file holds no package"))?;
    let package = path_of(&module.package.refr)
        .ok_or_else(|| Diagnostic::about(&file.path, "this package is not a plain path"))?;
    let role = match package.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        _ if is_test(&file.path) => Role::Test,
        ["portcullis", "rules", ..] => Role::Rule,
        _ => Role::Library,
    };
    let mut imports = BTreeMap::new();
    for import in &module.imports {
        if let Some(path) = path_of(&import.refr) {
            let alias = import.r#as.as_ref().map_or_else(
                || path.last().cloned().unwrap_or_default(),
                |span| span.text().to_owned(),
            );
            imports.insert(alias, path);
        }
    }
    Ok(Unit { file, role, package, module, imports })
}

/// The parts of a reference made of names alone.
pub fn path_of(expr: &Ref<Expr>) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut here = expr;
    loop {
        match here.as_ref() {
            Expr::Var { span, .. } => {
                parts.push(span.text().to_owned());
                parts.reverse();
                return Some(parts);
            }
            Expr::RefDot { refr, field, .. } => {
                parts.push(field.0.text().to_owned());
                here = refr;
            }
            Expr::RefBrack { refr, index, .. } => {
                parts.push(text_of(index)?);
                here = refr;
            }
            _ => return None,
        }
    }
}

/// The text of a string literal.
pub fn text_of(expr: &Ref<Expr>) -> Option<String> {
    match expr.as_ref() {
        Expr::String { value, .. } | Expr::RawString { value, .. } => {
            value.as_string().ok().map(ToString::to_string)
        }
        _ => None,
    }
}

/// The head reference of a rule.
pub fn head_of(rule: &Written) -> &Ref<Expr> {
    match rule {
        Written::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. }
            | RuleHead::Set { refr, .. }
            | RuleHead::Func { refr, .. } => refr,
        },
        Written::Default { refr, .. } => refr,
    }
}

/// The first name of a rule's head.
pub fn head_name(rule: &Written) -> Option<&str> {
    let mut here = head_of(rule);
    loop {
        match here.as_ref() {
            Expr::Var { span, .. } => return Some(span.text()),
            Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => here = refr,
            _ => return None,
        }
    }
}

/// What the engine said, as a message with its place. Its text is `--> file:line:column`, the line, and `error: …`.
pub fn engine_error(file: &str, text: &str, said: &str) -> Diagnostic {
    let message = said
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("error: "))
        .or_else(|| said.lines().map(str::trim).find(|line| !line.is_empty()))
        .unwrap_or("the engine refused this file");
    let place = said.lines().find_map(|line| {
        let place = line.trim().strip_prefix("--> ")?;
        let mut parts = place.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        Some((line, column))
    });
    // A few messages have another form: `file:line:column error: …`.
    let place = place.or_else(|| {
        let (place, _) =
            said.trim().strip_prefix(file)?.strip_prefix(':')?.split_once(" error: ")?;
        let (line, column) = place.split_once(':')?;
        Some((line.parse().ok()?, column.parse().ok()?))
    });
    let message = message.split_once(" error: ").map_or(message, |(_, rest)| rest);
    let template = text.contains("$\"") || text.contains("$`");
    let message = if message == "invalid character" && template {
        "a template string is not served: use `sprintf`"
    } else {
        message
    };
    match place {
        Some((line, column)) => Diagnostic::at_column(file, text, line, column, 4, message),
        None => Diagnostic::about(file, message),
    }
}
