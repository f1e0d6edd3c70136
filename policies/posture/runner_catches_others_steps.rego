# METADATA
# title: No runner catches steps that are meant for another
# description: A step runs on any runner that has all the labels it asks for. A runner of a repository with all labels of a shared one catches its steps, with the secrets they hold.
# custom:
#   subject: runner
#   reads: [runner.name, runner.active, runner.place, runner.catches]
#   severity: medium
#   category: Pipelines and runners
#   owner: platform security
#   needs:
#     - {product: cloud, scope: runner}
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Runners: give the runner of the repository a label of its own and take away those it shares, or delete it."
#       call: 'DELETE /2.0/repositories/{workspace}/{repo_slug}/pipelines-config/runners/{runner_uuid}'
#   controls:
#     "SOC 2": ["CC6.6", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.9", "A.8.31"]
#     "ISO/IEC 42001": ["A.6.2.5"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.runner_catches_others_steps

finding contains {
	"reason": concat("", ["The runner ", input.runner.name, " of ", input.runner.place, " has all labels of ", concat(", ", input.runner.catches), ": steps that are meant for those can run on it, with their secrets."]),
	"proof": ["runner.catches", "runner.name", "runner.place", "runner.active"],
} if {
	input.runner.active == true
	count(input.runner.catches) > 0
}
