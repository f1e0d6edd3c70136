# METADATA
# title: Self-hosted runners serve one project
# description: A self-hosted runner that serves repositories of several projects runs steps of everybody who may write to any of them, one after the other on one machine of yours.
# custom:
#   subject: runner
#   reads: [runner.name, runner.active, runner.place, runner.projects, runner.repositories, runner.people, runner.public_repositories]
#   severity: high
#   category: Pipelines and runners
#   owner: platform security
#   aliases:
#     - {id: Runner exposure, title: Runner exposure, severity: high}
#   needs:
#     - {product: cloud, scope: runner}
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "project:admin"}
#   blind: "Whose steps a runner has really run, Bitbucket does not tell: everybody counts who can have one of their own run there."
#   remedies:
#     - product: cloud
#       steps: "Workspace settings, Workspace runners: delete it, and register one for each repository or project that needs it, with a label of its own."
#       call: 'DELETE /2.0/workspaces/{workspace}/pipelines-config/runners/{runner_uuid}'
#   controls:
#     "SOC 2": ["CC6.6", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.9", "A.8.31"]
#     "ISO/IEC 42001": ["A.6.2.5"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.runner_shared_widely

finding contains {
	"reason": sprintf("The runner %s serves %d repositories of %d projects in %s.", [input.runner.name, input.runner.repositories, input.runner.projects, input.runner.place]),
	"proof": ["runner.repositories", "runner.projects", "runner.name", "runner.place", "runner.active"],
} if {
	input.runner.active == true
	input.runner.projects > 1
}

finding contains {
	"reason": sprintf("%d %s can have a step of their own run on the runner %s.", [input.runner.people, people, input.runner.name]),
	"proof": ["runner.people", "runner.projects", "runner.name", "runner.active"],
} if {
	input.runner.active == true
	input.runner.projects > 1
}

finding contains {
	"severity": "critical",
	"reason": concat("", ["The runner ", input.runner.name, " also serves what everybody can see: ", concat(", ", input.runner.public_repositories), "."]),
	"proof": ["runner.public_repositories", "runner.name", "runner.active"],
} if {
	input.runner.active == true
	count(input.runner.public_repositories) > 0
}

people := "person" if {
	input.runner.people == 1
} else := "people"
