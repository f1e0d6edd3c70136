# METADATA
# title: Code is not forked to the outside
# description: A fork in somebody else's workspace, or a public fork of a private repository, is a copy that your rules and your leavers process no longer reach.
# custom:
#   on: [repository.forked]
#   reads: [after.outside, after.visibility, resource.repository.name, resource.repository.visibility]
#   severity: high
#   on_error: block
#   owner: platform security
#   remedies:
#     - Delete the fork, and fork inside the company's workspace instead.
#     - Ask an administrator to set the repository's fork policy to internal forks only.
#   controls:
#     "SOC 2": ["CC6.1", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.4", "A.8.12"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.repository.forked_outside

finding contains {
	"verdict": "block",
	"reason": sprintf("%s is private and was forked to a place outside the company. Delete that fork and make one inside instead.", [input.resource.repository.name]),
	"proof": ["after.outside", "resource.repository.visibility"],
} if {
	input.resource.repository.visibility == "private"
	input.after.outside
}

finding contains {
	"verdict": "block",
	"reason": sprintf("%s is private, but this fork of it is public: anyone can read it. Make the fork private or delete it.", [input.resource.repository.name]),
	"proof": ["after.visibility", "resource.repository.visibility"],
} if {
	input.resource.repository.visibility == "private"
	input.after.visibility == "public"
}
