//! A report as an answer: rows by column, with the page where each is changed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::gateway::access::GraphAsOf;
use crate::gateway::access::as_of;
use crate::graph::Cell;
use crate::graph::Line;
use crate::graph::Links;
use crate::graph::Snapshot;
use crate::graph::Subject;
use crate::graph::Table;

/// A report.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Report {
    /// What it is about.
    pub report: Subject,
    /// Its columns, in order.
    pub columns: &'static [&'static str],
    /// Its rows.
    pub rows: Vec<Row>,
    /// What could not be read: a sentence each. Empty: these are all rows.
    pub unknown: Vec<String>,
    /// What it was read from.
    pub graph: GraphAsOf,
}

/// A row: a member for each column. `null` is none; what could not be learned is `{"unknown": why}`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Row {
    /// By column.
    #[serde(flatten)]
    pub cells: BTreeMap<&'static str, Cell>,
    /// The page of Bitbucket where it is changed, where its address is known.
    pub change_at: Option<String>,
}

/// The report about a subject.
pub fn report(graph: &Snapshot, subject: Subject, links: &Links) -> Report {
    let Table { columns, rows, notes, .. } = graph.table(subject, links);
    let row = |line: Line| Row {
        cells: columns.iter().copied().zip(line.cells).collect(),
        change_at: line.change_at,
    };
    Report {
        report: subject,
        columns,
        rows: rows.into_iter().map(row).collect(),
        unknown: notes,
        graph: as_of(graph),
    }
}
