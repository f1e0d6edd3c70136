//! What a rule may refer to: the declared facts of `input`, its own package and libraries, data, and the allowed
//! built-ins. Everything else is refused with its place and the nearest real name.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree is the engine's: what has no name here is refused or nothing"
)]

use regorus::Value;
use regorus::unstable::Expr;
use regorus::unstable::Ref;
use regorus::unstable::Span;

use crate::graph::fact::Shape;
use crate::policy::builtins;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::diagnostic::did_you_mean;
use crate::policy::diagnostic::nearest;
use crate::policy::form::Form;
use crate::policy::parse;
use crate::policy::parse::Role;
use crate::policy::parse::Unit;
use crate::policy::uses::Call;
use crate::policy::uses::Reference;
use crate::policy::uses::Step;
use crate::policy::uses::Uses;

/// Most arguments of one call: the serving engine drops those beyond.
const MAX_ARGUMENTS: usize = 8;

/// Widest number in a `sprintf` format: a larger one asks for that many bytes at once.
const MAX_WIDTH: usize = 100;

/// What there is to refer to, beside the input.
pub struct World<'w> {
    /// Every file that is served.
    pub units: &'w [Unit<'w>],
}

/// What a rule file may see of its input.
pub struct Sees<'w> {
    /// What its document looks like.
    pub form: &'w Form,
    /// The paths of its metadata.
    pub declared: &'w [String],
}

/// Checks everything that one rule of `unit` refers to.
pub fn check(world: &World<'_>, unit: &Unit<'_>, sees: &Sees<'_>, uses: &Uses) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for reference in &uses.inputs {
        found.extend(input(unit, sees, reference).err());
    }
    for reference in &uses.data {
        found.extend(data(world, unit, reference).err());
    }
    for called in &uses.calls {
        found.extend(call(world, unit, called).err());
    }
    for span in &uses.withs {
        found.push(
            unit.at(span, "`with` is for tests: a rule sees the input as it is")
                .help("move this into a `*_test.rego` file"),
        );
    }
    found
}

fn input(unit: &Unit<'_>, sees: &Sees<'_>, reference: &Reference) -> Result<(), Diagnostic> {
    let declared = sees.declared;
    let path = schema_path(&sees.form.shape, unit, reference)?;
    let mut parts = path.split('.');
    let top = parts.next().unwrap_or_default();
    if sees.form.always.contains(&top) || declared.iter().any(|known| lies_in(&path, known)) {
        return Ok(());
    }
    let message = format!("`input.{path}` is not declared in `reads`");
    let refused = unit.at(&reference.span, message);
    if unit.role == Role::Library {
        return Err(refused
            .help("a library declares no facts: hand the value to its function as an argument"));
    }
    let below: Vec<&str> =
        declared.iter().filter(|known| lies_in(known, &path)).map(String::as_str).collect();
    Err(match below.as_slice() {
        [] => refused.help(format!("add `{path}` to `reads`, or a path above it")),
        [..] => refused.help(format!(
            "`reads` declares only {} of it: declare `{path}`, or use that",
            quoted(&below)
        )),
    })
}

/// Whether `path` is `above` or lies below it.
pub fn lies_in(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The dotted path of an input reference, list positions left out, if the schema has it.
fn schema_path(
    shape: &Shape,
    unit: &Unit<'_>,
    reference: &Reference,
) -> Result<String, Diagnostic> {
    if reference.steps.is_empty() {
        return Err(unit
            .at(
                &reference.span,
                "`input` is used as a whole, so nobody can tell which facts this rule needs",
            )
            .help("name the fact: `input.resource.ref.name`"));
    }
    let mut here = shape;
    let mut path = String::new();
    for step in &reference.steps {
        here = match (here, step) {
            (Shape::Record(_), Step::Name(name, span)) => {
                let below =
                    field(here, name).ok_or_else(|| no_such(unit, here, &path, name, span))?;
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                below
            }
            (Shape::Record(_), Step::Index(span)) => {
                let place =
                    if path.is_empty() { "input".to_owned() } else { format!("input.{path}") };
                return Err(unit
                    .at(span, format!("`{place}` is indexed by a variable, so nobody can tell which facts this rule needs"))
                    .help("name the field; only lists are indexed by a variable"));
            }
            (Shape::List(below), Step::Index(_)) => below,
            (Shape::Free, Step::Name(name, _)) => {
                path.push('.');
                path.push_str(name);
                here
            }
            (Shape::Free, Step::Index(_)) => here,
            (Shape::List(_), Step::Name(name, span)) => {
                return Err(unit
                    .at(span, format!("`input.{path}` is a list and has no field `{name}`"))
                    .help(format!("write `some item in input.{path}` and use `item.{name}`")));
            }
            (Shape::Text | Shape::Word(_) | Shape::Whole | Shape::Flag | Shape::Instant, step) => {
                return Err(unit.at(
                    step.span(),
                    format!("`input.{path}` is a single value: nothing lies below it"),
                ));
            }
        };
    }
    Ok(path)
}

fn field<'s>(shape: &'s Shape, name: &str) -> Option<&'s Shape> {
    match shape {
        Shape::Record(fields) => {
            fields.iter().find(|field| field.name == name).map(|field| &field.shape)
        }
        Shape::List(below) => field(below, name),
        Shape::Free => Some(shape),
        Shape::Text | Shape::Word(_) | Shape::Whole | Shape::Flag | Shape::Instant => None,
    }
}

