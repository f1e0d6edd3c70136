package portcullis.rules.posture.credential_wider_than_used_test

import data.portcullis.rules.posture.credential_wider_than_used as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "credential"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"credential": facts,
}

shared(facts) := about(object.union({"name": "ci", "what": "HTTP access token", "kind": "token", "active": true, "personal": false, "age_days": 30, "idle_days": 1, "expires_at": null, "level": "write", "repositories": 3, "wider_than_used": false}, facts))

test_finds_one_that_may_write_and_does_nothing if {
	reasons(rule.finding) == {"The HTTP access token ci may write on 3 repositories and is not used: take away what it does not need."} with input as shared({"wider_than_used": true})
}

test_leaves_one_that_only_reads_alone if {
	count(rule.finding) == 0 with input as shared({"level": "read"})
}

test_leaves_an_app_to_another_rule if {
	count(rule.finding) == 0 with input as shared({"kind": "app", "wider_than_used": true})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "ci", "what": "access key", "kind": "key", "level": "write", "repositories": 1})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "ci", "what": "HTTP access token", "kind": "token", "active": true, "personal": false, "age_days": 400, "idle_days": null, "expires_at": null, "level": "write", "repositories": 3, "wider_than_used": true})
}

test_one_repository_is_one if {
	reasons(rule.finding) == {"The HTTP access token ci may write on 1 repository and is not used: take away what it does not need."} with input as shared({"wider_than_used": true, "repositories": 1})
}
