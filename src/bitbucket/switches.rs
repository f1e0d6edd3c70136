//! What a connection lets discovery read beyond what it always reads, how far it reaches at all, and which hosts are the
//! organisation's own. All are the operator's word: nothing of Bitbucket's changes them.

use std::net::IpAddr;

use crate::bitbucket::transport::CallClass;
use crate::bitbucket::transport::FetchError;
use crate::graph::Id;
use crate::graph::covers_segment;

/// The most hosts of one's own: each webhook is held against all of them.
pub const MAX_HOSTS: usize = 200;

/// The most projects and patterns of a scope: each repository is held against all of them.
pub const MAX_SCOPE: usize = 100;

/// Longest text of a scope, bytes: two names of Bitbucket's longest are shorter.
const MAX_SCOPE_TEXT: usize = 300;

/// The classes that are off until they are switched on.
const SWITCHED: &[CallClass] = &[CallClass::PipelineDefinition];

/// What is switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    classes: Vec<CallClass>,
    /// In small letters; `*.` in front takes every host below.
    own_hosts: Vec<String>,
    scope: Scope,
}

/// How far a connection reaches: whole projects by their keys, and repositories by patterns; everything if none is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

impl Scope {
    /// Everything.
    pub const fn all() -> Self {
        Self(Vec::new())
    }

    /// What these name: a project's key, or a pattern such as `PAY/led*`; on Cloud `acme/led*` too. Not judged: what was
    /// kept by an older version still holds.
    pub fn of(named: &[String]) -> Self {
        Self(named.to_vec())
    }

    /// The same, judged: a text that can name nothing would leave everything outside without a word.
    pub fn read(named: &[String]) -> Result<Self, SwitchError> {
        if named.len() > MAX_SCOPE {
            return Err(SwitchError::WideScope);
        }
        // A personal project's key begins with `~`.
        let plain = |sign: char| sign.is_ascii_alphanumeric() || "._-~".contains(sign);
        let key = |text: &str| !text.is_empty() && text.chars().all(plain);
        let glob = |text: &str| !text.is_empty() && text.chars().all(|it| it == '*' || plain(it));
        let is_good = |text: &str| match text.split_once('/') {
            Some((home, slug)) => glob(home) && glob(slug),
            None => key(text),
        };
        match named.iter().find(|text| text.len() > MAX_SCOPE_TEXT || !is_good(text)) {
            Some(wrong) => Err(SwitchError::Scope(shown(wrong))),
            None => Ok(Self::of(named)),
        }
    }

    /// What it names, as it was written; empty: everything.
    pub fn named(&self) -> &[String] {
        &self.0
    }

    /// Whether nothing lies outside.
    pub const fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a project lies within as a whole.
    pub fn has_project(&self, key: &str) -> bool {
        self.is_all() || self.0.iter().any(|one| is_project(one, key))
    }

    /// Whether a repository lies within: by its project, or by `PROJECT/slug`, or by the name that Bitbucket gives it. Case
    /// is not compared, as Bitbucket does not.
    pub fn has_repository(&self, project: &str, name: &str) -> bool {
        if self.has_project(project) {
            return true;
        }
        let slug = name.rsplit('/').next().unwrap_or_default();
        let by_project = format!("{project}/{slug}").to_ascii_lowercase();
        let name = name.to_ascii_lowercase();
        self.0
            .iter()
            .map(|one| one.to_ascii_lowercase())
            .any(|one| covers_segment(&one, &by_project) || covers_segment(&one, &name))
    }

    /// Whether a live question about a repository may be sent, which lies in this project under this name, as far as
    /// anybody told. Outside, the error is the one that discovery meets. Nobody told: it may lie outside, so it is not sent.
    pub(crate) fn may_ask(
        &self,
        repository: &Id,
        told: Option<(&str, &str)>,
        what: &'static str,
    ) -> Result<(), FetchError> {
        match told {
            _ if self.is_all() => Ok(()),
            Some((project, name)) => Sight::of(self.has_repository(project, name)).may_ask(what),
            None => Err(FetchError::Unplaced(repository.clone())),
        }
    }
}

