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
use crate::decision::narrative::shown;
use crate::decision::plan::Softener;
use crate::decision::record::Surface;
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

/// A commit status to be posted. No member is an address out of a payload: the link is ours, the rest ids and text.
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
    let kind = matter.document.kind;
    if !matter.posts_status() || !speaks(kind) || (record.public.uncovered && !moves(kind)) {
        return None;
    }
    let facts = &matter.document.facts;
    let refname = status_ref(matter);
    Some(Status {
        key: key(matter),
        repository: names::repository_id(facts)?.to_string(),
        commit: record.public.commit.clone()?,
        state: said(record),
        text: text(record),
        url: format!("{public_url}/d/{}", record.public.decision),
        refname,
    })
}

/// What the status says. A webhook's event opens no ticket, so nothing would ever end an `INPROGRESS`: it fails instead.
fn said(record: &Record) -> StatusState {
    match (record.public.surface, record.public.effect) {
        (Surface::Hook, Effect::Wait) => StatusState::Failed,
        (
            Surface::Hook
            | Surface::Check
            | Surface::Authzen
            | Surface::Simulation
            | Surface::Discovery,
            effect,
        ) => state(effect),
    }
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

/// Kinds that put a new commit where people look. After the others, an event that no rule answers says nothing: it would
/// write over what was said of the same commit.
const fn moves(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::PipelineStep
            | EventKind::Push
            | EventKind::BranchCreated
            | EventKind::PullRequestOpened
            | EventKind::PullRequestUpdated
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

/// The first sentence of the reason, with what it would have been and that it is too late set before it.
pub fn text(record: &Record) -> String {
    cut(&softened(record, &record.reason()), MAX_TEXT_BYTES)
}

/// The first sentence of a reason of this record, with the same before it.
pub fn softened(record: &Record, reason: &str) -> String {
    let public = &record.public;
    let said = shown(first_sentence(reason));
    let softened = public.because.first().filter(|_| public.effect < Effect::from(public.verdict));
    let would = softened.map(|because| match because.kind {
        Softener::Pause if public.binds == Binds::After => {
            format!("the gate is paused (would be {}): ", public.verdict)
        }
        Softener::Pause => format!("let pass, the gate is paused (would be {}): ", public.verdict),
        Softener::Shadow | Softener::Waiver => {
            format!("would be {} ({}): ", public.verdict, because.kind)
        }
    });
    let objects = Effect::from(public.verdict) != Effect::Proceed;
    let late = if public.binds == Binds::After && objects { "(after the fact) " } else { "" };
    format!("{late}{}{said}", would.unwrap_or_default())
}

/// Up to the mark that ends the first sentence: one that a space and no small letter follows, so that `e.g. this` stays
/// whole. A line is a sentence too.
fn first_sentence(text: &str) -> &str {
    let text = text.trim().lines().next().unwrap_or_default();
    let mut rest = text.char_indices().zip(text.chars().skip(1)).zip(text.chars().skip(2));
    let end = rest.find(|(((_, mark), space), next)| {
        matches!(mark, '.' | '!' | '?') && *space == ' ' && !next.is_lowercase()
    });
    end.and_then(|(((at, _), _), _)| text.get(..=at)).unwrap_or(text)
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
        assert_eq!(first_sentence("Some, e.g. this one. More."), "Some, e.g. this one.");
        assert_eq!(first_sentence("Ends here.\nNot here"), "Ends here.");
        assert_eq!(first_sentence("Ä. Ö."), "Ä.");
        assert_eq!(first_sentence(""), "");
    }
}
