//! A changed thing of which nothing applies yet: what its kind does not have is null, not unknown.

use crate::event::Thing;
use crate::graph::Id;
use crate::graph::Known;

impl Thing {
    /// A thing with this id and nothing else: every other field is known to be none until it is set.
    pub fn bare(id: Known<Id>) -> Self {
        Self {
            id,
            name: Known::Nothing,
            kind: Known::Nothing,
            project: Known::Nothing,
            visibility: Known::Nothing,
            outside: Known::Nothing,
            default_branch: Known::Nothing,
            archived: Known::Nothing,
            forks: Known::Nothing,
            host: Known::Nothing,
            external: Known::Nothing,
            secret_set: Known::Nothing,
            tls_verified: Known::Nothing,
            events: Known::Nothing,
            active: Known::Nothing,
            secured: Known::Nothing,
            scope: Known::Nothing,
            level: Known::Nothing,
            identity: Known::Nothing,
            expires_at: Known::Nothing,
            pattern: Known::Nothing,
            exempt: Known::Nothing,
            value: Known::Nothing,
            overridden: Known::Nothing,
            labels: Known::Nothing,
        }
    }
}
