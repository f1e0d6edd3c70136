# METADATA
# title: Nobody rewrites a protected branch
# description: A force push throws away commits that others have reviewed, built and released. On a protected branch that is never routine, whoever does it.
# custom:
#   on: [push]
#   reads: [change.forced, resource.ref.name, resource.ref.protected]
#   severity: critical
#   on_error: block
#   owner: platform security
#   remedies:
#     - Undo the change with `git revert` and bring it in through a pull request.
#     - If history has to be rewritten, ask a repository administrator to plan it with you.
#   controls:
#     "SOC 2": ["CC7.2", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.8"]
#     "EU AI Act": ["Art. 12", "Art. 15"]
package portcullis.rules.ref.force_push_to_protected

finding contains {
	"verdict": "block",
	"reason": sprintf("The branch %s is protected and this push rewrote its history. Use git revert and a pull request to take a change back.", [branch]),
	"proof": ["change.forced", "resource.ref.protected", "resource.ref.name"],
} if {
	input.change.forced
	input.resource.ref.protected
}

branch := trim_prefix(input.resource.ref.name, "refs/heads/")
