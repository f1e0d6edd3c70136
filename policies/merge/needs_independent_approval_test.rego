package portcullis.rules.merge.needs_independent_approval_test

import data.portcullis.rules.merge.needs_independent_approval as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

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

approved_by(approvals) := but(merged, {"/pull_request/approvals": approvals})

test_leaves_an_approved_merge_alone if {
	verdicts(rule.finding) == set() with input as merged
}

test_blocks_without_any_approval if {
	verdicts(rule.finding) == {"block"} with input as approved_by([])
	reasons(rule.finding) == {"Pull request #41 was approved by nobody but its author, if at all. Ask a colleague who did not write it to approve its latest commit."} with input as approved_by([])
}

test_the_authors_own_approval_does_not_count if {
	verdicts(rule.finding) == {"block"} with input as approved_by([{"by": "acme-cloud/user/ana", "commit": latest}])
}

test_an_agents_approval_does_not_count if {
	verdicts(rule.finding) == {"block"} with input as approved_by([{"by": "acme-cloud/agent/helper", "commit": latest}, {"by": "acme-cloud/app/ci", "commit": latest}])
}

test_an_approval_of_an_older_commit_does_not_count if {
	verdicts(rule.finding) == {"block"} with input as approved_by([{"by": "acme-cloud/user/ben", "commit": older}])
	reasons(rule.finding) == {"Pull request #41 was approved before its latest commit was pushed. Ask for a new approval of the latest commit."} with input as approved_by([{"by": "acme-cloud/user/ben", "commit": older}])
}

test_one_good_approval_among_others_is_enough if {
	verdicts(rule.finding) == set() with input as approved_by([
		{"by": "acme-cloud/user/ana", "commit": latest},
		{"by": "acme-cloud/user/cyd", "commit": older},
		{"by": "acme-cloud/user/ben", "commit": latest},
	])
}

test_judges_a_merge_that_is_asked_for if {
	verdicts(rule.finding) == {"block"} with input as but(approved_by([]), {"/event/kind": "merge.requested", "/action/name": "merge"})
}

test_judges_a_step_that_wants_to_merge if {
	verdicts(rule.finding) == {"block"} with input as but(approved_by([]), {"/event/kind": "pipeline.step", "/action/name": "merge"})
}

test_leaves_a_step_that_does_something_else_alone if {
	verdicts(rule.finding) == set() with input as but(approved_by([]), {"/event/kind": "pipeline.step", "/action/name": "run"})
}

test_a_merge_without_a_pull_request_is_blocked if {
	verdicts(rule.finding) == {"block"} with input as but(merged, {"/event/kind": "pipeline.step", "/action/name": "merge", "/pull_request": null})
}

test_judges_data_center_ids_alike if {
	verdicts(rule.finding) == set() with input as but(merged, {
		"/connection/id": "acme-dc",
		"/connection/product": "datacenter",
		"/pull_request/author": "acme-dc/user/3",
		"/pull_request/approvals": [{"by": "acme-dc/user/7", "commit": latest}],
	})
}

test_a_run_without_a_pull_request_is_left_alone if {
	verdicts(rule.finding) == set() with input as but(merged, {"/event/kind": "pipeline.step", "/action/name": "run", "/pull_request": null})
}

test_a_run_with_an_older_approval_is_left_alone if {
	verdicts(rule.finding) == set() with input as but(approved_by([{"by": "acme-cloud/user/ben", "commit": older}]), {"/event/kind": "pipeline.step", "/action/name": "run"})
}