fn is_project(one: &str, key: &str) -> bool {
    one.strip_suffix("/*").unwrap_or(one).eq_ignore_ascii_case(key)
}

/// Switches that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// No class of that name can be switched.
    #[error("`{0}` is no class that can be switched on: `pipeline-definition` is the only one")]
    Class(String),
    /// Not a host.
    #[error("`{0}` is no host: write it like `ci.example.com`, or `*.example.com` for all below")]
    Host(String),
    /// Too many.
    #[error("more than {MAX_HOSTS} hosts of one's own: name a whole domain, like `*.example.com`")]
    TooMany,
    /// Neither a project nor a pattern.
    #[error(
        "`{0}` names no project and no repository: write a project's whole key, like `PAY`, or a pattern of repositories, like `PAY/led*`"
    )]
    Scope(String),
    /// Too many of those.
    #[error("the scope names more than {MAX_SCOPE} projects and patterns: name whole projects")]
    WideScope,
}

impl Switches {
    /// Reads classes and hosts as a configuration writes them.
    pub fn read(classes: &[String], own_hosts: &[String]) -> Result<Self, SwitchError> {
        if own_hosts.len() > MAX_HOSTS {
            return Err(SwitchError::TooMany);
        }
        let class = |word: &String| {
            let known = CallClass::from_text(word).filter(|class| SWITCHED.contains(class));
            known.ok_or_else(|| SwitchError::Class(shown(word)))
        };
        let host = |text: &String| {
            let plain = text.strip_prefix("*.").unwrap_or(text);
            let good = |sign: char| sign.is_ascii_alphanumeric() || "-.:".contains(sign);
            let is_host = !plain.is_empty() && plain.chars().all(good);
            is_host.then(|| text.to_ascii_lowercase()).ok_or_else(|| SwitchError::Host(shown(text)))
        };
        Ok(Self {
            classes: classes.iter().map(class).collect::<Result<_, _>>()?,
            own_hosts: own_hosts.iter().map(host).collect::<Result<_, _>>()?,
            scope: Scope::all(),
        })
    }

    /// The same, reading so far and no further.
    #[must_use]
    pub fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// How far is read.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether this class is read: one that needs no switch always is.
    pub fn reads(&self, class: CallClass) -> bool {
        !SWITCHED.contains(&class) || self.classes.contains(&class)
    }

    /// Whether a host is none of the organisation's own; nothing where no own hosts were named. An address that nobody
    /// outside can have is always an own one.
    pub fn is_external(&self, host: &str) -> Option<bool> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let inside = match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local(),
            Err(_) => host == "localhost",
        };
        if inside {
            return Some(false);
        }
        if self.own_hosts.is_empty() {
            return None;
        }
        let own = self.own_hosts.iter().any(|own| match own.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|head| head.ends_with('.')),
            None => host == *own,
        });
        Some(!own)
    }
}

/// Whether a client asks at all: what lies outside a connection's scope is met with eyes closed, and each question for it
/// is an error, which discovery writes down as unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Open,
    Closed,
}

impl Sight {
    pub(crate) const fn of(within: bool) -> Self {
        if within { Self::Open } else { Self::Closed }
    }

