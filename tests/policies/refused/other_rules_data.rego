# expect: data.portcullis.rules

# METADATA
# title: A rule that must not load
# description: A rule that asks another rule is not routed or judged by its own facts.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.other_rules_data

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	some f in data.portcullis.rules.ref.force_push_to_protected.finding
	f.verdict == "block"
	input.resource.ref.name == "refs/heads/main"
}
