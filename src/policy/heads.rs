//! Which rule heads are served, and that each complete rule and function has one value at most.
//!
//! Where definitions disagree, OPA faults and the serving engine silently has no value. So definitions that could
//! disagree are refused here, with `else` as the way out.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree is the engine's: what has no name here is refused or nothing"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use regorus::Value;
use regorus::unstable::AssignOp;
use regorus::unstable::Expr;
use regorus::unstable::Literal;
use regorus::unstable::Query;
use regorus::unstable::Ref;
use regorus::unstable::Rule as Written;
use regorus::unstable::RuleBody;
use regorus::unstable::RuleHead;
use regorus::unstable::Span;

use crate::policy::diagnostic::Diagnostic;
use crate::policy::parse;
use crate::policy::parse::Role;
use crate::policy::parse::Unit;
use crate::policy::references::constant;
use crate::policy::uses;

/// Checks every head of a served file.
pub fn check(unit: &Unit<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in &unit.module.policy {
        found.extend(head(unit, rule).err());
    }
    if unit.role == Role::Rule {
        found.extend(finding(unit).err());
    }
    found.extend(definitions(unit));
    found
}

fn head(unit: &Unit<'_>, rule: &Written) -> Result<(), Diagnostic> {
    let name = parse::head_name(rule).unwrap_or_default();
    if name.starts_with("test_") || name.starts_with("todo_test_") {
        return Err(unit
            .at(parse::head_of(rule).span(), "tests are not served")
            .help("move this into a `*_test.rego` file"));
    }
    if regorus::unstable::BUILTINS.contains_key(name) {
        let message = format!("`{name}` is the name of a built-in function");
        return Err(unit.at(parse::head_of(rule).span(), message).help("choose another name"));
    }
    match rule {
        Written::Default { args, refr, .. } if !args.is_empty() => Err(unit
            .at(refr.span(), "the serving engine has no `default` functions")
            .help("end the function with `else := …`")),
        Written::Default { refr, .. } => plain(unit, refr),
        Written::Spec { head, .. } => match head {
            RuleHead::Set { refr, key: Some(_), .. } | RuleHead::Func { refr, .. } => {
                plain(unit, refr)
            }
            RuleHead::Set { refr, key: None, .. } => Err(dotted(unit, refr)),
            RuleHead::Compr { refr, assign, .. } => match refr.as_ref() {
                Expr::RefBrack { refr: base, index, .. } => {
                    plain(unit, base)?;
                    partial_object(unit, refr, index, assign.is_some())
                }
                _ => plain(unit, refr),
            },
        },
    }
}

fn plain(unit: &Unit<'_>, refr: &Ref<Expr>) -> Result<(), Diagnostic> {
    if matches!(refr.as_ref(), Expr::Var { .. }) { Ok(()) } else { Err(dotted(unit, refr)) }
}

fn dotted(unit: &Unit<'_>, refr: &Ref<Expr>) -> Diagnostic {
    unit.at(refr.span(), "a rule's name is one word here")
        .help("build the object in one rule: `name := {\"key\": value}`")
}

fn partial_object(
    unit: &Unit<'_>,
    refr: &Ref<Expr>,
    index: &Ref<Expr>,
    assigned: bool,
) -> Result<(), Diagnostic> {
    if constant(index).is_some() {
        return Err(unit
            .at(refr.span(), "the serving engine has no partial object with a fixed key")
            .help("build the object in one rule: `name := {\"key\": value}`"));
    }
    if assigned {
        return Ok(());
    }
    Err(unit
        .at(refr.span(), "this rule has a key and no value")
        .help("write `name contains key` for a set"))
}

/// `finding` must be a set that the file builds with `contains`.
fn finding(unit: &Unit<'_>) -> Result<(), Diagnostic> {
    let mut seen = false;
    for rule in unit.module.policy.iter().filter(|rule| parse::head_name(rule) == Some("finding")) {
        if !matches!(rule.as_ref(), Written::Spec { head: RuleHead::Set { .. }, .. }) {
            return Err(unit
                .at(
                    parse::head_of(rule).span(),
                    "`finding` is a set: a rule may find nothing, one thing or several",
                )
                .help("write `finding contains {\"verdict\": …, \"reason\": …} if …`"));
        }
        seen = true;
    }
    if seen {
        return Ok(());
    }
    Err(unit
        .at(&unit.module.package.span, "this rule has no `finding`")
        .help("add `finding contains {\"verdict\": …, \"reason\": …} if …`"))
}

/// One definition of a complete rule or function.
struct Definition<'d> {
    span: &'d Span,
    arguments: &'d [Ref<Expr>],
    value: Option<&'d Ref<Expr>>,
    bodies: &'d [RuleBody],
}

