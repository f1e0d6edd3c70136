# METADATA
# title: Keys and tokens of repositories and projects end
# description: "A key or token that is more than a year old and has no end was never renewed: whoever has seen it in that time can still use it."
# custom:
#   subject: credential
#   kinds: [key, token, credential]
#   reads: [credential.name, credential.what, credential.kind, credential.active, credential.personal, credential.age_days, credential.expires_at]
#   severity: medium
#   category: Credentials
#   owner: platform security
#   aliases:
#     - {id: Stale credentials, title: Stale credentials, severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "project:admin"}
#     - {product: datacenter, scope: REPO_ADMIN}
#     - {product: datacenter, scope: PROJECT_ADMIN}
#   blind: Cloud's API lists no access tokens of repositories, projects and workspaces.
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Access keys: put a new key in the place of the old one and delete the old one."
#       call: 'DELETE /2.0/repositories/{workspace}/{repo_slug}/deploy-keys/{key_id}'
#     - product: datacenter
#       steps: "Repository or project settings, HTTP access tokens: create one with an expiry date, put it in the place of the old one, and revoke the old one."
#       call: 'DELETE /rest/access-tokens/latest/projects/{projectKey}/repos/{repositorySlug}/{tokenId}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.5.18"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.credential_never_rotated

finding contains {
	"reason": sprintf("The %s %s is %d days old and never ends: it was never renewed.", [input.credential.what, input.credential.name, input.credential.age_days]),
	"proof": ["credential.age_days", "credential.expires_at", "credential.what", "credential.name", "credential.kind", "credential.active", "credential.personal"],
} if {
	input.credential.kind in {"key", "token", "credential"}
	input.credential.active
	input.credential.personal == false
	input.credential.expires_at == null
	input.credential.age_days > 365
}
