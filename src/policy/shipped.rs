//! The rules that come with the program, their tests and the data they need.
//!
//! They are read at build time: a gateway without a policy folder serves exactly what was tested with it.

use crate::policy::bundle::SourceFile;

macro_rules! files {
    ($(#[$meta:meta])* $NAME:ident: $($path:literal),+ $(,)?) => {
        $(#[$meta])*
        pub const $NAME: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../policies/", $path)))),+];
    };
}

files![
    /// Every shipped file of the rules that answer events: its path below `policies/` and its text, sorted by path.
    FILES:
    "deploy/production_needs_approval.rego",
    "deploy/production_needs_approval_test.rego",
    "hook/sends_outside.rego",
    "hook/sends_outside_test.rego",
    "identity/beyond_its_principal.rego",
    "identity/beyond_its_principal_test.rego",
    "merge/needs_independent_approval.rego",
    "merge/needs_independent_approval_test.rego",
    "pipeline/on_demand_or_altered.rego",
    "pipeline/on_demand_or_altered_test.rego",
    "ref/branch_or_tag_deleted.rego",
    "ref/branch_or_tag_deleted_test.rego",
    "ref/deploy_from_protected.rego",
    "ref/deploy_from_protected_test.rego",
    "ref/force_push_to_protected.rego",
    "ref/force_push_to_protected_test.rego",
    "ref/push_skips_review.rego",
    "ref/push_skips_review_test.rego",
    "repository/forked_outside.rego",
    "repository/forked_outside_test.rego",
    "repository/opened_up.rego",
    "repository/opened_up_test.rego",
    "secret/read_from_unreviewed_ref.rego",
    "secret/read_from_unreviewed_ref_test.rego",
];

files![
    /// Every shipped file of the posture rules, in the same form.
    POSTURE:
    "posture/broad_write_access.rego",
    "posture/broad_write_access_test.rego",
    "posture/changes_not_reviewed.rego",
    "posture/changes_not_reviewed_test.rego",
    "posture/custom_check_advises.rego",
    "posture/custom_check_advises_test.rego",
    "posture/default_branch_builds_not_required.rego",
    "posture/default_branch_builds_not_required_test.rego",
    "posture/default_branch_deletion.rego",
    "posture/default_branch_deletion_test.rego",
    "posture/default_branch_direct_push.rego",
    "posture/default_branch_direct_push_test.rego",
    "posture/default_branch_exemptions.rego",
    "posture/default_branch_exemptions_test.rego",
    "posture/default_branch_force_push.rego",
    "posture/default_branch_force_push_test.rego",
    "posture/default_branch_merge_checks_advise.rego",
    "posture/default_branch_merge_checks_advise_test.rego",
    "posture/default_branch_review_not_required.rego",
    "posture/default_branch_review_not_required_test.rego",
    "posture/default_branch_stale_approvals.rego",
    "posture/default_branch_stale_approvals_test.rego",
    "posture/default_branch_unprotected.rego",
    "posture/default_branch_unprotected_test.rego",
    "posture/on_demand_pipelines_possible.rego",
    "posture/on_demand_pipelines_possible_test.rego",
    "posture/open_forks.rego",
    "posture/open_forks_test.rego",
    "posture/pipelines_disabled.rego",
    "posture/pipelines_disabled_test.rego",
    "posture/private_code_forked_in_public.rego",
    "posture/private_code_forked_in_public_test.rego",
    "posture/project_public.rego",
    "posture/project_public_test.rego",
    "posture/repository_public.rego",
    "posture/repository_public_test.rego",
    "posture/repository_stale.rego",
    "posture/repository_stale_test.rego",
    "posture/repository_unclassified.rego",
    "posture/repository_unclassified_test.rego",
];

/// The shipped rules that answer events, as a bundle that can be loaded or tested.
pub fn files() -> Vec<SourceFile> {
    sources(FILES)
}

/// The shipped posture rules, as a bundle that can be loaded or tested.
pub fn posture() -> Vec<SourceFile> {
    sources(POSTURE)
}

fn sources(table: &[(&str, &str)]) -> Vec<SourceFile> {
    table
        .iter()
        .map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect()
}
