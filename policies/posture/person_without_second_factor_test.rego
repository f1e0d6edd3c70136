package portcullis.rules.posture.person_without_second_factor_test

import data.portcullis.rules.posture.person_without_second_factor as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "identity"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"identity": facts,
}

person(facts) := about(object.union({"name": "Ana", "kind": "user", "active": true, "second_factor": false}, facts))

test_finds_a_person_without_one if {
	reasons(rule.finding) == {"Ana has no second factor: whoever learns the password is this person."} with input as person({})
}

test_leaves_a_person_with_one_alone if {
	count(rule.finding) == 0 with input as person({"second_factor": true})
}

test_leaves_one_who_is_switched_off_alone if {
	count(rule.finding) == 0 with input as person({"active": false, "second_factor": null})
}

test_leaves_a_service_account_alone if {
	count(rule.finding) == 0 with input as person({"kind": "service", "second_factor": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "Ana", "kind": "user", "active": true})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "Ana", "kind": "user", "active": true, "second_factor": false})
}
