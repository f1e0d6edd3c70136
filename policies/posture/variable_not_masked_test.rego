package portcullis.rules.posture.variable_not_masked_test

import data.portcullis.rules.posture.variable_not_masked as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "variable"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"variable": facts,
}

variable(facts) := about(object.union({"name": "AWS_KEY", "place": "acme/shop", "secured": true, "named_secret": true, "kept": true, "people": 18}, facts))

test_finds_a_secret_that_is_not_secured if {
	reasons(rule.finding) == {"AWS_KEY in acme/shop holds a secret by its name and is not secured: everybody who reads the settings or a log can read it."} with input as variable({"secured": false})
}

test_leaves_a_secured_one_alone if {
	count(rule.finding) == 0 with input as variable({})
}

test_leaves_an_innocent_name_alone if {
	count(rule.finding) == 0 with input as variable({"secured": false, "named_secret": false})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "AWS_KEY", "place": "acme/shop", "named_secret": true})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "AWS_KEY", "place": "acme/shop", "secured": false, "named_secret": true, "kept": false, "people": 18})
}
