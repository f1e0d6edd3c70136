# expect: portcullis.rules

# METADATA
# title: A rule that must not load
# description: It is not below portcullis.rules.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package acme.refused.package_outside

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
}
