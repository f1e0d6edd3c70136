package portcullis.rules.posture.default_branch_direct_push_test

import data.portcullis.rules.posture.default_branch_direct_push as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_a_branch_without_a_rule if {
	reasons(rule.finding) == {"Direct pushes to the default branch main are open, past every pull request: no rule about pushing covers it."} with input as about({"default_branch": {"name": "main", "push_closed": false, "exempt": null}})
}

test_lists_whom_the_rules_let_through if {
	reasons(rule.finding) == {"Direct pushes to the default branch main are open, past every pull request: the rules let through group developers (push on acme/shop), user Ben (push on acme/shop)."} with input as about({"default_branch": {"name": "main", "push_closed": false, "exempt": [{"kind": "user", "name": "Ben", "by": "push on acme/shop"}, {"kind": "group", "name": "developers", "by": "push on acme/shop"}]}})
}

test_leaves_a_closed_branch_alone if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "push_closed": true, "exempt": []}})
}

test_an_empty_repository_has_no_default_branch if {
	count(rule.finding) == 0 with input as about({"default_branch": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main"}})
}
