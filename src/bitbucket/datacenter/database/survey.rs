//! What the schema looks like, before anything is read from it: which tables and columns are there, which the role may
//! read, and what it may do that it need not.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::bitbucket::datacenter::database::DatabaseError;
use crate::bitbucket::datacenter::database::session::Session;

/// Tables without which nothing can be told, with the columns that are read.
const CORE: [Table; 15] = [
    ("cwd_app_dir_mapping", &["directory_id", "list_index"]),
    ("cwd_directory", &["id", "is_active"]),
    ("cwd_group", &["group_name", "lower_group_name", "directory_id", "is_active"]),
    (
        "cwd_membership",
        &["directory_id", "membership_type", "lower_parent_name", "lower_child_name"],
    ),
    (
        "cwd_user",
        &["lower_user_name", "display_name", "email_address", "directory_id", "is_active"],
    ),
    ("project", &["id", "name", "project_key", "project_type"]),
    ("repository", &["id", "slug", "project_id", "is_forkable", "is_public"]),
    ("sta_global_permission", &["perm_id", "group_name", "user_id"]),
    ("sta_normal_project", &["project_id", "is_public"]),
    ("sta_normal_user", &["user_id", "name", "slug", "deleted_timestamp"]),
    ("sta_permission_type", &["perm_id", "perm_weight"]),
    ("sta_personal_project", &["project_id", "owner_id"]),
    ("sta_project_permission", &["perm_id", "project_id", "group_name", "user_id"]),
    ("sta_repo_permission", &["perm_id", "repo_id", "group_name", "user_id"]),
    ("sta_service_user", &["user_id", "display_name", "active", "label"]),
];

/// What a part of the picture is read from, where its feature was ever used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Origins,
    Archived,
    Rules,
    Keys,
    Tokens,
    Hooks,
}

