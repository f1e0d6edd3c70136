package portcullis.rules.posture.repository_unclassified_test

import data.portcullis.rules.posture.repository_unclassified as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_one_without_a_class if {
	reasons(rule.finding) == {"Nothing says how sensitive this repository is: no project, naming rule or list classifies it."} with input as about({"class": null})
}

test_leaves_a_classified_one_alone if {
	count(rule.finding) == 0 with input as about({"class": "internal"})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({})
}
