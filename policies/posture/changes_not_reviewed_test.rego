package portcullis.rules.posture.changes_not_reviewed_test

import data.portcullis.rules.posture.changes_not_reviewed as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_a_branch_without_review if {
	reasons(rule.finding) == {"A change can reach the default branch main unreviewed: no approval is asked for before a merge."} with input as about({"default_branch": {"name": "main", "review_required": false}})
}

test_advice_is_no_review if {
	reasons(rule.finding) == {"A change can reach the default branch main unreviewed: the approval that is asked for is only advice, since merge checks are not enforced."} with input as about({"default_branch": {"name": "main", "review_required": true, "merge_checks_enforced": false}})
}

test_a_push_past_the_review_is_one_too if {
	reasons(rule.finding) == {"A change can reach the default branch main unreviewed: direct pushes are open."} with input as about({"default_branch": {"name": "main", "review_required": true, "merge_checks_enforced": true, "push_closed": false}})
}

test_counts_merges_that_nobody_reviewed if {
	reasons(rule.finding) == {"Of the last 20 merged pull requests, 3 had no approval by anybody but their author."} with input as about({"merges": {"looked_at": 20, "unreviewed": 3}, "default_branch": {"name": "main", "review_required": true, "merge_checks_enforced": true, "push_closed": true}})
}

test_leaves_a_reviewed_branch_alone if {
	count(rule.finding) == 0 with input as about({"merges": {"looked_at": 20, "unreviewed": 0}, "default_branch": {"name": "main", "review_required": true, "merge_checks_enforced": true, "push_closed": true}})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main"}})
}

test_one_without_approval_is_one if {
	reasons(rule.finding) == {"Of the last 20 merged pull requests, 1 had no approval by anybody but its author."} with input as about({"merges": {"looked_at": 20, "unreviewed": 1}, "default_branch": {"name": "main", "review_required": true, "merge_checks_enforced": true, "push_closed": true}})
}

test_one_pull_request_is_one if {
	reasons(rule.finding) == {"The last merged pull request had no approval by anybody but its author."} with input as about({"merges": {"looked_at": 1, "unreviewed": 1}, "default_branch": {"name": "main", "review_required": true, "merge_checks_enforced": true, "push_closed": true}})
}
