# expect: default

# METADATA
# title: A rule that must not load
# description: The serving engine makes it undefined without a word.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.default_function

finding contains {
	"verdict": "alert",
	"reason": "The branch is named.",
	"proof": ["event.kind"],
} if {
	input.resource.ref.name == "refs/heads/main"
	weight(1) == 4
}

default weight(_) := 4

weight(x) := 5 if x == 2
