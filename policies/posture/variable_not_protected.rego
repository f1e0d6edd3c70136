# METADATA
# title: Secrets are kept by a deployment permission
# description: Whoever may write to a repository can have a step of their own run that holds its variables, secured or not, and send them anywhere. Only a variable of an environment that administrators alone deploy to is kept from them.
# custom:
#   subject: variable
#   reads: [variable.name, variable.place, variable.secured, variable.named_secret, variable.kept, variable.people]
#   severity: medium
#   category: Secrets
#   owner: platform security
#   aliases:
#     - {id: Secret leakage, title: Secret leakage, severity: medium}
#   needs:
#     - {product: cloud, scope: pipeline}
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: Premium}
#     - {product: cloud, scope: "project:admin"}
#   blind: No value is ever read. Branch restrictions of an environment are told by no public API and are not counted.
#   remedies:
#     - product: cloud
#       steps: "Make it a deployment variable: Repository settings, Deployments, choose the environment, Only allow admins to deploy (Premium), and add the variable there. Then change the secret and delete the old variable."
#       call: 'POST /2.0/repositories/{workspace}/{repo_slug}/environments/{environment_uuid}/changes {"change":{"restrictions":{"admin_only":true}}}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.5.18"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.variable_not_protected

finding contains {
	"severity": severity,
	"reason": sprintf("%s in %s is kept by no deployment permission: %d %s can learn it by a step of their own.", [input.variable.name, input.variable.place, input.variable.people, people]),
	"proof": ["variable.kept", "variable.people", "variable.name", "variable.place", "variable.secured", "variable.named_secret"],
} if {
	secret
	input.variable.kept == false
	input.variable.people > 0
}

secret if input.variable.secured == true

secret if input.variable.named_secret

severity := "high" if {
	input.variable.people > 20
} else := "medium"

people := "person" if {
	input.variable.people == 1
} else := "people"
