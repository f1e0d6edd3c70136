# METADATA
# title: Every change of the default branch is reviewed by a peer
# description: "A change can reach the default branch without an approval that is enforced: none is asked for, merge checks only warn, or direct pushes are open."
# custom:
#   subject: repository
#   reads: [repository.default_branch.merge_checks_enforced, repository.default_branch.name, repository.default_branch.push_closed, repository.default_branch.review_required, repository.merges.looked_at, repository.merges.unreviewed]
#   severity: high
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "Code changes should be reviewed by peers before merging", title: "Code changes should be reviewed by peers before merging", severity: high}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "pullrequest"}
#     - {product: cloud, scope: "Premium"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown. Of merges that were made, the newest are looked at."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch: close Write access, require 1 approval or more, and tick Prevent a merge with unresolved merge checks (Premium)."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"require_approvals_to_merge","branch_match_kind":"glob","pattern":"main","value":1}'
#     - product: datacenter
#       steps: "Repository settings: under Merge checks switch on Minimum approvals, and under Branch permissions tick Prevent changes without a pull request for the default branch."
#       call: 'POST /rest/branch-permissions/latest/projects/{projectKey}/repos/{repositorySlug}/restrictions {"type":"pull-request-only","matcher":{"id":"refs/heads/main","type":{"id":"BRANCH"}}}'
#   controls:
#     "SOC 2": ["CC6.3", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.3", "A.8.25", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 14", "Art. 15"]
package portcullis.rules.posture.changes_not_reviewed

finding contains {
	"reason": sprintf("A change can reach the default branch %s unreviewed: no approval is asked for before a merge.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.review_required", "repository.default_branch.name"],
} if {
	input.repository.default_branch.review_required == false
}

finding contains {
	"reason": sprintf("A change can reach the default branch %s unreviewed: the approval that is asked for is only advice, since merge checks are not enforced.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.merge_checks_enforced", "repository.default_branch.review_required", "repository.default_branch.name"],
} if {
	input.repository.default_branch.review_required
	input.repository.default_branch.merge_checks_enforced == false
}

finding contains {
	"reason": sprintf("A change can reach the default branch %s unreviewed: direct pushes are open.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.push_closed", "repository.default_branch.name"],
} if {
	input.repository.default_branch.push_closed == false
}

finding contains {
	"reason": sprintf("Of the last %d merged pull requests, %d had no approval by anybody but %s author.", [input.repository.merges.looked_at, input.repository.merges.unreviewed, their]),
	"proof": ["repository.merges.unreviewed", "repository.merges.looked_at"],
} if {
	input.repository.merges.looked_at > 1
	input.repository.merges.unreviewed > 0
}

finding contains {
	"reason": "The last merged pull request had no approval by anybody but its author.",
	"proof": ["repository.merges.unreviewed", "repository.merges.looked_at"],
} if {
	input.repository.merges.looked_at == 1
	input.repository.merges.unreviewed > 0
}

their := "its" if {
	input.repository.merges.unreviewed == 1
} else := "their"
