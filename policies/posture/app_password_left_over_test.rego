package portcullis.rules.posture.app_password_left_over_test

import data.portcullis.rules.posture.app_password_left_over as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "credential"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"credential": facts,
}

test_finds_an_app_password if {
	reasons(rule.finding) == {"ci is an app password, and Bitbucket takes none since 28 July 2026: put an API token with scopes in its place."} with input as about({"name": "ci", "what": "App password", "active": true})
}

test_leaves_a_token_alone if {
	count(rule.finding) == 0 with input as about({"name": "ci", "what": "API token", "active": true})
}

test_leaves_one_that_is_switched_off_alone if {
	count(rule.finding) == 0 with input as about({"name": "ci", "what": "app password", "active": false})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "ci", "active": true})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "ci", "what": "app password", "active": true})
}
