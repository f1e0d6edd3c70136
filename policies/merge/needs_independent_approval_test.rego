package portcullis.rules.merge.needs_independent_approval_test

import data.portcullis.rules.merge.needs_independent_approval as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

latest := "8d3c1f0e5b7a49c2d6e8f1029384756aabbccdde"

older := "1111111111111111111111111111111111111111"

merged := {
	"version": 1,
	"event": {"kind": "pull_request.merged"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "observe"},
	"unknown": [],
	"pull_request": {
		"id": 41,
		"author": "acme-cloud/user/ana",
		"source": {"commit": latest},
		"approvals": [{"by": "acme-cloud/user/ben", "commit": latest}],
	},
}

approved_by(approvals) := object.union(merged, {"pull_request": {"approvals": approvals}})

test_leaves_an_approved_merge_alone if {
	verdicts == set() with input as merged
}

test_blocks_without_any_approval if {
	verdicts == {"block"} with input as approved_by([])
	reasons == {"Pull request #41 was approved by nobody but its author, if at all. Ask a colleague who did not write it to approve its latest commit."} with input as approved_by([])
}

test_the_authors_own_approval_does_not_count if {
	verdicts == {"block"} with input as approved_by([{"by": "acme-cloud/user/ana", "commit": latest}])
}

test_an_agents_approval_does_not_count if {
	verdicts == {"block"} with input as approved_by([{"by": "acme-cloud/agent/helper", "commit": latest}, {"by": "acme-cloud/app/ci", "commit": latest}])
}

test_an_approval_of_an_older_commit_does_not_count if {
	reasons == {"Pull request #41 was approved before its latest commit was pushed. Ask for a new approval of the latest commit."} with input as approved_by([{"by": "acme-cloud/user/ben", "commit": older}])
}

test_one_good_approval_among_others_is_enough if {
	verdicts == set() with input as approved_by([
		{"by": "acme-cloud/user/ana", "commit": latest},
		{"by": "acme-cloud/user/cyd", "commit": older},
		{"by": "acme-cloud/user/ben", "commit": latest},
	])
}

test_judges_a_merge_that_is_asked_for if {
	verdicts == {"block"} with input as object.union(approved_by([]), {"event": {"kind": "merge.requested"}, "action": {"name": "merge"}})
}

test_judges_a_step_that_wants_to_merge if {
	verdicts == {"block"} with input as object.union(approved_by([]), {"event": {"kind": "pipeline.step"}, "action": {"name": "merge"}})
}

test_leaves_a_step_that_does_something_else_alone if {
	verdicts == set() with input as object.union(approved_by([]), {"event": {"kind": "pipeline.step"}, "action": {"name": "run"}})
}

test_a_merge_without_a_pull_request_is_blocked if {
	verdicts == {"block"} with input as object.union(merged, {"event": {"kind": "pipeline.step"}, "action": {"name": "merge"}, "pull_request": null})
}

test_judges_data_center_ids_alike if {
	verdicts == set() with input as object.union(merged, {
		"connection": {"id": "acme-dc", "product": "datacenter"},
		"pull_request": {"author": "acme-dc/user/3", "approvals": [{"by": "acme-dc/user/7", "commit": latest}]},
	})
}
