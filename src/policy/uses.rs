//! What a rule refers to: every reference, call and `with` in it, with its place, resolved through imports and local
//! names.
//!
//! This walk knows Rego's scopes roughly: a name bound anywhere in a body hides a rule of the same name in that body.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the syntax tree is the engine's: what has no name here is refused or nothing"
)]

use std::collections::BTreeSet;

use regorus::unstable::AssignOp;
use regorus::unstable::Expr;
use regorus::unstable::Literal;
use regorus::unstable::LiteralStmt;
use regorus::unstable::Query;
use regorus::unstable::Ref;
use regorus::unstable::Rule as Written;
use regorus::unstable::RuleBody;
use regorus::unstable::RuleHead;
use regorus::unstable::Span;

use crate::policy::parse;
use crate::policy::parse::Unit;

/// One step of a reference below its root.
#[derive(Clone, Debug)]
pub enum Step {
    /// A name: `.name` or `["name"]`.
    Name(String, Span),
    /// Anything else in brackets.
    Index(Span),
}

impl Step {
    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name, _) => Some(name),
            Self::Index(_) => None,
        }
    }

    /// Where it stands.
    pub const fn span(&self) -> &Span {
        match self {
            Self::Name(_, span) | Self::Index(span) => span,
        }
    }
}

/// A reference to `input`, `data` or a rule of the same package.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Steps below the root. For a rule of the same package the first is its name.
    pub steps: Vec<Step>,
    /// The whole reference.
    pub span: Span,
}

impl Reference {
    /// The leading names, up to the first index.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map_while(Step::name)
    }
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function as written, with import aliases resolved.
    pub path: Vec<String>,
    /// Its arguments.
    pub arguments: Vec<Ref<Expr>>,
    /// The function's name in the text.
    pub span: Span,
}

/// Everything one rule refers to.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// References to `input`.
    pub inputs: Vec<Reference>,
    /// References to `data`.
    pub data: Vec<Reference>,
    /// References to rules of the same package.
    pub rules: Vec<Reference>,
    /// Calls.
    pub calls: Vec<Call>,
    /// `with` modifiers.
    pub withs: Vec<Span>,
}

/// What this rule of this file refers to.
pub fn of(unit: &Unit<'_>, rule: &Written) -> Uses {
    let rules = unit.names().map(str::to_owned).collect();
    let mut walk = Walk { unit, rules, scopes: Vec::new(), uses: Uses::default() };
    walk.rule(rule);
    walk.uses
}

struct Walk<'u> {
    unit: &'u Unit<'u>,
    rules: BTreeSet<String>,
    scopes: Vec<BTreeSet<String>>,
    uses: Uses,
}

