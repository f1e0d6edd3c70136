# expect: sprintf

# METADATA
# title: A rule that must not load
# description: A width of a hundred thousand million characters.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.wide_sprintf

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	sprintf("%99999999999d", [1]) != ""
	input.resource.ref.name == "refs/heads/main"
}
