# expect: verdict

# METADATA
# title: A rule that hurts its worker
# description: A verdict that is none is a Block that says so.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.verdict_nobody_knows

finding contains {"verdict": "maybe", "reason": "Perhaps.", "proof": ["event.kind"]} if {
	input.event.kind == "push"
}
