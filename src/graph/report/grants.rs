//! Who is granted what: on the whole, on projects, on repositories.

use std::collections::HashMap;

use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::report::Cell;
use crate::graph::report::Line;
use crate::graph::report::Links;

/// Columns of the report on the whole.
pub(super) const GLOBAL: &[&str] =
    &["connection", "permission", "group", "user", "machine", "people"];
/// Columns of the report on projects.
pub(super) const PROJECTS: &[&str] =
    &["connection", "project", "name", "permission", "group", "user", "machine"];
/// Columns of the report on repositories.
pub(super) const REPOSITORIES: &[&str] =
    &["connection", "project", "repository", "permission", "group", "user", "machine", "people"];

/// A place without a grant of its own still has a row.
const NO_GRANT: &str = "no grant of its own";

pub(super) fn global(graph: &Snapshot, links: &Links) -> Vec<Line> {
    let mut rows = Vec::new();
    let mut known: HashMap<u32, Cell> = HashMap::new();
    for workspace in graph.all(Kind::Workspace) {
        let cloud = graph.product(workspace.0) == Some(Product::Cloud);
        for (holder, is) in graph.incoming(workspace.0) {
            let grants = is.level() > Level::None || is == Relation::Licensed;
            if !(grants || (cloud && is == Relation::Member)) {
                continue;
            }
            let mut cells = vec![graph.connection_cell(workspace), Cell::text(is.as_str())];
            cells.extend(holder_cells(graph, holder));
            cells.push(known.entry(holder).or_insert_with(|| people(graph, holder)).clone());
            rows.push(Line { cells, change_at: links.grants(graph, workspace) });
        }
    }
    rows
}

pub(super) fn projects(graph: &Snapshot, links: &Links) -> Vec<Line> {
    let mut rows = Vec::new();
    for project in graph.shared_projects() {
        let change_at = links.grants(graph, project);
        let head = |permission: Cell| {
            vec![
                graph.connection_cell(project),
                graph.project_cell(Some(project)),
                Cell::text(graph.name(project)),
                permission,
            ]
        };
        let granted: Vec<(u32, Relation)> = grants(graph, project);
        if granted.is_empty() {
            let cells = head(ungranted(graph, project)).into_iter().chain(nobody()).collect();
            rows.push(Line { cells, change_at: change_at.clone() });
        }
        for (holder, is) in granted {
            for resolved in resolved(graph, holder) {
                let cells = head(Cell::text(is.as_str())).into_iter().chain(resolved).collect();
                rows.push(Line { cells, change_at: change_at.clone() });
            }
        }
    }
    rows
}

pub(super) fn repositories(graph: &Snapshot, links: &Links) -> Vec<Line> {
    let mut rows = Vec::new();
    // A group stands on many repositories, and its people are counted once.
    let mut known: HashMap<u32, Cell> = HashMap::new();
    for repository in graph.all(Kind::Repository) {
        let change_at = links.grants(graph, repository);
        let head = |permission: Cell| {
            vec![
                graph.connection_cell(repository),
                graph.project_cell(graph.project_of(repository)),
                graph.repository_cell(repository),
                permission,
            ]
        };
        let granted = grants(graph, repository);
        if granted.is_empty() {
            let tail = nobody().into_iter().chain([Cell::Nothing(())]);
            let cells = head(ungranted(graph, repository));
            rows.push(Line {
                cells: cells.into_iter().chain(tail).collect(),
                change_at: change_at.clone(),
            });
        }
        for (holder, is) in granted {
            let mut cells = head(Cell::text(is.as_str()));
            cells.extend(holder_cells(graph, holder));
            cells.push(known.entry(holder).or_insert_with(|| people(graph, holder)).clone());
            rows.push(Line { cells, change_at: change_at.clone() });
        }
    }
    rows
}

/// The grants that stand on a place itself.
fn grants(graph: &Snapshot, place: NodeNo) -> Vec<(u32, Relation)> {
    graph.incoming(place.0).filter(|(_, is)| is.level() > Level::None).collect()
}

/// The permission of a place on which no grant is known: none, unless its lists were not read.
fn ungranted(graph: &Snapshot, place: NodeNo) -> Cell {
    match ["grants", "keys"].iter().find_map(|field| graph.doubt(place.0, field)) {
        Some(why) => Cell::Unknown { unknown: why.as_str().to_owned() },
        None => Cell::text(NO_GRANT),
    }
}

fn nobody() -> [Cell; 3] {
    [Cell::Nothing(()), Cell::Nothing(()), Cell::Nothing(())]
}

/// Group, user, machine: one of them.
fn holder_cells(graph: &Snapshot, holder: u32) -> [Cell; 3] {
    let [mut group, mut user, mut machine] = nobody();
    let told = Cell::Text(graph.label(NodeNo(holder)));
    match graph.card(holder).kind {
        Kind::Group => group = told,
        Kind::User => user = told,
        Kind::App
        | Kind::Token
        | Kind::Key
        | Kind::Runner
        | Kind::Agent
        | Kind::Workspace
        | Kind::Project
        | Kind::Repository
        | Kind::Ref
        | Kind::Environment
        | Kind::Variable
        | Kind::Restriction
        | Kind::Hook
        | Kind::Credential => machine = told,
    }
    [group, user, machine]
}

/// A grant to a group as a row for everyone in it; of an empty group, and where there may be more, a row says so.
fn resolved(graph: &Snapshot, holder: u32) -> Vec<[Cell; 3]> {
    if graph.card(holder).kind != Kind::Group {
        return vec![holder_cells(graph, holder)];
    }
    let group = || Cell::Text(graph.label(NodeNo(holder)));
    let members = graph.members_of(NodeNo(holder));
    let mut rows: Vec<[Cell; 3]> = members
        .nodes
        .iter()
        .map(|member| {
            let [_, user, machine] = holder_cells(graph, member.0);
            [group(), user, machine]
        })
        .collect();
    if let Some(why) = members.unknown {
        rows.push([group(), Cell::Unknown { unknown: why.as_str().to_owned() }, Cell::Nothing(())]);
    } else if rows.is_empty() {
        rows.push([group(), Cell::Nothing(()), Cell::Nothing(())]);
    }
    rows
}

/// How many people a grant reaches.
fn people(graph: &Snapshot, holder: u32) -> Cell {
    let members = match graph.card(holder).kind {
        Kind::Group => graph.members_of(NodeNo(holder)),
        Kind::User => return Cell::Whole(1),
        Kind::App
        | Kind::Token
        | Kind::Key
        | Kind::Runner
        | Kind::Agent
        | Kind::Workspace
        | Kind::Project
        | Kind::Repository
        | Kind::Ref
        | Kind::Environment
        | Kind::Variable
        | Kind::Restriction
        | Kind::Hook
        | Kind::Credential => return Cell::Nothing(()),
    };
    if let Some(why) = members.unknown {
        return Cell::Unknown { unknown: why.as_str().to_owned() };
    }
    let people = members.nodes.iter().filter(|member| graph.card(member.0).kind == Kind::User);
    Cell::Whole(people.count() as u64)
}
