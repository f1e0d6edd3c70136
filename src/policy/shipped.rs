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
    "posture/agent_shares_a_persons_credential.rego",
    "posture/agent_shares_a_persons_credential_test.rego",
    "posture/app_password_left_over.rego",
    "posture/app_password_left_over_test.rego",
    "posture/branch_protection_not_enforced.rego",
    "posture/branch_protection_not_enforced_test.rego",
    "posture/broad_write_access.rego",
    "posture/broad_write_access_test.rego",
    "posture/changes_not_reviewed.rego",
    "posture/changes_not_reviewed_test.rego",
    "posture/credential_never_rotated.rego",
    "posture/credential_never_rotated_test.rego",
    "posture/credential_not_used.rego",
    "posture/credential_not_used_test.rego",
    "posture/credential_wider_than_used.rego",
    "posture/credential_wider_than_used_test.rego",
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
    "posture/key_older_than_180_days.rego",
    "posture/key_older_than_180_days_test.rego",
    "posture/leaver_still_has_access.rego",
    "posture/leaver_still_has_access_test.rego",
    "posture/merge_without_passing_builds.rego",
    "posture/merge_without_passing_builds_test.rego",
    "posture/on_demand_pipelines_possible.rego",
    "posture/on_demand_pipelines_possible_test.rego",
    "posture/open_forks.rego",
    "posture/open_forks_test.rego",
    "posture/person_without_second_factor.rego",
    "posture/person_without_second_factor_test.rego",
    "posture/personal_credentials_stale.rego",
    "posture/personal_credentials_stale_test.rego",
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
    "posture/runner_catches_others_steps.rego",
    "posture/runner_catches_others_steps_test.rego",
    "posture/runner_shared_widely.rego",
    "posture/runner_shared_widely_test.rego",
    "posture/second_factor_not_enforced.rego",
    "posture/second_factor_not_enforced_test.rego",
    "posture/secret_printed_in_logs.rego",
    "posture/secret_printed_in_logs_test.rego",
    "posture/single_administrator.rego",
    "posture/single_administrator_test.rego",
    "posture/third_party_app_unowned.rego",
    "posture/third_party_app_unowned_test.rego",
    "posture/third_party_app_wider_than_used.rego",
    "posture/third_party_app_wider_than_used_test.rego",
    "posture/unsecured_image.rego",
    "posture/unsecured_image_test.rego",
    "posture/variable_not_masked.rego",
    "posture/variable_not_masked_test.rego",
    "posture/variable_not_protected.rego",
    "posture/variable_not_protected_test.rego",
    "posture/webhook_of_a_leaver.rego",
    "posture/webhook_of_a_leaver_test.rego",
    "posture/webhook_skips_certificate_check.rego",
    "posture/webhook_skips_certificate_check_test.rego",
    "posture/webhook_without_owner.rego",
    "posture/webhook_without_owner_test.rego",
    "posture/webhook_without_secret.rego",
    "posture/webhook_without_secret_test.rego",
    "posture/write_key_to_production.rego",
    "posture/write_key_to_production_test.rego",
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
