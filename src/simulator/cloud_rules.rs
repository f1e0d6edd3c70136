//! Cloud's branch restrictions, as far as they stop a push or a merge outright.

use uuid::Uuid;

use crate::simulator::cloud::Matcher;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Restriction;
use crate::simulator::cloud::Workspace;
use crate::simulator::git::Change;
use crate::simulator::pulls::PullRequest;
use crate::simulator::pulls::View;
use crate::simulator::refusal::Refusal;

/// `push` lets only the listed people push (nobody, when it lists nobody); `delete` forbids deleting. Tags are free.
pub(crate) fn allow_push(
    home: &Workspace,
    found: &Repository,
    change: &Change,
    by: Uuid,
) -> Result<(), Refusal> {
    let reference = change.reference();
    for rule in matching(found, &reference) {
        let stops = match rule.kind.as_str() {
            "push" => !listed(home, rule, by),
            "delete" => matches!(change, Change::DeleteBranch { .. }),
            _ => false,
        };
        if stops {
            return Err(Refusal::Restricted { rule: rule.kind.clone(), reference });
        }
    }
    Ok(())
}

/// `force` forbids dropping history.
pub(crate) fn allow_force(found: &Repository, reference: &str) -> Result<(), Refusal> {
    if matching(found, reference).any(|rule| rule.kind == "force") {
        return Err(Refusal::Restricted {
            rule: "force".to_owned(),
            reference: reference.to_owned(),
        });
    }
    Ok(())
}

/// `restrict_merges` always binds. The checks bind only with `enforce_merge_checks`, which is Premium; without it they
/// are advice.
pub(crate) fn allow_merge(
    home: &Workspace,
    found: &Repository,
    pull: &PullRequest<Uuid>,
    by: Uuid,
) -> Result<(), Refusal> {
    let reference = format!("refs/heads/{}", pull.destination.branch);
    let enforced =
        home.premium && matching(found, &reference).any(|rule| rule.kind == "enforce_merge_checks");
    for rule in matching(found, &reference) {
        let stops = match rule.kind.as_str() {
            "restrict_merges" => !listed(home, rule, by),
            "require_approvals_to_merge" => enforced && approvals(pull) < rule.value.unwrap_or(1),
            "require_passing_builds_to_merge" => {
                enforced && !builds_pass(found, &pull.source.commit, rule.value.unwrap_or(1))
            }
            "require_no_changes_requested" => {
                enforced
                    && pull.opinions.iter().any(|opinion| opinion.view == View::ChangesRequested)
            }
            _ => false,
        };
        if stops {
            return Err(Refusal::Restricted { rule: rule.kind.clone(), reference });
        }
    }
    Ok(())
}

fn approvals(pull: &PullRequest<Uuid>) -> u64 {
    pull.opinions.iter().map(|opinion| u64::from(opinion.view == View::Approved)).sum()
}

/// Enough successes, and nothing failed or still running.
fn builds_pass(found: &Repository, commit: &str, needed: u64) -> bool {
    let here = || found.statuses.iter().filter(|status| status.commit == commit);
    let good: u64 = here().map(|status| u64::from(status.state == "SUCCESSFUL")).sum();
    good >= needed && !here().any(|status| matches!(status.state.as_str(), "FAILED" | "INPROGRESS"))
}

fn listed(home: &Workspace, rule: &Restriction, by: Uuid) -> bool {
    let in_group = |slug: &String| {
        home.groups.iter().any(|group| group.slug == *slug && group.members.contains(&by))
    };
    rule.users.contains(&by) || rule.groups.iter().any(in_group)
}

fn matching<'a>(
    found: &'a Repository,
    reference: &str,
) -> impl Iterator<Item = &'a Restriction> + use<'a> {
    let branch = reference.strip_prefix("refs/heads/").map(str::to_owned);
    found.restrictions.iter().filter(move |rule| {
        let Some(branch) = branch.as_deref() else { return false };
        match &rule.matcher {
            Matcher::Glob(pattern) => glob(pattern, branch),
            Matcher::Model(kind) => in_model(found, kind, branch),
        }
    })
}

fn in_model(found: &Repository, kind: &str, branch: &str) -> bool {
    match kind {
        "development" => {
            found.development.as_deref().or(found.mainbranch.as_deref()) == Some(branch)
        }
        "production" => found.production.as_deref() == Some(branch),
        other => branch.strip_prefix(other).is_some_and(|rest| rest.starts_with('/')),
    }
}

/// `*` stands for any text; everything else for itself.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain(std::iter::once(rest.len()))
                .filter_map(|at| rest.get(at..))
                .any(|tail| glob(after, tail))
        }),
    }
}
