# expect: finding

# METADATA
# title: A rule that must not load
# description: It has no set of findings.
# custom:
#   on: [push]
#   reads: [resource.ref.name]
#   severity: low
#   on_error: block
#   controls: {"SOC 2": ["CC8.1"]}
package portcullis.rules.refused.no_finding

answer := true
