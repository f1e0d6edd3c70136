# expect: reason

# METADATA
# title: A rule that hurts its worker
# description: A finding without a reason is a Block that says so.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.no_reason

finding contains {"verdict": "alert", "proof": ["event.kind"]} if {
	input.event.kind == "push"
}
