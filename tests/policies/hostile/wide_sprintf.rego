# expect: worker died

# METADATA
# title: A rule that hurts its worker
# description: A width that asks for gigabytes.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.wide_sprintf

finding contains {
	"verdict": "alert",
	"reason": "This is never said in time.",
	"proof": ["event.kind"],
} if {
	sprintf("%99999999999d", [1]) != ""
}
