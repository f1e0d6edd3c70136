//! What protects a branch, one concern at a time: review, direct pushes, history, deletion, builds.
//!
//! Each is yes as soon as one rule that was read says so. No takes every rule that could say so: where a project's are
//! not told, it stays unknown, but for a repository that left them. Sources: Atlassian's "Use branch permissions",
//! "Merge checks" and "Project settings" (Cloud), "Using branch permissions" and "Checks for merging pull requests"
//! (Data Center).

use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Rule;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::graph::protect::Covering;
use crate::graph::protect::Found;
use crate::graph::protect::any;
use crate::graph::protect::both;
use crate::graph::protect::guards;

/// What protects one branch. Facts in three values, never none.
#[derive(Clone, Debug, PartialEq)]
pub struct Guards {
    /// Whether any rule protects it at all.
    pub protected: Known<bool>,
    /// Whether a merge must have been approved.
    pub review: Known<bool>,
    /// Whether nobody may push to it directly.
    pub push: Known<bool>,
    /// Whom rules about pushing let through, each with the rule; nothing where no such rule was read.
    pub exempt: Known<Vec<(NodeNo, NodeNo)>>,
    /// Whether all approvals are dropped when new commits come.
    pub reset: Known<bool>,
    /// Whether they are if the diff changed.
    pub smart_reset: Known<bool>,
    /// Whether its history cannot be rewritten.
    pub force: Known<bool>,
    /// Whether it cannot be deleted.
    pub deletion: Known<bool>,
    /// Whether a merge must have passing builds.
    pub builds: Known<bool>,
    /// Whether merge checks stop a merge that fails them.
    pub enforced: Known<bool>,
}

/// Cloud kinds that ask for an approval.
const REVIEWS: &[&str] = &[
    "require_approvals_to_merge",
    "require_default_reviewer_approvals_to_merge",
    "require_review_group_approvals_to_merge",
    REQUIRED_REVIEWERS,
];

/// What we call Data Center's default reviewers that must approve: its API has no restriction of that name.
pub const REQUIRED_REVIEWERS: &str = "required-reviewers";

/// What we call Data Center's required builds.
pub const REQUIRED_BUILDS: &str = "required-builds";

const BUILDS: &[&str] = &["require_passing_builds_to_merge", REQUIRED_BUILDS];
const PUSHES: &[&str] = &["push", "read-only", "pull-request-only"];
const FORCES: &[&str] = &["force", "fast-forward-only", "read-only", "pull-request-only"];
const DELETIONS: &[&str] = &["delete", "no-deletes", "read-only"];

const PROJECT_UNTOLD: Why = Why::fixed(
    "Bitbucket Cloud's API does not tell the rules of a project: set the rule on the repository, or let it leave its project's (Repository settings, Branch restrictions, Override project settings)",
);

const DISAGREEING: Why = Why::fixed(
    "rules about pushing overlap here, and one lets somebody through whom another does not: make them one",
);

const HOMELESS: Why = Why::fixed("nothing we have read tells its project");

const RESET_UNTOLD: Why = Why::fixed(
    "Data Center's API does not tell whether approvals are dropped when new commits come: look under Repository settings, Pull requests, Unapprove automatically on new changes",
);

impl Snapshot {
    /// What protects a branch, given by its full name.
    pub fn guards(&self, repository: NodeNo, name: &str) -> Guards {
        let cloud = self.product(repository.0) == Some(Product::Cloud);
        let found = self.counting(repository, name, cloud);
        let of = |kinds: &[&str]| any(&found, |rule| is_one_of(rule, kinds));
        let (reset, smart_reset) = if cloud {
            let smart = of(&["smart_reset_pullrequest_approvals"]);
            (of(&["reset_pullrequest_approvals_on_change"]), smart)
        } else {
            (Known::Unknown(RESET_UNTOLD), Known::Unknown(RESET_UNTOLD))
        };
        Guards {
            protected: guards(&found),
            review: self.asked_for(repository, (&found, REVIEWS), "required_approvals"),
            push: closed(&found, cloud),
            exempt: self.let_through(&found),
            reset,
            smart_reset,
            force: of(FORCES),
            deletion: of(DELETIONS),
            builds: self.asked_for(repository, (&found, BUILDS), "required_builds"),
            enforced: self.enforced(repository, &found, cloud),
        }
    }

    /// The rules that count for a ref, own and the project's.
    fn counting(&self, repository: NodeNo, name: &str, cloud: bool) -> Found {
        let Covering { own, project } = self.covering(repository, name);
        let left = || self.flag(repository, "own_restrictions") == Known::Value(true);
        let (more, maybe) = match (cloud, self.project_of(repository)) {
            (true, _) if left() => (Vec::new(), None),
            (true, _) => (Vec::new(), Some(PROJECT_UNTOLD)),
            (false, Some(_)) => (project.rules, project.maybe),
            (false, None) => (Vec::new(), Some(HOMELESS)),
        };
        let mut rules = own.rules;
        rules.extend(more);
        Found { rules, maybe: own.maybe.or(maybe) }
    }

