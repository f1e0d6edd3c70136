# expect: portcullis.rules.refused.wrong_package

# METADATA
# title: A rule that must not load
# description: Package and path name different rules.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.right_package

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
}
