# METADATA
# title: Nobody pushes straight to the default branch
# description: The rules about pushing let somebody push to the default branch directly, past every pull request, or there is no such rule.
# custom:
#   subject: repository
#   reads: [repository.default_branch.exempt, repository.default_branch.name, repository.default_branch.push_closed]
#   severity: medium
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "c60a7b00-1592-429a-8a32-d58101e4551f", title: "Repository Default Branch Protection does not disable direct pushes for all users/groups", severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch, Write access: choose Only specific people or groups and leave the list empty."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"push","branch_match_kind":"glob","pattern":"main","users":[],"groups":[]}'
#     - product: datacenter
#       steps: "Repository settings, Branch permissions, choose the default branch: tick Prevent changes without a pull request and leave the exemptions empty."
#       call: 'POST /rest/branch-permissions/latest/projects/{projectKey}/repos/{repositorySlug}/restrictions {"type":"pull-request-only","matcher":{"id":"refs/heads/main","type":{"id":"BRANCH"}}}'
#   controls:
#     "SOC 2": ["CC6.1", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.3", "A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.default_branch_direct_push

finding contains {
	"reason": concat("", ["Direct pushes to the default branch ", input.repository.default_branch.name, " are open, past every pull request: ", open_to, "."]),
	"proof": ["repository.default_branch.push_closed", "repository.default_branch.exempt", "repository.default_branch.name"],
} if {
	input.repository.default_branch.push_closed == false
}

open_to := concat("", ["the rules let through ", concat(", ", sort(ways))]) if {
	count(ways) > 0
} else := "no rule about pushing covers it"

# Each with the rule that lets it through: that is the path.
ways contains sprintf("%s %s (%s)", [one.kind, one.name, one.by]) if {
	is_array(input.repository.default_branch.exempt)
	some one in input.repository.default_branch.exempt
}
