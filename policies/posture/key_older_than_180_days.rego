# METADATA
# title: Keys are renewed within 180 days
# description: An SSH key that has been in use for more than half a year has been on more machines and in more backups than anybody remembers. The more it reaches and the more it may do there, the worse.
# custom:
#   subject: credential
#   reads: [credential.kind, credential.name, credential.active, credential.age_days, credential.level, credential.repositories]
#   severity: low
#   category: Credentials
#   owner: platform security
#   aliases:
#     - {id: 0a135600-a109-434f-877c-1a6594dcd76d, title: Key is older than 180 days, severity: low}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "project:admin"}
#     - {product: datacenter, scope: REPO_ADMIN}
#     - {product: datacenter, scope: PROJECT_ADMIN}
#     - {product: datacenter, scope: ADMIN}
#   blind: Cloud's API tells the access keys of repositories and projects, not the SSH keys of people.
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Access keys: add a new key, put it where the old one is used, then delete the old one."
#       call: 'DELETE /2.0/repositories/{workspace}/{repo_slug}/deploy-keys/{key_id}'
#     - product: datacenter
#       steps: "Repository settings, Access keys: add a new key with an expiry date, put it where the old one is used, then delete the old one."
#       call: 'DELETE /rest/keys/latest/ssh/{keyId}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.5.18"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.key_older_than_180_days

finding contains {
	"severity": severity,
	"reason": sprintf("The key %s is %d days old: renew it. It reaches %d %s and may at most %s there.", [input.credential.name, input.credential.age_days, input.credential.repositories, repositories, input.credential.level]),
	"proof": ["credential.age_days", "credential.level", "credential.repositories", "credential.name", "credential.kind", "credential.active"],
} if {
	input.credential.kind == "key"
	input.credential.active
	input.credential.age_days > 180
}

writes if input.credential.level in {"write", "create", "admin", "owner"}

severity := "high" if {
	writes
	input.credential.repositories >= 10
} else := "medium" if {
	writes
} else := "medium" if {
	input.credential.repositories >= 50
} else := "low"

repositories := "repository" if {
	input.credential.repositories == 1
} else := "repositories"
