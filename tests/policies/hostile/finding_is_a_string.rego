# expect: finding

# METADATA
# title: A rule that hurts its worker
# description: A finding that is no object is a Block that says so.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.finding_is_a_string

finding contains "block" if {
	input.event.kind == "push"
}
