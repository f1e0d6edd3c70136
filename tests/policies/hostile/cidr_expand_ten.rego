# expect: deadline

# METADATA
# title: A rule that hurts its worker
# description: Sixteen million addresses; a running built-in is not interrupted.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.cidr_expand_ten

finding contains {
	"verdict": "alert",
	"reason": "This is never said in time.",
	"proof": ["event.kind"],
} if {
	count(net.cidr_expand("10.0.0.0/8")) > 0
}
