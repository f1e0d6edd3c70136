//! Tables for people.

use comfy_table::ContentArrangement;
use comfy_table::Table;
use portcullis::decision::narrative::shown;

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
    if any { table.to_string() } else { none.to_owned() }
}
