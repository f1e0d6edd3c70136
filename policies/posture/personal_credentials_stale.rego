# METADATA
# title: People renew their keys and tokens
# description: A key or token in somebody's own hands that is more than a year old and has no end, or that nobody has used for a quarter of a year, opens everything its owner may open and is missed by nobody.
# custom:
#   subject: identity
#   kinds: [user]
#   reads: [identity.name, identity.active, identity.credentials]
#   severity: medium
#   category: Credentials
#   owner: platform security
#   aliases:
#     - {id: Stale credentials, title: Stale credentials, severity: medium}
#   needs:
#     - {product: datacenter, scope: ADMIN}
#   blind: "Cloud's API tells nobody else's SSH keys, API tokens and app passwords: of every person on Cloud this stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Personal settings, Security: each person deletes keys and tokens that are not in use and gives the others an end."
#     - product: datacenter
#       steps: "Manage account, SSH keys and HTTP access tokens: revoke what is not in use; Administration, HTTP access tokens: demand an expiry date."
#       call: 'DELETE /rest/access-tokens/latest/users/{userSlug}/{tokenId}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.5.18"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.personal_credentials_stale

finding contains {
	"reason": sprintf("The %s %s of %s is %d days old and never ends: renew it and give it an end.", [one.what, one.name, input.identity.name, one.age_days]),
	"proof": ["identity.credentials", "identity.name", "identity.active"],
} if {
	input.identity.active
	some one in input.identity.credentials
	one.expires_at == null
	one.age_days > 365
}

finding contains {
	"reason": sprintf("The %s %s of %s is %d days old and was never used: revoke it.", [one.what, one.name, input.identity.name, one.age_days]),
	"proof": ["identity.credentials", "identity.name", "identity.active"],
} if {
	input.identity.active
	some one in input.identity.credentials
	one.idle_days == null
	one.age_days > 90
}

finding contains {
	"reason": sprintf("The %s %s of %s was last used %d days ago: revoke it.", [one.what, one.name, input.identity.name, one.idle_days]),
	"proof": ["identity.credentials", "identity.name", "identity.active"],
} if {
	input.identity.active
	some one in input.identity.credentials
	one.idle_days != null
	one.idle_days > 90
}
