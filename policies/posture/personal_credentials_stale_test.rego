package portcullis.rules.posture.personal_credentials_stale_test

import data.portcullis.rules.posture.personal_credentials_stale as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "identity"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"identity": facts,
}

held(facts) := object.union({"what": "SSH key", "name": "laptop", "age_days": 30, "idle_days": 1, "expires_at": "2027-01-01T00:00:00.000Z"}, facts)

person(facts) := about({"name": "Ana", "active": true, "credentials": [held(facts)]})

test_finds_a_key_without_an_end if {
	reasons(rule.finding) == {"The SSH key laptop of Ana is 366 days old and never ends: renew it and give it an end."} with input as person({"age_days": 366, "expires_at": null})
}

test_finds_a_key_that_was_never_used if {
	reasons(rule.finding) == {"The SSH key laptop of Ana is 91 days old and was never used: revoke it."} with input as person({"age_days": 91, "idle_days": null})
}

test_finds_a_key_that_lies_idle if {
	reasons(rule.finding) == {"The SSH key laptop of Ana was last used 91 days ago: revoke it."} with input as person({"idle_days": 91})
}

test_leaves_a_key_in_use_alone if {
	count(rule.finding) == 0 with input as person({})
}

test_leaves_a_key_in_use_alone_too if {
	count(rule.finding) == 0 with input as person({"age_days": 365, "expires_at": null})
}

test_leaves_a_key_in_use_alone_as_well if {
	count(rule.finding) == 0 with input as person({"age_days": 400, "idle_days": 90})
}

test_leaves_one_who_is_switched_off_alone if {
	count(rule.finding) == 0 with input as about({"name": "Ana", "active": false, "credentials": [held({"idle_days": 300, "age_days": 400, "expires_at": null})]})
}

test_leaves_one_who_is_switched_off_alone_too if {
	count(rule.finding) == 0 with input as about({"name": "Ana", "active": false, "credentials": [held({"idle_days": null, "age_days": 400})]})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "Ana", "active": true})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 3 with input as about({"name": "Ana", "active": true, "credentials": [{"what": "SSH key", "name": "laptop", "age_days": 400, "idle_days": null, "expires_at": null}, {"what": "SSH key", "name": "desk", "age_days": 40, "idle_days": 200, "expires_at": "2027-01-01T00:00:00.000Z"}]})
}
