//! What anyone may be told of a decision in one sentence: links, chats and statuses travel, so no fact, no value and no
//! person beyond what a rule's author wrote for people.

use crate::decision::Record;
use crate::decision::record::Part;
use crate::policy::Finding;
use crate::policy::finding::Origin;

/// Why the verdict is what it is, as anyone may read it.
pub fn reason(record: &Record) -> String {
    match (&record.told, record.strictest()) {
        (Part::Kept(_), Some(finding)) => reason_of(finding),
        (Part::Kept(_), None) | (Part::Erased(_), _) => record.reason(),
    }
}

/// A rule's own reason is for people. What we say about a rule that could not judge names facts and quotes values, so
/// it is told to the caller and to the operator, not to whoever has the link.
pub fn reason_of(finding: &Finding) -> String {
    match finding.origin {
        Origin::Rule => finding.reason.clone(),
        Origin::Unknown => {
            "A fact that a rule needs could not be learned, so the rule counts as its author wrote for that case."
                .to_owned()
        }
        Origin::Fault => {
            "A rule could not be evaluated, so it counts as its author wrote for that case.".to_owned()
        }
        Origin::Broken => {
            "A rule's answer cannot be met as the rule is written or as its approvers are filled.".to_owned()
        }
    }
}
