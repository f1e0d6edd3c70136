# METADATA
# title: No pipeline prints a secret
# description: "A command of a pipeline prints a secured variable, or all of them: masking hides the exact text alone, and logs are read by everybody who reads the repository."
# custom:
#   subject: repository
#   reads: [repository.name, repository.definition.printed_secrets]
#   severity: high
#   category: Secrets
#   owner: platform security
#   aliases:
#     - {id: Secret leakage, title: Secret leakage, severity: high}
#   needs:
#     - {product: cloud, scope: repository}
#     - {product: cloud, scope: pipeline}
#     - {product: cloud, scope: "repository:admin"}
#   blind: Read only where the class `pipeline-definition` is switched on, and on the main branch. What a script or a pipe prints is not seen; logs are never read.
#   remedies:
#     - product: cloud
#       steps: "Take the command that prints it out of bitbucket-pipelines.yml, change the secret, and delete the logs of the runs that printed it."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.5.18"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.secret_printed_in_logs

finding contains {
	"reason": concat("", ["The pipelines of ", input.repository.name, " print ", concat(", ", input.repository.definition.printed_secrets), " into their logs, where masking hides the exact text alone."]),
	"proof": ["repository.definition.printed_secrets", "repository.name"],
} if {
	count(input.repository.definition.printed_secrets) > 0
}
