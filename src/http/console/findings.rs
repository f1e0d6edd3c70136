//! Findings, as people look at them: the list with its filters, one finding, the control map, and the report that stands
//! alone.
//!
//! Reading order: `marks` (severities and outcomes, by word, shape and colour) · `heap` (findings added up, and the
//! pictures of that) · `trend` (the picture over scans) · the pages: `list`, `one`, `controls` · `report`.

pub mod controls;
mod heap;
pub mod list;
mod marks;
pub mod one;
mod remedy;
pub mod report;
mod trend;
mod untold;
mod worst;

/// The console's page of a finding.
fn address(id: &str) -> String {
    format!("/findings/{id}")
}
