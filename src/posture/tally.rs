//! What a scan counted: how often each rule passed, failed or could not tell.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::bundle::Severity;

/// One scan of one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scan {
    /// Which connection.
    pub connection: String,
    /// When it ended.
    pub at: Time,
    /// The graph it looked at.
    pub graph_revision: u64,
    /// The rules it looked with.
    pub bundle: String,
    /// How many subjects it looked at.
    pub subjects: u64,
    /// What each rule said, over all subjects it is about, those looked at earlier included.
    pub tallies: Vec<Tally>,
}

/// What one rule said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// The rule.
    pub rule: RuleId,
    /// How bad it is.
    pub severity: Severity,
    /// Subjects that comply.
    pub pass: u64,
    /// Subjects that do not.
    pub fail: u64,
    /// Subjects of which it cannot be told.
    pub unknown: u64,
    /// Failures that somebody lives with today; they are in `fail` too.
    pub accepted: u64,
}

/// The last scan of each connection, by the connection's id: what holds now.
pub fn last_of_each(scans: &[Scan]) -> Vec<&Scan> {
    let mut last: BTreeMap<&str, &Scan> = BTreeMap::new();
    for scan in scans {
        let newest = last.entry(&scan.connection).or_insert(scan);
        if scan.at > newest.at {
            *newest = scan;
        }
    }
    last.into_values().collect()
}
