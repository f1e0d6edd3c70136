# METADATA
# title: Nobody who left looks after a webhook
# description: "Everybody who looked after a webhook has left: whoever still has the receiver learns about every push and pull request."
# custom:
#   subject: hook
#   reads: [hook.host, hook.place, hook.active, hook.owners_left]
#   severity: high
#   category: Webhooks
#   owner: platform security
#   aliases:
#     - {id: Ownerless webhooks, title: Ownerless webhooks, severity: high}
#   needs:
#     - {product: cloud, scope: webhook}
#     - {product: cloud, scope: "project:admin"}
#     - {product: datacenter, scope: PROJECT_ADMIN or REPO_ADMIN}
#     - {product: cloud, scope: evidence}
#     - {product: datacenter, scope: evidence}
#   blind: "Who left is told by a list that people bring. Bitbucket does not tell who made a webhook: those count as its owners who administer just where it is set."
#   remedies:
#     - steps: "Find out whether the receiver is still needed: delete the webhook, or give it a new secret and an owner."
#   controls:
#     "SOC 2": ["CC6.6", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.12"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.webhook_of_a_leaver

finding contains {
	"reason": sprintf("Everybody who looked after the webhook of %s to %s has left.", [input.hook.place, input.hook.host]),
	"proof": ["hook.host", "hook.owners_left", "hook.place", "hook.active"],
} if {
	input.hook.active == true
	input.hook.owners_left == true
}