fn names_of(shape: &Shape) -> Vec<&'static str> {
    match shape {
        Shape::Record(fields) => fields.iter().map(|field| field.name).collect(),
        Shape::List(below) => names_of(below),
        Shape::Text
        | Shape::Word(_)
        | Shape::Whole
        | Shape::Flag
        | Shape::Instant
        | Shape::Free => Vec::new(),
    }
}

fn no_such(unit: &Unit<'_>, shape: &Shape, path: &str, name: &str, span: &Span) -> Diagnostic {
    let (wrong, near) = meant(shape, path, name);
    unit.at(span, format!("there is no `input.{wrong}`")).maybe_help(near)
}

/// The path that is not there, and the one that was probably meant.
fn meant(shape: &Shape, path: &str, name: &str) -> (String, Option<String>) {
    let dot = if path.is_empty() { "" } else { "." };
    let names = names_of(shape);
    let near = match nearest(name, names.iter().copied()) {
        Some(near) => Some(format!("did you mean `{path}{dot}{near}`?")),
        None if names.is_empty() => None,
        None => Some(format!("there is {}", quoted(&names))),
    };
    (format!("{path}{dot}{name}"), near)
}

/// Checks one declared path against the schema; the error is a message and a hint.
pub fn declared(shape: &Shape, path: &str) -> Result<(), (String, Option<String>)> {
    let mut here = shape;
    let mut seen = String::new();
    for part in path.split('.') {
        let Some(below) = field(here, part) else {
            let (wrong, near) = meant(here, &seen, part);
            return Err((format!("the input has no `{wrong}`"), near));
        };
        if !seen.is_empty() {
            seen.push('.');
        }
        seen.push_str(part);
        here = below;
    }
    Ok(())
}

fn data(world: &World<'_>, unit: &Unit<'_>, reference: &Reference) -> Result<(), Diagnostic> {
    let names: Vec<&str> = reference.names().collect();
    if names.starts_with(&["portcullis", "rules"])
        && !unit.package.iter().zip(&names).all(|(a, b)| a == b)
    {
        return Err(another_rule(unit, &reference.span, &names));
    }
    if let Some(target) = package_in(world, &names) {
        let rule = names.get(target.package.len());
        return package_rule(unit, target, rule.copied(), reference);
    }
    let above = world.units.iter().find(|other| {
        names.len() < other.package.len() && other.package.iter().zip(&names).all(|(a, b)| a == b)
    });
    match above {
        None => Ok(()),
        Some(other) => Err(unit
            .at(&reference.span, format!("this reaches every rule below `{}`", dotted(&names)))
            .help(format!("name one rule, such as `data.{}.…`", other.package_text()))),
    }
}

fn dotted(names: &[&str]) -> String {
    ["data"].iter().chain(names).copied().collect::<Vec<_>>().join(".")
}

/// The file whose package these names begin with; the longest of several.
pub fn package_in<'w>(world: &World<'w>, names: &[&str]) -> Option<&'w Unit<'w>> {
    let begins = |other: &&Unit<'_>| {
        names.len() >= other.package.len() && other.package.iter().zip(names).all(|(a, b)| a == b)
    };
    world.units.iter().filter(begins).max_by_key(|other| other.package.len())
}

fn another_rule(unit: &Unit<'_>, span: &Span, names: &[&str]) -> Diagnostic {
    unit.at(span, format!("a rule stands alone: `{}` is another rule", dotted(names)))
        .help("put what both need into a library package, such as `portcullis.lib.…`")
}

