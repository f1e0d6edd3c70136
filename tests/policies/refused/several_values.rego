# expect: several values

# METADATA
# title: A rule that must not load
# description: The serving engine makes a conflict undefined without a word.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.several_values

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	level == "high"
}

level := "high" if input.resource.ref.name == "refs/heads/main"

level := "low" if input.event.kind == "push"
