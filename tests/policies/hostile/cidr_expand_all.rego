# expect: worker died

# METADATA
# title: A rule that hurts its worker
# description: Every address there is.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.cidr_expand_all

finding contains {
	"verdict": "alert",
	"reason": "This is never said in time.",
	"proof": ["event.kind"],
} if {
	count(net.cidr_expand("::/0")) > 0
}
