//! The little of git that both products need: commits with parents, refs, and the changes a push makes.
//!
//! Deliberately not git: no trees, no packs, no wire protocol. A commit is its hash, its parents and who wrote it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::Timestamp;
use sha2::Digest;
use sha2::Sha256;

use crate::simulator::refusal::Refusal;

/// One commit. The hash is 40 lower-case hex digits.
#[derive(Debug, Clone)]
pub struct Commit {
    /// 40 lower-case hex digits.
    pub hash: String,
    /// Hashes of the parents, first parent first.
    pub parents: Vec<String>,
    /// Who git says wrote it; forgeable, as in git.
    pub author: Author,
    /// The whole message.
    pub message: String,
    /// When git says it was written.
    pub at: Timestamp,
    /// Rising number of creation within the repository; newest is highest.
    pub order: u64,
}

/// A git author: what `user.name` and `user.email` said.
#[derive(Debug, Clone)]
pub struct Author {
    /// `user.name`.
    pub name: String,
    /// `user.email`.
    pub email: String,
}

/// Commits and refs of one repository.
#[derive(Debug, Clone, Default)]
pub struct Git {
    commits: BTreeMap<String, Commit>,
    refs: BTreeMap<String, Target>,
    salt: String,
    order: u64,
}

/// What a ref points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The commit.
    pub commit: String,
    /// Whether an annotated tag stands between ref and commit.
    pub annotated: bool,
}

/// One thing a push does to one ref.
#[derive(Debug, Clone)]
pub enum Change {
    /// Adds commits to a branch that exists.
    Commits {
        /// Short branch name.
        branch: String,
        /// How many commits.
        count: usize,
    },
    /// Makes a branch at a branch, tag or commit, with some commits of its own.
    NewBranch {
        /// Short branch name.
        branch: String,
        /// Branch, tag or commit it starts from.
        from: String,
        /// Commits of its own.
        count: usize,
    },
    /// Drops the newest commits of a branch and adds others: a force push (a rewind when `count` is 0).
    Rewrite {
        /// Short branch name.
        branch: String,
        /// Commits dropped along the first parent.
        dropped: usize,
        /// Commits added in their place.
        count: usize,
    },
    /// Deletes a branch.
    DeleteBranch {
        /// Short branch name.
        branch: String,
    },
    /// Makes a tag.
    NewTag {
        /// Short tag name.
        tag: String,
        /// Branch, tag or commit it points at.
        at: String,
    },
    /// Points a tag elsewhere.
    MoveTag {
        /// Short tag name.
        tag: String,
        /// Branch, tag or commit it points at now.
        at: String,
    },
    /// Deletes a tag.
    DeleteTag {
        /// Short tag name.
        tag: String,
    },
}

impl Change {
    /// Adds `count` commits to `branch`.
    pub fn commits(branch: &str, count: usize) -> Change {
        Change::Commits { branch: branch.to_owned(), count }
    }

    /// Makes `branch` at `from`, with `count` commits of its own.
    pub fn new_branch(branch: &str, from: &str, count: usize) -> Change {
        Change::NewBranch { branch: branch.to_owned(), from: from.to_owned(), count }
    }

    /// Drops `dropped` commits of `branch` and adds `count` others.
    pub fn rewrite(branch: &str, dropped: usize, count: usize) -> Change {
        Change::Rewrite { branch: branch.to_owned(), dropped, count }
    }

    /// Deletes `branch`.
    pub fn delete_branch(branch: &str) -> Change {
        Change::DeleteBranch { branch: branch.to_owned() }
    }

    /// Makes `tag` at `at`.
    pub fn new_tag(tag: &str, at: &str) -> Change {
        Change::NewTag { tag: tag.to_owned(), at: at.to_owned() }
    }

    /// Points `tag` at `at`.
    pub fn move_tag(tag: &str, at: &str) -> Change {
        Change::MoveTag { tag: tag.to_owned(), at: at.to_owned() }
    }

    /// Deletes `tag`.
    pub fn delete_tag(tag: &str) -> Change {
        Change::DeleteTag { tag: tag.to_owned() }
    }

