# expect: input

# METADATA
# title: A rule that must not load
# description: What it reads can no longer be told from its text.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.input_imported_under_another_name

import input.resource.ref

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	ref.name == "refs/heads/main"
}
