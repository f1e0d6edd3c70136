//! What is to be looked at: everything, or what a reading has changed.

use std::sync::Arc;

use crate::graph::ConnectionId;
use crate::graph::Snapshot;
use crate::posture::touched::Side;
use crate::posture::touched::Touched;
use crate::posture::touched::touched;

/// What is to be looked at of one connection.
#[derive(Clone, Debug)]
pub(in crate::gateway) enum Due {
    /// Every subject.
    Whole,
    /// What differs from how it was looked at last: in this graph.
    Since(Arc<Snapshot>),
}

impl Due {
    /// This and a later one, together: of two changes everything since the first.
    pub fn and(self, later: Self) -> Self {
        match (self, later) {
            (Self::Whole, _) | (_, Self::Whole) => Self::Whole,
            (earlier @ Self::Since(_), Self::Since(_)) => earlier,
        }
    }

    /// The subjects that are due, of all there are; those that are gone among them. Costs one walk over both graphs: not
    /// for a thread of the runtime.
    pub fn of(&self, connection: &ConnectionId, now: &Snapshot) -> Touched {
        let Self::Since(before) = self else { return Touched::All };
        let Some([old, new]) = before.differing(now, connection) else { return Touched::All };
        touched(Side { world: &old, graph: before }, Side { world: &new, graph: now })
    }
}
