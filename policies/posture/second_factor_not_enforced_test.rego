package portcullis.rules.posture.second_factor_not_enforced_test

import data.portcullis.rules.posture.second_factor_not_enforced as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "workspace"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"workspace": facts,
}

test_finds_a_workspace_that_does_not_demand_it if {
	reasons(rule.finding) == {"acme does not demand a second factor of everybody."} with input as about({"name": "acme", "second_factor_enforced": false})
}

test_leaves_one_that_does_alone if {
	count(rule.finding) == 0 with input as about({"name": "acme", "second_factor_enforced": true})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "acme"})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "acme", "second_factor_enforced": false})
}
