package portcullis.rules.posture.default_branch_stale_approvals_test

import data.portcullis.rules.posture.default_branch_stale_approvals as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_it if {
	reasons(rule.finding) == {"Approvals stay when new commits are pushed to a pull request into the default branch main: what is merged need not be what was approved."} with input as about({"default_branch": {"name": "main", "stale_approvals": "kept"}})
}

test_leaves_the_other_alone if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "stale_approvals": "reset"}})
}

test_an_empty_repository_has_no_default_branch if {
	count(rule.finding) == 0 with input as about({"default_branch": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main"}})
}

test_dropping_them_when_the_diff_changed_is_dropping_them if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "stale_approvals": "smart_reset"}})
}
