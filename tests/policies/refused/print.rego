# expect: print

# METADATA
# title: A rule that must not load
# description: It shows one thing that is refused when policies are loaded.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.print

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	print("here")
	input.resource.ref.name == "refs/heads/main"
}
