# expect: walk

# METADATA
# title: A rule that must not load
# description: It shows one thing that is refused when policies are loaded.
# custom:
#   on: [push]
#   reads: [resource.ref]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.walk

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	some path, value
	walk(input.resource.ref, [path, value])
	value == "x"
}
