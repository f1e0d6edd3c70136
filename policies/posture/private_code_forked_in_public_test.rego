package portcullis.rules.posture.private_code_forked_in_public_test

import data.portcullis.rules.posture.private_code_forked_in_public as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_each_public_fork if {
	count(rule.finding) == 2 with input as about({"visibility": "private", "public_forks": [{"id": "a", "name": "acme/one"}, {"id": "b", "name": "acme/two"}]})
}

test_names_the_fork if {
	reasons(rule.finding) == {"This repository is private, and its public fork acme/one shows its history to everyone."} with input as about({"visibility": "private", "public_forks": [{"id": "a", "name": "acme/one"}]})
}

test_a_public_repository_may_have_public_forks if {
	count(rule.finding) == 0 with input as about({"visibility": "public", "public_forks": [{"id": "a", "name": "acme/one"}]})
}

test_no_forks_is_nothing if {
	count(rule.finding) == 0 with input as about({"visibility": "private", "public_forks": []})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({})
}
