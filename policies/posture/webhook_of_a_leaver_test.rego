package portcullis.rules.posture.webhook_of_a_leaver_test

import data.portcullis.rules.posture.webhook_of_a_leaver as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "hook"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"hook": facts,
}

hook(facts) := about(object.union({"host": "ci.example.net", "place": "acme/shop", "active": true, "external": true, "secret_set": true, "tls_verified": true, "owners": [{"name": "Ana", "active": true}], "owners_left": false}, facts))

test_finds_one_whose_owners_left if {
	reasons(rule.finding) == {"Everybody who looked after the webhook of acme/shop to ci.example.net has left."} with input as hook({"owners_left": true})
}

test_leaves_others_alone if {
	count(rule.finding) == 0 with input as hook({})
}

test_leaves_others_alone_too if {
	count(rule.finding) == 0 with input as hook({"owners_left": null})
}

test_leaves_others_alone_as_well if {
	count(rule.finding) == 0 with input as hook({"owners_left": true, "active": false})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"host": "ci.example.net", "place": "acme/shop", "active": true})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"host": "ci.example.net", "place": "acme/shop", "active": true, "external": true, "secret_set": false, "tls_verified": false, "owners": null, "owners_left": true})
}
