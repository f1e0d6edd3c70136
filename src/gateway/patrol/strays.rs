//! Findings that are kept about what no rule was asked of: the rule is switched off there, or the subject is missing from
//! lists that could not all be read. They are unknown, and no part of what was asked: who counts what passes has to know
//! how many they are.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::policy::RuleId;

/// By subject, the rules of such findings. In memory: each life begins with a look at everything.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Strays(Mutex<BTreeMap<Id, Vec<RuleId>>>);

impl Strays {
    /// Everything of a connection is about to be looked at.
    pub(in crate::gateway) fn begin(&self, connection: &ConnectionId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|subject, _| subject.connection() != *connection);
    }

    /// These subjects were looked at, and these are all the strays among what is kept about them.
    pub(in crate::gateway) fn note(&self, looked: &[Id], strays: Vec<(Id, RuleId)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in looked {
            all.remove(subject);
        }
        for (subject, rule) in strays {
            all.entry(subject).or_default().push(rule);
        }
    }

    /// How many there are of each rule.
    pub(in crate::gateway) fn of(&self, connection: &ConnectionId) -> BTreeMap<RuleId, u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = all.iter().filter(|(subject, _)| subject.connection() == *connection);
        let mut counts = BTreeMap::new();
        for rule in mine.flat_map(|(_, rules)| rules) {
            *counts.entry(rule.clone()).or_default() += 1;
        }
        counts
    }
}
