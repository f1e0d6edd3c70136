# expect: refused/old_syntax.rego

# METADATA
# title: A rule that must not load
# description: It shows one thing that is refused when policies are loaded.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.old_syntax

finding[answer] {
	input.resource.ref.name == "refs/heads/main"
	answer := {"verdict": "alert", "reason": "Old syntax.", "proof": ["event.kind"]}
}
