package portcullis.rules.posture.credential_not_used_test

import data.portcullis.rules.posture.credential_not_used as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "credential"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"credential": facts,
}

shared(facts) := about(object.union({"name": "ci", "what": "HTTP access token", "kind": "token", "active": true, "personal": false, "age_days": 30, "idle_days": 1, "expires_at": null, "level": "write", "repositories": 3, "wider_than_used": false}, facts))

test_finds_one_that_was_never_used if {
	reasons(rule.finding) == {"The HTTP access token ci is 91 days old and was never used: delete it."} with input as shared({"age_days": 91, "idle_days": null})
}

test_finds_one_that_lies_idle if {
	reasons(rule.finding) == {"The HTTP access token ci was last used 91 days ago: delete it."} with input as shared({"idle_days": 91})
}

test_leaves_one_in_use_or_just_made_alone if {
	count(rule.finding) == 0 with input as shared({"age_days": 900})
}

test_leaves_one_in_use_or_just_made_alone_too if {
	count(rule.finding) == 0 with input as shared({"age_days": 90, "idle_days": null})
}

test_leaves_others_alone if {
	count(rule.finding) == 0 with input as shared({"idle_days": 900, "personal": true})
}

test_leaves_others_alone_too if {
	count(rule.finding) == 0 with input as shared({"idle_days": 900, "active": false})
}

test_leaves_others_alone_as_well if {
	count(rule.finding) == 0 with input as shared({"idle_days": 900, "kind": "app"})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "ci", "what": "access key", "kind": "key", "active": true, "personal": false, "age_days": 900})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "ci", "what": "HTTP access token", "kind": "token", "active": true, "personal": false, "age_days": 400, "idle_days": null, "expires_at": null, "level": "write", "repositories": 3, "wider_than_used": true})
}
