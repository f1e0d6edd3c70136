# METADATA
# title: What protects the default branch stops somebody
# description: "Nothing protects the default branch, or what covers it stops nobody: merge checks only warn, and it can be pushed to, rewritten and deleted."
# custom:
#   subject: repository
#   reads: [repository.default_branch.deletion_closed, repository.default_branch.force_push_closed, repository.default_branch.merge_checks_enforced, repository.default_branch.name, repository.default_branch.protected, repository.default_branch.push_closed]
#   severity: high
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "Branch Protection rules should be enforced", title: "Branch Protection rules should be enforced", severity: high}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "Premium"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, Add a branch restriction: choose the default branch, close Write access, Rewriting branch history and Deleting this branch, and under Merge settings tick Prevent a merge with unresolved merge checks (Premium)."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"push","branch_match_kind":"glob","pattern":"main","users":[],"groups":[]}'
#     - product: datacenter
#       steps: "Repository settings, Branch permissions, Add permission: choose the default branch and tick Prevent rewriting history, Prevent deletion and Prevent changes without a pull request."
#       call: 'POST /rest/branch-permissions/latest/projects/{projectKey}/repos/{repositorySlug}/restrictions {"type":"pull-request-only","matcher":{"id":"refs/heads/main","type":{"id":"BRANCH"}}}'
#   controls:
#     "SOC 2": ["CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.branch_protection_not_enforced

finding contains {
	"reason": sprintf("Nothing is enforced on the default branch %s: no branch restriction covers it.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.protected", "repository.default_branch.name"],
} if {
	input.repository.default_branch.protected == false
}

finding contains {
	"reason": sprintf("The rules of the default branch %s stop nobody: merge checks only warn, and it can be pushed to, rewritten and deleted.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.merge_checks_enforced", "repository.default_branch.push_closed", "repository.default_branch.force_push_closed", "repository.default_branch.deletion_closed", "repository.default_branch.protected", "repository.default_branch.name"],
} if {
	input.repository.default_branch.protected
	input.repository.default_branch.merge_checks_enforced == false
	input.repository.default_branch.push_closed == false
	input.repository.default_branch.force_push_closed == false
	input.repository.default_branch.deletion_closed == false
}
