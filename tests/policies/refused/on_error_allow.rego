# expect: on_error

# METADATA
# title: A rule that must not load
# description: A rule that fails must not become an Allow.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: allow
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.on_error_allow

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
}
