# expect: resource.ref.protected

# METADATA
# title: A rule that must not load
# description: The nearest real name is offered.
# custom:
#   on: [push]
#   reads: [resource.ref.protcted]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.misspelt_field

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.protcted
}
