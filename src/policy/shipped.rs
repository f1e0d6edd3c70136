//! The rules that come with the program, their tests and the data they need.
//!
//! They are read at build time: a gateway without a policy folder serves exactly what was tested with it.

use crate::policy::bundle::SourceFile;

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        /// Every shipped file: its path below `policies/` and its text, sorted by path.
        pub const FILES: &[(&str, &str)] = &[$(($path, include_str!(concat!("../../policies/", $path)))),+];
    };
}

files![
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

/// The shipped files as a bundle that can be loaded or tested.
pub fn files() -> Vec<SourceFile> {
    FILES
        .iter()
        .map(|(path, text)| SourceFile { path: (*path).to_owned(), text: (*text).to_owned() })
        .collect()
}