fn package_rule(
    unit: &Unit<'_>,
    target: &Unit<'_>,
    rule: Option<&str>,
    reference: &Reference,
) -> Result<(), Diagnostic> {
    if target.role == Role::Rule && target.package != unit.package {
        let names: Vec<&str> = target.package.iter().map(String::as_str).collect();
        return Err(another_rule(unit, &reference.span, &names));
    }
    let Some(rule) = rule else {
        return Err(unit
            .at(&reference.span, format!("this reaches every rule of `{}`", target.package_text()))
            .help("name one of its rules"));
    };
    if target.names().any(|name| name == rule) {
        return Ok(());
    }
    let help = did_you_mean(rule, target.names());
    Err(unit
        .at(&reference.span, format!("`{}` has no rule `{rule}`", target.package_text()))
        .maybe_help(help))
}

fn call(world: &World<'_>, unit: &Unit<'_>, called: &Call) -> Result<(), Diagnostic> {
    if called.arguments.len() > MAX_ARGUMENTS {
        return Err(
            unit.at(&called.span, format!("a call takes at most {MAX_ARGUMENTS} arguments"))
        );
    }
    let names: Vec<&str> = called.path.iter().map(String::as_str).collect();
    match names.as_slice() {
        [name] if unit.names().any(|known| known == *name) => Ok(()),
        ["data", below @ ..] => match package_in(world, below) {
            Some(target) => {
                let reference = Reference { steps: Vec::new(), span: called.span.clone() };
                package_rule(unit, target, below.get(target.package.len()).copied(), &reference)
            }
            None => {
                Err(unit.at(&called.span, format!("there is no function `{}`", names.join("."))))
            }
        },
        _ => builtin(unit, &names.join("."), called),
    }
}

fn builtin(unit: &Unit<'_>, name: &str, called: &Call) -> Result<(), Diagnostic> {
    if builtins::is_allowed(name) {
        return if name == "sprintf" { format_literal(unit, called) } else { Ok(()) };
    }
    let known =
        regorus::unstable::BUILTINS.contains_key(name) || builtins::instead_of(name).is_some();
    let near = builtins::ALLOWED.iter().map(|(allowed, _)| *allowed);
    let (message, help) = if known {
        (format!("rules may not call `{name}`"), builtins::instead_of(name).map(str::to_owned))
    } else {
        (format!("there is no function `{name}`"), did_you_mean(name, near.chain(unit.names())))
    };
    Err(unit.at(&called.span, message).maybe_help(help))
}

/// `sprintf` with a width from outside could be asked for gigabytes in one call.
fn format_literal(unit: &Unit<'_>, called: &Call) -> Result<(), Diagnostic> {
    let Some(format) = called.arguments.first() else { return Ok(()) };
    let Some(text) = parse::text_of(format) else {
        return Err(unit
            .at(format.span(), "the format of `sprintf` must be written out here")
            .help("put the text between quotes, and what varies into the list"));
    };
    match verb_error(&text) {
        None => Ok(()),
        Some(wrong) => Err(unit.at(format.span(), wrong)),
    }
}

/// What is wrong with the verbs of a format.
fn verb_error(format: &str) -> Option<String> {
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        let verb = rest.get(at + 1..).unwrap_or_default();
        let end = verb.find(|c: char| c.is_alphabetic() || c == '%').unwrap_or(verb.len());
        let flags = verb.get(..end).unwrap_or_default();
        if flags.contains('*') {
            return Some("`%*` takes a width from a value: write the width".to_owned());
        }
        let numbers =
            flags.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
        for digits in numbers {
            if digits.parse::<usize>().map_or(true, |width| width > MAX_WIDTH) {
                return Some(format!("the width {digits} is more than {MAX_WIDTH}"));
            }
        }
        rest = verb.get(end..).unwrap_or_default();
        rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    None
}

/// The value of an expression that is written out; none if it depends on anything.
pub fn constant(expr: &Ref<Expr>) -> Option<Value> {
    match expr.as_ref() {
        Expr::String { value, .. }
        | Expr::RawString { value, .. }
        | Expr::Number { value, .. }
        | Expr::Bool { value, .. }
        | Expr::Null { value, .. } => Some(value.clone()),
        Expr::Array { items, .. } => {
            items.iter().map(constant).collect::<Option<Vec<_>>>().map(Value::from)
        }
        Expr::Set { items, .. } => {
            let mut set = Value::new_set();
            for item in items {
                set.as_set_mut().ok()?.insert(constant(item)?);
            }
            Some(set)
        }
        Expr::Object { fields, .. } => {
            let mut object = Value::new_object();
            for (_, key, value) in fields {
                object.as_object_mut().ok()?.insert(constant(key)?, constant(value)?);
            }
            Some(object)
        }
        _ => None,
    }
}
