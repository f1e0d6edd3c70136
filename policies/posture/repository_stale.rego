# METADATA
# title: Repositories are kept up or archived
# description: "Nothing was changed for twelve months or more, yet the repository is not archived. A live access key to it makes it worse: nobody looks who uses it. Another limit: set `portcullis.posture.stale_days` in a data.json."
# custom:
#   subject: repository
#   reads: [repository.archived, repository.idle_days, repository.live_keys]
#   severity: medium
#   category: Upkeep
#   owner: platform security
#   aliases:
#     - {id: "a1bd3076-a68d-492e-9947-a01e15a4d1b3", title: "Repository not updated in 12+ months", severity: medium}
#   needs:
#     - {product: cloud, scope: "repository"}
#     - {product: datacenter, scope: "REPO_READ"}
#   blind: "On Data Center the newest commit of the default branch stands for the last change: commits on other branches are not looked at. Access keys of a place whose list could not be read are not counted."
#   remedies:
#     - product: cloud
#       steps: "Move what is still needed, then delete the repository (Repository settings, Manage repository, Delete repository), and take its access keys away before."
#       call: 'DELETE /2.0/repositories/{workspace}/{repo_slug}'
#     - product: datacenter
#       steps: "Repository settings, Repository details: Archive repository."
#       call: 'PUT /rest/api/latest/projects/{projectKey}/repos/{repositorySlug} {"archived":true}'
#   controls:
#     "SOC 2": ["CC6.1"]
#     "GDPR": ["Art. 25"]
#     "ISO/IEC 27001": ["A.5.9", "A.8.4"]
#     "ISO/IEC 42001": ["A.6.2.6"]
package portcullis.rules.posture.repository_stale

finding contains {
	"reason": concat("", [sprintf("Nothing was changed for %d days", [input.repository.idle_days]), still_open, "."]),
	"proof": ["repository.idle_days", "repository.archived", "repository.live_keys"],
	"severity": severity,
} if {
	input.repository.archived == false
	input.repository.idle_days >= limit
}

default limit := 365

limit := data.portcullis.posture.stale_days if is_number(data.portcullis.posture.stale_days)

live contains key.name if some key in input.repository.live_keys

still_open := concat("", [", and access keys still open it: ", concat(", ", live)]) if {
	count(live) > 0
} else := ""

severity := "high" if {
	count(live) > 0
} else := "medium"
