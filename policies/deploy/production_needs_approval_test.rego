package portcullis.rules.deploy.production_needs_approval_test

import data.portcullis.rules.deploy.production_needs_approval as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

deploy := {
	"version": 1,
	"event": {"kind": "pipeline.step"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "deploy"},
	"unknown": [],
	"resource": {"environment": {"id": "acme-cloud/environment/e1", "name": "production-eu", "tier": "production"}},
}

staging := but(deploy, {"/resource/environment/name": "staging", "/resource/environment/tier": "staging"})

nowhere := but(deploy, {"/resource/environment": null})

test_a_production_deploy_waits_for_release_managers if {
	verdicts(rule.finding) == {"approve"} with input as deploy
	reasons(rule.finding) == {"Deploying to production-eu needs one approval from release managers who did not push these commits."} with input as deploy
}

test_the_demand_keeps_out_those_who_wrote_or_started_it if {
	found := rule.finding with input as deploy
	some finding in found
	finding.approval.from.group == "release-managers"
	finding.approval.count == 1
	finding.approval["not"] == ["actor", "commit_authors"]
}

test_leaves_staging_alone if {
	verdicts(rule.finding) == set() with input as staging
}

test_leaves_other_actions_alone if {
	verdicts(rule.finding) == set() with input as but(deploy, {"/action/name": "run"})
}

test_a_deploy_without_an_environment_counts_as_production if {
	verdicts(rule.finding) == {"approve"} with input as nowhere
}

test_a_run_without_an_environment_is_left_alone if {
	verdicts(rule.finding) == set() with input as but(nowhere, {"/action/name": "run"})
}

test_asks_the_same_of_other_ci_on_data_center if {
	verdicts(rule.finding) == {"approve"} with input as but(deploy, {"/connection/id": "acme-dc", "/connection/product": "datacenter"})
}
