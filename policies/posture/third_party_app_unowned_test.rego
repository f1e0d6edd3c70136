package portcullis.rules.posture.third_party_app_unowned_test

import data.portcullis.rules.posture.third_party_app_unowned as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "credential"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"credential": facts,
}

app(facts) := about(object.union({"name": "linter", "kind": "app", "active": true, "owners": [{"name": "Ana"}], "owners_left": false}, facts))

test_finds_an_app_that_nobody_looks_after if {
	reasons(rule.finding) == {"Nobody looks after the app linter."} with input as app({"owners": null, "owners_left": null})
}

test_finds_an_app_whose_owner_left if {
	reasons(rule.finding) == {"Everybody who looked after the app linter has left."} with input as app({"owners_left": true})
}

test_leaves_others_alone if {
	count(rule.finding) == 0 with input as app({})
}

test_leaves_others_alone_too if {
	count(rule.finding) == 0 with input as app({"kind": "key", "owners": null, "owners_left": null})
}

test_leaves_others_alone_as_well if {
	count(rule.finding) == 0 with input as app({"active": false, "owners_left": true})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "linter", "kind": "app", "active": true})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "linter", "kind": "app", "active": true, "owners": [{"name": "Ana"}], "owners_left": true})
}
