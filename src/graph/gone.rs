//! Whether what a graph does not hold is gone, or only stood in a list that could not be read.

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::NodeNo;
use crate::graph::Snapshot;
use crate::graph::Why;

/// The lists in which a thing of this kind stands.
const fn lists(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Repository => &["repositories", "projects"],
        Kind::Project => &["projects"],
        Kind::Hook => &["hooks"],
        Kind::Variable => &["variables"],
        Kind::Runner => &["runners"],
        Kind::Ref => &["refs"],
        Kind::Environment => &["environments"],
        Kind::Restriction => &["restrictions"],
        Kind::User | Kind::Group => &["members", "groups", "grants"],
        Kind::Key | Kind::Token | Kind::Credential => {
            &["keys", "tokens", "holds", "credentials", "grants"]
        }
        Kind::App | Kind::Agent => &["holds", "credentials", "grants"],
        Kind::Workspace => &[],
    }
}

impl Snapshot {
    /// Why it cannot be told that a thing is gone that this graph does not hold: a list in which it would stand could not
    /// be read. None: it is gone. `place` is where it was, if that is known: then only the lists of that place count.
    pub fn doubts_that_gone(&self, id: &Id, place: Option<&Id>) -> Option<Why> {
        let lists = lists(id.kind());
        if let Some(place) = place.filter(|place| *place != id) {
            return match self.find(place) {
                Some(node) => self.unread(node.0, lists).cloned(),
                None => self.doubts_that_gone(place, None),
            };
        }
        let connection = id.connection();
        let ours = |number: &u32| {
            self.node(NodeNo(*number)).is_some_and(|node| node.id.connection() == connection)
        };
        let mut doubted: Vec<u32> = self.doubts.keys().copied().filter(ours).collect();
        doubted.sort_unstable();
        doubted.into_iter().find_map(|number| self.unread(number, lists)).cloned()
    }

    fn unread(&self, number: u32, lists: &[&str]) -> Option<&Why> {
        lists.iter().find_map(|list| self.doubt(number, list))
    }
}