    /// An error: this is not asked for.
    pub(crate) const fn may_ask(self, what: &'static str) -> Result<(), FetchError> {
        match self {
            Self::Open => Ok(()),
            Self::Closed => Err(FetchError::OutOfScope(what)),
        }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switches(hosts: &[&str]) -> Switches {
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        Switches::read(&[], &hosts).unwrap()
    }

    #[test]
    fn a_host_is_outside_only_where_the_own_ones_are_named() {
        let some = switches(&["ci.acme.example", "*.corp.example"]);
        for (host, external) in [
            ("ci.acme.example", false),
            ("CI.Acme.Example", false),
            ("build.corp.example", false),
            ("corp.example", true),
            ("evilcorp.example", true),
            ("collector.example.net", true),
            ("127.0.0.1", false),
            ("[::1]", false),
            ("10.1.2.3", false),
        ] {
            assert_eq!(some.is_external(host), Some(external), "{host}");
        }
        assert_eq!(switches(&[]).is_external("collector.example.net"), None);
        assert_eq!(switches(&[]).is_external("localhost"), Some(false));
    }

    #[test]
    fn a_scope_has_whole_projects_and_repositories_by_patterns() {
        let scope = |named: &[&str]| {
            Scope::of(&named.iter().map(|&one| one.to_owned()).collect::<Vec<_>>())
        };
        for (named, project, name, within) in [
            (&[][..], "OPS", "OPS/dns", true),
            (&["PAY"], "PAY", "PAY/ledger", true),
            (&["pay"], "PAY", "acme/billing", true),
            (&["PAY"], "OPS", "OPS/dns", false),
            (&["PAY/led*"], "PAY", "PAY/ledger", true),
            (&["PAY/led*"], "PAY", "PAY/web", false),
            (&["acme/b*"], "BILL", "acme/billing", true),
            (&["pay/LED*"], "PAY", "PAY/ledger", true),
            (&["NO"], "PAY", "PAY/ledger", false),
        ] {
            assert_eq!(scope(named).has_repository(project, name), within, "{named:?} {name}");
        }
        assert!(scope(&["PAY/*"]).has_project("PAY"));
        assert!(!scope(&["PAY/led*"]).has_project("PAY"), "its own grants are not asked for");
    }

    #[test]
    fn a_scope_that_can_name_nothing_is_refused_with_what_was_wrong() {
        let read = |text: &str| Scope::read(&[text.to_owned()]);
        for good in ["PAY", "pay_2", "~ravi", "PAY/*", "PAY/led*", "*/infra-*", "acme/a.b-c"] {
            assert!(read(good).is_ok(), "{good}");
        }
        for wrong in ["", "*", "PA*", "PAY/", "/ledger", "PAY/a/b", "PAY ledger", "PAY,OPS", "P\nY"]
        {
            let told = read(wrong).unwrap_err().to_string();
            assert!(told.contains("`PAY/led*`") && !told.contains('\n'), "{told}");
        }
        assert!(read("PA*").unwrap_err().to_string().starts_with("`PA*`"));
        assert!(read(&format!("PAY/{}", "a".repeat(300))).is_err());
        let many = |count: usize| Scope::read(&vec!["PAY".to_owned(); count]);
        assert!(many(MAX_SCOPE).is_ok() && many(MAX_SCOPE + 1).is_err());
    }

    #[test]
    fn what_nobody_placed_is_not_asked_for_where_something_lies_outside() {
        let id: Id = "acme/repository/7".parse().unwrap();
        let scope = Scope::of(&["PAY".to_owned()]);
        let ask = |scope: &Scope, told| scope.may_ask(&id, told, "the commit");
        assert_eq!(ask(&scope, Some(("PAY", "PAY/ledger"))), Ok(()));
        let outside = ask(&scope, Some(("OPS", "OPS/dns")));
        assert_eq!(outside, Err(FetchError::OutOfScope("the commit")));
        assert_eq!(ask(&scope, None), Err(FetchError::Unplaced(id.clone())));
        assert_eq!(ask(&Scope::all(), None), Ok(()));
    }

    #[test]
    fn a_class_that_needs_no_switch_is_refused_as_one() {
        let word = |word: &str| Switches::read(&[word.to_owned()], &[]);
        assert!(word("pipeline-definition").unwrap().reads(CallClass::PipelineDefinition));
        assert!(!Switches::default().reads(CallClass::PipelineDefinition));
        assert!(Switches::default().reads(CallClass::Metadata));
        for wrong in ["metadata", "source", ""] {
            assert!(word(wrong).is_err(), "{wrong}");
        }
        assert!(Switches::read(&[], &["https://x".to_owned()]).is_err());
    }
}
