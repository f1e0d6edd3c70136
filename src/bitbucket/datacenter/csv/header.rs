//! Which column means what: by its name in the header, wherever it stands. Atlassian documents the export but not its
//! columns, so each has the names it may go by; one we do not know is passed over and said.

use crate::bitbucket::datacenter::csv::CsvError;
use crate::bitbucket::datacenter::csv::quoted;
use crate::graph::csv::unguarded;

/// What a column tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Scope,
    ProjectKey,
    ProjectId,
    Repository,
    RepositoryId,
    Public,
    User,
    UserId,
    DisplayName,
    Email,
    Active,
    Group,
    GroupId,
    Permission,
}

/// The names a column goes by: in small letters, everything else an underscore.
const NAMES: [(Column, &[&str]); 14] = [
    (Column::Scope, &["scope", "resource_type", "type", "permission_scope"]),
    (Column::ProjectKey, &["project_key", "project", "project_name"]),
    (Column::ProjectId, &["project_id"]),
    (
        Column::Repository,
        &["repository_slug", "repository", "repo", "repo_slug", "repository_name"],
    ),
    (Column::RepositoryId, &["repository_id", "repo_id"]),
    (Column::Public, &["public", "is_public"]),
    (Column::User, &["user_name", "username", "user", "login", "name"]),
    (Column::UserId, &["user_id"]),
    (Column::DisplayName, &["display_name", "full_name"]),
    (Column::Email, &["email", "email_address"]),
    (Column::Active, &["active", "status", "user_status"]),
    (Column::Group, &["group_name", "group", "granted_via", "via"]),
    (Column::GroupId, &["group_id"]),
    (Column::Permission, &["permission", "permission_level", "access_level", "level"]),
];

/// The columns of a file, and the names of those that mean nothing to us.
pub(super) struct Header {
    columns: Vec<Option<Column>>,
    pub(super) ignored: Vec<String>,
}

impl Header {
    /// Of two columns with one meaning the better named one is read; two of one name are refused.
    pub(super) fn read(cells: &[String]) -> Result<Self, CsvError> {
        let mut columns = vec![None; cells.len()];
        for (column, names) in NAMES {
            let place = |cell: &String| names.iter().position(|name| *name == plain(cell));
            let best = cells.iter().filter_map(place).min();
            let Some(best) = best else { continue };
            let fitting = |(told, cell): (&mut Option<Column>, &String)| {
                let fits = place(cell) == Some(best);
                if fits {
                    *told = Some(column);
                }
                fits
            };
            if columns.iter_mut().zip(cells).map(fitting).filter(|fits| *fits).count() > 1 {
                return Err(CsvError::Twice(names.get(best).copied().unwrap_or_default()));
            }
        }
        let has = |column| columns.contains(&Some(column));
        if !has(Column::Permission) || !(has(Column::User) || has(Column::Group)) {
            return Err(CsvError::Columns { seen: shown(cells) });
        }
        let unknown = cells.iter().zip(&columns).filter(|(_, column)| column.is_none());
        let ignored = unknown.map(|(cell, _)| cell.trim().to_owned()).collect();
        Ok(Self { columns, ignored })
    }

    /// How many cells a row has.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// The cell of a column, trimmed; empty where the file has no such column.
    pub(super) fn cell<'r>(&self, row: &'r [String], column: Column) -> &'r str {
        let mut told = self.columns.iter().zip(row).filter(|(told, _)| **told == Some(column));
        told.next().map_or("", |(_, cell)| unguarded(cell.trim()))
    }
}

/// A word as it is compared: small letters, runs of anything else an underscore.
pub(super) fn plain(word: &str) -> String {
    let parts = word.split(|letter: char| !letter.is_alphanumeric());
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    parts.join("_")
}

/// What a message may quote of a foreign header.
fn shown(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().take(20).map(|cell| quoted(cell)).collect();
    cells.join(", ")
}
