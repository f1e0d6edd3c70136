//! Which branch restrictions stand in the way of which deed, in both products' words.

use crate::graph::Capability;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::NodeNo;
use crate::graph::Product;
use crate::graph::Relation;
use crate::graph::Snapshot;
use crate::graph::Why;
use crate::graph::capability::Gate;
use crate::graph::capability::Named;
use crate::graph::path::plain;
use crate::graph::protect::Covering;
use crate::graph::protect::Found;
use crate::graph::protect::Rule;

/// Cloud's kinds that stop neither an ordinary push nor the merge itself.
const CLOUD_OTHERS: &[&str] = &[
    "delete",
    "force",
    "require_approvals_to_merge",
    "require_default_reviewer_approvals_to_merge",
    "require_review_group_approvals_to_merge",
    "require_no_changes_requested",
    "require_tasks_to_be_completed",
    "require_all_comments_resolved",
    "require_passing_builds_to_merge",
    "require_commits_behind",
    "require_all_dependencies_merged",
    "reset_pullrequest_approvals_on_change",
    "smart_reset_pullrequest_approvals",
    "reset_pullrequest_changes_requested_on_change",
    "allow_auto_merge_when_builds_pass",
    "enforce_merge_checks",
];

/// Whether a rule of this kind stops a push or a merge; unknown for a word that is newer than we are.
fn stops(product: Product, kind: &str, deed: Capability) -> Known<bool> {
    let pushes = deed == Capability::Push;
    let stops = match (product, kind) {
        (Product::Cloud, "push") | (Product::DataCenter, "pull-request-only" | "no-creates") => {
            pushes
        }
        (Product::Cloud, "restrict_merges") => !pushes,
        (Product::Cloud, kind) if CLOUD_OTHERS.contains(&kind) => false,
        (Product::DataCenter, "read-only") => true,
        (Product::DataCenter, "no-deletes" | "fast-forward-only") => false,
        (Product::Cloud | Product::DataCenter, other) => {
            return Known::Unknown(Why::said(format!(
                "we do not know what a rule of kind `{}` stops",
                other.chars().take(60).flat_map(char::escape_debug).collect::<String>()
            )));
        }
    };
    Known::Value(stops)
}

/// The gates that the rules over a ref put before a push or a merge.
pub(super) fn gates(
    graph: &Snapshot,
    repository: NodeNo,
    name: &str,
    deed: Capability,
    covering: &Covering,
) -> Vec<Gate> {
    match graph.product(repository.0) {
        Some(Product::DataCenter) => data_center(graph, repository, name, deed, covering),
        Some(Product::Cloud) | None => {
            let project = cloud_project(graph, repository, name, covering);
            vec![cloud(graph, deed, &covering.own), project]
        }
    }
}

/// Cloud's lists of who may: whom all of them name, for certain.
fn cloud(graph: &Snapshot, deed: Capability, own: &Found) -> Gate {
    let mut rules = Vec::new();
    let mut more = own.maybe.clone();
    for rule in &own.rules {
        match rule.kind.clone().map(|kind| stops(Product::Cloud, &kind, deed)) {
            Known::Value(Known::Value(true)) => rules.push(named(graph, rule)),
            Known::Value(Known::Value(false) | Known::Nothing) | Known::Nothing => {}
            Known::Value(Known::Unknown(why)) | Known::Unknown(why) => more = more.or(Some(why)),
        }
    }
    Gate::Named { rules, more }
}

/// What the project's rules, which nothing tells, may say: they hold unless the repository left them.
fn cloud_project(graph: &Snapshot, repository: NodeNo, name: &str, covering: &Covering) -> Gate {
    let left = graph.flag(repository, "own_restrictions") == Known::Value(true);
    let open = match &covering.project.maybe {
        Some(why) if !left && name.starts_with("refs/heads/") => Known::Unknown(why.clone()),
        Some(_) | None => Known::Value(true),
    };
    Gate::Fact { open, opened: String::new(), shut: "a rule of the project stops it".to_owned() }
}

/// Data Center's rules: each of them has to let through.
fn data_center(
    graph: &Snapshot,
    repository: NodeNo,
    name: &str,
    deed: Capability,
    covering: &Covering,
) -> Vec<Gate> {
    let mut gates = Vec::new();
    for rule in covering.own.rules.iter().chain(&covering.project.rules) {
        let judged = rule.kind.clone().map(|kind| {
            if kind == "no-creates" && deed == Capability::Push {
                creates(graph, repository, name)
            } else {
                stops(Product::DataCenter, &kind, deed)
            }
        });
        match judged {
            Known::Value(Known::Value(true)) => {
                gates.push(Gate::Named { rules: vec![named(graph, rule)], more: None });
            }
            Known::Value(Known::Value(false) | Known::Nothing) | Known::Nothing => {}
            Known::Value(Known::Unknown(why)) | Known::Unknown(why) => {
                gates.push(Gate::Named { rules: vec![named(graph, rule)], more: Some(why) });
            }
        }
    }
    let maybe = covering.own.maybe.as_ref().or(covering.project.maybe.as_ref());
    gates.push(Gate::Fact {
        open: maybe.map_or(Known::Value(true), |why| Known::Unknown(why.clone())),
        opened: if gates.is_empty() { unruled(deed) } else { String::new() },
        shut: "a rule that was not read stops it".to_owned(),
    });
    gates
}

/// A rule against new refs stops a push only where there is no such ref yet.
fn creates(graph: &Snapshot, repository: NodeNo, name: &str) -> Known<bool> {
    let branch = name.strip_prefix("refs/heads/");
    let is_default = branch
        .is_some_and(|branch| graph.text(repository, "default_branch") == Known::Value(branch));
    let is_known = graph.incoming_by(repository.0, Relation::In).any(|number| {
        let id = graph.node(NodeNo(number)).map(|node| &node.id);
        id.is_some_and(|id| id.native().split_once(':').is_some_and(|(_, told)| told == name))
    });
    if is_default || is_known {
        return Known::Value(false);
    }
    Known::unknown(
        "new refs may not be made there, and nothing we have read tells whether it exists",
    )
}

/// What is said where no rule stands in the way.
pub(super) fn unruled(deed: Capability) -> String {
    let what = if deed == Capability::Push { "pushes to" } else { "merges into" };
    format!("no rule limits {what} it")
}

/// A rule in words.
fn named(graph: &Snapshot, rule: &Rule) -> Named {
    let text = |name: &str| graph.text(rule.node, name).value().copied();
    let kind = rule.kind.value().map_or("a rule of a kind we could not read", String::as_str);
    let place = text("pattern").or(text("branch_type")).unwrap_or("every ref");
    let scope = if rule.scope == Kind::Project { " of the project" } else { "" };
    Named { rule: rule.node, said: plain(&format!("`{kind}` on `{place}`{scope}")) }
}
