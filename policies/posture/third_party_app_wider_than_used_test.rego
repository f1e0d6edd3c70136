package portcullis.rules.posture.third_party_app_wider_than_used_test

import data.portcullis.rules.posture.third_party_app_wider_than_used as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "credential"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"credential": facts,
}

app(facts) := about(object.union({"name": "linter", "kind": "app", "active": true, "level": "write", "repositories": 3, "wider_than_used": true}, facts))

test_finds_an_app_that_may_write_and_does_nothing if {
	reasons(rule.finding) == {"The app linter may write on 3 repositories and is not used: take away what it does not need."} with input as app({})
}

test_leaves_others_alone if {
	count(rule.finding) == 0 with input as app({"wider_than_used": false})
}

test_leaves_others_alone_too if {
	count(rule.finding) == 0 with input as app({"active": false})
}

test_leaves_others_alone_as_well if {
	count(rule.finding) == 0 with input as app({"kind": "key"})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "linter", "kind": "app", "active": true, "level": "write", "repositories": 3})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "linter", "kind": "app", "active": true, "level": "write", "repositories": 3, "wider_than_used": true})
}

test_one_repository_is_one if {
	reasons(rule.finding) == {"The app linter may write on 1 repository and is not used: take away what it does not need."} with input as app({"repositories": 1})
}
