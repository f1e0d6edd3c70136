# METADATA
# title: No access key writes to production
# description: A key that may push to a repository that deploys to production is a way into production that no person and no second factor stands in.
# custom:
#   subject: credential
#   kinds: [key]
#   reads: [credential.name, credential.kind, credential.active, credential.personal, credential.production]
#   severity: high
#   category: Credentials
#   owner: platform security
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "project:admin"}
#     - {product: datacenter, scope: REPO_ADMIN}
#     - {product: datacenter, scope: PROJECT_ADMIN}
#     - {product: cloud, scope: pipeline}
#   blind: Production is a repository that deploys to an environment of the tier production, or whose branching model names a production branch.
#   remedies:
#     - product: datacenter
#       steps: "Repository settings, Access keys: set the key to read, and let a person or a token with an end push."
#       call: 'PUT /rest/keys/latest/projects/{projectKey}/repos/{repositorySlug}/ssh/{keyId}/permission/REPO_READ'
#     - product: cloud
#       steps: "Access keys of Cloud only read; revoke the token or key that writes."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.15", "A.5.18"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.write_key_to_production

finding contains {
	"reason": concat("", ["The key ", input.credential.name, " may push to what goes to production: ", concat(", ", input.credential.production), "."]),
	"proof": ["credential.production", "credential.name", "credential.kind", "credential.active", "credential.personal"],
} if {
	input.credential.kind == "key"
	input.credential.active
	input.credential.personal == false
	count(input.credential.production) > 0
}
