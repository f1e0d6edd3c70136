# METADATA
# title: The default branch cannot be deleted
# description: No rule stops the deletion of the default branch.
# custom:
#   subject: repository
#   reads: [repository.default_branch.deletion_closed, repository.default_branch.name]
#   severity: low
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "86411562-4b85-4677-b048-7887cc5b1567", title: "Repository Default Branch Protection allows branch deletion", severity: low}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch: untick Allow deleting this branch."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"delete","branch_match_kind":"glob","pattern":"main"}'
#     - product: datacenter
#       steps: "Repository settings, Branch permissions, choose the default branch: tick Prevent deletion."
#       call: 'POST /rest/branch-permissions/latest/projects/{projectKey}/repos/{repositorySlug}/restrictions {"type":"no-deletes","matcher":{"id":"refs/heads/main","type":{"id":"BRANCH"}}}'
#   controls:
#     "SOC 2": ["CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.default_branch_deletion

finding contains {
	"reason": sprintf("Nothing stops the deletion of the default branch %s.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.deletion_closed", "repository.default_branch.name"],
} if {
	input.repository.default_branch.deletion_closed == false
}
