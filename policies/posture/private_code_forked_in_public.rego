# METADATA
# title: Private code has no public forks
# description: A public repository was forked from a private one, so that the private one's history up to then is open to everyone.
# custom:
#   subject: repository
#   reads: [repository.public_forks, repository.visibility]
#   severity: critical
#   category: Exposure
#   owner: platform security
#   needs:
#     - {product: cloud, scope: "repository"}
#     - {product: datacenter, scope: "REPO_READ"}
#   blind: "Only forks on the same connection are seen: one in another workspace or server is not told."
#   remedies:
#     - product: cloud
#       steps: "Open the fork, Repository settings, Repository details: tick Private repository, or delete the fork."
#       call: 'PUT /2.0/repositories/{workspace}/{fork_slug} {"is_private":true}'
#     - product: datacenter
#       steps: "Open the fork, Repository settings, Security, Repository permissions: untick Public access, or delete the fork."
#       call: 'PUT /rest/api/latest/projects/{forkProjectKey}/repos/{forkSlug} {"public":false}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.4", "A.8.12"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.private_code_forked_in_public

finding contains {
	"reason": sprintf("This repository is private, and its public fork %s shows its history to everyone.", [fork.name]),
	"proof": ["repository.visibility", "repository.public_forks"],
} if {
	input.repository.visibility == "private"
	some fork in input.repository.public_forks
}
