//! Tables and lists for people.

use comfy_table::ContentArrangement;
use comfy_table::Table;
use portcullis::decision::narrative::shown;

use crate::layout::wrapped;

/// A table of these columns; `none` where there is no row. Foreign text is shown with its control characters escaped.
pub fn table<const N: usize>(
    head: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
    none: &str,
) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.iter().map(|title| title.to_uppercase()));
    let mut any = false;
    for row in rows {
        any = true;
        table.add_row(row.map(|cell| shown(&cell)));
    }
    if any { table.trim_fmt() } else { none.to_owned() }
}

/// A table of columns that are known only now.
pub fn table_of(head: &[String], rows: impl Iterator<Item = Vec<String>>, none: &str) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.iter().map(|title| title.to_uppercase()));
    let mut any = false;
    for row in rows {
        any = true;
        table.add_row(row.iter().map(|cell| shown(cell)));
    }
    if any { table.trim_fmt() } else { none.to_owned() }
}

/// Entries of several lines, the first at the margin and the others below it, wrapped; `none` where there is no entry.
/// Reasons are sentences: in a column of a table they would be torn or make the table wider than a screen.
pub fn listing<I: IntoIterator<Item = String>>(
    entries: impl Iterator<Item = I>,
    none: &str,
) -> String {
    let mut lines = Vec::new();
    for entry in entries {
        let mut entry = entry.into_iter();
        lines.extend(entry.next().map(|head| shown(&head)));
        let rest = entry.filter(|line| !line.is_empty());
        lines.extend(rest.flat_map(|line| wrapped(&line, 2)));
    }
    if lines.is_empty() { none.to_owned() } else { lines.join("\n") }
}
