# METADATA
# title: Webhooks stay inside
# description: A webhook tells its receiver about every push, branch and pull request. One that points outside the company needs a decision first.
# custom:
#   on: [hook.changed]
#   reads: [after.active, after.external, after.host, before.active, before.external, before.host]
#   severity: high
#   on_error: block
#   owner: platform security
#   remedies:
#     - Switch the webhook off until its owner has explained what the receiver is for.
#     - If the receiver is yours, ask an administrator to add its host to the company's own hosts.
#   controls:
#     "SOC 2": ["CC6.6", "CC6.7", "CC7.2"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.9", "A.8.12"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.hook.sends_outside

finding contains {
	"verdict": "block",
	"reason": sprintf("A webhook now sends this repository's events to %s, outside the company. Switch it off until its owner has explained it.", [input.after.host]),
	"proof": ["after.host", "after.external", "after.active", "before.host"],
} if {
	sends_outside
	not did_before
}

finding contains {
	"verdict": "alert",
	"reason": sprintf("A webhook that sends events to %s, outside the company, was changed. Check what it tells now.", [input.after.host]),
	"proof": ["after.host", "after.external", "before.host"],
} if {
	sends_outside
	did_before
}

sends_outside if {
	input.after.external
	input.after.active
}

did_before if {
	input.before.external
	input.before.active
	input.before.host == input.after.host
}
