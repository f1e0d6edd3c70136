# METADATA
# title: Secrets are for reviewed code
# description: Whoever can change a pipeline can print every variable it sees, masked or not. So code that nobody reviewed gets no secret it asks for and no production secret, and it is reported when it can see any other.
# custom:
#   on: [pipeline.step]
#   reads: [resource.environment, resource.ref.name, resource.ref.reviewed, resource.variables]
#   severity: high
#   on_error: block
#   owner: platform security
#   remedies:
#     - Have the change reviewed and merged, then run the step from that branch.
#     - Keep secrets in the variables of the environment that needs them, not of the whole repository or workspace.
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.15", "A.5.17", "A.8.4", "A.8.31"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.secret.read_from_unreviewed_ref

finding contains {
	"verdict": "block",
	"reason": sprintf("This step asks for a secret, but nobody has reviewed the code on %s that would read it. Have it reviewed and merged first.", [place]),
	"proof": ["action.name", "resource.ref"],
} if {
	input.action.name == "read-secret"
	not reviewed
}

finding contains {
	"verdict": "block",
	"reason": concat("", ["This step can read production secrets (", concat(", ", production_secrets), "), but nobody has reviewed the code on ", place, ". Run it from a reviewed branch."]),
	"proof": ["resource.variables", "resource.environment", "resource.ref"],
} if {
	count(production_secrets) > 0
	not reviewed
}

finding contains {
	"verdict": "alert",
	"reason": concat("", ["Code on ", place, " that nobody has reviewed can read these secrets: ", concat(", ", other_secrets), ". Move them to the environment that needs them."]),
	"proof": ["resource.variables", "resource.ref"],
} if {
	count(other_secrets) > 0
	not reviewed
}

# A bare commit has no ref, and so nothing that was reviewed.
reviewed if input.resource.ref.reviewed

production_secrets := [variable.name |
	some variable in input.resource.variables
	variable.secured
	of_production(variable)
]

other_secrets := [variable.name |
	some variable in input.resource.variables
	variable.secured
	not of_production(variable)
]

of_production(variable) if {
	variable.scope == "environment"
	input.resource.environment.tier == "production"
}

default place := "this commit"

place := trim_prefix(trim_prefix(input.resource.ref.name, "refs/heads/"), "refs/tags/")
