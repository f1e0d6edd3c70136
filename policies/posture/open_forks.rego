# METADATA
# title: Private code cannot be forked to anywhere
# description: Whoever can read this private repository can fork it to a place that nobody reviews, a public one too.
# custom:
#   subject: repository
#   reads: [repository.forks, repository.visibility]
#   severity: medium
#   category: Exposure
#   owner: platform security
#   aliases:
#     - {id: "Missing branch restrictions & broad access", title: "Missing branch restrictions & broad access", severity: medium}
#   needs:
#     - {product: cloud, scope: "repository"}
#     - {product: datacenter, scope: "REPO_READ"}
#   blind: "Forks that were made outside the connection are not told. A workspace that keeps forks inside stops this too; that is judged with the workspace."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Repository details, Forking: choose No public forks or No forks."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug} {"fork_policy":"no_public_forks"}'
#     - product: datacenter
#       steps: "Repository settings, Repository details: untick Allow forks."
#       call: 'PUT /rest/api/latest/projects/{projectKey}/repos/{repositorySlug} {"forkable":false}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.4", "A.8.12"]
package portcullis.rules.posture.open_forks

finding contains {
	"reason": "This private repository can be forked by whoever reads it, to anywhere: no policy holds forks back.",
	"proof": ["repository.forks", "repository.visibility"],
} if {
	input.repository.visibility == "private"
	input.repository.forks == "any"
}
