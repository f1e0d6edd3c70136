# METADATA
# title: Whoever left has no access
# description: Somebody who is on a list of leavers still reaches repositories, or a key, token or webhook of theirs still works.
# custom:
#   subject: identity
#   reads: [identity.name, identity.active, identity.left]
#   severity: critical
#   category: Identity and access
#   owner: platform security
#   aliases:
#     - {id: Bitbucket access should be removed for offboarded user, title: Bitbucket access should be removed for offboarded user, severity: critical}
#   needs:
#     - {product: cloud, scope: evidence}
#     - {product: datacenter, scope: evidence}
#   blind: Who left is told by a list that people bring; on Cloud the SSH keys and API tokens of a person are told to nobody else.
#   remedies:
#     - product: cloud
#       steps: "Workspace settings, User directory: remove the person, or suspend the account at admin.atlassian.com → organisation → Users. Delete the access keys named here, and give the webhooks to somebody."
#       call: 'DELETE /2.0/repositories/{workspace}/{repo_slug}/deploy-keys/{key_id}'
#     - product: datacenter
#       steps: "Administration, Users: deactivate the user in the directory, which ends keys and tokens too; then give the webhooks named here to somebody."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.15", "A.5.18"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.leaver_still_has_access

finding contains {
	"reason": sprintf("%s left on %s and still reaches %d %s, at most to %s.", [input.identity.name, day, input.identity.left.repositories, repositories, input.identity.left.level]),
	"proof": ["identity.left.at", "identity.left.level", "identity.left.repositories", "identity.name", "identity.active"],
} if {
	input.identity.active
	input.identity.left.level != "none"
}

finding contains {
	"reason": concat("", [input.identity.name, " left on ", day, ", and these in their hands still work: ", concat(", ", input.identity.left.credentials), "."]),
	"proof": ["identity.left.at", "identity.left.credentials", "identity.name"],
} if {
	count(input.identity.left.credentials) > 0
	lives
}

finding contains {
	"reason": concat("", [input.identity.name, " left on ", day, ", and nobody else looks after the webhooks to ", concat(", ", input.identity.left.hooks), "."]),
	"proof": ["identity.left.at", "identity.left.hooks", "identity.name"],
} if {
	count(input.identity.left.hooks) > 0
}

day := substring(input.identity.left.at, 0, 10)

# Data Center ends keys and tokens with the account; on Cloud an access key outlives whoever added it.
lives if input.identity.active

lives if input.connection.product == "cloud"

repositories := "repository" if {
	input.identity.left.repositories == 1
} else := "repositories"
