package portcullis.rules.posture.branch_protection_not_enforced_test

import data.portcullis.rules.posture.branch_protection_not_enforced as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_a_branch_without_any_rule if {
	reasons(rule.finding) == {"Nothing is enforced on the default branch main: no branch restriction covers it."} with input as about({"default_branch": {"name": "main", "protected": false, "merge_checks_enforced": false}})
}

test_finds_rules_that_only_warn if {
	reasons(rule.finding) == {"The rules of the default branch main stop nobody: merge checks only warn, and it can be pushed to, rewritten and deleted."} with input as about({"default_branch": {"name": "main", "protected": true, "merge_checks_enforced": false, "push_closed": false, "force_push_closed": false, "deletion_closed": false}})
}

test_merge_checks_that_stop_a_merge_are_enforced if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "protected": true, "merge_checks_enforced": true, "push_closed": false, "force_push_closed": false, "deletion_closed": false}})
}

test_a_branch_that_nobody_pushes_to_is_protected if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "protected": true, "merge_checks_enforced": false, "push_closed": true, "force_push_closed": false, "deletion_closed": false}})
}

test_a_history_that_stays_is_protected if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "protected": true, "merge_checks_enforced": false, "push_closed": false, "force_push_closed": true, "deletion_closed": false}})
}

test_a_branch_that_cannot_be_deleted_is_protected if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "protected": true, "merge_checks_enforced": false, "push_closed": false, "force_push_closed": false, "deletion_closed": true}})
}

test_an_empty_repository_has_no_default_branch if {
	count(rule.finding) == 0 with input as about({"default_branch": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "protected": true}})
}
