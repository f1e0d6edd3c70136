# expect: reason

# METADATA
# title: A rule that hurts its worker
# description: A reason of a hundred thousand characters.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: approve
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.hostile.huge_reason

finding contains {"verdict": "alert", "reason": long, "proof": ["event.kind"]} if {
	input.event.kind == "push"
}

ten := "0123456789"

hundred := concat("", [ten, ten, ten, ten, ten, ten, ten, ten, ten, ten])

thousand := concat("", [hundred, hundred, hundred, hundred, hundred, hundred, hundred, hundred, hundred, hundred])

many := concat("", [thousand, thousand, thousand, thousand, thousand, thousand, thousand, thousand, thousand, thousand])

long := concat("", [many, many, many, many, many, many, many, many, many, many])
