package portcullis.rules.posture.leaver_still_has_access_test

import data.portcullis.rules.posture.leaver_still_has_access as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "identity"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"identity": facts,
}

left(facts) := object.union({"at": "2026-10-21T00:00:00.000Z", "level": "none", "repositories": 0, "credentials": [], "hooks": []}, facts)

person(active, facts) := about({"name": "Ana", "active": active, "left": facts})

on_server(document) := json.patch(document, [{"op": "replace", "path": "/connection/product", "value": "datacenter"}])

test_finds_one_who_still_reaches_something if {
	reasons(rule.finding) == {"Ana left on 2026-10-21 and is known to reach 12 repositories, up to write."} with input as person(true, left({"level": "write", "repositories": 12}))
}

test_finds_a_key_that_outlived_its_owner if {
	reasons(rule.finding) == {"Ana left on 2026-10-21, and these in their hands still work: deploy, laptop."} with input as person(false, left({"credentials": ["deploy", "laptop"]}))
}

test_a_server_ends_keys_with_the_account if {
	count(rule.finding) == 0 with input as on_server(person(false, left({"credentials": ["laptop"]})))
}

test_a_server_ends_keys_with_the_account_too if {
	count(rule.finding) == 1 with input as on_server(person(true, left({"credentials": ["laptop"]})))
}

test_finds_a_webhook_that_nobody_else_looks_after if {
	reasons(rule.finding) == {"Ana left on 2026-10-21, and nobody else looks after the webhooks to ci.example.net."} with input as person(false, left({"hooks": ["ci.example.net"]}))
}

test_leaves_one_alone_whose_access_was_removed if {
	count(rule.finding) == 0 with input as person(false, left({"level": "write"}))
}

test_leaves_one_alone_whose_access_was_removed_too if {
	count(rule.finding) == 0 with input as person(true, left({}))
}

test_leaves_one_who_is_there_alone if {
	count(rule.finding) == 0 with input as person(true, null)
}

test_a_reach_that_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as person(true, {"at": "2026-10-21T00:00:00.000Z"})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "Ana", "active": true})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 3 with input as about({"name": "Ana", "active": true, "left": {"at": "2026-10-21T00:00:00.000Z", "level": "write", "repositories": 12, "credentials": ["laptop"], "hooks": ["ci.example.net"]}})
}

test_one_repository_is_one if {
	reasons(rule.finding) == {"Ana left on 2026-10-21 and is known to reach 1 repository, up to read."} with input as person(true, left({"level": "read", "repositories": 1}))
}
