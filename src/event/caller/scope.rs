//! What a caller that is no pipeline step may ask about. Who made its token, or configured its CI, said so; the caller
//! cannot widen it, and what lies outside is refused, not decided.

use crate::graph::Id;
use crate::graph::RepositoryPattern;

/// What may be asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Which repositories; none: every one of the connection.
    pub repositories: Option<Vec<RepositoryPattern>>,
    /// Which actions; empty: every one.
    pub actions: Vec<String>,
    /// Environments that the caller may name. What it names out of these is proven by its token; empty: it proves none.
    pub environments: Vec<String>,
}

impl Scope {
    /// The scope as it was written down. An empty list of repositories means all of them; a text that no longer names
    /// any covers none, so that it does not widen the rest.
    pub fn kept(repositories: &[String], actions: &[String], environments: &[String]) -> Self {
        let patterns = || repositories.iter().filter_map(|text| text.parse().ok()).collect();
        Self {
            repositories: (!repositories.is_empty()).then(patterns),
            actions: actions.to_vec(),
            environments: environments.to_vec(),
        }
    }

    /// Whether it covers the repository of this id and, if it is known, this name.
    pub fn has_repository(&self, id: &Id, name: Option<&str>) -> bool {
        let covered = |patterns: &Vec<RepositoryPattern>| {
            patterns.iter().any(|pattern| pattern.covers(id, name))
        };
        self.repositories.as_ref().is_none_or(covered)
    }

    /// Whether it covers the action.
    pub fn has_action(&self, action: &str) -> bool {
        self.actions.is_empty() || self.actions.iter().any(|known| known == action)
    }

    /// Whether naming this environment is proven by it. Case is not compared.
    pub fn proves_environment(&self, name: &str) -> bool {
        self.environments.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn what_is_not_named_is_outside_and_an_empty_list_is_everything_but_environments() {
        let id: Id = "acme-dc/repository/6".parse().unwrap();
        let all = Scope::kept(&[], &[], &[]);
        assert!(all.has_repository(&id, None) && all.has_action("deploy"));
        assert!(!all.proves_environment("staging"), "nobody said so");
        let some = Scope::kept(&texts(&["PAY/*"]), &texts(&["deploy"]), &texts(&["Staging"]));
        assert!(some.has_repository(&id, Some("PAY/ledger")) && some.has_action("deploy"));
        assert!(!some.has_repository(&id, Some("OPS/dns")) && !some.has_action("publish"));
        assert!(some.proves_environment("staging") && !some.proves_environment("production"));
    }

    #[test]
    fn a_text_that_names_nothing_does_not_become_everything() {
        let id: Id = "acme-dc/repository/6".parse().unwrap();
        let odd = Scope::kept(&texts(&["whatever"]), &[], &[]);
        assert!(!odd.has_repository(&id, Some("PAY/ledger")) && !odd.has_repository(&id, None));
    }
}
