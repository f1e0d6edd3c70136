# expect: worker died

# METADATA
# title: A rule that hurts its worker
# description: A window of size zero.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.count_of_nothing

finding contains {
	"verdict": "alert",
	"reason": "This is never said in time.",
	"proof": ["event.kind"],
} if {
	strings.count("x", "") == 1
}
