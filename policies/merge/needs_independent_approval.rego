# METADATA
# title: A merge needs an approval from someone else
# description: Somebody other than the author has to approve exactly the commit that is merged. Approvals by apps, tokens and agents do not count, and neither do approvals of an older commit.
# custom:
#   on: [merge.requested, pipeline.step, pull_request.merged]
#   reads: [pull_request.approvals, pull_request.author, pull_request.id, pull_request.source.commit]
#   severity: high
#   on_error: block
#   owner: platform security
#   remedies:
#     - Ask somebody who did not write this change to approve its latest commit.
#   controls:
#     "SOC 2": ["CC6.3", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.3", "A.8.25", "A.8.28", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4", "A.9.2"]
#     "EU AI Act": ["Art. 14"]
package portcullis.rules.merge.needs_independent_approval

finding contains {
	"verdict": "block",
	"reason": "A merge was asked for, but no pull request stands behind it, so nobody can have approved it. Open a pull request and have it approved.",
	"proof": ["action.name", "pull_request"],
} if {
	merging
	not has_pull_request
}

finding contains {
	"verdict": "block",
	"reason": sprintf("Pull request #%d was approved by nobody but its author, if at all. Ask a colleague who did not write it to approve its latest commit.", [input.pull_request.id]),
	"proof": ["pull_request.author", "pull_request.approvals"],
} if {
	merging
	count(by_others) == 0
}

finding contains {
	"verdict": "block",
	"reason": sprintf("Pull request #%d was approved before its latest commit was pushed. Ask for a new approval of the latest commit.", [input.pull_request.id]),
	"proof": ["pull_request.source.commit", "pull_request.approvals"],
} if {
	merging
	count(by_others) > 0
	count(of_this_commit) == 0
}

merging if input.event.kind in {"pull_request.merged", "merge.requested"}

merging if input.action.name == "merge"

has_pull_request if input.pull_request.id

# An identity's id tells its kind, so a person is told from an app, a token or an agent without its name.
by_others contains approval if {
	some approval in input.pull_request.approvals
	approval.by != input.pull_request.author
	contains(approval.by, "/user/")
}

of_this_commit contains approval if {
	some approval in by_others
	approval.commit == input.pull_request.source.commit
}
