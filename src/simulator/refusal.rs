//! Why an action by a person of the company did not happen: what Bitbucket itself would have refused.

/// What Bitbucket would have refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such repository.
    #[error("there is no repository `{0}`")]
    NoSuchRepository(String),
    /// There is no such person.
    #[error("there is no person `{0}`")]
    NoSuchPerson(String),
    /// There is no such branch, tag or commit.
    #[error("there is no ref or commit `{0}`")]
    NoSuchRef(String),
    /// There is no such pull request.
    #[error("there is no pull request `{0}`")]
    NoSuchPullRequest(u64),
    /// There is no such pipeline or step.
    #[error("there is no pipeline or step `{0}`")]
    NoSuchRun(String),
    /// A ref of this name exists already.
    #[error("`{0}` exists already")]
    AlreadyThere(String),
    /// The person's level on the repository is too low.
    #[error("`{who}` may not {what}")]
    NotAllowed {
        /// Display or login name.
        who: String,
        /// What was tried.
        what: String,
    },
    /// A branch restriction forbids it.
    #[error("a branch restriction `{rule}` forbids changing `{reference}`")]
    Restricted {
        /// The restriction's kind.
        rule: String,
        /// The full ref name.
        reference: String,
    },
    /// The object's state does not allow it.
    #[error("not possible while it is {0}")]
    WrongState(String),
}
