//! Pull requests, as both products have them. `P` is how the product names a person.

use jiff::Timestamp;

use crate::simulator::git::Git;
use crate::simulator::refusal::Refusal;

/// A pull request.
#[derive(Debug, Clone)]
pub struct PullRequest<P> {
    /// Unique in the destination repository.
    pub id: u64,
    /// Optimistic lock of Data Center; counts every change.
    pub version: u64,
    /// Title.
    pub title: String,
    /// Description; may be empty.
    pub description: String,
    /// Open, merged or declined.
    pub state: PullState,
    /// Whether it is a draft.
    pub draft: bool,
    /// Who opened it.
    pub author: P,
    /// Where the commits come from.
    pub source: Side,
    /// Where they are to go.
    pub destination: Side,
    /// Asked for review.
    pub reviewers: Vec<P>,
    /// Who has an opinion.
    pub opinions: Vec<Opinion<P>>,
    /// What happened to it, oldest first.
    pub history: Vec<Deed<P>>,
    /// Full hash, once merged.
    pub merge_commit: Option<String>,
    /// Who merged or declined it.
    pub closed_by: Option<P>,
    /// Number of comments.
    pub comments: u64,
    /// Opened.
    pub created_on: Timestamp,
    /// Last changed.
    pub updated_on: Timestamp,
}

/// One end of a pull request.
#[derive(Debug, Clone)]
pub struct Side {
    /// Key of the repository: Cloud the braced UUID, Data Center `KEY/slug`. None once a fork is deleted.
    pub repository: Option<String>,
    /// Short branch name.
    pub branch: String,
    /// Full hash.
    pub commit: String,
}

/// What a participant thinks.
#[derive(Debug, Clone)]
pub struct Opinion<P> {
    /// Whose.
    pub of: P,
    /// The source's tip at the time, full hash.
    pub commit: String,
    /// Approved, wants changes, or took it back.
    pub view: View,
    /// When.
    pub at: Timestamp,
}

/// One thing that happened to a pull request, with where both its ends stood afterwards.
#[derive(Debug, Clone)]
pub struct Deed<P> {
    /// What.
    pub what: What,
    /// Who did it.
    pub by: P,
    /// When.
    pub at: Timestamp,
    /// The source's tip, full hash.
    pub source: String,
    /// The destination's commit, full hash.
    pub destination: String,
}

/// What may happen to a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Opened.
    Opened,
    /// Its source was pushed to.
    Moved,
    /// Another title, destination or other reviewers.
    Edited,
    /// Commented.
    Commented,
    /// Somebody thinks otherwise of it now.
    Judged(View),
    /// Merged.
    Merged,
    /// Declined.
    Declined,
}

/// A participant's view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// None yet, or withdrawn.
    Open,
    /// Approved.
    Approved,
    /// Changes requested (Data Center: needs work).
    ChangesRequested,
}

/// Life of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullState {
    /// Open.
    Open,
    /// Merged.
    Merged,
    /// Declined.
    Declined,
}

impl PullState {
    /// As both APIs write it.
    pub fn word(self) -> &'static str {
        match self {
            PullState::Open => "OPEN",
            PullState::Merged => "MERGED",
            PullState::Declined => "DECLINED",
        }
    }
}

impl<P: Clone + PartialEq> PullRequest<P> {
    /// The view of one person.
    pub fn view(&self, of: &P) -> View {
        self.opinions
            .iter()
            .find(|opinion| opinion.of == *of)
            .map_or(View::Open, |opinion| opinion.view)
    }

    /// Only open pull requests change.
    pub fn must_be_open(&self) -> Result<(), Refusal> {
        match self.state {
            PullState::Open => Ok(()),
            PullState::Merged | PullState::Declined => {
                Err(Refusal::WrongState(self.state.word().to_owned()))
            }
        }
    }

    /// Sets one person's view; authors have none of their own.
    pub fn judge(&mut self, of: P, view: View, at: Timestamp) -> Result<(), Refusal> {
        self.must_be_open()?;
        if of == self.author && view == View::Approved {
            let (who, what) =
                ("the author".to_owned(), "approve their own pull request".to_owned());
            return Err(Refusal::NotAllowed { who, what });
        }
        self.opinions.retain(|opinion| opinion.of != of);
        let commit = self.source.commit.clone();
        self.opinions.push(Opinion { of: of.clone(), commit, view, at });
        self.touch(at);
        self.note(What::Judged(view), of, at);
        Ok(())
    }

    /// Ends it.
    pub fn close(&mut self, state: PullState, by: P, at: Timestamp) -> Result<(), Refusal> {
        self.must_be_open()?;
        self.state = state;
        self.closed_by = Some(by.clone());
        self.touch(at);
        match state {
            PullState::Open => {}
            PullState::Merged => self.note(What::Merged, by, at),
            PullState::Declined => self.note(What::Declined, by, at),
        }
        Ok(())
    }

    /// Writes down what happened.
    pub fn note(&mut self, what: What, by: P, at: Timestamp) {
        let (source, destination) = (self.source.commit.clone(), self.destination.commit.clone());
        self.history.push(Deed { what, by, at, source, destination });
    }

    /// Full hashes of the commits it brings, or brought when it was merged. `source` is where its commits lie.
    pub fn brings(&self, found: &Git, source: &Git) -> Vec<String> {
        let listed = match &self.merge_commit {
            Some(merged) => {
                let first = found.commit(merged).and_then(|commit| commit.parents.first().cloned());
                found.between(merged, first.as_slice())
            }
            None => {
                source.between(&self.source.commit, std::slice::from_ref(&self.destination.commit))
            }
        };
        listed.iter().map(|commit| commit.hash.clone()).collect()
    }

    /// Counts a change.
    pub fn touch(&mut self, at: Timestamp) {
        self.version += 1;
        self.updated_on = at;
    }
}
