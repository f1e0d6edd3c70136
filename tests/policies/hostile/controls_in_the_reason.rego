# expect: reason

# METADATA
# title: A rule that hurts its worker
# description: Terminal codes, a change of direction and markup in a reason are shown as text.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.controls_in_the_reason

finding contains {"verdict": "block", "reason": "Fine.\u202e\u001b[2J<script>alert(1)</script>", "proof": ["event.kind"]} if {
	input.event.kind == "push"
}
