package portcullis.rules.posture.repository_stale_test

import data.portcullis.rules.posture.repository_stale as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_one_that_was_not_changed_for_a_year if {
	reasons(rule.finding) == {"Nothing was changed for 365 days."} with input as about({"archived": false, "idle_days": 365, "live_keys": []})
}

test_a_live_key_makes_it_worse if {
	{[finding.reason, finding.severity] | some finding in rule.finding} == {["Nothing was changed for 416 days, and access keys still open it: deploy.", "high"]} with input as about({"archived": false, "idle_days": 416, "live_keys": [{"name": "deploy"}]})
}

test_leaves_one_that_was_changed_alone if {
	count(rule.finding) == 0 with input as about({"archived": false, "idle_days": 364, "live_keys": []})
}

test_an_archived_one_is_meant_to_rest if {
	count(rule.finding) == 0 with input as about({"archived": true, "idle_days": 2000, "live_keys": []})
}

test_keys_that_are_not_told_do_not_hide_it if {
	reasons(rule.finding) == {"Nothing was changed for 365 days."} with input as about({"archived": false, "idle_days": 365})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"archived": false})
}
