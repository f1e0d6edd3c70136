# METADATA
# title: Nobody is exempt from the rules about pushing
# description: A rule about pushing to the default branch names people, groups or keys whom it lets through.
# custom:
#   subject: repository
#   reads: [repository.default_branch.exempt, repository.default_branch.name]
#   severity: medium
#   category: Branch protection
#   owner: platform security
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "On Cloud no public API tells the rules of a project; of the repository's own rules it lists whom they let through."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch, Write access: take out of the list whoever does not need it."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions/{id} {"kind":"push","users":[],"groups":[]}'
#     - product: datacenter
#       steps: "Repository settings, Branch permissions: edit the rule and take out of its exemptions whoever does not need it."
#       call: 'DELETE /rest/branch-permissions/latest/projects/{projectKey}/repos/{repositorySlug}/restrictions/{id}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "ISO/IEC 27001": ["A.5.3", "A.5.18", "A.8.2"]
#     "ISO/IEC 42001": ["A.9.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.default_branch_exemptions

finding contains {
	"reason": sprintf("The %s %s is let through by the rule %s: it pushes to the default branch %s without a pull request.", [one.kind, one.name, one.by, input.repository.default_branch.name]),
	"proof": ["repository.default_branch.exempt", "repository.default_branch.name"],
	"severity": severity(one.kind),
} if {
	is_array(input.repository.default_branch.exempt)
	some one in input.repository.default_branch.exempt
}

# A key is in nobody's hands in particular, and a group grows.
severity(kind) := "high" if {
	kind in {"key", "token", "group"}
} else := "medium"
