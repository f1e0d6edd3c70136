//! What bodies of both products tell, in our words: commits, refs, visibility, and the facts that a kind of event does
//! not have. It reads no body itself.

use crate::event::Actor;
use crate::event::ChangeKind;
use crate::event::Event;
use crate::event::EventKind;
use crate::event::Facts;
use crate::event::RefKind;
use crate::event::Reference;
use crate::event::Repository;
use crate::event::Resource;
use crate::event::ShortCommits;
use crate::event::Thing;
use crate::event::Visibility;
use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Time;
use crate::graph::Why;

/// Shortest abbreviation of a commit that is taken for one; git's own floor is 4, and 7 is its habit.
const SHORTEST_COMMIT: usize = 7;

/// The branch part of a full ref name.
pub const BRANCHES: &str = "refs/heads/";
/// The tag part of a full ref name.
pub const TAGS: &str = "refs/tags/";

/// An id, or why the text cannot be one.
pub fn id(connection: &ConnectionId, kind: Kind, native: &str) -> Known<Id> {
    Id::new(connection, kind, native)
        .map_or_else(|error| Known::Unknown(Why::said(error.to_string())), Known::Value)
}

/// A commit as a body names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// All its digits.
    Whole(String),
    /// Only the first ones.
    Short(String),
    /// 40 zeros: there is none.
    None,
    /// Not a commit name.
    Unfit,
}

/// What kind of name this is. SHA-256 repositories have 64 digits.
pub fn named(hash: &str) -> Named {
    let hex = !hash.is_empty() && hash.bytes().all(|b| b.is_ascii_hexdigit());
    match hash.len() {
        40 | 64 if hash.bytes().all(|b| b == b'0') => Named::None,
        40 | 64 if hex => Named::Whole(hash.to_ascii_lowercase()),
        SHORTEST_COMMIT..40 if hex => Named::Short(hash.to_ascii_lowercase()),
        _ => Named::Unfit,
    }
}

/// The commit as a fact, and its first digits where the body told no more.
pub fn commit(hash: Option<&str>) -> (Known<String>, Option<String>) {
    match hash.map(named) {
        None => (Known::unknown("the body does not name the commit"), None),
        Some(Named::Whole(hash)) => (Known::Value(hash), None),
        Some(Named::None) => (Known::Nothing, None),
        Some(Named::Unfit) => (Known::unknown("what the body names is not a commit"), None),
        Some(Named::Short(short)) => {
            let why = format!(
                "Bitbucket's webhook shortens it to `{short}`; it is resolved by reading the commit"
            );
            (Known::Unknown(Why::said(why)), Some(short))
        }
    }
}

/// A ref by its full name.
pub fn reference(name: String) -> Known<Reference> {
    let kind = if name.starts_with(TAGS) {
        Known::Value(RefKind::Tag)
    } else if name.starts_with(BRANCHES) {
        Known::Value(RefKind::Branch)
    } else {
        Known::unknown("it is neither a branch nor a tag")
    };
    Known::Value(Reference { name: Known::Value(name), kind, ..Reference::default() })
}

/// Private or public, from the flag each product has.
pub fn visibility(public: Option<bool>) -> Known<Visibility> {
    Known::or_untold(
        public.map(|public| if public { Visibility::Public } else { Visibility::Private }),
    )
}

/// Whose rights are used and where; everything that most events do not have is known to be none.
pub fn facts(actor: Known<Actor>, repository: Known<Repository>) -> Facts {
    Facts {
        actor,
        resource: Known::Value(Resource {
            repository,
            reference: Known::Nothing,
            environment: Known::Nothing,
            variables: Known::Nothing,
        }),
        change: Known::Nothing,
        pull_request: Known::Nothing,
        pipeline: Known::Nothing,
        comment: Known::Nothing,
        commit_status: Known::Nothing,
        before: Known::Nothing,
        after: Known::Nothing,
    }
}

/// What a changed ref is called, for both products.
pub fn ref_event(kind: Option<RefKind>, what: ChangeKind) -> EventKind {
    match (kind, what) {
        (Some(RefKind::Branch), ChangeKind::Created) => EventKind::BranchCreated,
        (Some(RefKind::Branch), ChangeKind::Updated) => EventKind::Push,
        (Some(RefKind::Branch), ChangeKind::Deleted) => EventKind::BranchDeleted,
        (Some(RefKind::Tag), ChangeKind::Created) => EventKind::TagCreated,
        (Some(RefKind::Tag), ChangeKind::Updated) => EventKind::TagMoved,
        (Some(RefKind::Tag), ChangeKind::Deleted) => EventKind::TagDeleted,
        (None, _) => EventKind::Unknown,
    }
}

/// Says which ref it is about.
pub fn about(facts: &mut Facts, reference: Known<Reference>) {
    if let Some(resource) = facts.resource.value_mut() {
        resource.reference = reference;
    }
}

/// An event without shortened commits.
pub fn event(kind: EventKind, at: Option<Time>, facts: Facts) -> Event {
    Event { kind, at, facts, short_commits: ShortCommits::default() }
}

/// The repository as a changed thing.
pub fn thing(repository: &Repository) -> Thing {
    Thing {
        name: repository.name.clone(),
        project: repository.project.clone(),
        visibility: repository.visibility.clone(),
        default_branch: repository.default_branch.clone(),
        archived: repository.archived.clone(),
        forks: Known::default(),
        ..Thing::bare(repository.id.clone())
    }
}

/// A product's time, if it is one.
pub fn time(text: Option<&str>) -> Option<Time> {
    text.and_then(|text| text.parse().ok())
}
