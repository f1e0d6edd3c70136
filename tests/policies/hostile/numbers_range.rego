# expect: worker died

# METADATA
# title: A rule that hurts its worker
# description: Twenty-four gigabytes in one allocation.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.numbers_range

finding contains {
	"verdict": "alert",
	"reason": "This is never said in time.",
	"proof": ["event.kind"],
} if {
	count(numbers.range(1, 1000000000)) > 0
}
