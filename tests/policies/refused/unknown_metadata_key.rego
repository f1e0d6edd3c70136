# expect: on_error

# METADATA
# title: A rule that must not load
# description: A misspelt key would be a weight that is not there.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_eror: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.unknown_metadata_key

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
}
