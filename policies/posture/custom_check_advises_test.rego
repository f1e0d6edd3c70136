package portcullis.rules.posture.custom_check_advises_test

import data.portcullis.rules.posture.custom_check_advises as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_a_check_that_advises if {
	reasons(rule.finding) == {"The merge check Security review only advises: a pull request that fails it can be merged all the same."} with input as about({"advisory_checks": ["Security review"]})
}

test_none_is_fine if {
	count(rule.finding) == 0 with input as about({"advisory_checks": []})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({})
}
