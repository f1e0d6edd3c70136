# METADATA
# title: Webhooks are signed
# description: Without a secret the receiver cannot tell whether Bitbucket sent something or somebody who knows its address.
# custom:
#   subject: hook
#   reads: [hook.host, hook.place, hook.active, hook.secret_set]
#   severity: medium
#   category: Webhooks
#   owner: platform security
#   aliases:
#     - {id: Ownerless webhooks, title: Ownerless webhooks, severity: medium}
#   needs:
#     - {product: cloud, scope: webhook}
#     - {product: datacenter, scope: PROJECT_ADMIN or REPO_ADMIN}
#   remedies:
#     - product: cloud
#       steps: "Repository or workspace settings, Webhooks: set a secret, and let the receiver check X-Hub-Signature."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug}/hooks/{uid} {"secret":"…"}'
#     - product: datacenter
#       steps: "Repository or project settings, Webhooks: set a secret, and let the receiver check X-Hub-Signature."
#       call: 'PUT /rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId} {"configuration":{"secret":"…"}}'
#   controls:
#     "SOC 2": ["CC6.6", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.12"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.webhook_without_secret

finding contains {
	"reason": sprintf("The webhook of %s to %s has no secret: its receiver believes anybody who knows its address.", [input.hook.place, input.hook.host]),
	"proof": ["hook.host", "hook.secret_set", "hook.place", "hook.active"],
} if {
	input.hook.active == true
	input.hook.secret_set == false
}
