package portcullis.rules.posture.single_administrator_test

import data.portcullis.rules.posture.single_administrator as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "workspace"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"workspace": facts,
}

acme(names) := about({"name": "acme", "administrators": [{"name": name} | some name in names]})

test_finds_one_alone if {
	reasons(rule.finding) == {"Ana alone administers acme: nobody can take over, and nobody looks over the shoulder."} with input as acme(["Ana"])
}

test_finds_nobody if {
	reasons(rule.finding) == {"Nobody who is switched on administers acme."} with input as acme([])
}

test_leaves_two_alone if {
	count(rule.finding) == 0 with input as acme(["Ana", "Ben"])
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "acme"})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "acme", "administrators": [{"name": "Ana"}]})
}
