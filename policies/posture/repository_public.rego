# METADATA
# title: Repositories are not public
# description: Anyone on the internet can read a public repository, its history and whatever secret was ever committed to it. On Data Center a public project opens every repository in it.
# custom:
#   subject: repository
#   reads: [repository.project_visibility, repository.visibility]
#   severity: critical
#   category: Exposure
#   owner: platform security
#   aliases:
#     - {id: "be273f0a-678e-49af-b9f8-8f3913acef97", title: "Repository is publicly accessible", severity: critical}
#   needs:
#     - {product: cloud, scope: "repository"}
#     - {product: datacenter, scope: "REPO_READ"}
#   blind: "Whether strangers can reach a Data Center at all is a matter of its network and of the setting Allow public access, which no API tells."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Repository details, Access level: tick Private repository and save."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug} {"is_private":true}'
#     - product: datacenter
#       steps: "Repository settings, Security, Repository permissions: untick Public access. If the project is public, untick it under Project settings, Project permissions."
#       call: 'PUT /rest/api/latest/projects/{projectKey}/repos/{repositorySlug} {"public":false}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 25"]
#     "ISO/IEC 27001": ["A.5.15", "A.8.4", "A.8.12"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.repository_public

finding contains {
	"reason": "This repository is public: anyone on the internet can read its code and its history.",
	"proof": ["repository.visibility"],
} if {
	input.repository.visibility == "public"
}

# On Cloud a public project may hold private repositories; on Data Center it opens them.
finding contains {
	"reason": "The project of this repository is public, which opens the repository too: anyone can read its code and its history.",
	"proof": ["repository.project_visibility", "repository.visibility"],
} if {
	input.connection.product == "datacenter"
	input.repository.project_visibility == "public"
	input.repository.visibility == "private"
}
