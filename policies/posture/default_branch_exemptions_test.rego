package portcullis.rules.posture.default_branch_exemptions_test

import data.portcullis.rules.posture.default_branch_exemptions as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_each if {
	count(rule.finding) == 2 with input as about({"default_branch": {"name": "main", "exempt": [{"kind": "user", "name": "Ben", "by": "push on acme/shop"}, {"kind": "key", "name": "deploy", "by": "push on acme/shop"}]}})
}

test_names_the_rule if {
	reasons(rule.finding) == {"The user Ben is let through by the rule push on acme/shop: it pushes to the default branch main without a pull request."} with input as about({"default_branch": {"name": "main", "exempt": [{"kind": "user", "name": "Ben", "by": "push on acme/shop"}]}})
}

test_a_key_is_worse_than_a_person if {
	{finding.severity | some finding in rule.finding} == {"high"} with input as about({"default_branch": {"name": "main", "exempt": [{"kind": "key", "name": "deploy", "by": "push on acme/shop"}]}})
}

test_a_rule_that_lets_nobody_through_is_fine if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "exempt": []}})
}

test_no_rule_is_anothers_finding if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "exempt": null}})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main"}})
}
