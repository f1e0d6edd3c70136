# METADATA
# title: Everybody has a second factor
# description: Whoever learns the password of a person without a second factor is that person.
# custom:
#   subject: identity
#   kinds: [user]
#   reads: [identity.name, identity.kind, identity.active, identity.second_factor]
#   severity: critical
#   category: Identity and access
#   owner: platform security
#   aliases:
#     - {id: Bitbucket user should have MFA enabled, title: Bitbucket user should have MFA enabled, severity: critical}
#   needs:
#     - {product: cloud, scope: evidence}
#     - {product: datacenter, scope: evidence}
#   blind: "No API of Bitbucket tells second factors: the user list that an administrator exports does, until its date has passed."
#   remedies:
#     - product: cloud
#       steps: "admin.atlassian.com → organisation → 2SV report: whoever is listed without two-step verification turns it on under Account settings, Security; then bring the new list with `portcullis evidence import`."
#     - product: datacenter
#       steps: "In the directory that signs people in, demand a second factor of this person; then bring the new list with `portcullis evidence import`."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.8.2"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.person_without_second_factor

finding contains {
	"reason": sprintf("%s has no second factor: whoever learns the password is this person.", [input.identity.name]),
	"proof": ["identity.second_factor", "identity.name", "identity.kind", "identity.active"],
} if {
	input.identity.kind == "user"
	input.identity.active
	input.identity.second_factor == false
}
