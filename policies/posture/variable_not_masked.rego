# METADATA
# title: Secrets are secured variables
# description: "A variable whose name says that it holds a secret is not secured: its value stands in the settings and in every log that prints it."
# custom:
#   subject: variable
#   reads: [variable.name, variable.place, variable.secured, variable.named_secret]
#   severity: high
#   category: Secrets
#   owner: platform security
#   aliases:
#     - {id: Secret leakage, title: Secret leakage, severity: high}
#   needs:
#     - {product: cloud, scope: pipeline}
#   blind: "No value is ever read: a secret under an innocent name is not seen."
#   remedies:
#     - product: cloud
#       steps: "Repository, workspace or deployment settings, Variables: delete it, add it again with Secured ticked, and change the secret."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug}/pipelines_config/variables/{variable_uuid} {"secured":true}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.5.18"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.variable_not_masked

finding contains {
	"reason": sprintf("%s in %s holds a secret by its name and is not secured: everybody who reads the settings or a log can read it.", [input.variable.name, input.variable.place]),
	"proof": ["variable.secured", "variable.named_secret", "variable.name", "variable.place"],
} if {
	input.variable.named_secret
	input.variable.secured == false
}
