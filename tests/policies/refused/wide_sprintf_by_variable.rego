# expect: sprintf

# METADATA
# title: A rule that must not load
# description: The format comes from outside, and so could its width.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.wide_sprintf_by_variable

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	sprintf(input.resource.ref.name, [1]) != ""
}