    /// Whether a merge needs at least one of something: by a rule, or by the repository's merge checks (Data Center).
    fn asked_for(
        &self,
        repository: NodeNo,
        (found, kinds): (&Found, &[&str]),
        attribute: &str,
    ) -> Known<bool> {
        let by_rule = any(found, |rule| both(is_one_of(rule, kinds), at_least_one(rule)));
        if self.product(repository.0) == Some(Product::Cloud) {
            return by_rule;
        }
        either(by_rule, self.whole(repository, attribute).map(|count| count >= 1))
    }

    /// A Cloud merge check stops a merge only where a rule says so and the plan is Premium; a Data Center one always.
    fn enforced(&self, repository: NodeNo, found: &Found, cloud: bool) -> Known<bool> {
        if !cloud {
            return Known::Value(true);
        }
        both(
            self.premium(repository),
            any(found, |rule| is_one_of(rule, &["enforce_merge_checks"])),
        )
    }

    /// Whether the plan of a repository's workspace is Premium (Cloud).
    pub fn premium(&self, repository: NodeNo) -> Known<bool> {
        match self.workspace_of(repository) {
            Some(workspace) => self.flag(workspace, "premium"),
            None => Known::unknown("nothing we have read tells its workspace"),
        }
    }

    /// Everyone whom a rule about pushing names, with that rule, in order of rule and id.
    fn let_through(&self, found: &Found) -> Known<Vec<(NodeNo, NodeNo)>> {
        let mut all = Vec::new();
        let mut seen = false;
        for rule in &found.rules {
            match is_one_of(rule, PUSHES) {
                Known::Value(true) => seen = true,
                Known::Value(false) | Known::Nothing => continue,
                Known::Unknown(why) => return Known::Unknown(why),
            }
            if let Some(why) = self.doubt(rule.node.0, "exempt") {
                return Known::Unknown(why.clone());
            }
            let named = self.incoming_by(rule.node.0, Relation::Exempt);
            all.extend(named.map(|who| (NodeNo(who), rule.node)));
        }
        match (seen, &found.maybe) {
            (true, _) => Known::Value(all),
            (false, None) => Known::Nothing,
            (false, Some(why)) => Known::Unknown(why.clone()),
        }
    }
}

fn is_one_of(rule: &Rule, kinds: &[&str]) -> Known<bool> {
    rule.kind.clone().map(|kind| kinds.contains(&kind.as_str()))
}

/// A rule without a number asks for one.
fn at_least_one(rule: &Rule) -> Known<bool> {
    match &rule.value {
        Known::Value(count) => Known::Value(*count >= 1),
        Known::Nothing => Known::Value(true),
        Known::Unknown(why) => Known::Unknown(why.clone()),
    }
}

/// Whether nobody may push. On Data Center one rule that lets nobody through is enough; on Cloud rules that overlap and
/// disagree are told to be judged by which is more particular, and how exactly is not.
fn closed(found: &Found, cloud: bool) -> Known<bool> {
    let by_one = any(found, |rule| both(is_one_of(rule, PUSHES), lets_nobody(rule)));
    if !cloud || by_one != Known::Value(true) {
        return by_one;
    }
    // Whatever a project's rules say, they come on top of these.
    let told = Found { rules: found.rules.clone(), maybe: None };
    let lets_some = |rule: &Rule| both(is_one_of(rule, PUSHES), lets_nobody(rule).map(|no| !no));
    match any(&told, lets_some) {
        Known::Value(true) => Known::Unknown(DISAGREEING),
        Known::Value(false) | Known::Nothing => by_one,
        Known::Unknown(why) => Known::Unknown(why),
    }
}

fn lets_nobody(rule: &Rule) -> Known<bool> {
    match &rule.exempt {
        Known::Value(ids) => Known::Value(ids.is_empty()),
        Known::Nothing => Known::Value(true),
        Known::Unknown(why) => Known::Unknown(why.clone()),
    }
}

/// One of them: one plain yes is enough.
fn either(a: Known<bool>, b: Known<bool>) -> Known<bool> {
    match (a, b) {
        (Known::Value(true), _) | (_, Known::Value(true)) => Known::Value(true),
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Known::Unknown(why),
        (Known::Value(false) | Known::Nothing, Known::Value(false) | Known::Nothing) => {
            Known::Value(false)
        }
    }
}
