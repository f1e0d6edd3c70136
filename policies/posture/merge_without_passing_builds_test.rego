package portcullis.rules.posture.merge_without_passing_builds_test

import data.portcullis.rules.posture.merge_without_passing_builds as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_a_branch_that_asks_for_no_build if {
	reasons(rule.finding) == {"A pull request can be merged into the default branch main while its builds fail: none is asked for."} with input as about({"default_branch": {"name": "main", "builds_required": false, "merge_checks_enforced": true}})
}

test_advice_stops_no_merge if {
	reasons(rule.finding) == {"A pull request can be merged into the default branch main while its builds fail: that they pass is only advice, since merge checks are not enforced."} with input as about({"default_branch": {"name": "main", "builds_required": true, "merge_checks_enforced": false}})
}

test_leaves_a_branch_alone_whose_builds_must_pass if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "builds_required": true, "merge_checks_enforced": true}})
}

test_an_empty_repository_has_no_default_branch if {
	count(rule.finding) == 0 with input as about({"default_branch": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main"}})
}
