//! What protects a ref: the restrictions that cover it, whom they let through, and whether its changes are reviewed.
//!
//! Patterns are resolved here, so that no rule has to: a policy reads the answer. Sources: Atlassian's "Use branch
//! permissions" and "Merge checks" (Cloud), "Using branch permissions" (Data Center).

use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Why;
use crate::graph::pattern::ant;
use crate::graph::pattern::glob;
use crate::graph::snapshot::NOWHERE;
use crate::graph::snapshot::NodeNo;
use crate::graph::snapshot::Snapshot;

/// The longest ref name that is compared, bytes: longer than any a product takes. Comparing costs name times pattern;
/// of a longer one it stays unknown what covers it.
pub const MAX_REF_BYTES: usize = 1_100;

/// What protects one ref of one repository.
#[derive(Clone, Debug, PartialEq)]
pub struct Protection {
    /// Whether a rule of the repository or the connection's `protected_refs` protects it.
    pub protected: Known<bool>,
    /// Whether a rule of the project does. Cloud's API does not tell.
    pub project_rules: Known<bool>,
    /// Every rule that covers it, in order of id.
    pub rules: Vec<Rule>,
    /// Whom the rules about pushing let through, groups resolved to people, in order of id: on Cloud whom any of them
    /// names, on Data Center whom each of them names. Nothing: no such rule, every writer may push.
    pub exempt: Known<Vec<Id>>,
    /// Whether every change of it must have been reviewed: nobody but machines may push, and a merge needs an approval
    /// that is enforced. On Cloud by the repository's own rules, since the project's are not told.
    pub reviewed: Known<bool>,
}

/// A rule that covers the ref.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The restriction.
    pub node: NodeNo,
    /// The product's word: `push`, `force`, `read-only` …
    pub kind: Known<String>,
    /// Repository or project: where it is set.
    pub scope: Kind,
    /// The number it asks for.
    pub value: Known<u64>,
    /// Whom it lets through, groups resolved.
    pub exempt: Known<Vec<Id>>,
}

/// Cloud kinds that stop nothing by themselves.
const SWITCHES: &[&str] = &[
    "allow_auto_merge_when_builds_pass",
    "reset_pullrequest_approvals_on_change",
    "smart_reset_pullrequest_approvals",
    "reset_pullrequest_changes_requested_on_change",
];

/// Cloud kinds that ask for an approval.
const APPROVALS: &[&str] = &[
    "require_approvals_to_merge",
    "require_default_reviewer_approvals_to_merge",
    "require_review_group_approvals_to_merge",
];

/// Kinds that stop a push: Cloud's, and Data Center's two.
const PUSHES: &[&str] = &["push", "read-only", "pull-request-only"];

/// Cloud tells the plan of a workspace nowhere: the operator does, or nobody.
const PLAN_UNTOLD: Why = Why::fixed(
    "nothing we have read tells whether the plan is Premium, and without it merge checks only advise",
);

/// The rules that cover a ref, and why there may be another one.
pub(in crate::graph) struct Found {
    pub rules: Vec<Rule>,
    pub maybe: Option<Why>,
}

/// The rules that cover a ref, by where they are set.
pub(in crate::graph) struct Covering {
    /// On the repository.
    pub own: Found,
    /// On its project. Cloud's API does not tell them.
    pub project: Found,
}

impl Snapshot {
    /// What protects a ref, given by its full name. `protected_refs` are the connection's own globs: one that begins
    /// with `refs/` is compared with the full name, any other with the name of a branch.
    pub fn protecting(
        &self,
        repository: NodeNo,
        name: &str,
        protected_refs: &[String],
    ) -> Protection {
        let cloud = self.product(repository.0) == Some(Product::Cloud);
        let Covering { own, project } = self.covering(repository, name);
        let listed =
            name.len() <= MAX_REF_BYTES && protected_refs.iter().any(|glob| names(glob, name));
        let protected = if listed { Known::Value(true) } else { guards(&own) };
        let project_rules = guards(&project);
        let maybe = if cloud { own.maybe.clone() } else { own.maybe.clone().or(project.maybe) };
        let mut rules = own.rules;
        rules.extend(project.rules);
        let all = Found { rules, maybe };
        let exempt = exempt(&all, cloud);
        let reviewed = self.reviewed(repository, name, &all, &exempt);
        let mut rules = all.rules;
        rules.sort_by_key(|rule| self.node(rule.node).map(|node| node.id.clone()));
        Protection { protected, project_rules, rules, exempt, reviewed }
    }

