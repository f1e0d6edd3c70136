# expect: with

# METADATA
# title: A rule that must not load
# description: A forbidden built-in behind the name of an allowed one.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.builtin_by_with

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	count([1]) == 1 with count as http.send
}
