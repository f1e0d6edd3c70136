# METADATA
# title: Webhooks to the outside have an owner
# description: A webhook tells somebody outside about every push and pull request, and nobody here looks after it.
# custom:
#   subject: hook
#   reads: [hook.host, hook.place, hook.active, hook.external, hook.owners]
#   severity: medium
#   category: Webhooks
#   owner: platform security
#   aliases:
#     - {id: Ownerless webhooks, title: Ownerless webhooks, severity: medium}
#   needs:
#     - {product: cloud, scope: webhook}
#     - {product: cloud, scope: "project:admin"}
#     - {product: datacenter, scope: PROJECT_ADMIN or REPO_ADMIN}
#     - {product: cloud, scope: "repository:admin"}
#   blind: "Bitbucket does not tell who made a webhook: those count as its owners who administer just where it is set. Which hosts are one's own the connection's `own_hosts` say."
#   remedies:
#     - product: cloud
#       steps: "Repository or workspace settings, Webhooks: find out what the receiver is for and make somebody administrator of the repository, or delete the webhook."
#       call: 'DELETE /2.0/repositories/{workspace}/{repo_slug}/hooks/{uid}'
#     - product: datacenter
#       steps: "Repository or project settings, Webhooks: find out what the receiver is for and make somebody administrator of the repository, or delete the webhook."
#       call: 'DELETE /rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId}'
#   controls:
#     "SOC 2": ["CC6.6", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.12"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.webhook_without_owner

finding contains {
	"reason": sprintf("A webhook of %s tells %s, outside the organisation, what happens, and nobody looks after it.", [input.hook.place, input.hook.host]),
	"proof": ["hook.host", "hook.external", "hook.owners", "hook.place", "hook.active"],
} if {
	input.hook.active == true
	input.hook.external == true
	unowned
}

unowned if input.hook.owners == null

unowned if {
	count(input.hook.owners) > 0
	every owner in input.hook.owners { owner.active == false }
}