fn definitions(unit: &Unit<'_>) -> Vec<Diagnostic> {
    let mut groups: BTreeMap<&str, Vec<Definition<'_>>> = BTreeMap::new();
    for rule in &unit.module.policy {
        let Written::Spec { head, bodies, .. } = rule.as_ref() else { continue };
        let (span, arguments, assign): (_, &[Ref<Expr>], _) = match head {
            RuleHead::Compr { span, refr, assign } if matches!(refr.as_ref(), Expr::Var { .. }) => {
                (span, &[], assign)
            }
            RuleHead::Func { span, args, assign, .. } => (span, args.as_slice(), assign),
            RuleHead::Compr { .. } | RuleHead::Set { .. } => continue,
        };
        let value = assign.as_ref().map(|assign| &assign.value);
        let name = parse::head_name(rule).unwrap_or_default();
        groups.entry(name).or_default().push(Definition { span, arguments, value, bodies });
    }
    let mut found = Vec::new();
    for (name, group) in &groups {
        found.extend(group.iter().filter_map(|one| iterates(unit, name, one)));
        found.extend(disagree(unit, name, group));
    }
    found
}

/// The first definition that could hold beside another one with another value.
fn disagree(unit: &Unit<'_>, name: &str, group: &[Definition<'_>]) -> Option<Diagnostic> {
    for (later, one) in group.iter().enumerate() {
        for other in group.iter().take(later) {
            if !exclusive(one, other) && !same(one, other) {
                return Some(
                    unit.at(one.span, format!("`{name}` could have several values at once: it is also defined above"))
                        .help(format!("chain the definitions with `else := …`, or make `{name}` a set with `contains`")),
                );
            }
        }
    }
    None
}

/// Whether two functions differ in a fixed argument, so that only one of them can apply.
fn exclusive(one: &Definition<'_>, other: &Definition<'_>) -> bool {
    one.arguments
        .iter()
        .zip(other.arguments)
        .any(|(a, b)| matches!((constant(a), constant(b)), (Some(a), Some(b)) if a != b))
}

