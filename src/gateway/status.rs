//! What a decision does on Bitbucket: today a commit status, where the connection allows it. Planned here, carried out
//! by `outbox`, once.

use serde::Deserialize;
use serde::Serialize;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use crate::bitbucket::StatusState;
use crate::decision::Effect;
use crate::decision::Record;
use crate::decision::binds::Binds;
use crate::event::EventKind;
use crate::gateway::names;
use crate::gateway::road::Matter;
use crate::graph::ConnectionId;
use crate::store::NewAction;

/// The outbox's word for it.
const KIND: &str = "commit-status";

/// Longest description Bitbucket shows of a status, bytes.
pub const MAX_TEXT_BYTES: usize = 255;

/// Hex digits of the subject's digest in a status key: with `portcullis-` 31 characters, under Cloud's limit of 40.
const KEY_DIGITS: usize = 20;

/// A commit status to be posted. The words are ours; nothing in it comes from a payload but ids and hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its key: one per subject, so that a newer verdict replaces an older one.
    pub key: String,
    /// Id of the repository.
    pub repository: String,
    /// The commit it is posted on, 40 hex digits.
    pub commit: String,
    /// What it says.
    pub state: StatusState,
    /// The first sentence of the reason, at most 255 bytes.
    pub text: String,
    /// Deep link to the decision.
    pub url: String,
    /// Full name of the branch or tag it belongs to.
    pub refname: Option<String>,
}

/// The status that follows from a record, or none where nothing is to be said.
pub fn plan(matter: &Matter, record: &Record, public_url: &str) -> Option<Status> {
    if !matter.connection.posts_status || !speaks(matter.document.kind) {
        return None;
    }
    let facts = &matter.document.facts;
    let refname = status_ref(matter);
    Some(Status {
        key: key(matter),
        repository: names::repository_id(facts)?.to_string(),
        commit: record.public.commit.clone()?,
        state: state(record.public.effect),
        text: text(record),
        url: format!("{public_url}/d/{}", record.public.decision),
        refname,
    })
}

/// Kinds after which somebody looks at the commit's statuses.
const fn speaks(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::PipelineStep
            | EventKind::Push
            | EventKind::BranchCreated
            | EventKind::PullRequestOpened
            | EventKind::PullRequestUpdated
            | EventKind::PullRequestApproved
            | EventKind::PullRequestUnapproved
            | EventKind::PullRequestChangesRequested
            | EventKind::PullRequestChangesWithdrawn
            | EventKind::PullRequestReviewersChanged
    )
}

/// `portcullis-` and 20 hex digits of SHA-256 over connection and subject: the pull request, else the ref, else the step.
pub fn key(matter: &Matter) -> String {
    let subject = matter.document.facts.subject();
    let digest = Sha256::digest(format!("{}\n{subject}", matter.connection.id));
    let hex: String = hex::encode(digest).chars().take(KEY_DIGITS).collect();
    format!("portcullis-{hex}")
}

fn status_ref(matter: &Matter) -> Option<String> {
    let facts = &matter.document.facts;
    let source = facts
        .pull_request
        .value()
        .and_then(|pr| pr.source.value()?.reference.value())
        .map(String::as_str);
    source.or_else(|| names::reference(facts)).map(ToOwned::to_owned)
}

/// The status as an action of the outbox. One slot a key and commit: a newer verdict replaces an older one.
pub fn action(connection: &ConnectionId, decision: Uuid, status: &Status) -> Option<NewAction> {
    Some(NewAction {
        key: format!("{decision}/{}/{}", status.key, status.state),
        connection: connection.clone(),
        kind: KIND.to_owned(),
        subject: status.commit.clone(),
        slot: Some(format!("{}/{}", status.commit, status.key)),
        payload: serde_json::to_vec(status).ok()?,
    })
}

/// What an effect says on Bitbucket.
pub const fn state(effect: Effect) -> StatusState {
    match effect {
        Effect::Proceed => StatusState::Successful,
        Effect::Wait => StatusState::InProgress,
        Effect::Stop => StatusState::Failed,
    }
}

fn text(record: &Record) -> String {
    let softened = record
        .public
        .because
        .first()
        .filter(|_| record.public.effect < Effect::from(record.public.verdict));
    let said = match softened {
        Some(because) => format!("{} {}", because.text, record.reason()),
        None if record.public.binds == Binds::After && record.public.effect != Effect::Proceed => {
            format!("(after the fact) {}", record.reason())
        }
        None => record.reason(),
    };
    cut(first_sentence(&said), MAX_TEXT_BYTES)
}

/// Up to the first full stop that ends a sentence.
fn first_sentence(text: &str) -> &str {
    text.find(". ").and_then(|end| text.get(..=end)).unwrap_or(text)
}

/// At most `bytes` bytes, cut between characters, with an ellipsis where something was cut.
pub fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_on_a_character() {
        let cut = cut(&"ä".repeat(200), MAX_TEXT_BYTES);
        assert!(cut.len() <= MAX_TEXT_BYTES && cut.ends_with('…'));
        assert_eq!(super::cut("short", MAX_TEXT_BYTES), "short");
    }

    #[test]
    fn only_the_first_sentence_is_said() {
        assert_eq!(first_sentence("One. Two."), "One.");
        assert_eq!(first_sentence("v1.2 is out"), "v1.2 is out");
    }
}
