package portcullis.rules.posture.open_forks_test

import data.portcullis.rules.posture.open_forks as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_open_forks if {
	reasons(rule.finding) == {"This private repository can be forked by whoever reads it, to anywhere: no policy holds forks back."} with input as about({"visibility": "private", "forks": "any"})
}

test_private_forks_are_fine if {
	count(rule.finding) == 0 with input as about({"visibility": "private", "forks": "private_only"})
}

test_no_forks_are_fine if {
	count(rule.finding) == 0 with input as about({"visibility": "private", "forks": "none"})
}

test_public_code_may_be_forked if {
	count(rule.finding) == 0 with input as about({"visibility": "public", "forks": "any"})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({})
}