    /// The full name of the ref it changes.
    pub fn reference(&self) -> String {
        match self {
            Change::Commits { branch, .. }
            | Change::NewBranch { branch, .. }
            | Change::Rewrite { branch, .. }
            | Change::DeleteBranch { branch } => branch_ref(branch),
            Change::NewTag { tag, .. }
            | Change::MoveTag { tag, .. }
            | Change::DeleteTag { tag } => tag_ref(tag),
        }
    }
}

/// What a change did to a ref.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Full ref name, `refs/heads/…` or `refs/tags/…`.
    pub reference: String,
    /// Commit before; none if the ref was made.
    pub old: Option<String>,
    /// Commit after; none if the ref was deleted.
    pub new: Option<String>,
    /// Whether history was dropped.
    pub forced: bool,
    /// Commits that no ref reached before, newest first.
    pub fresh: Vec<String>,
}

/// `refs/heads/<branch>`.
pub fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// `refs/tags/<tag>`.
pub fn tag_ref(tag: &str) -> String {
    format!("refs/tags/{tag}")
}

/// The name without `refs/heads/` or `refs/tags/`.
pub fn short(reference: &str) -> &str {
    reference
        .strip_prefix("refs/heads/")
        .or_else(|| reference.strip_prefix("refs/tags/"))
        .unwrap_or(reference)
}

impl Git {
    /// An empty repository; `salt` keeps its hashes apart from every other repository's.
    pub fn new(salt: String) -> Git {
        Git { salt, ..Git::default() }
    }

    /// When the newest commit was made; none without one.
    pub fn newest(&self) -> Option<Timestamp> {
        self.commits.values().map(|commit| commit.at).max()
    }

    /// The commit of this hash, or of an abbreviation of at least seven digits that fits only one.
    pub fn commit(&self, hash: &str) -> Option<&Commit> {
        if hash.len() < 7 {
            return None;
        }
        let mut found =
            self.commits.range(hash.to_owned()..).take_while(|(full, _)| full.starts_with(hash));
        let (_, commit) = found.next()?;
        found.next().is_none().then_some(commit)
    }

    /// What a full ref name points at.
    pub fn target(&self, reference: &str) -> Option<&Target> {
        self.refs.get(reference)
    }

    /// The commit a branch, tag, full ref name or hash names.
    pub fn resolve(&self, name: &str) -> Option<&Commit> {
        [branch_ref(name), tag_ref(name), name.to_owned()]
            .iter()
            .find_map(|reference| self.refs.get(reference))
            .map_or_else(|| self.commit(name), |target| self.commits.get(&target.commit))
    }

