# METADATA
# title: The history of the default branch cannot be rewritten
# description: No rule stops force pushes to the default branch, so that reviewed commits can disappear.
# custom:
#   subject: repository
#   reads: [repository.default_branch.force_push_closed, repository.default_branch.name]
#   severity: medium
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "4c52f441-0c24-4dbd-8f5e-0e5b829ee8e2", title: "Repository Default Branch Protection does not have Force Pushes Disabled", severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch: untick Allow rewriting branch history."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"force","branch_match_kind":"glob","pattern":"main"}'
#     - product: datacenter
#       steps: "Repository settings, Branch permissions, choose the default branch: tick Prevent rewriting history."
#       call: 'POST /rest/branch-permissions/latest/projects/{projectKey}/repos/{repositorySlug}/restrictions {"type":"fast-forward-only","matcher":{"id":"refs/heads/main","type":{"id":"BRANCH"}}}'
#   controls:
#     "SOC 2": ["CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.default_branch_force_push

finding contains {
	"reason": sprintf("Nothing stops a force push to the default branch %s: reviewed commits can be rewritten or lost.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.force_push_closed", "repository.default_branch.name"],
} if {
	input.repository.default_branch.force_push_closed == false
}
