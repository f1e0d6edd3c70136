# METADATA
# title: Keys and tokens of repositories and projects are in use
# description: A key or token that nobody uses is of use to nobody but a thief, and nobody notices when it is used again.
# custom:
#   subject: credential
#   kinds: [key, token, credential]
#   reads: [credential.name, credential.what, credential.kind, credential.active, credential.personal, credential.age_days, credential.idle_days]
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
#       steps: "Repository settings, Access keys: delete it."
#       call: 'DELETE /2.0/repositories/{workspace}/{repo_slug}/deploy-keys/{key_id}'
#     - product: datacenter
#       steps: "Repository or project settings, Access keys or HTTP access tokens: revoke it."
#       call: 'DELETE /rest/keys/latest/ssh/{keyId}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.5.18"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.credential_not_used

finding contains {
	"reason": sprintf("The %s %s is %d days old and was never used: delete it.", [input.credential.what, input.credential.name, input.credential.age_days]),
	"proof": ["credential.age_days", "credential.idle_days", "credential.what", "credential.name", "credential.kind", "credential.active", "credential.personal"],
} if {
	counts
	input.credential.idle_days == null
	input.credential.age_days > 90
}

finding contains {
	"reason": sprintf("The %s %s was last used %d days ago: delete it.", [input.credential.what, input.credential.name, input.credential.idle_days]),
	"proof": ["credential.idle_days", "credential.what", "credential.name", "credential.kind", "credential.active", "credential.personal"],
} if {
	counts
	input.credential.idle_days != null
	input.credential.idle_days > 90
}

counts if {
	input.credential.kind in {"key", "token", "credential"}
	input.credential.active
	input.credential.personal == false
}
