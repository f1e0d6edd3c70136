# expect: net.cidr_expand

# METADATA
# title: A rule that must not load
# description: It shows one thing that is refused when policies are loaded.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.builtin_net_cidr_expand

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	count(net.cidr_expand("::/0")) > 0
}
