# expect: U+202E

# METADATA
# title: A rule that must not load
# description: A character that shows the text in another order than it is read.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.direction_override

finding contains {
	"verdict": "alert",
	"reason": "The branch is ‮niam‬, and reads as another one.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
}
