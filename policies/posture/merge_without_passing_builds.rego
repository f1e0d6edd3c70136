# METADATA
# title: Nothing is merged into the default branch without passing builds
# description: "A pull request can be merged into the default branch while its tests and scans fail: passing builds are not asked for, or merge checks only warn."
# custom:
#   subject: repository
#   reads: [repository.default_branch.builds_required, repository.default_branch.merge_checks_enforced, repository.default_branch.name]
#   severity: high
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "Merging of code changes should require passing status-checks", title: "Merging of code changes should require passing status-checks", severity: high}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "Premium"}
#     - {product: datacenter, scope: "REPO_READ"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch, Merge settings: tick Minimum number of successful builds, enter 1 or more, and tick Prevent a merge with unresolved merge checks (Premium)."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"require_passing_builds_to_merge","branch_match_kind":"glob","pattern":"main","value":1}'
#     - product: datacenter
#       steps: "Repository settings, Required builds, Add required builds: choose the build and the default branch."
#       call: 'POST /rest/required-builds/latest/projects/{projectKey}/repos/{repositorySlug}/condition {"buildParentKeys":["{build}"],"refMatcher":{"id":"refs/heads/main","type":{"id":"BRANCH"}}}'
#   controls:
#     "SOC 2": ["CC7.1", "CC8.1"]
#     "ISO/IEC 27001": ["A.8.25", "A.8.29", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.merge_without_passing_builds

finding contains {
	"reason": sprintf("A pull request can be merged into the default branch %s while its builds fail: none is asked for.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.builds_required", "repository.default_branch.name"],
} if {
	input.repository.default_branch.builds_required == false
}

finding contains {
	"reason": sprintf("A pull request can be merged into the default branch %s while its builds fail: that they pass is only advice, since merge checks are not enforced.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.merge_checks_enforced", "repository.default_branch.builds_required", "repository.default_branch.name"],
} if {
	input.repository.default_branch.builds_required
	input.repository.default_branch.merge_checks_enforced == false
}
