# METADATA
# title: Keys and tokens may do no more than they do
# description: A key or token that may write and has not been used for half a year may do more than it does. Whether one that is in use writes, Bitbucket does not tell.
# custom:
#   subject: credential
#   reads: [credential.name, credential.what, credential.kind, credential.level, credential.repositories, credential.wider_than_used]
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
#   blind: "Bitbucket tells when a key or token was last used, not for what: one that may write and is in use stays unknown."
#   remedies:
#     - product: datacenter
#       steps: "Repository or project settings, Access keys: set the key to read; HTTP access tokens: create one that reads, and revoke this one."
#       call: 'PUT /rest/keys/latest/projects/{projectKey}/repos/{repositorySlug}/ssh/{keyId}/permission/REPO_READ'
#     - product: cloud
#       steps: "Access keys of Cloud only read; delete the key or token that nobody uses."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.15", "A.5.18"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.credential_wider_than_used

finding contains {
	"reason": sprintf("The %s %s may %s on %d %s and is not used: take away what it does not need.", [input.credential.what, input.credential.name, input.credential.level, input.credential.repositories, repositories]),
	"proof": ["credential.level", "credential.repositories", "credential.wider_than_used", "credential.what", "credential.name", "credential.kind"],
} if {
	input.credential.kind != "app"
	input.credential.wider_than_used == true
}

repositories := "repository" if {
	input.credential.repositories == 1
} else := "repositories"
