package portcullis.rules.deploy.production_needs_approval_test

import data.portcullis.rules.deploy.production_needs_approval as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

deploy := {
	"version": 1,
	"event": {"kind": "pipeline.step"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "deploy"},
	"unknown": [],
	"resource": {"environment": {"id": "acme-cloud/environment/e1", "name": "production-eu", "tier": "production"}},
}

staging := object.union(deploy, {"resource": {"environment": {"name": "staging", "tier": "staging"}}})

nowhere := object.union(deploy, {"resource": {"environment": null}})

test_a_production_deploy_waits_for_release_managers if {
	verdicts == {"approve"} with input as deploy
	reasons == {"Deploying to production-eu needs one approval from release managers who did not push these commits."} with input as deploy
}

test_the_demand_keeps_out_those_who_wrote_or_started_it if {
	found := rule.finding with input as deploy
	some finding in found
	finding.approval.from.group == "release-managers"
	finding.approval.count == 1
	finding.approval.not == ["actor", "commit_authors"]
}

test_leaves_staging_alone if {
	verdicts == set() with input as staging
}

test_leaves_other_actions_alone if {
	verdicts == set() with input as object.union(deploy, {"action": {"name": "run"}})
}

test_a_deploy_without_an_environment_counts_as_production if {
	verdicts == {"approve"} with input as nowhere
}

test_a_run_without_an_environment_is_left_alone if {
	verdicts == set() with input as object.union(nowhere, {"action": {"name": "run"}})
}

test_asks_the_same_of_other_ci_on_data_center if {
	verdicts == {"approve"} with input as object.union(deploy, {"connection": {"id": "acme-dc", "product": "datacenter"}})
}