impl Walk<'_> {
    fn rule(&mut self, rule: &Written) {
        match rule {
            Written::Default { value, args, .. } => {
                self.scopes.push(names_in(args));
                self.expr(value);
                self.scopes.pop();
            }
            Written::Spec { head, bodies, .. } => {
                let arguments: &[Ref<Expr>] = match head {
                    RuleHead::Func { args, .. } => args,
                    RuleHead::Compr { .. } | RuleHead::Set { .. } => &[],
                };
                self.scopes.push(names_in(arguments));
                for argument in arguments {
                    self.expr(argument);
                }
                self.bodies(head, bodies);
                self.scopes.pop();
            }
        }
    }

    /// The head's key and value see what the first body binds; an `else` sees its own.
    fn bodies(&mut self, head: &RuleHead, bodies: &[RuleBody]) {
        let mut own = BTreeSet::new();
        if let Some(first) = bodies.first() {
            bound_in(&first.query, &mut own);
        }
        self.scopes.push(own);
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.head_index(refr);
                self.optional(assign.as_ref().map(|assign| &assign.value));
            }
            RuleHead::Set { refr, key, .. } => {
                self.head_index(refr);
                self.optional(key.as_ref());
            }
            RuleHead::Func { assign, .. } => {
                self.optional(assign.as_ref().map(|assign| &assign.value));
            }
        }
        self.scopes.pop();
        for body in bodies {
            self.scopes.push(BTreeSet::new());
            self.query(&body.query, body.assign.as_ref().map(|assign| &assign.value));
            self.scopes.pop();
        }
    }

    fn optional(&mut self, expr: Option<&Ref<Expr>>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    fn head_index(&mut self, refr: &Ref<Expr>) {
        let mut here = refr;
        loop {
            match here.as_ref() {
                Expr::RefBrack { refr, index, .. } => {
                    self.expr(index);
                    here = refr;
                }
                Expr::RefDot { refr, .. } => here = refr,
                _ => return,
            }
        }
    }

    fn query(&mut self, query: &Query, value: Option<&Ref<Expr>>) {
        let mut own = BTreeSet::new();
        bound_in(query, &mut own);
        self.scopes.push(own);
        for stmt in &query.stmts {
            self.stmt(stmt);
        }
        self.optional(value);
        self.scopes.pop();
    }

    fn stmt(&mut self, stmt: &LiteralStmt) {
        for with in &stmt.with_mods {
            self.uses.withs.push(with.span.clone());
            self.expr(&with.r#as);
        }
        match &stmt.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn { key, value, collection, .. } => {
                self.optional(key.as_ref());
                self.expr(value);
                self.expr(collection);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
            Literal::Every { key, value, domain, query, .. } => {
                self.expr(domain);
                let own = key.iter().chain([value]).map(|span| span.text().to_owned()).collect();
                self.scopes.push(own);
                self.query(query, None);
                self.scopes.pop();
            }
        }
    }

    fn exprs(&mut self, exprs: &[Ref<Expr>]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &Ref<Expr>) {
        match expr.as_ref() {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expr),
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.exprs(items),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.query(query, Some(term));
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.query(query, Some(key));
                self.query(query, Some(value));
            }
            Expr::Call { fcn, params, .. } => self.call(fcn, params),
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                self.optional(key.as_ref());
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    fn call(&mut self, function: &Ref<Expr>, arguments: &[Ref<Expr>]) {
        self.exprs(arguments);
        let Some(mut path) = parse::path_of(function) else { return };
        if let Some(target) = path.first().and_then(|root| self.unit.imports.get(root)) {
            path.splice(0..1, target.iter().cloned());
        }
        self.uses.calls.push(Call {
            path,
            arguments: arguments.to_vec(),
            span: function.span().clone(),
        });
    }

    fn reference(&mut self, expr: &Ref<Expr>) {
        let mut steps = Vec::new();
        let mut here = expr;
        let root = loop {
            match here.as_ref() {
                Expr::RefDot { refr, field, .. } => {
                    steps.push(Step::Name(field.0.text().to_owned(), field.0.clone()));
                    here = refr;
                }
                Expr::RefBrack { refr, index, .. } => {
                    steps.push(match parse::text_of(index) {
                        Some(name) => Step::Name(name, index.span().clone()),
                        None => Step::Index(index.span().clone()),
                    });
                    self.expr(index);
                    here = refr;
                }
                Expr::Var { span, .. } => break span,
                _ => {
                    self.expr(here);
                    return;
                }
            }
        };
        steps.reverse();
        self.rooted(root, steps, expr.span().clone());
    }

    fn rooted(&mut self, root: &Span, mut steps: Vec<Step>, mut span: Span) {
        let name = root.text();
        span.line = root.line;
        span.col = root.col;
        span.start = root.start;
        match name {
            "input" => return self.uses.inputs.push(Reference { steps, span }),
            "data" => return self.uses.data.push(Reference { steps, span }),
            _ => {}
        }
        if self.scopes.iter().any(|scope| scope.contains(name)) {
            return;
        }
        if let Some(target) = self.unit.imports.get(name) {
            let mut full: Vec<Step> =
                target.iter().skip(1).map(|part| Step::Name(part.clone(), root.clone())).collect();
            full.append(&mut steps);
            let reference = Reference { steps: full, span };
            match target.first().map(String::as_str) {
                Some("input") => self.uses.inputs.push(reference),
                _ => self.uses.data.push(reference),
            }
        } else if self.rules.contains(name) {
            steps.insert(0, Step::Name(name.to_owned(), root.clone()));
            self.uses.rules.push(Reference { steps, span });
        }
    }
}

/// Names of plain variables in patterns.
pub fn names_in(patterns: &[Ref<Expr>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for pattern in patterns {
        pattern_names(pattern, &mut names);
    }
    names
}

fn pattern_names(pattern: &Ref<Expr>, names: &mut BTreeSet<String>) {
    match pattern.as_ref() {
        Expr::Var { span, .. } => {
            names.insert(span.text().to_owned());
        }
        Expr::Array { items, .. } => items.iter().for_each(|item| pattern_names(item, names)),
        Expr::Object { fields, .. } => {
            for (_, _, value) in fields {
                pattern_names(value, names);
            }
        }
        _ => {}
    }
}

/// Names that the statements of a query bind for that query.
pub fn bound_in(query: &Query, names: &mut BTreeSet<String>) {
    for stmt in &query.stmts {
        match &stmt.literal {
            Literal::SomeVars { vars, .. } => {
                names.extend(vars.iter().map(|span| span.text().to_owned()));
            }
            Literal::SomeIn { key, value, .. } => {
                if let Some(key) = key {
                    pattern_names(key, names);
                }
                pattern_names(value, names);
            }
            Literal::Expr { expr, .. } => {
                if let Expr::AssignExpr { op: AssignOp::ColEq, lhs, .. } = expr.as_ref() {
                    pattern_names(lhs, names);
                }
            }
            Literal::NotExpr { .. } | Literal::Every { .. } => {}
        }
    }
}
