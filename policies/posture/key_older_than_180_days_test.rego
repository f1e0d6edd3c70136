package portcullis.rules.posture.key_older_than_180_days_test

import data.portcullis.rules.posture.key_older_than_180_days as rule

reasons(found) := {finding.reason | some finding in found}

severities(found) := {finding.severity | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "credential"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"credential": facts,
}

key(facts) := about(object.union({"kind": "key", "name": "deploy", "active": true, "age_days": 200, "level": "read", "repositories": 1}, facts))

test_finds_an_old_key if {
	reasons(rule.finding) == {"The key deploy is 200 days old: renew it. It is known to reach 1 repository, up to read."} with input as key({})
	severities(rule.finding) == {"low"} with input as key({})
}

test_finds_an_old_key_of_which_it_is_not_known_where_it_reaches if {
	reasons(rule.finding) == {"The key deploy is 200 days old: renew it. Where it reaches is not known."} with input as about({"kind": "key", "name": "deploy", "active": true, "age_days": 200})
}

test_a_key_that_writes_is_worse if {
	severities(rule.finding) == {"medium"} with input as key({"level": "write"})
}

test_a_key_that_writes_to_many_is_worst if {
	severities(rule.finding) == {"high"} with input as key({"level": "admin", "repositories": 10})
}

test_a_key_that_reads_very_many_is_worse if {
	severities(rule.finding) == {"medium"} with input as key({"repositories": 50})
}

test_leaves_a_young_key_alone if {
	count(rule.finding) == 0 with input as key({"age_days": 180})
}

test_leaves_a_token_alone if {
	count(rule.finding) == 0 with input as key({"kind": "token"})
}

test_leaves_a_key_that_is_switched_off_alone if {
	count(rule.finding) == 0 with input as key({"active": false})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"kind": "key", "name": "deploy", "active": true})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"kind": "key", "name": "deploy", "active": true, "age_days": 200, "level": "write", "repositories": 12})
}

test_several_repositories_are_several if {
	reasons(rule.finding) == {"The key deploy is 200 days old: renew it. It is known to reach 2 repositories, up to read."} with input as key({"repositories": 2})
}
