package portcullis.rules.posture.variable_not_protected_test

import data.portcullis.rules.posture.variable_not_protected as rule

reasons(found) := {finding.reason | some finding in found}

severities(found) := {finding.severity | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "variable"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"variable": facts,
}

variable(facts) := about(object.union({"name": "AWS_KEY", "place": "acme/shop", "secured": true, "named_secret": true, "kept": true, "people": 18}, facts))

test_finds_a_secret_that_writers_can_learn if {
	reasons(rule.finding) == {"AWS_KEY in acme/shop is kept by no deployment permission: 18 people can learn it by a step of their own."} with input as variable({"kept": false})
	severities(rule.finding) == {"medium"} with input as variable({"kept": false})
}

test_the_more_people_the_worse if {
	severities(rule.finding) == {"high"} with input as variable({"kept": false, "people": 21})
}

test_a_name_is_enough if {
	count(rule.finding) == 1 with input as variable({"kept": false, "secured": false})
}

test_leaves_others_alone if {
	count(rule.finding) == 0 with input as variable({})
}

test_leaves_others_alone_too if {
	count(rule.finding) == 0 with input as variable({"kept": false, "people": 0})
}

test_leaves_others_alone_as_well if {
	count(rule.finding) == 0 with input as variable({"kept": false, "secured": false, "named_secret": false})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "AWS_KEY", "place": "acme/shop", "secured": true, "kept": false})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "AWS_KEY", "place": "acme/shop", "secured": false, "named_secret": true, "kept": false, "people": 18})
}

test_one_person_is_one if {
	reasons(rule.finding) == {"AWS_KEY in acme/shop is kept by no deployment permission: 1 person can learn it by a step of their own."} with input as variable({"kept": false, "people": 1})
}
