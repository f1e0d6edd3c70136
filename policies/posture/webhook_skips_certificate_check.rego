# METADATA
# title: Webhooks check whom they tell
# description: Where the receiver's certificate is not checked, anybody on the way can read what the webhook tells.
# custom:
#   subject: hook
#   reads: [hook.host, hook.place, hook.active, hook.tls_verified]
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
#       steps: "Repository or workspace settings, Webhooks: clear Skip certificate verification, and give the receiver a certificate that an authority signed."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug}/hooks/{uid} {"skip_cert_verification":false}'
#     - product: datacenter
#       steps: "Repository or project settings, Webhooks: turn SSL verification on, and put the authority of the receiver into the trust store of the server."
#       call: 'PUT /rest/api/latest/projects/{projectKey}/repos/{repositorySlug}/webhooks/{webhookId} {"sslVerificationRequired":true}'
#   controls:
#     "SOC 2": ["CC6.6", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.12"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.webhook_skips_certificate_check

finding contains {
	"reason": sprintf("The webhook of %s does not check the certificate of %s: anybody on the way can read it.", [input.hook.place, input.hook.host]),
	"proof": ["hook.host", "hook.tls_verified", "hook.place", "hook.active"],
} if {
	input.hook.active == true
	input.hook.tls_verified == false
}
