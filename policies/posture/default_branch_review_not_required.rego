# METADATA
# title: Merges into the default branch need an approval
# description: No rule asks for an approval before a pull request is merged into the default branch. The rules of the project count too.
# custom:
#   subject: repository
#   reads: [repository.default_branch.name, repository.default_branch.review_required]
#   severity: high
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "6ad95c13-0d13-4595-bc76-bd86f4eba4b9", title: "Repository Default Branch Protection does not have PR Review Required", severity: high}
#     - {id: "Missing branch restrictions & broad access", title: "Missing branch restrictions & broad access", severity: high}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: datacenter, scope: "REPO_READ"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch, Merge settings: tick Minimum number of approvals and enter 1 or more."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"require_approvals_to_merge","branch_match_kind":"glob","pattern":"main","value":1}'
#     - product: datacenter
#       steps: "Repository settings, Merge checks: switch on Minimum approvals and enter 1 or more."
#       call: 'POST /rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/settings/pull-requests {"requiredApprovers":{"enabled":true,"count":"1"}}'
#   controls:
#     "SOC 2": ["CC6.3", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.3", "A.8.25", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 14", "Art. 15"]
package portcullis.rules.posture.default_branch_review_not_required

finding contains {
	"reason": sprintf("Nothing asks for an approval before a pull request is merged into the default branch %s.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.review_required", "repository.default_branch.name"],
} if {
	input.repository.default_branch.review_required == false
}
