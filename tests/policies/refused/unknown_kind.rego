# expect: pull_request.merged

# METADATA
# title: A rule that must not load
# description: The nearest real kind is offered.
# custom:
#   on: [pull_request.mergd]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.unknown_kind

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
}
