package portcullis.rules.secret.read_from_unreviewed_ref_test

import data.portcullis.rules.secret.read_from_unreviewed_ref as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

step := {
	"version": 1,
	"event": {"kind": "pipeline.step"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "run"},
	"unknown": [],
	"resource": {
		"ref": {"name": "refs/heads/feature/x", "reviewed": false},
		"environment": null,
		"variables": [
			{"name": "NPM_TOKEN", "secured": true, "scope": "repository"},
			{"name": "CI_IMAGE", "secured": false, "scope": "workspace"},
		],
	},
}

production := {"resource": {
	"environment": {"id": "acme-cloud/environment/e1", "name": "production", "tier": "production"},
	"variables": [
		{"name": "AWS_PROD_KEY", "secured": true, "scope": "environment"},
		{"name": "DB_PASSWORD", "secured": true, "scope": "environment"},
		{"name": "REGION", "secured": false, "scope": "environment"},
	],
}}

reviewed := {"resource": {"ref": {"name": "refs/heads/main", "reviewed": true}}}

bare_commit := {"resource": {"ref": null}}

test_reports_secrets_that_unreviewed_code_can_read if {
	verdicts == {"alert"} with input as step
	reasons == {"Code on feature/x that nobody has reviewed can read these secrets: NPM_TOKEN. Move them to the environment that needs them."} with input as step
}

test_blocks_production_secrets_for_unreviewed_code if {
	verdicts == {"block"} with input as object.union(step, production)
	told := reasons with input as object.union(step, production)
	some reason in told
	startswith(reason, "This step can read production secrets (AWS_PROD_KEY, DB_PASSWORD)")
}

test_environment_secrets_of_staging_are_reported if {
	verdicts == {"alert"} with input as object.union(object.union(step, production), {"resource": {"environment": {"tier": "staging"}}})
}

test_blocks_a_secret_that_is_asked_for if {
	verdicts == {"alert", "block"} with input as object.union(step, {"action": {"name": "read-secret"}})
}

test_reviewed_code_may_read_them if {
	verdicts == set() with input as object.union(object.union(step, production), reviewed)
	verdicts == set() with input as object.union(object.union(step, {"action": {"name": "read-secret"}}), reviewed)
}

test_plain_variables_are_no_secrets if {
	verdicts == set() with input as object.union(step, {"resource": {"variables": [{"name": "CI_IMAGE", "secured": false, "scope": "workspace"}]}})
}

test_no_variables_nothing_to_say if {
	verdicts == set() with input as object.union(step, {"resource": {"variables": []}})
}

test_a_bare_commit_was_reviewed_by_nobody if {
	verdicts == {"block"} with input as object.union(object.union(step, production), bare_commit)
	told := reasons with input as object.union(object.union(step, production), bare_commit)
	some reason in told
	contains(reason, "the code on this commit")
}