    /// The rules that cover a ref of a repository.
    pub(in crate::graph) fn covering(&self, repository: NodeNo, name: &str) -> Covering {
        let own = self.rules_on(repository.0, repository, name);
        let untold = |why| Found { rules: Vec::new(), maybe: Some(Why::fixed(why)) };
        let project = match self.card(repository.0).home {
            _ if self.product(repository.0) == Some(Product::Cloud) => {
                untold("Bitbucket Cloud's API does not tell the rules of a project")
            }
            NOWHERE => untold("nothing we have read tells its project"),
            project => self.rules_on(project, repository, name),
        };
        Covering { own, project }
    }

    /// The rules set on a place that cover the ref.
    fn rules_on(&self, place: u32, repository: NodeNo, name: &str) -> Found {
        let mut found =
            Found { rules: Vec::new(), maybe: self.doubt(place, "restrictions").cloned() };
        for number in self.incoming_by(place, Relation::Restricts) {
            match self.covers(NodeNo(number), repository, name) {
                Known::Value(true) => found.rules.push(self.rule(number, place)),
                Known::Value(false) | Known::Nothing => {}
                Known::Unknown(why) => found.maybe = found.maybe.or(Some(why)),
            }
        }
        found
    }

    fn rule(&self, number: u32, place: u32) -> Rule {
        let node = NodeNo(number);
        let people = self.people(self.incoming_by(number, Relation::Exempt));
        let unknown = self.doubt(number, "exempt").cloned().or(people.unknown);
        let ids = self.ids(people.nodes.into_iter().map(|node| node.0));
        Rule {
            node,
            kind: self.text(node, "kind").map(ToOwned::to_owned),
            scope: self.card(place).kind,
            value: self.whole(node, "value"),
            exempt: unknown.map_or(Known::Value(ids), Known::Unknown),
        }
    }

    /// Whether a restriction covers a ref of a repository.
    fn covers(&self, restriction: NodeNo, repository: NodeNo, name: &str) -> Known<bool> {
        if name.len() > MAX_REF_BYTES {
            return Known::unknown("its name is longer than any ref's of this product");
        }
        let found = self.text(restriction, "match");
        let pattern = self.text(restriction, "pattern");
        let branch = name.strip_prefix("refs/heads/");
        let by = |test: &dyn Fn(&str) -> bool| pattern.clone().map(test);
        match found {
            Known::Value("any") => Known::Value(true),
            Known::Value("glob") => {
                by(&|pattern| branch.is_some_and(|branch| glob(pattern, branch)))
            }
            Known::Value("pattern") => by(&|pattern| ant(pattern, name)),
            Known::Value("branch") => by(&|pattern| full(pattern) == name),
            Known::Value("branching_model" | "model_branch" | "model_category") => {
                self.in_model(restriction, repository, branch)
            }
            Known::Value(_) | Known::Nothing => {
                Known::unknown("we do not know how this rule finds its refs")
            }
            Known::Unknown(why) => Known::Unknown(why),
        }
    }

    /// Whether the repository's branching model puts a branch where a restriction applies.
    fn in_model(
        &self,
        restriction: NodeNo,
        repository: NodeNo,
        branch: Option<&str>,
    ) -> Known<bool> {
        let Some(branch) = branch else { return Known::Value(false) };
        let (whole, attribute) = match self.text(restriction, "branch_type") {
            Known::Value("development") => (true, "model_development"),
            Known::Value("production") => (true, "model_production"),
            Known::Value("feature") => (false, "model_feature"),
            Known::Value("bugfix") => (false, "model_bugfix"),
            Known::Value("release") => (false, "model_release"),
            Known::Value("hotfix") => (false, "model_hotfix"),
            Known::Value(_) | Known::Nothing => {
                return Known::unknown(
                    "we do not know which part of the branching model this rule is about",
                );
            }
            Known::Unknown(why) => return Known::Unknown(why),
        };
        match self.text(repository, attribute) {
            Known::Value(named) if whole => Known::Value(branch == named),
            Known::Value(prefix) => Known::Value(!prefix.is_empty() && branch.starts_with(prefix)),
            Known::Nothing => Known::Value(false),
            Known::Unknown(why) => Known::Unknown(why),
        }
    }

    fn reviewed(
        &self,
        repository: NodeNo,
        name: &str,
        found: &Found,
        exempt: &Known<Vec<Id>>,
    ) -> Known<bool> {
        if !name.starts_with("refs/heads/") {
            return Known::Value(false);
        }
        let closed = match exempt {
            Known::Value(ids) => Known::Value(ids.iter().all(|id| machine(id.kind()))),
            Known::Nothing => Known::Value(false),
            Known::Unknown(why) => Known::Unknown(why.clone()),
        };
        both(closed, self.approval_enforced(repository, found))
    }

