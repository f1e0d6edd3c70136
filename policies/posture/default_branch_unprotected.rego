# METADATA
# title: The default branch is protected
# description: No branch restriction covers the default branch, neither by its name nor by the branching model, so whoever may write can push to it, rewrite it or delete it.
# custom:
#   subject: repository
#   reads: [repository.default_branch.name, repository.default_branch.protected]
#   severity: medium
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "324f2014-4d4b-4aa6-89a8-72a6c7da09d7", title: "Repository has no Default Branch Protection", severity: medium}
#     - {id: "Missing branch restrictions & broad access", title: "Missing branch restrictions & broad access", severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, Add a branch restriction: choose the default branch and close at least Rewriting branch history and Deleting this branch."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"force","branch_match_kind":"glob","pattern":"main"}'
#     - product: datacenter
#       steps: "Repository settings, Branch permissions, Add permission: choose the default branch and tick Prevent rewriting history, Prevent deletion and Prevent changes without a pull request."
#       call: 'POST /rest/branch-permissions/latest/projects/{projectKey}/repos/{repositorySlug}/restrictions {"type":"fast-forward-only","matcher":{"id":"refs/heads/main","type":{"id":"BRANCH"}}}'
#   controls:
#     "SOC 2": ["CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.default_branch_unprotected

finding contains {
	"reason": sprintf("No branch restriction covers the default branch %s: whoever may write can push to it, rewrite its history or delete it.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.protected", "repository.default_branch.name"],
} if {
	input.repository.default_branch.protected == false
}
