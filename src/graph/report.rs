//! Reports over the whole graph, as tables: global, project and repository permissions, default permissions, visibility,
//! what is where, branch rules, and users with their permissions. The questions are those of Atlassian's article "How to
//! report on permissions in Bitbucket Server and Data Center", for both products; its mistakes are not repeated.
//!
//! What could not be read is a cell that says so, and a note below the table: never a row that is quietly missing.

mod cell;
mod grants;
mod links;
mod places;
mod rules;
mod users;

use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Snapshot;
use crate::words;

pub use cell::Cell;
pub use cell::csv_line;
pub use links::Links;

words! {
    /// What a report is about.
    pub enum Subject {
        /// Who holds what on the whole workspace or server.
        Global = "global",
        /// Project permissions, groups resolved to who is in them; personal projects left out.
        Projects = "projects",
        /// Repository permissions, also of repositories without any of their own.
        Repositories = "repositories",
        /// Each project's default permission, "No Access" where it has none.
        Defaults = "defaults",
        /// Which projects are public, and to whom that opens them.
        Visibility = "visibility",
        /// Which repository is in which project.
        Layout = "layout",
        /// Branch rules, where they apply, and whom they let through.
        BranchRules = "branch-rules",
        /// Users and their permissions, in the shape of Data Center's own export.
        Users = "users",
    }
}

/// A report.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What it is about.
    pub subject: Subject,
    /// The columns, in order.
    pub columns: &'static [&'static str],
    /// The rows, in order of their cells.
    pub rows: Vec<Line>,
    /// What could not be read, a sentence each.
    pub notes: Vec<String>,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// A cell for each column.
    pub cells: Vec<Cell>,
    /// The page of Bitbucket where this is changed.
    pub change_at: Option<String>,
}

impl Snapshot {
    /// The report about a subject.
    pub fn table(&self, subject: Subject, links: &Links) -> Table {
        let (columns, mut rows) = match subject {
            Subject::Global => (grants::GLOBAL, grants::global(self, links)),
            Subject::Projects => (grants::PROJECTS, grants::projects(self, links)),
            Subject::Repositories => (grants::REPOSITORIES, grants::repositories(self, links)),
            Subject::Defaults => (places::DEFAULTS, places::defaults(self, links)),
            Subject::Visibility => (places::VISIBILITY, places::visibility(self, links)),
            Subject::Layout => (places::LAYOUT, places::layout(self, links)),
            Subject::BranchRules => (rules::COLUMNS, rules::rows(self, links)),
            Subject::Users => (users::COLUMNS, users::rows(self, links)),
        };
        rows.sort_by(|a, b| a.cells.cmp(&b.cells));
        rows.dedup_by(|b, a| a.cells == b.cells);
        Table { subject, columns, rows, notes: self.notes(subject) }
    }

    /// What a report about this subject may lack.
    fn notes(&self, subject: Subject) -> Vec<String> {
        let fields: &[&str] = match subject {
            Subject::Global => &["grants", "members"],
            Subject::Projects => &["grants", "keys", "members", "projects"],
            Subject::Repositories => &["grants", "keys", "members", "repositories", "project"],
            Subject::Defaults => &["default"],
            Subject::Visibility => &["visibility"],
            Subject::Layout => &["projects", "repositories", "project"],
            Subject::BranchRules => &["restrictions", "exempt"],
            Subject::Users => &["grants", "members", "groups"],
        };
        let mut notes = Vec::new();
        for home in self.homes.iter() {
            let cloud = home.connection.product == Product::Cloud;
            match subject {
                Subject::BranchRules if cloud => notes.push(format!(
                    "{}: rules of projects are not among these: Bitbucket Cloud's API does not tell them",
                    home.connection.id
                )),
                Subject::Defaults if cloud => notes.push(format!(
                    "{}: Bitbucket Cloud has no default permission of a project",
                    home.connection.id
                )),
                Subject::BranchRules
                | Subject::Defaults
                | Subject::Global
                | Subject::Projects
                | Subject::Repositories
                | Subject::Visibility
                | Subject::Layout
                | Subject::Users => {}
            }
        }
        let mut unread: Vec<String> = self
            .doubts
            .iter()
            .flat_map(|(number, doubts)| doubts.iter().map(move |doubt| (NodeNo(*number), doubt)))
            .filter(|(_, doubt)| fields.contains(&&*doubt.field))
            .filter_map(|(node, doubt)| {
                let id = &self.node(node)?.id;
                let kind = id.kind().as_str();
                Some(format!(
                    "{} of {kind} {}: {}",
                    doubt.field,
                    self.called(node),
                    doubt.why.as_str()
                ))
            })
            .collect();
        unread.sort();
        notes.extend(unread);
        notes
    }

    /// What could not be read of a place and of what it is in, a sentence each.
    pub fn gaps_of(&self, place: NodeNo) -> Vec<String> {
        let home = self.home(self.card(place.0)).and_then(|home| home.workspace);
        let places = [Some(place), self.project_of(place), home.map(NodeNo)];
        let mut gaps = Vec::new();
        for place in places.into_iter().flatten() {
            for doubt in self.doubts.get(&place.0).into_iter().flatten() {
                gaps.push(format!(
                    "{} of {}: {}",
                    doubt.field,
                    self.called(place),
                    doubt.why.as_str()
                ));
            }
        }
        gaps
    }

    /// The connection a node belongs to, as a cell.
    fn connection_cell(&self, node: NodeNo) -> Cell {
        let connection = self.node(node).map(|node| node.id.connection().to_string());
        connection.map_or(Cell::Nothing(()), Cell::Text)
    }

    /// A project's key, or its name where it has none.
    fn project_cell(&self, project: Option<NodeNo>) -> Cell {
        project.map_or(Cell::Nothing(()), |project| Cell::Text(self.label(project)))
    }

    /// A repository's slug, or its name where it has none.
    fn repository_cell(&self, repository: NodeNo) -> Cell {
        let slug = self.text(repository, "slug").value().map(|slug| (*slug).to_owned());
        Cell::Text(slug.unwrap_or_else(|| self.label(repository)))
    }

    /// Projects that are nobody's own.
    fn shared_projects(&self) -> impl Iterator<Item = NodeNo> {
        self.all(Kind::Project).filter(|&project| !self.is_personal(project))
    }

    fn is_personal(&self, project: NodeNo) -> bool {
        self.flag(project, "personal") == Known::Value(true)
    }
}

impl Table {
    /// RFC 4180 with a header. A cell that a spreadsheet would take for a formula begins with `'`.
    pub fn csv(&self) -> String {
        let header = self.columns.iter().map(|name| Cell::Text((*name).to_owned()));
        let mut out = csv_line(&header.collect::<Vec<_>>());
        for row in &self.rows {
            out.push_str(&csv_line(&row.cells));
        }
        out
    }
}
