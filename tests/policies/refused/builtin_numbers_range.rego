# expect: numbers.range

# METADATA
# title: A rule that must not load
# description: It shows one thing that is refused when policies are loaded.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.builtin_numbers_range

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	count(numbers.range(1, 1000000000)) > 0
}
