package portcullis.rules.posture.write_key_to_production_test

import data.portcullis.rules.posture.write_key_to_production as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "credential"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"credential": facts,
}

key(facts) := about(object.union({"name": "deploy", "kind": "key", "active": true, "personal": false, "production": ["PAY/ledger"]}, facts))

test_finds_a_key_that_writes_to_production if {
	reasons(rule.finding) == {"The key deploy may push to what goes to production: PAY/ledger."} with input as key({})
}

test_leaves_a_key_alone_that_does_not if {
	count(rule.finding) == 0 with input as key({"production": []})
}

test_leaves_others_alone if {
	count(rule.finding) == 0 with input as key({"kind": "token"})
}

test_leaves_others_alone_too if {
	count(rule.finding) == 0 with input as key({"active": false})
}

test_leaves_others_alone_as_well if {
	count(rule.finding) == 0 with input as key({"personal": true})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "deploy", "kind": "key", "active": true, "personal": false})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "deploy", "kind": "key", "active": true, "personal": false, "production": ["PAY/ledger"]})
}
