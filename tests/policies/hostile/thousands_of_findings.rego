# expect: findings

# METADATA
# title: A rule that hurts its worker
# description: Ten thousand findings, where one would do.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.thousands_of_findings

finding contains {
	"verdict": "alert",
	"reason": sprintf("Finding %d.", [n]),
	"proof": ["event.kind"],
} if {
	some a in digits
	some b in digits
	some c in digits
	some d in digits
	n := (a * 1000) + (b * 100) + (c * 10) + d
}

digits := [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
