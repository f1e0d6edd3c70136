package portcullis.rules.secret.read_from_unreviewed_ref_test

import data.portcullis.rules.secret.read_from_unreviewed_ref as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

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

production := {
	"/resource/environment": {"id": "acme-cloud/environment/e1", "name": "production", "tier": "production"},
	"/resource/variables": [
		{"name": "AWS_PROD_KEY", "secured": true, "scope": "environment"},
		{"name": "DB_PASSWORD", "secured": true, "scope": "environment"},
		{"name": "REGION", "secured": false, "scope": "environment"},
	],
}

reviewed := {
	"/resource/ref/name": "refs/heads/main",
	"/resource/ref/reviewed": true,
}

bare_commit := {"/resource/ref": null}

test_reports_secrets_that_unreviewed_code_can_read if {
	verdicts(rule.finding) == {"alert"} with input as step
	reasons(rule.finding) == {"Code on feature/x that nobody has reviewed can read these secrets: NPM_TOKEN. Move them to the environment that needs them."} with input as step
}

test_blocks_production_secrets_for_unreviewed_code if {
	verdicts(rule.finding) == {"block"} with input as but(step, production)
	told := reasons(rule.finding) with input as but(step, production)
	some reason in told
	startswith(reason, "This step can read production secrets (AWS_PROD_KEY, DB_PASSWORD)")
}

test_environment_secrets_of_staging_are_reported if {
	verdicts(rule.finding) == {"alert"} with input as but(but(step, production), {"/resource/environment/tier": "staging"})
}

test_blocks_a_secret_that_is_asked_for if {
	verdicts(rule.finding) == {"alert", "block"} with input as but(step, {"/action/name": "read-secret"})
}

test_reviewed_code_may_read_them if {
	verdicts(rule.finding) == set() with input as but(but(step, production), reviewed)
}

test_reviewed_code_may_ask_for_them if {
	verdicts(rule.finding) == set() with input as but(but(step, {"/action/name": "read-secret"}), reviewed)
}

test_plain_variables_are_no_secrets if {
	verdicts(rule.finding) == set() with input as but(step, {"/resource/variables": [{"name": "CI_IMAGE", "secured": false, "scope": "workspace"}]})
}

test_no_variables_nothing_to_say if {
	verdicts(rule.finding) == set() with input as but(step, {"/resource/variables": []})
}

test_a_bare_commit_was_reviewed_by_nobody if {
	verdicts(rule.finding) == {"block"} with input as but(but(step, production), bare_commit)
	told := reasons(rule.finding) with input as but(but(step, production), bare_commit)
	some reason in told
	contains(reason, "the code on this commit")
}

test_secrets_of_the_repository_are_reported_in_production_too if {
	verdicts(rule.finding) == {"alert"} with input as but(step, {"/resource/environment": {"id": "acme-cloud/environment/e1", "name": "production", "tier": "production"}})
}