/// A table, and the columns that are read of it.
type Table = (&'static str, &'static [&'static str]);

const PARTS: [(Part, &str, &[Table]); 6] = [
    (Part::Origins, "forks", &[("sta_repo_origin", &["repository_id", "origin_id"])]),
    (Part::Archived, "archived repositories", &[("repository", &["is_archived"])]),
    (
        Part::Rules,
        "branch permissions",
        &[
            (
                "AO_6978BB_RESTRICTED_REF",
                &[
                    "REF_ID",
                    "REF_TYPE",
                    "REF_VALUE",
                    "RESTRICTION_TYPE",
                    "RESOURCE_ID",
                    "SCOPE_TYPE",
                ],
            ),
            (
                "AO_6978BB_PERMITTED_ENTITY",
                &["FK_RESTRICTED_ID", "GROUP_ID", "USER_ID", "ACCESS_KEY_ID"],
            ),
        ],
    ),
    (
        Part::Keys,
        "access keys",
        &[("AO_FB71B4_SSH_PUBLIC_KEY", &["ENTITY_ID", "USER_ID", "LABEL"])],
    ),
    (
        Part::Tokens,
        "HTTP access tokens",
        &[
            ("AO_E5A814_ACCESS_TOKEN", &["TOKEN_ID", "NAME", "USER_ID"]),
            ("AO_E5A814_ACCESS_TOKEN_PERM", &["FK_ACCESS_TOKEN_ID", "PERMISSION"]),
        ],
    ),
    (
        Part::Hooks,
        "webhooks",
        &[
            (
                "AO_A0B856_WEBHOOK",
                &["ID", "URL", "ACTIVE", "SCOPE_TYPE", "SCOPE_ID", "SSL_VERIFICATION_REQUIRED"],
            ),
            ("AO_A0B856_WEBHOOK_EVENT", &["ID", "EVENT_ID", "WEBHOOKID"]),
            ("AO_A0B856_WEBHOOK_CONFIG", &["KEY", "WEBHOOKID"]),
        ],
    ),
];

/// Secrets, which a role for reading need not and should not see.
const SECRETS: [(&str, &str); 4] = [
    ("cwd_user", "credential"),
    ("AO_E5A814_ACCESS_TOKEN", "HASHED_TOKEN"),
    ("AO_A0B856_WEBHOOK_CONFIG", "VALUE"),
    ("AO_A0B856_WEBHOOK", "PASSWORD"),
];

/// The oldest server whose dialect is used here.
const OLDEST: i32 = 100_000;

const COLUMNS: &str = "SELECT c.relname::text, a.attname::text, \
    coalesce(has_column_privilege(c.oid, a.attnum, 'SELECT'), false), \
    coalesce(has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'), false) \
    FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm') \
    AND a.attnum > 0 AND NOT a.attisdropped AND c.relname = ANY($2)";

const SERVER: &str = "SELECT current_setting('server_version')::text, \
    current_setting('server_version_num')::int, pg_is_in_recovery()";

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// PostgreSQL's version, as it says it.
    pub server: String,
    /// Whether it is a replica.
    pub replica: bool,
    /// Tables that are there and may be read.
    pub tables: usize,
    /// What cannot be read, each with why; it is unknown in the world.
    pub absent: Vec<String>,
    /// What the role may do that it need not.
    pub excess: Vec<String>,
    gaps: BTreeMap<Part, String>,
}

impl Survey {
    /// Why a part cannot be read; none: it can.
    pub(super) fn gap(&self, part: Part) -> Option<&str> {
        self.gaps.get(&part).map(String::as_str)
    }

    /// For people, a sentence a line.
    pub fn lines(&self) -> Vec<String> {
        let role = if self.replica { "a replica" } else { "the primary server" };
        let mut lines = vec![format!(
            "PostgreSQL {}, {role}; {} of the {} tables that are known here",
            self.server,
            self.tables,
            every_table().len()
        )];
        lines.extend(self.absent.iter().map(|part| format!("unknown: {part}")));
        lines.extend(self.excess.iter().map(|more| format!("more than needed: {more}")));
        lines
    }
}

/// The columns of a schema, with whether the role may read them.
type Columns = BTreeMap<(String, String), bool>;

/// Looks at the schema. An error: what every picture needs is not there or not readable.
pub(super) async fn look(session: &Session<'_>, schema: &str) -> Result<Survey, DatabaseError> {
    let what = "its version";
    let rows = session.rows(what, SERVER).await?;
    let row = rows.first().ok_or(DatabaseError::Form(what))?;
    let (server, number, replica): (String, i32, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
    if number < OLDEST {
        return Err(DatabaseError::Form("its version"));
    }
    let tables: Vec<&str> = every_table().into_iter().collect();
    let mut columns = Columns::new();
    let mut written = BTreeSet::new();
    for row in session.rows_with("its tables", COLUMNS, &[&schema, &tables]).await? {
        let (table, column): (String, String) = (row.get(0)?, row.get(1)?);
        if row.get(3)? {
            written.insert(table.clone());
        }
        columns.insert((table, column), row.get(2)?);
    }
    core(schema, &columns)?;
    let gaps: BTreeMap<Part, String> = PARTS
        .iter()
        .filter_map(|(part, what, tables)| Some((*part, missing(what, tables, &columns)?)))
        .collect();
    let readable: BTreeSet<&str> =
        columns.iter().filter(|(_, may)| **may).map(|((table, _), _)| table.as_str()).collect();
    Ok(Survey {
        server,
        replica,
        tables: readable.len(),
        absent: gaps.values().cloned().collect(),
        excess: excess(&columns, &written),
        gaps,
    })
}

fn every_table() -> BTreeSet<&'static str> {
    let parts = PARTS.iter().flat_map(|(_, _, tables)| tables.iter());
    CORE.iter().chain(parts).map(|(table, _)| *table).collect()
}

fn core(schema: &str, columns: &Columns) -> Result<(), DatabaseError> {
    let wanted = CORE.iter().flat_map(|(table, names)| names.iter().map(|name| (*table, *name)));
    let (mut missing, mut forbidden) = (BTreeSet::new(), BTreeSet::new());
    for (table, column) in wanted {
        match columns.get(&(table.to_owned(), column.to_owned())) {
            None => missing.insert(format!("`{table}.{column}`")),
            Some(false) => forbidden.insert(format!("`{table}.{column}`")),
            Some(true) => false,
        };
    }
    if !missing.is_empty() {
        return Err(DatabaseError::Schema { schema: schema.to_owned(), missing: some(&missing) });
    }
    if forbidden.is_empty() { Ok(()) } else { Err(DatabaseError::Forbidden(some(&forbidden))) }
}

/// The first few of a list.
fn some(names: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = names.iter().take(4).map(String::as_str).collect();
    let more = names.len().saturating_sub(shown.len());
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}

fn missing(what: &str, tables: &[Table], columns: &Columns) -> Option<String> {
    let wanted = tables.iter().flat_map(|(table, names)| names.iter().map(|name| (*table, *name)));
    for (table, column) in wanted {
        match columns.get(&(table.to_owned(), column.to_owned())) {
            Some(true) => {}
            Some(false) => {
                return Some(format!("{what}: the role may not read `{table}.{column}`"));
            }
            None => {
                return Some(format!(
                    "{what}: `{table}.{column}` is not there; the feature was never used, or this version keeps it elsewhere"
                ));
            }
        }
    }
    None
}

fn excess(columns: &Columns, written: &BTreeSet<String>) -> Vec<String> {
    let sees = |(table, column): &&(&str, &str)| {
        columns.get(&((*table).to_owned(), (*column).to_owned())) == Some(&true)
    };
    let mut excess: Vec<String> = SECRETS
        .iter()
        .filter(sees)
        .map(|(table, column)| format!("the role may read `{table}.{column}`, which holds secrets"))
        .collect();
    if let Some(table) = written.iter().next() {
        excess.push(format!(
            "the role may write `{table}` and {} other tables; it does not, but a role that cannot is better",
            written.len() - 1
        ));
    }
    excess
}
