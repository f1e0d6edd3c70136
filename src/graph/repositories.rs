//! Several repositories by one text, as people write them into a scope: `PAY/ledger`, `PAY/*`, `*/infra-*`, or one id.
//!
//! A name can change its owner; an id cannot. Who wants to be sure writes the id.

use std::fmt;
use std::str::FromStr;

use crate::graph::ConnectionId;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Snapshot;
use crate::graph::pattern;

/// Longest pattern: two names of Bitbucket's longest, 128 and 255 characters.
const MAX_PATTERN_BYTES: usize = 400;

/// Which repositories: `PROJECT/SLUG` (Cloud: `workspace/slug`) with `*` for any run of characters of either part, or an
/// id. Case is not compared, as Bitbucket does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPattern {
    text: String,
    means: Means,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Means {
    One(Id),
    /// Lower-case.
    Named(String),
}

/// A text that names no repositories.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no repository: write PROJECT/SLUG, such as `PAY/ledger`, with `*` for any run of characters, such as `PAY/*`"
)]
pub struct PatternError(String);

impl RepositoryPattern {
    /// Whether it covers the repository of this id and, if it is known, this name.
    pub fn covers(&self, id: &Id, name: Option<&str>) -> bool {
        match (&self.means, name) {
            (Means::One(one), _) => one == id,
            (Means::Named(named), Some(name)) => pattern::within(named, &name.to_ascii_lowercase()),
            (Means::Named(_), None) => false,
        }
    }

    /// Whether it covers any repository that is known on this connection.
    pub fn is_known(&self, graph: &Snapshot, connection: &ConnectionId) -> bool {
        graph.all(Kind::Repository).any(|number| {
            graph.node(number).is_some_and(|node| {
                node.id.connection() == *connection
                    && self.covers(&node.id, graph.full_name(number).as_deref())
            })
        })
    }

    /// The connection it can only be about, if it is an id.
    pub fn connection(&self) -> Option<ConnectionId> {
        match &self.means {
            Means::One(id) => Some(id.connection()),
            Means::Named(_) => None,
        }
    }
}

impl FromStr for RepositoryPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || PatternError(text.chars().take(80).flat_map(char::escape_debug).collect());
        if let Ok(id) = text.parse::<Id>() {
            let means = Means::One(id.clone());
            let one = Self { text: text.to_owned(), means };
            return (id.kind() == Kind::Repository).then_some(one).ok_or_else(wrong);
        }
        // A personal project's key begins with `~`.
        let plain = |sign: char| sign.is_ascii_alphanumeric() || "._-~*".contains(sign);
        let part = |part: &str| !part.is_empty() && part.chars().all(plain);
        match text.split_once('/') {
            Some((home, slug)) if part(home) && part(slug) && text.len() <= MAX_PATTERN_BYTES => {
                let means = Means::Named(text.to_ascii_lowercase());
                Ok(Self { text: text.to_owned(), means })
            }
            Some(_) | None => Err(wrong()),
        }
    }
}

impl fmt::Display for RepositoryPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, name: &str) -> bool {
        let id: Id = "acme-dc/repository/6".parse().unwrap();
        pattern.parse::<RepositoryPattern>().unwrap().covers(&id, Some(name))
    }

    #[test]
    fn a_star_is_any_run_of_one_part_and_case_is_not_compared() {
        for (pattern, name, is) in [
            ("PAY/ledger", "PAY/ledger", true),
            ("pay/LEDGER", "PAY/ledger", true),
            ("PAY/ledger", "PAY/ledger2", false),
            ("PAY/ledger", "XPAY/ledger", false),
            ("PAY/*", "PAY/ledger", true),
            ("PAY/*", "PAYX/ledger", false),
            ("PAY*/*", "PAYX/ledger", true),
            ("*/infra-*", "OPS/infra-dns", true),
            ("*/infra-*", "OPS/dns", false),
            ("~ravi/*", "~RAVI/notes", true),
            ("*/*", "OPS/dns", true),
        ] {
            assert_eq!(covers(pattern, name), is, "{pattern} {name}");
        }
    }

    #[test]
    fn an_id_covers_itself_alone() {
        assert!(covers("acme-dc/repository/6", "any/thing"));
        assert!(!covers("acme-dc/repository/7", "any/thing"));
        let id: Id = "acme-dc/repository/6".parse().unwrap();
        assert!(!"*/*".parse::<RepositoryPattern>().unwrap().covers(&id, None), "nameless");
    }

    #[test]
    fn any_other_text_is_refused() {
        for text in [
            "",
            "PAY",
            "PAY/",
            "/ledger",
            "PAY/a/b",
            "acme-dc/user/6",
            "PAY/le dger",
            "a\nb/c",
            "PAY/[a]",
        ] {
            let told = text.parse::<RepositoryPattern>().unwrap_err().to_string();
            assert!(told.contains("PROJECT/SLUG") && !told.contains('\n'), "{told}");
        }
        assert!(format!("a/{}", "b".repeat(400)).parse::<RepositoryPattern>().is_err());
    }
}
