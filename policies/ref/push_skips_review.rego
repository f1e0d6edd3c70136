# METADATA
# title: Protected branches change through pull requests
# description: A push straight to a protected branch skips review. Those on the branch's exempt list may do it, and it is reported.
# custom:
#   on: [push]
#   reads: [actor.id, change.pull_request, resource.ref.exempt, resource.ref.kind, resource.ref.name, resource.ref.protected]
#   severity: high
#   on_error: block
#   owner: platform security
#   remedies:
#     - Push the same commits to a branch of your own and open a pull request.
#   controls:
#     "SOC 2": ["CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.3", "A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.ref.push_skips_review

finding contains {
	"verdict": "block",
	"reason": sprintf("This push went straight to %s, which is protected and changes only through pull requests. Push to a branch of your own and open a pull request.", [branch]),
	"proof": ["change.pull_request", "resource.ref.protected", "resource.ref.exempt", "actor.id"],
} if {
	skipped_review
	not exempt
}

finding contains {
	"verdict": "alert",
	"reason": sprintf("This push went straight to %s without a pull request. The pusher is on the branch's exempt list, so it is only reported.", [branch]),
	"proof": ["change.pull_request", "resource.ref.protected", "resource.ref.exempt", "actor.id"],
} if {
	skipped_review
	exempt
}

# `null` is what the gateway says once it knows that no merged pull request brought this change.
skipped_review if {
	input.resource.ref.kind == "branch"
	input.resource.ref.protected
	input.change.pull_request == null
}

exempt if input.actor.id in input.resource.ref.exempt

branch := trim_prefix(input.resource.ref.name, "refs/heads/")
