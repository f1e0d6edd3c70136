//! What an action asks of the graph: a level, and of a ref, environment or variable the deed that the graph derives from
//! rules and deployment permissions. One small function between the words of callers and the questions the graph can
//! answer.

use crate::graph::Capability as Deed;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Level;
use crate::graph::NodeNo;
use crate::graph::Snapshot;

/// A question to the graph about an identity and a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Whether it holds at least this level there; of a ref, environment or variable: on its repository.
    Holds(Level),
}

/// What cannot be done without write access, whatever else rules ask for.
const NEEDS_WRITE: &[&str] = &["deploy", "merge", "publish", "push", "read-secret", "run"];

/// The words that mean something to the graph on this kind of resource, in order.
pub fn words(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Repository => {
            &["admin", "deploy", "merge", "publish", "push", "read", "read-secret", "run", "write"]
        }
        Kind::Project => &["admin", "create", "read", "write"],
        Kind::Workspace => &["admin", "create", "owner", "read", "write"],
        Kind::Ref => &["admin", "merge", "push", "read", "write"],
        Kind::Environment => &["admin", "deploy", "read", "write"],
        Kind::Variable => &["admin", "read", "read-secret", "write"],
        Kind::User
        | Kind::Group
        | Kind::App
        | Kind::Token
        | Kind::Key
        | Kind::Runner
        | Kind::Agent
        | Kind::Restriction
        | Kind::Hook
        | Kind::Credential => &[],
    }
}

/// The deed of an action on this kind of resource, if it is one. What a repository as a whole is asked about names no ref
/// or environment, so that it is a level alone.
pub fn deed(action: &str, kind: Kind) -> Option<Deed> {
    let deed = Deed::from_text(action).filter(|_| words(kind).contains(&action));
    deed.filter(|deed| Deed::of(kind).contains(deed))
}

/// What an action asks of the graph, if it is one of its words there.
pub fn of(action: &str, kind: Kind) -> Option<Capability> {
    if !words(kind).contains(&action) {
        return None;
    }
    let level = if NEEDS_WRITE.contains(&action) {
        Some(Level::Write)
    } else {
        Level::from_text(action).filter(|level| *level > Level::None)
    };
    level.map(Capability::Holds)
}

impl Capability {
    /// Whether an identity has it. `place` is where levels are held: a repository, project or workspace.
    pub fn held(self, graph: &Snapshot, identity: NodeNo, place: NodeNo) -> Known<bool> {
        match self {
            Self::Holds(level) => graph.can(identity, level, place),
        }
    }
}

impl std::fmt::Display for Capability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Holds(level) => write!(f, "level `{level}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_is_offered_asks_something_and_words_are_in_order() {
        for kind in Kind::ALL {
            let words = words(*kind);
            assert!(words.is_sorted());
            assert!(words.iter().all(|word| of(word, *kind).is_some()), "{words:?}");
            assert_eq!(of("no-such-word", *kind), None);
        }
        assert_eq!(of("deploy", Kind::Environment), Some(Capability::Holds(Level::Write)));
        assert_eq!(deed("deploy", Kind::Environment), Some(Deed::Deploy));
        assert_eq!(deed("push", Kind::Ref), Some(Deed::Push));
        assert_eq!(deed("push", Kind::Repository), None, "no ref is named");
        assert_eq!(of("admin", Kind::Project), Some(Capability::Holds(Level::Admin)));
    }
}