    /// Whether a merge needs an approval that is enforced: on Cloud by these rules and only with Premium, on Data Center
    /// by the repository's merge checks.
    pub(in crate::graph) fn approval_enforced(
        &self,
        repository: NodeNo,
        found: &Found,
    ) -> Known<bool> {
        if self.product(repository.0) != Some(Product::Cloud) {
            return self.whole(repository, "required_approvals").map(|count| count >= 1);
        }
        let asks = |rule: &Rule| match (&rule.kind, &rule.value) {
            (Known::Value(kind), _) if !APPROVALS.contains(&kind.as_str()) => Known::Value(false),
            (Known::Unknown(why), _) | (Known::Value(_), Known::Unknown(why)) => {
                Known::Unknown(why.clone())
            }
            (Known::Value(_), Known::Value(count)) => Known::Value(*count >= 1),
            (Known::Nothing, _) | (Known::Value(_), Known::Nothing) => Known::Value(false),
        };
        let enforces = |rule: &Rule| rule.kind.clone().map(|kind| kind == "enforce_merge_checks");
        let workspace = self.home(self.card(repository.0)).and_then(|home| home.workspace);
        // Without Premium a merge check is advice, whatever the rules say.
        let mut premium = workspace
            .map_or(Known::Unknown(Why::NOT_TOLD), |number| self.flag(NodeNo(number), "premium"));
        premium.learn_why(&PLAN_UNTOLD);
        let checks = both(any(found, asks), any(found, enforces));
        both(checks, premium)
    }
}

/// Whether one of the connection's globs names a ref.
pub fn names(pattern: &str, name: &str) -> bool {
    if pattern.starts_with("refs/") {
        return glob(pattern, name);
    }
    name.strip_prefix("refs/heads/").is_some_and(|branch| glob(pattern, branch))
}

/// A branch given short or in full. `refs/heads/refs/heads/x` is a branch called `refs/heads/x` and only that.
fn full(pattern: &str) -> String {
    if pattern.starts_with("refs/") { pattern.to_owned() } else { format!("refs/heads/{pattern}") }
}

/// Those whose pushes no person makes. An agent works for a person and counts as one.
const fn machine(kind: Kind) -> bool {
    matches!(kind, Kind::App | Kind::Token | Kind::Key | Kind::Runner)
}

/// Whether a rule that stops something is among these.
pub(in crate::graph) fn guards(found: &Found) -> Known<bool> {
    any(found, |rule| match &rule.kind {
        Known::Value(kind) => Known::Value(!SWITCHES.contains(&kind.as_str())),
        // A rule of a kind we could not read is a rule.
        Known::Nothing | Known::Unknown(_) => Known::Value(true),
    })
}

/// Whether a rule is so; unknown if none is, but one could be.
pub(in crate::graph) fn any(found: &Found, test: impl Fn(&Rule) -> Known<bool>) -> Known<bool> {
    let mut maybe = found.maybe.clone();
    for rule in &found.rules {
        match test(rule) {
            Known::Value(true) => return Known::Value(true),
            Known::Value(false) | Known::Nothing => {}
            Known::Unknown(why) => maybe = maybe.or(Some(why)),
        }
    }
    maybe.map_or(Known::Value(false), Known::Unknown)
}

/// Both: one plain no is enough.
pub(in crate::graph) fn both(a: Known<bool>, b: Known<bool>) -> Known<bool> {
    match (a, b) {
        (Known::Value(false) | Known::Nothing, _) | (_, Known::Value(false) | Known::Nothing) => {
            Known::Value(false)
        }
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Known::Unknown(why),
        (Known::Value(true), Known::Value(true)) => Known::Value(true),
    }
}

/// Whom the push rules let through.
fn exempt(found: &Found, cloud: bool) -> Known<Vec<Id>> {
    let mut all: Option<Vec<Id>> = None;
    for rule in &found.rules {
        let stops = match &rule.kind {
            Known::Value(kind) => PUSHES.contains(&kind.as_str()),
            Known::Nothing => false,
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        if !stops {
            continue;
        }
        let ids = match &rule.exempt {
            Known::Value(ids) => ids.clone(),
            Known::Nothing => Vec::new(),
            Known::Unknown(why) => return Known::Unknown(why.clone()),
        };
        all = Some(match all {
            None => ids,
            Some(before) if cloud => before.into_iter().chain(ids).collect(),
            Some(before) => before.into_iter().filter(|id| ids.contains(id)).collect(),
        });
    }
    if let Some(why) = &found.maybe {
        return Known::Unknown(why.clone());
    }
    let sorted = all.map(|mut ids| {
        ids.sort();
        ids.dedup();
        ids
    });
    Known::or_nothing(sorted)
}
