package portcullis.rules.posture.default_branch_deletion_test

import data.portcullis.rules.posture.default_branch_deletion as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_it if {
	reasons(rule.finding) == {"Nothing stops the deletion of the default branch main."} with input as about({"default_branch": {"name": "main", "deletion_closed": false}})
}

test_leaves_the_other_alone if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main", "deletion_closed": true}})
}

test_an_empty_repository_has_no_default_branch if {
	count(rule.finding) == 0 with input as about({"default_branch": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"default_branch": {"name": "main"}})
}
