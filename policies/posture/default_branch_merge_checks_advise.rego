# METADATA
# title: Merge checks stop a merge that fails them
# description: "The merge checks of the default branch only warn: a pull request that fails them can be merged all the same. Enforcing them is a feature of the Premium plan."
# custom:
#   subject: repository
#   reads: [repository.default_branch.merge_checks_enforced, repository.default_branch.name, repository.premium]
#   severity: low
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "64440d40-91de-4d13-9280-d5afa418ccf0", title: "Repository Default Branch Protection does not enforce merge checks", severity: low}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "Premium"}
#     - {product: datacenter, scope: "REPO_READ"}
#   blind: "No API tells the plan of a Cloud workspace: set `premium` on the connection. On Data Center merge checks always stop a merge."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch, Merge settings: tick Prevent a merge with unresolved merge checks (Premium)."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"enforce_merge_checks","branch_match_kind":"glob","pattern":"main"}'
#   controls:
#     "SOC 2": ["CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.default_branch_merge_checks_advise

finding contains {
	"reason": sprintf("Merge checks of the default branch %s only warn: a pull request that fails them can be merged all the same, because %s.", [input.repository.default_branch.name, why]),
	"proof": ["repository.default_branch.merge_checks_enforced", "repository.default_branch.name", "repository.premium"],
} if {
	input.repository.default_branch.merge_checks_enforced == false
}

why := "enforcing them needs the Premium plan" if {
	input.repository.premium == false
} else := "no rule enforces them"
