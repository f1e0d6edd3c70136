//! Users and their permissions, a row for each grant that reaches a user, itself or by a group: the shape of the export
//! that Data Center offers from 8.5 on. Its columns are not documented; these are the names that its importers know.
//! As there, what needs no grant (default permissions, what is public) is not among the rows.

use crate::graph::Kind;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::report::Cell;
use crate::graph::report::Line;
use crate::graph::report::Links;

pub(super) const COLUMNS: &[&str] = &[
    "user_name",
    "display_name",
    "email_address",
    "active",
    "group_name",
    "project_key",
    "repository_slug",
    "permission",
];

pub(super) fn rows(graph: &Snapshot, links: &Links) -> Vec<Line> {
    let mut rows = Vec::new();
    for user in graph.all(Kind::User) {
        let head = head(graph, user);
        let mut any = false;
        let holders = std::iter::once(user.0).chain(graph.groups(user.0).iter().copied());
        for holder in holders {
            let group = (holder != user.0).then(|| graph.label(NodeNo(holder)));
            for (place, is) in granted(graph, holder) {
                any = true;
                let mut cells = head.clone();
                cells.push(group.clone().map_or(Cell::Nothing(()), Cell::Text));
                cells.extend(place_cells(graph, place));
                cells.push(Cell::text(permission(graph.card(place.0).kind, is)));
                rows.push(Line { cells, change_at: links.grants(graph, place) });
            }
        }
        if !any {
            let mut cells = head;
            cells.resize_with(COLUMNS.len(), || Cell::Nothing(()));
            rows.push(Line { cells, change_at: None });
        }
    }
    rows
}

fn head(graph: &Snapshot, user: NodeNo) -> Vec<Cell> {
    let login = [graph.text(user, "nickname"), graph.text(user, "slug")];
    let login =
        login.iter().find_map(|text| text.value().copied()).unwrap_or_else(|| graph.name(user));
    let active = graph.flag(user, "active");
    vec![
        Cell::text(login),
        Cell::text(graph.name(user)),
        Cell::of(graph.text(user, "email"), Cell::text),
        if graph.doubt(user.0, "active").is_none() && active.is_unknown() {
            Cell::Flag(true)
        } else {
            Cell::of(active, Cell::Flag)
        },
    ]
}

/// The places that grant a holder something, with the word.
fn granted(graph: &Snapshot, holder: u32) -> Vec<(NodeNo, Relation)> {
    let mut all = Vec::new();
    for is in Relation::ALL.iter().copied() {
        let counts = is.level() > Level::None || is == Relation::Licensed;
        // Cloud's members are what Data Center calls licensed.
        let joined = is == Relation::Member;
        for place in graph.outgoing(holder, is) {
            if counts || (joined && graph.card(place).kind == Kind::Workspace) {
                all.push((NodeNo(place), is));
            }
        }
    }
    all
}

fn place_cells(graph: &Snapshot, place: NodeNo) -> [Cell; 2] {
    match graph.card(place.0).kind {
        Kind::Project => [graph.project_cell(Some(place)), Cell::Nothing(())],
        Kind::Repository => {
            [graph.project_cell(graph.project_of(place)), graph.repository_cell(place)]
        }
        Kind::Workspace
        | Kind::User
        | Kind::Group
        | Kind::App
        | Kind::Token
        | Kind::Key
        | Kind::Runner
        | Kind::Agent
        | Kind::Ref
        | Kind::Environment
        | Kind::Variable
        | Kind::Restriction
        | Kind::Hook
        | Kind::Credential => [Cell::Nothing(()), Cell::Nothing(())],
    }
}

/// The word that Data Center has for it. The graph does not tell ADMIN from SYS_ADMIN.
const fn permission(place: Kind, is: Relation) -> &'static str {
    match (place, is) {
        (Kind::Project, Relation::Read) => "PROJECT_READ",
        (Kind::Project, Relation::Write) => "PROJECT_WRITE",
        (Kind::Project, Relation::Create) => "REPO_CREATE",
        (Kind::Project, _) => "PROJECT_ADMIN",
        (Kind::Repository, Relation::Read) => "REPO_READ",
        (Kind::Repository, Relation::Write) => "REPO_WRITE",
        (Kind::Repository, _) => "REPO_ADMIN",
        (_, Relation::Create) => "PROJECT_CREATE",
        (_, Relation::Admin | Relation::Owner) => "ADMIN",
        (_, _) => "LICENSED_USER",
    }
}
