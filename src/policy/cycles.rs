//! Rules that need themselves: recursion overflows the serving engine's stack, so it is refused, and so are chains of
//! rules longer than the stack is deep.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use regorus::unstable::Span;

use crate::policy::diagnostic::Diagnostic;
use crate::policy::parse::Unit;
use crate::policy::references::World;
use crate::policy::references::package_in;
use crate::policy::uses::Uses;

/// Longest chain of rules that need each other. The serving engine calls itself for each link.
pub const MAX_LINKS: usize = 200;

/// A rule: its file's position among the served files, and its name.
type Node = (usize, String);

/// Who needs whom, and where that is written.
#[derive(Default)]
pub struct Needs {
    edges: BTreeMap<Node, Vec<(Node, Span)>>,
}

impl Needs {
    /// Notes what one rule of `units[unit]` refers to.
    pub fn note(&mut self, world: &World<'_>, unit: usize, rule: &str, uses: &Uses) {
        let mut to = Vec::new();
        for reference in &uses.rules {
            to.extend(
                reference
                    .names()
                    .next()
                    .map(|name| ((unit, name.to_owned()), reference.span.clone())),
            );
        }
        for reference in &uses.data {
            let names: Vec<&str> = reference.names().collect();
            to.extend(target(world, &names).map(|node| (node, reference.span.clone())));
        }
        for call in &uses.calls {
            let names: Vec<&str> = call.path.iter().map(String::as_str).collect();
            let node = match names.as_slice() {
                [name] => Some((unit, (*name).to_owned())),
                ["data", below @ ..] => target(world, below),
                _ => None,
            };
            to.extend(node.map(|node| (node, call.span.clone())));
        }
        self.edges.entry((unit, rule.to_owned())).or_default().extend(to);
    }

    /// The files that `unit` needs, itself included, in order.
    pub fn files(&self, unit: usize) -> BTreeSet<usize> {
        let mut files = BTreeSet::from([unit]);
        let mut open = vec![unit];
        while let Some(here) = open.pop() {
            let below = self.edges.iter().filter(|((from, _), _)| *from == here);
            for (to, _) in below.flat_map(|(_, edges)| edges) {
                if files.insert(to.0) {
                    open.push(to.0);
                }
            }
        }
        files
    }

    /// Refuses circles and chains that are too long.
    pub fn check(&self, units: &[Unit<'_>]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut depth: BTreeMap<&Node, usize> = BTreeMap::new();
        for start in self.edges.keys() {
            self.descend(units, start, &mut depth, &mut found);
        }
        found
    }

    /// Depth-first without calling itself: a chain may be as long as the bundle.
    fn descend<'n>(
        &'n self,
        units: &[Unit<'_>],
        start: &'n Node,
        depth: &mut BTreeMap<&'n Node, usize>,
        found: &mut Vec<Diagnostic>,
    ) {
        if depth.contains_key(start) {
            return;
        }
        let mut stack: Vec<(&Node, usize)> = vec![(start, 0)];
        while let Some((node, next)) = stack.pop() {
            let edges = self.edges.get(node).map(Vec::as_slice).unwrap_or_default();
            let Some((to, span)) = edges.get(next) else {
                let below = edges.iter().filter_map(|(to, _)| depth.get(to)).max();
                depth.insert(node, below.map_or(1, |deepest| deepest + 1));
                if depth.get(node).is_some_and(|links| *links == MAX_LINKS + 1) {
                    found.extend(self.too_long(units, node));
                }
                continue;
            };
            stack.push((node, next + 1));
            if stack.iter().any(|(open, _)| *open == to) {
                found.extend(circle(units, &stack, to, span));
            } else if !depth.contains_key(to) {
                stack.push((to, 0));
            }
        }
    }

    fn too_long(&self, units: &[Unit<'_>], node: &Node) -> Option<Diagnostic> {
        let (_, span) = self.edges.get(node)?.first()?;
        let message =
            format!("`{}` stands at the top of a chain of more than {MAX_LINKS} rules", node.1);
        Some(units.get(node.0)?.at(span, message))
    }
}

fn target(world: &World<'_>, names: &[&str]) -> Option<Node> {
    let unit = package_in(world, names)?;
    let name = names.get(unit.package.len())?;
    let position = world.units.iter().position(|other| other.package == unit.package)?;
    Some((position, (*name).to_owned()))
}

fn circle(
    units: &[Unit<'_>],
    stack: &[(&Node, usize)],
    back: &Node,
    span: &Span,
) -> Option<Diagnostic> {
    let from = stack.iter().position(|(open, _)| *open == back)?;
    let names: Vec<&str> =
        stack.iter().skip(from).map(|(node, _)| node.1.as_str()).chain([back.1.as_str()]).collect();
    let (last, _) = stack.last()?;
    let message = format!("recursion: rules need each other in a circle, {}", names.join(" → "));
    Some(
        units
            .get(last.0)?
            .at(span, message)
            .help("a rule cannot rest on its own answer: break the circle"),
    )
}
