# expect: partial object

# METADATA
# title: A rule that must not load
# description: The serving engine has no partial objects with constant keys.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.partial_object

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	weights.main == 1
}

weights["main"] := 1 if input.resource.ref.name == "refs/heads/main"
