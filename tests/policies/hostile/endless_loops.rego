# expect: deadline

# METADATA
# title: A rule that hurts its worker
# description: Four loops over a thousand numbers each make a million million steps.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.endless_loops

finding contains {
	"verdict": "alert",
	"reason": "This is never said in time.",
	"proof": ["event.kind"],
} if {
	some a in many
	some b in many
	some c in many
	some d in many
	a + b + c + d == 0
}

digits := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

many := [n | some a in digits; some b in digits; some c in digits; n := (a * 100) + (b * 10) + c]
