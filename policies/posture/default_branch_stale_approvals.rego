# METADATA
# title: New commits drop the approvals of a pull request
# description: Approvals of a pull request into the default branch stay when new commits are pushed, so that what is merged need not be what was approved. Dropping them only when the diff changed counts as dropping them.
# custom:
#   subject: repository
#   reads: [repository.default_branch.name, repository.default_branch.stale_approvals]
#   severity: medium
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "738c9839-5e1e-4048-85a3-7935ec4c647a", title: "Repository Default Branch Protection does not have Stale PR Approvals Disabled", severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown. Data Center's API does not tell the setting at all."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch, Merge settings: tick Reset requested changes and approvals when the source branch is modified."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"reset_pullrequest_approvals_on_change","branch_match_kind":"glob","pattern":"main"}'
#     - product: datacenter
#       steps: "Repository settings, Pull requests: tick Unapprove automatically on new changes."
#   controls:
#     "SOC 2": ["CC8.1"]
#     "ISO/IEC 27001": ["A.5.3", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 14"]
package portcullis.rules.posture.default_branch_stale_approvals

finding contains {
	"reason": sprintf("Approvals stay when new commits are pushed to a pull request into the default branch %s: what is merged need not be what was approved.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.stale_approvals", "repository.default_branch.name"],
} if {
	input.repository.default_branch.stale_approvals == "kept"
}
