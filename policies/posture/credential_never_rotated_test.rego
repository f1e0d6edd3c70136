package portcullis.rules.posture.credential_never_rotated_test

import data.portcullis.rules.posture.credential_never_rotated as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "credential"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"credential": facts,
}

shared(facts) := about(object.union({"name": "ci", "what": "HTTP access token", "kind": "token", "active": true, "personal": false, "age_days": 30, "idle_days": 1, "expires_at": null, "level": "write", "repositories": 3, "wider_than_used": false}, facts))

test_finds_one_that_was_never_renewed if {
	reasons(rule.finding) == {"The HTTP access token ci is 366 days old and never ends: it was never renewed."} with input as shared({"age_days": 366})
}

test_leaves_one_that_ends_alone if {
	count(rule.finding) == 0 with input as shared({"age_days": 366, "expires_at": "2027-01-01T00:00:00.000Z"})
}

test_leaves_a_young_one_alone if {
	count(rule.finding) == 0 with input as shared({"age_days": 365})
}

test_leaves_a_persons_own_to_another_rule if {
	count(rule.finding) == 0 with input as shared({"age_days": 366, "personal": true})
}

test_leaves_an_app_and_what_is_switched_off_alone if {
	count(rule.finding) == 0 with input as shared({"age_days": 366, "kind": "app"})
}

test_leaves_an_app_and_what_is_switched_off_alone_too if {
	count(rule.finding) == 0 with input as shared({"age_days": 366, "active": false})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "ci", "what": "access key", "kind": "key", "active": true, "personal": false, "expires_at": null})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "ci", "what": "HTTP access token", "kind": "token", "active": true, "personal": false, "age_days": 400, "idle_days": null, "expires_at": null, "level": "write", "repositories": 3, "wider_than_used": true})
}
