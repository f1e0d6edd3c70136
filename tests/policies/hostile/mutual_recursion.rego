# expect: worker died

# METADATA
# title: A rule that hurts its worker
# description: Two rules that need each other end the stack.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.mutual_recursion

finding contains {
	"verdict": "alert",
	"reason": "This is never said in time.",
	"proof": ["event.kind"],
} if {
	one
}

one if two

two if one
