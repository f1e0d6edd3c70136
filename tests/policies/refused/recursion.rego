# expect: recursion

# METADATA
# title: A rule that must not load
# description: Two rules that need each other.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.recursion

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	one
}

one if two

two if one
