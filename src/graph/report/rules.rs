//! Branch rules: a row for each repository that a rule holds for. A repository's own rule is on its own row alone; a
//! project's rule is on a row of each of its repositories, and on one without where it has none.

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::report::Cell;
use crate::graph::report::Line;
use crate::graph::report::Links;
use crate::graph::report::places::inside;

pub(super) const COLUMNS: &[&str] = &[
    "connection",
    "project",
    "repository",
    "scope",
    "kind",
    "match",
    "pattern",
    "value",
    "exempt_users",
    "exempt_groups",
    "exempt_machines",
    "rule",
];

pub(super) fn rows(graph: &Snapshot, links: &Links) -> Vec<Line> {
    let mut rows = Vec::new();
    for rule in graph.all(Kind::Restriction) {
        for place in graph.outgoing(rule.0, Relation::Restricts).map(NodeNo) {
            if graph.card(place.0).kind == Kind::Repository {
                rows.push(row(graph, links, rule, (graph.project_of(place), Some(place), place)));
                continue;
            }
            let mut repositories = inside(graph, place).peekable();
            if repositories.peek().is_none() {
                rows.push(row(graph, links, rule, (Some(place), None, place)));
            }
            rows.extend(
                repositories
                    .map(|inner| row(graph, links, rule, (Some(place), Some(inner), place))),
            );
        }
    }
    rows
}

/// A rule in a project, on a repository, set on a place.
fn row(
    graph: &Snapshot,
    links: &Links,
    rule: NodeNo,
    (project, repository, place): (Option<NodeNo>, Option<NodeNo>, NodeNo),
) -> Line {
    let pattern = match graph.text(rule, "pattern") {
        Known::Value(pattern) => Cell::text(pattern),
        Known::Nothing => Cell::of(graph.text(rule, "branch_type"), Cell::text),
        // Where the model finds the refs, no pattern is told.
        Known::Unknown(why) => match graph.text(rule, "branch_type") {
            Known::Value(family) => Cell::text(family),
            Known::Nothing | Known::Unknown(_) => {
                Cell::Unknown { unknown: why.as_str().to_owned() }
            }
        },
    };
    let cells = vec![
        graph.connection_cell(rule),
        graph.project_cell(project),
        repository.map_or(Cell::Nothing(()), |repository| graph.repository_cell(repository)),
        Cell::text(graph.card(place.0).kind.as_str()),
        Cell::of(graph.text(rule, "kind"), Cell::text),
        Cell::of(graph.text(rule, "match"), Cell::text),
        pattern,
        Cell::of(graph.whole(rule, "value"), Cell::Whole),
        exempt(graph, rule, |kind| kind == Kind::User),
        exempt(graph, rule, |kind| kind == Kind::Group),
        exempt(graph, rule, |kind| kind != Kind::User && kind != Kind::Group),
        Cell::text(graph.node(rule).map(|node| node.id.to_string()).unwrap_or_default()),
    ];
    Line { cells, change_at: links.rules(graph, place) }
}

/// Whom a rule names, of these kinds.
fn exempt(graph: &Snapshot, rule: NodeNo, of: impl Fn(Kind) -> bool) -> Cell {
    if let Some(why) = graph.doubt(rule.0, "exempt") {
        return Cell::Unknown { unknown: why.as_str().to_owned() };
    }
    let holders =
        graph.incoming_by(rule.0, Relation::Exempt).filter(|number| of(graph.card(*number).kind));
    let mut names: Vec<String> = holders.map(|number| graph.label(NodeNo(number))).collect();
    names.sort();
    if names.is_empty() { Cell::Nothing(()) } else { Cell::List(names) }
}
