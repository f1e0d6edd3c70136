package portcullis.rules.posture.on_demand_pipelines_possible_test

import data.portcullis.rules.posture.on_demand_pipelines_possible as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_secrets_in_reach if {
	reasons(rule.finding) == {"Whoever may write can run a pipeline that is in no commit, and it reads 3 secured variables."} with input as about({"on_demand": {"possible": true, "secrets": 3, "production": []}})
}

test_finds_production_in_reach if {
	reasons(rule.finding) == {"Whoever may write can run a pipeline that is in no commit, and deploy to production-eu with it."} with input as about({"on_demand": {"possible": true, "secrets": 0, "production": ["production-eu"]}})
}

test_nothing_in_reach_is_fine if {
	count(rule.finding) == 0 with input as about({"on_demand": {"possible": true, "secrets": 0, "production": []}})
}

test_without_pipelines_there_is_none if {
	count(rule.finding) == 0 with input as about({"on_demand": {"possible": false, "secrets": 3, "production": ["production-eu"]}})
}

test_a_product_without_pipelines_has_none if {
	count(rule.finding) == 0 with input as about({"on_demand": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"on_demand": {}})
}

test_one_variable_is_one if {
	reasons(rule.finding) == {"Whoever may write can run a pipeline that is in no commit, and it reads 1 secured variable."} with input as about({"on_demand": {"possible": true, "secrets": 1, "production": []}})
}
