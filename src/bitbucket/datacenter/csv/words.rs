//! The permission of a row: Bitbucket's names of permissions, or the words its pages use for them.

use crate::bitbucket::datacenter::csv::header::plain;
use crate::graph::Relation;
use crate::graph::csv;

/// Where a permission is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Global,
    Project,
    Repository,
}

impl Scope {
    pub(super) fn read(word: &str) -> Option<Self> {
        match plain(word).as_str() {
            "global" | "system" | "instance" | "workspace" => Some(Self::Global),
            "project" => Some(Self::Project),
            "repository" | "repo" => Some(Self::Repository),
            _ => None,
        }
    }
}

/// What a permission says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// Nothing is said.
    Empty,
    /// It is said that there is none.
    Nothing,
    /// It is said that it is unknown.
    Unknown,
    /// These words, here.
    Grants(Scope, &'static [Relation]),
    /// A word that is not ours.
    Foreign,
}

impl Permission {
    /// Reads a permission in a row of this scope. Names of permissions say their scope themselves; the pages' words are
    /// read by where the row stands.
    pub(super) fn read(word: &str, scope: Scope) -> Self {
        let plain = plain(word);
        match plain.as_str() {
            "" => return Self::Empty,
            "no_access" | "none" | "no" => return Self::Nothing,
            "unknown" if word == csv::UNKNOWN => return Self::Unknown,
            _ => {}
        }
        let named = NAMED.iter().find(|(_, name, _)| *name == plain);
        let shown = || SHOWN.iter().find(|(of, name, _)| *of == scope && *name == plain);
        let found = named.or_else(shown);
        found.map_or(Self::Foreign, |(scope, _, words)| Self::Grants(*scope, words))
    }
}

/// A word, where it is held, and what it grants there.
type Word = (Scope, &'static str, &'static [Relation]);

/// Names of permissions: each belongs to one scope.
const NAMED: [Word; 10] = [
    (Scope::Global, "licensed_user", &[Relation::Licensed]),
    (Scope::Global, "project_create", &[Relation::Licensed, Relation::Create]),
    (Scope::Global, "sys_admin", &[Relation::Licensed, Relation::Admin]),
    (Scope::Project, "project_read", &[Relation::Read]),
    (Scope::Project, "project_write", &[Relation::Write]),
    (Scope::Project, "repo_create", &[Relation::Create]),
    (Scope::Project, "project_admin", &[Relation::Admin]),
    (Scope::Repository, "repo_read", &[Relation::Read]),
    (Scope::Repository, "repo_write", &[Relation::Write]),
    (Scope::Repository, "repo_admin", &[Relation::Admin]),
];

/// Words of Bitbucket's pages, which mean what they mean where they stand.
const SHOWN: [Word; 18] = [
    (Scope::Global, "bitbucket_user", &[Relation::Licensed]),
    (Scope::Global, "licensed", &[Relation::Licensed]),
    (Scope::Global, "member", &[Relation::Member]),
    (Scope::Global, "project_creator", &[Relation::Licensed, Relation::Create]),
    (Scope::Global, "admin", &[Relation::Licensed, Relation::Admin]),
    (Scope::Global, "system_admin", &[Relation::Licensed, Relation::Admin]),
    (Scope::Global, "system_administrator", &[Relation::Licensed, Relation::Admin]),
    (Scope::Global, "owner", &[Relation::Owner]),
    (Scope::Project, "read", &[Relation::Read]),
    (Scope::Project, "write", &[Relation::Write]),
    (Scope::Project, "create", &[Relation::Create]),
    (Scope::Project, "create_repo", &[Relation::Create]),
    (Scope::Project, "create_repository", &[Relation::Create]),
    (Scope::Project, "admin", &[Relation::Admin]),
    (Scope::Project, "owner", &[Relation::Owner]),
    (Scope::Repository, "read", &[Relation::Read]),
    (Scope::Repository, "write", &[Relation::Write]),
    (Scope::Repository, "admin", &[Relation::Admin]),
];
