package portcullis.rules.posture.secret_printed_in_logs_test

import data.portcullis.rules.posture.secret_printed_in_logs as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

shop(names) := about({"name": "acme/shop", "definition": {"printed_secrets": names}})

test_finds_a_secret_that_is_printed if {
	reasons(rule.finding) == {"The pipelines of acme/shop print AWS_KEY, NPM_TOKEN into their logs, where masking hides the exact text alone."} with input as shop(["AWS_KEY", "NPM_TOKEN"])
}

test_leaves_one_that_prints_none_alone if {
	count(rule.finding) == 0 with input as shop([])
}

test_leaves_a_repository_without_a_definition_alone if {
	count(rule.finding) == 0 with input as about({"name": "acme/shop", "definition": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "acme/shop"})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "acme/shop", "definition": {"printed_secrets": ["AWS_KEY"]}})
}
