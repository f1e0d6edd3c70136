# METADATA
# title: Merges into the default branch need passing builds
# description: No rule asks for passing builds before a pull request is merged into the default branch, so that tests and scans can fail unseen.
# custom:
#   subject: repository
#   reads: [repository.default_branch.builds_required, repository.default_branch.name]
#   severity: low
#   category: Branch protection
#   owner: platform security
#   aliases:
#     - {id: "afe4a27e-ee01-4ebe-914c-d480ac49a5c2", title: "Repository Default Branch Protection does not require passing builds to merge", severity: low}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: datacenter, scope: "REPO_READ"}
#   blind: "On Cloud no public API tells the rules of a project: a repository that follows its project and has no such rule of its own stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Branch restrictions, choose the default branch, Merge settings: tick Minimum number of successful builds and enter 1 or more."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/branch-restrictions {"kind":"require_passing_builds_to_merge","branch_match_kind":"glob","pattern":"main","value":1}'
#     - product: datacenter
#       steps: "Repository settings, Required builds, Add required builds: choose the build and the default branch."
#       call: 'POST /rest/required-builds/latest/projects/{projectKey}/repos/{repositorySlug}/condition {"buildParentKeys":["{build}"],"refMatcher":{"id":"refs/heads/main","type":{"id":"BRANCH"}}}'
#   controls:
#     "SOC 2": ["CC7.1", "CC8.1"]
#     "ISO/IEC 27001": ["A.8.25", "A.8.29", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.default_branch_builds_not_required

finding contains {
	"reason": sprintf("Nothing asks for passing builds before a pull request is merged into the default branch %s.", [input.repository.default_branch.name]),
	"proof": ["repository.default_branch.builds_required", "repository.default_branch.name"],
} if {
	input.repository.default_branch.builds_required == false
}
