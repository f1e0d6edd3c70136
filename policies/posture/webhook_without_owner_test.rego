package portcullis.rules.posture.webhook_without_owner_test

import data.portcullis.rules.posture.webhook_without_owner as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "hook"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"hook": facts,
}

hook(facts) := about(object.union({"host": "ci.example.net", "place": "acme/shop", "active": true, "external": true, "secret_set": true, "tls_verified": true, "owners": [{"name": "Ana", "active": true}], "owners_left": false}, facts))

said := "A webhook of acme/shop tells ci.example.net, outside the organisation, what happens, and nobody looks after it."

test_finds_one_that_nobody_looks_after if {
	reasons(rule.finding) == {said} with input as hook({"owners": null})
}

test_finds_one_whose_owners_are_switched_off if {
	reasons(rule.finding) == {said} with input as hook({"owners": [{"name": "Ana", "active": false}]})
}

test_leaves_one_with_an_owner_alone if {
	count(rule.finding) == 0 with input as hook({})
}

test_leaves_one_with_an_owner_alone_too if {
	count(rule.finding) == 0 with input as hook({"owners": [{"name": "Ana", "active": false}, {"name": "Ben", "active": true}]})
}

test_leaves_one_to_a_host_of_ours_alone if {
	count(rule.finding) == 0 with input as hook({"owners": null, "external": false})
}

test_leaves_one_that_is_switched_off_alone if {
	count(rule.finding) == 0 with input as hook({"owners": null, "active": false})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"host": "ci.example.net", "place": "acme/shop", "active": true, "owners": null})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"host": "ci.example.net", "place": "acme/shop", "active": true, "external": true, "secret_set": false, "tls_verified": false, "owners": null, "owners_left": true})
}
