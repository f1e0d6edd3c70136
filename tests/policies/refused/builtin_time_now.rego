# expect: time.now_ns

# METADATA
# title: A rule that must not load
# description: Rules read input.now, so that a decision can be replayed.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.builtin_time_now

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	time.now_ns() > 0
}
