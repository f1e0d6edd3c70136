# expect: nested

# METADATA
# title: A rule that must not load
# description: Each level doubles the time to parse it.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.deep_brackets

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	count([[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]) == 1
}
