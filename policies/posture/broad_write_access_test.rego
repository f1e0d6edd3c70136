package portcullis.rules.posture.broad_write_access_test

import data.portcullis.rules.posture.broad_write_access as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_half_of_the_company if {
	reasons(rule.finding) == {"18 of 24 people (75 %) can write to this repository, by the groups developers (75 %)."} with input as about({"writers": {"everyone": false, "people": 18, "members": 24, "share": 75, "groups": [{"name": "developers", "people": 18, "share": 75}]}})
}

test_people_alone_are_counted_too if {
	reasons(rule.finding) == {"18 of 24 people (75 %) can write to this repository."} with input as about({"writers": {"everyone": false, "people": 18, "members": 24, "share": 75, "groups": []}})
}

test_everyone_is_broad if {
	{finding.severity | some finding in rule.finding} == {"high"} with input as about({"writers": {"everyone": true, "people": 2, "members": 24, "share": 8, "groups": []}})
}

test_a_small_team_is_not_broad if {
	count(rule.finding) == 0 with input as about({"writers": {"everyone": false, "people": 3, "members": 3, "share": 100, "groups": []}})
}

test_a_few_of_many_are_not_broad if {
	count(rule.finding) == 0 with input as about({"writers": {"everyone": false, "people": 40, "members": 400, "share": 10, "groups": []}})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"writers": {}})
}
