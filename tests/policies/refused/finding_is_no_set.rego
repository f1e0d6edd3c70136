# expect: finding

# METADATA
# title: A rule that must not load
# description: It answers with one finding, not with a set.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.finding_is_no_set

finding := {"verdict": "alert", "reason": "x", "proof": ["event.kind"]} if {
	input.resource.ref.name == "refs/heads/main"
}
