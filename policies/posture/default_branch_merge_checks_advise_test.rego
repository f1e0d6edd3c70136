package portcullis.rules.posture.default_branch_merge_checks_advise_test

import data.portcullis.rules.posture.default_branch_merge_checks_advise as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_checks_that_no_rule_enforces if {
	reasons(rule.finding) == {"Merge checks of the default branch main only warn: a pull request that fails them can be merged all the same, because no rule enforces them."} with input as about({"premium": true, "default_branch": {"name": "main", "merge_checks_enforced": false}})
}

test_says_that_the_plan_is_not_premium if {
	reasons(rule.finding) == {"Merge checks of the default branch main only warn: a pull request that fails them can be merged all the same, because enforcing them needs the Premium plan."} with input as about({"premium": false, "default_branch": {"name": "main", "merge_checks_enforced": false}})
}

test_leaves_enforced_checks_alone if {
	count(rule.finding) == 0 with input as about({"premium": true, "default_branch": {"name": "main", "merge_checks_enforced": true}})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main"}})
}