    /// Refs below a prefix such as `refs/heads/`, by name.
    pub fn refs_below<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Target)> {
        self.refs
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, target)| (name.as_str(), target))
    }

    /// Commits reachable from `until` but not from `since`, newest first.
    pub fn between(&self, until: &str, since: &[String]) -> Vec<&Commit> {
        let hidden = self.reachable(since.iter().cloned());
        let wanted = self.reachable(std::iter::once(until.to_owned()));
        let mut found: Vec<&Commit> =
            wanted.difference(&hidden).filter_map(|hash| self.commits.get(hash)).collect();
        found.sort_by_key(|commit| std::cmp::Reverse(commit.order));
        found
    }

    /// Whether `older` is `newer` or an ancestor of it.
    pub fn is_ancestor(&self, older: &str, newer: &str) -> bool {
        self.reachable(std::iter::once(newer.to_owned())).contains(older)
    }

    fn reachable(&self, tips: impl Iterator<Item = String>) -> BTreeSet<String> {
        let mut waiting: Vec<String> = tips.collect();
        let mut seen = BTreeSet::new();
        while let Some(hash) = waiting.pop() {
            let Some(commit) = self.commits.get(&hash) else { continue };
            if seen.insert(hash) {
                waiting.extend(commit.parents.iter().cloned());
            }
        }
        seen
    }

    /// Adds one commit and gives its hash.
    pub fn add(
        &mut self,
        parents: Vec<String>,
        author: &Author,
        message: &str,
        at: Timestamp,
    ) -> String {
        self.order += 1;
        let seed = format!(
            "{}|{}|{}|{}|{message}",
            self.salt,
            self.order,
            parents.join(","),
            author.email
        );
        let hash: String = hex::encode(Sha256::digest(seed.as_bytes())).chars().take(40).collect();
        let commit = Commit {
            hash: hash.clone(),
            parents,
            author: author.clone(),
            message: message.to_owned(),
            at,
            order: self.order,
        };
        self.commits.insert(hash.clone(), commit);
        hash
    }

    /// Copies a commit and its ancestors from another repository, as merging from a fork does.
    pub fn bring(&mut self, from: &Git, tip: &str) {
        for hash in from.reachable(std::iter::once(tip.to_owned())) {
            if let (Some(commit), false) =
                (from.commits.get(&hash), self.commits.contains_key(&hash))
            {
                self.order += 1;
                let commit = Commit { order: self.order, ..commit.clone() };
                self.commits.insert(hash, commit);
            }
        }
    }

    /// Points a full ref name at a commit.
    pub fn set(&mut self, reference: &str, commit: &str) {
        let target = Target { commit: commit.to_owned(), annotated: false };
        self.refs.insert(reference.to_owned(), target);
    }

    /// Takes a ref away, whatever rules say; what it pointed at stays.
    pub fn forget(&mut self, reference: &str) {
        self.refs.remove(reference);
    }

    /// Makes a lightweight tag an annotated one.
    pub fn annotate(&mut self, tag: &str) {
        if let Some(target) = self.refs.get_mut(&tag_ref(tag)) {
            target.annotated = true;
        }
    }

    /// Carries out one change of a push.
    pub fn apply(
        &mut self,
        change: &Change,
        author: &Author,
        at: Timestamp,
    ) -> Result<Moved, Refusal> {
        let reference = change.reference();
        let old = self.refs.get(&reference).map(|target| target.commit.clone());
        let known: Vec<String> = self.refs.values().map(|target| target.commit.clone()).collect();
        let new = self.tip_after(change, old.as_deref(), author, at)?;
        match &new {
            Some(commit) => self.set(&reference, commit),
            None => drop(self.refs.remove(&reference)),
        }
        let forced = match (&old, &new) {
            (Some(old), Some(new)) => !self.is_ancestor(old, new),
            _ => false,
        };
        let fresh = new.as_ref().map_or_else(Vec::new, |new| {
            self.between(new, &known).iter().map(|commit| commit.hash.clone()).collect()
        });
        Ok(Moved { reference, old, new, forced, fresh })
    }

    fn tip_after(
        &mut self,
        change: &Change,
        old: Option<&str>,
        author: &Author,
        at: Timestamp,
    ) -> Result<Option<String>, Refusal> {
        let existing =
            || old.map(str::to_owned).ok_or_else(|| Refusal::NoSuchRef(change.reference()));
        let absent = || match old {
            Some(_) => Err(Refusal::AlreadyThere(change.reference())),
            None => Ok(()),
        };
        match change {
            Change::Commits { count, .. } => {
                let tip = existing()?;
                Ok(Some(self.grow(tip, *count, author, at)))
            }
            Change::NewBranch { from, count, .. } => {
                absent()?;
                let tip = self.find(from)?;
                Ok(Some(self.grow(tip, *count, author, at)))
            }
            Change::Rewrite { dropped, count, .. } => {
                let tip = self.back(existing()?, *dropped)?;
                Ok(Some(self.grow(tip, *count, author, at)))
            }
            Change::NewTag { at, .. } => {
                absent()?;
                self.find(at).map(Some)
            }
            Change::MoveTag { at, .. } => {
                existing()?;
                self.find(at).map(Some)
            }
            Change::DeleteBranch { .. } | Change::DeleteTag { .. } => existing().map(|_| None),
        }
    }

    fn find(&self, name: &str) -> Result<String, Refusal> {
        let commit = self.resolve(name).ok_or_else(|| Refusal::NoSuchRef(name.to_owned()))?;
        Ok(commit.hash.clone())
    }

    fn back(&self, tip: String, steps: usize) -> Result<String, Refusal> {
        (0..steps).try_fold(tip, |hash, _| {
            let parent = self.commits.get(&hash).and_then(|commit| commit.parents.first());
            parent.cloned().ok_or(Refusal::NoSuchRef(hash))
        })
    }

    fn grow(&mut self, tip: String, count: usize, author: &Author, at: Timestamp) -> String {
        (0..count).fold(tip, |parent, _| {
            let message = format!("Change {}", self.order + 1);
            self.add(vec![parent], author, &message, at)
        })
    }
}
