//! The permission of a row: Bitbucket's names of permissions, or the words its pages use for them.

use crate::bitbucket::datacenter::csv::header::plain;
use crate::graph::Product;
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
    pub(super) fn read(word: &str, scope: Scope, product: Product) -> Self {
        let plain = plain(word);
        match plain.as_str() {
            "" => return Self::Empty,
            "no_access" | "none" | "no" => return Self::Nothing,
            "unknown" if word == csv::UNKNOWN => return Self::Unknown,
            _ => {}
        }
        let own =
            [Scope::Global, Scope::Project, Scope::Repository].into_iter().find_map(|scope| {
                named(&plain, scope, product).map(|words| Self::Grants(scope, words))
            });
        let shown = || shown(&plain, scope, product).map(|words| Self::Grants(scope, words));
        // `ADMIN` is the name of a global permission and the pages' word for the other two.
        let read = if plain == "admin" { shown() } else { own.or_else(shown) };
        read.unwrap_or(Self::Foreign)
    }
}

/// The name of a permission, which belongs to one scope.
fn named(word: &str, scope: Scope, product: Product) -> Option<&'static [Relation]> {
    let server = product == Product::DataCenter;
    match (scope, word) {
        (Scope::Global, "licensed_user") => Some(&[Relation::Licensed]),
        (Scope::Global, "project_create") if server => {
            Some(&[Relation::Licensed, Relation::Create])
        }
        (Scope::Global, "project_create") => Some(&[Relation::Create]),
        (Scope::Global, "sys_admin") => Some(&[Relation::Licensed, Relation::Admin]),
        (Scope::Project, "project_read") => Some(&[Relation::Read]),
        (Scope::Project, "project_write") => Some(&[Relation::Write]),
        (Scope::Project, "repo_create") => Some(&[Relation::Create]),
        (Scope::Project, "project_admin") => Some(&[Relation::Admin]),
        (Scope::Repository, "repo_read") => Some(&[Relation::Read]),
        (Scope::Repository, "repo_write") => Some(&[Relation::Write]),
        (Scope::Repository, "repo_admin") => Some(&[Relation::Admin]),
        (Scope::Global | Scope::Project | Scope::Repository, _) => None,
    }
}

/// A word of Bitbucket's pages, where it stands.
fn shown(word: &str, scope: Scope, product: Product) -> Option<&'static [Relation]> {
    let server = product == Product::DataCenter;
    match (scope, word) {
        (Scope::Global, "bitbucket_user" | "licensed") => Some(&[Relation::Licensed]),
        (Scope::Global, "project_creator") => named("project_create", scope, product),
        (Scope::Global, "admin" | "system_admin" | "system_administrator") if server => {
            Some(&[Relation::Licensed, Relation::Admin])
        }
        (Scope::Global, "admin") => Some(&[Relation::Admin]),
        (Scope::Global, "member") if !server => Some(&[Relation::Member]),
        (Scope::Global | Scope::Project, "owner") => Some(&[Relation::Owner]),
        (Scope::Project | Scope::Repository, "read") => Some(&[Relation::Read]),
        (Scope::Project | Scope::Repository, "write") => Some(&[Relation::Write]),
        (Scope::Project, "create" | "create_repo" | "create_repository") => {
            Some(&[Relation::Create])
        }
        (Scope::Project | Scope::Repository, "admin") => Some(&[Relation::Admin]),
        (Scope::Global | Scope::Project | Scope::Repository, _) => None,
    }
}