/// Whether both always give the same written-out value.
fn same(one: &Definition<'_>, other: &Definition<'_>) -> bool {
    match (outcome(one), outcome(other)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// The one value a definition can give, if it is written out and all its branches give the same.
fn outcome(one: &Definition<'_>) -> Option<Value> {
    let written = |value: Option<&Ref<Expr>>| value.map_or(Some(Value::from(true)), constant);
    let first = written(one.value)?;
    let agree = one.bodies.iter().filter(|body| body.is_else).all(|body| {
        written(body.assign.as_ref().map(|assign| &assign.value))
            .is_some_and(|other| other == first)
    });
    agree.then_some(first)
}

/// A value taken from an iteration: the body could hold for several members with several values.
fn iterates(unit: &Unit<'_>, name: &str, one: &Definition<'_>) -> Option<Diagnostic> {
    let mut value = one.value;
    if one.bodies.is_empty() {
        return value.filter(|value| loops(value)).map(|value| several(unit, name, value));
    }
    for body in one.bodies {
        if body.is_else {
            value = body.assign.as_ref().map(|assign| &assign.value);
        }
        let Some(value) = value else { continue };
        let settled = settled(unit, one, &body.query);
        let mut moving = moving(&body.query, &settled);
        index_names(value, &settled, &mut moving);
        if loops(value) || mentions(value, &moving) {
            return Some(several(unit, name, value));
        }
    }
    None
}

fn several(unit: &Unit<'_>, name: &str, value: &Ref<Expr>) -> Diagnostic {
    unit.at(
        value.span(),
        format!(
            "`{name}` takes its value from an iteration, so it could have several values at once"
        ),
    )
    .help(format!("make `{name}` a set with `contains`, or pick one with `max`, `min` or `count`"))
}

/// Names that have one value in this body: arguments, rules, imports and what `:=` sets.
fn settled(unit: &Unit<'_>, one: &Definition<'_>, query: &Query) -> BTreeSet<String> {
    let mut names = uses::names_in(one.arguments);
    names.extend(unit.names().map(str::to_owned));
    names.extend(unit.imports.keys().cloned());
    names.extend(["input".to_owned(), "data".to_owned()]);
    for stmt in &query.stmts {
        if let Some((AssignOp::ColEq, lhs, _)) = assignment(&stmt.literal) {
            names.extend(uses::names_in(std::slice::from_ref(lhs)));
        }
    }
    names
}

fn assignment(literal: &Literal) -> Option<(AssignOp, &Ref<Expr>, &Ref<Expr>)> {
    let Literal::Expr { expr, .. } = literal else { return None };
    match expr.as_ref() {
        Expr::AssignExpr { op, lhs, rhs, .. } => Some((op.clone(), lhs, rhs)),
        _ => None,
    }
}

/// Names whose value differs from member to member of an iteration in this body: those that `some` declares, those
/// that stand in `[…]` without a value of their own, and those made from them.
fn moving(query: &Query, settled: &BTreeSet<String>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for stmt in &query.stmts {
        match &stmt.literal {
            Literal::SomeVars { vars, .. } => {
                names.extend(vars.iter().map(|span| span.text().to_owned()));
            }
            Literal::SomeIn { key, value, .. } => {
                let patterns: Vec<Ref<Expr>> = key.iter().chain([value]).cloned().collect();
                names.extend(uses::names_in(&patterns));
            }
            Literal::Expr { expr, .. } => index_names(expr, settled, &mut names),
            Literal::NotExpr { .. } | Literal::Every { .. } => {}
        }
    }
    // Statements may stand in any order, so this goes round until nothing is added.
    loop {
        let before = names.len();
        for (_, lhs, rhs) in query.stmts.iter().filter_map(|stmt| assignment(&stmt.literal)) {
            for (from, to) in [(rhs, lhs), (lhs, rhs)] {
                if loops(from) || mentions(from, &names) {
                    names.extend(uses::names_in(std::slice::from_ref(to)));
                }
            }
        }
        if names.len() == before {
            return names;
        }
    }
}

/// Names in `[…]` that are not settled: the engine tries every member for them.
fn index_names(expr: &Ref<Expr>, settled: &BTreeSet<String>, names: &mut BTreeSet<String>) {
    let free = std::cell::RefCell::new(BTreeSet::new());
    any(expr, &|inner| {
        if let Expr::RefBrack { index, .. } = inner
            && let Expr::Var { span, .. } = index.as_ref()
            && !settled.contains(span.text())
        {
            free.borrow_mut().insert(span.text().to_owned());
        }
        false
    });
    names.extend(free.into_inner());
}

/// Whether an expression holds a `[_]` outside of a comprehension.
fn loops(expr: &Ref<Expr>) -> bool {
    any(expr, &|inner| matches!(inner, Expr::Var { span, .. } if span.text() == "_"))
}

/// Whether `test` holds for any part of an expression, comprehensions left out: what moves inside one is gathered there.
fn any(expr: &Ref<Expr>, test: &dyn Fn(&Expr) -> bool) -> bool {
    test(expr) || children(expr).iter().any(|child| any(child, test))
}

/// Whether an expression, comprehensions and all, mentions one of these names.
fn mentions(expr: &Ref<Expr>, names: &BTreeSet<String>) -> bool {
    let mut open = vec![expr.clone()];
    while let Some(here) = open.pop() {
        match here.as_ref() {
            Expr::Var { span, .. } if names.contains(span.text()) => return true,
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                open.push(term.clone());
                open.extend(statements(query));
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                open.extend([key.clone(), value.clone()]);
                open.extend(statements(query));
            }
            _ => open.extend(children(&here)),
        }
    }
    false
}

/// The expressions of a query's statements.
fn statements(query: &Query) -> Vec<Ref<Expr>> {
    let mut all = Vec::new();
    for stmt in &query.stmts {
        match &stmt.literal {
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => all.push(expr.clone()),
            Literal::SomeIn { collection, .. } => all.push(collection.clone()),
            Literal::Every { domain, query, .. } => {
                all.push(domain.clone());
                all.extend(statements(query));
            }
            Literal::SomeVars { .. } => {}
        }
    }
    all
}

/// The parts of an expression; none of a comprehension.
fn children(expr: &Ref<Expr>) -> Vec<Ref<Expr>> {
    match expr.as_ref() {
        Expr::RefDot { refr, .. } => vec![refr.clone()],
        Expr::RefBrack { refr, index, .. } => vec![refr.clone(), index.clone()],
        Expr::Array { items, .. } | Expr::Set { items, .. } => items.clone(),
        Expr::Object { fields, .. } => {
            fields.iter().flat_map(|(_, key, value)| [key.clone(), value.clone()]).collect()
        }
        Expr::Call { params, .. } => params.clone(),
        Expr::UnaryExpr { expr, .. } => vec![expr.clone()],
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![lhs.clone(), rhs.clone()],
        Expr::Membership { key, value, collection, .. } => {
            key.iter().chain([value, collection]).cloned().collect()
        }
        _ => Vec::new(),
    }
}
