//! Places: default permissions, who sees what, and what is where.

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::report::Cell;
use crate::graph::report::Line;
use crate::graph::report::Links;

/// Columns of the report on default permissions.
pub(super) const DEFAULTS: &[&str] = &["connection", "project", "name", "default"];
/// Columns of the report on visibility.
pub(super) const VISIBILITY: &[&str] =
    &["connection", "project", "name", "visibility", "opens_to", "public_repositories"];
/// Columns of the report on what is where.
pub(super) const LAYOUT: &[&str] = &[
    "connection",
    "project",
    "project_name",
    "repository",
    "repository_name",
    "id",
    "visibility",
    "archived",
];

/// Only Data Center has default permissions.
pub(super) fn defaults(graph: &Snapshot, links: &Links) -> Vec<Line> {
    let servers = graph
        .shared_projects()
        .filter(|project| graph.product(project.0) == Some(Product::DataCenter));
    servers
        .map(|project| Line {
            cells: vec![
                graph.connection_cell(project),
                graph.project_cell(Some(project)),
                Cell::text(graph.name(project)),
                default(graph, project),
            ],
            change_at: links.grants(graph, project),
        })
        .collect()
}

fn default(graph: &Snapshot, project: NodeNo) -> Cell {
    let granted = graph.incoming_by(project.0, Relation::Default).next().is_some();
    match (graph.text(project, "default"), granted) {
        (Known::Unknown(_), false) if graph.doubt(project.0, "default").is_none() => {
            Cell::text("No Access")
        }
        (told, _) => Cell::of(told, |level| {
            Cell::text(match level {
                "none" => "No Access",
                "read" => "Read",
                "write" => "Write",
                "create" => "Create repository",
                "admin" => "Admin",
                other => other,
            })
        }),
    }
}

pub(super) fn visibility(graph: &Snapshot, links: &Links) -> Vec<Line> {
    let row = |project: NodeNo| {
        let seen = graph.text(project, "visibility");
        let opens = Cell::of(seen.clone(), |seen| opens_to(graph, project, seen));
        let public = inside(graph, project)
            .filter(|&repository| graph.text(repository, "visibility") == Known::Value("public"));
        Line {
            cells: vec![
                graph.connection_cell(project),
                graph.project_cell(Some(project)),
                Cell::text(graph.name(project)),
                Cell::of(seen, Cell::text),
                opens,
                Cell::Whole(public.count() as u64),
            ],
            change_at: links.grants(graph, project),
        }
    };
    graph.shared_projects().map(row).collect()
}

/// Who gained by it.
fn opens_to(graph: &Snapshot, project: NodeNo, seen: &str) -> Cell {
    let home = graph.home(graph.card(project.0));
    Cell::text(match (seen, home.map(|home| (home.connection.product, home.anonymous))) {
        ("public", Some((Product::Cloud, _))) => {
            "anyone sees the project; each repository says for itself who reads it"
        }
        ("public", Some((Product::DataCenter, true))) => {
            "anyone reads every repository, signed in or not"
        }
        ("public", Some((Product::DataCenter, false))) => {
            "every licensed user reads every repository"
        }
        (_, _) => "nobody beyond its grants",
    })
}

pub(super) fn layout(graph: &Snapshot, links: &Links) -> Vec<Line> {
    let mut rows = Vec::new();
    for project in graph.all(Kind::Project) {
        let mut repositories = inside(graph, project).peekable();
        if repositories.peek().is_none() {
            let mut cells = vec![
                graph.connection_cell(project),
                graph.project_cell(Some(project)),
                Cell::text(graph.name(project)),
            ];
            cells.resize_with(LAYOUT.len(), || Cell::Nothing(()));
            rows.push(Line { cells, change_at: links.grants(graph, project) });
        }
        rows.extend(repositories.map(|repository| line(graph, links, Some(project), repository)));
    }
    let homeless =
        graph.all(Kind::Repository).filter(|repository| graph.project_of(*repository).is_none());
    rows.extend(homeless.map(|repository| line(graph, links, None, repository)));
    rows
}

fn line(graph: &Snapshot, links: &Links, project: Option<NodeNo>, repository: NodeNo) -> Line {
    let id = graph.node(repository).map(|node| node.id.to_string());
    let home = project.map_or_else(
        || {
            graph
                .doubt(repository.0, "project")
                .map_or(Cell::Nothing(()), |why| Cell::Unknown { unknown: why.as_str().to_owned() })
        },
        |project| graph.project_cell(Some(project)),
    );
    Line {
        cells: vec![
            graph.connection_cell(repository),
            home,
            project.map_or(Cell::Nothing(()), |project| Cell::text(graph.name(project))),
            graph.repository_cell(repository),
            Cell::text(graph.name(repository)),
            id.map_or(Cell::Nothing(()), Cell::Text),
            Cell::of(graph.text(repository, "visibility"), Cell::text),
            Cell::of(graph.flag(repository, "archived"), Cell::Flag),
        ],
        change_at: links.grants(graph, repository),
    }
}

/// The repositories of a project.
pub(super) fn inside(graph: &Snapshot, project: NodeNo) -> impl Iterator<Item = NodeNo> {
    let inner = graph.incoming_by(project.0, Relation::In).map(NodeNo);
    inner.filter(|inner| graph.card(inner.0).kind == Kind::Repository)
}
