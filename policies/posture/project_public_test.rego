package portcullis.rules.posture.project_public_test

import data.portcullis.rules.posture.project_public as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "project"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"project": facts,
}

test_finds_a_public_project if {
	reasons(rule.finding) == {"This project is public: whoever reaches Bitbucket can see it, and what is public in it."} with input as about({"visibility": "public"})
}

test_leaves_a_private_one_alone if {
	count(rule.finding) == 0 with input as about({"visibility": "private"})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({})
}
