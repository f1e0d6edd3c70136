package portcullis.rules.ref.deploy_from_protected_test

import data.portcullis.rules.ref.deploy_from_protected as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

deploy := {
	"version": 1,
	"event": {"kind": "pipeline.step"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "deploy"},
	"unknown": [],
	"resource": {
		"ref": {"name": "refs/heads/feature/x", "protected": false},
		"environment": {"id": "acme-cloud/environment/e1", "name": "production", "tier": "production"},
	},
}

from_protected := object.union(deploy, {"resource": {"ref": {"name": "refs/heads/main", "protected": true}}})

test_blocks_a_deploy_from_an_unprotected_branch if {
	verdicts == {"block"} with input as deploy
	told := reasons with input as deploy
	some reason in told
	startswith(reason, "feature/x is not protected, so it must not be deployed to production.")
}

test_leaves_a_deploy_from_a_protected_branch_alone if {
	verdicts == set() with input as from_protected
}

test_a_protected_tag_will_do_too if {
	verdicts == set() with input as object.union(from_protected, {"resource": {"ref": {"name": "refs/tags/v2"}}})
}

test_blocks_staging_and_publishing_too if {
	verdicts == {"block"} with input as object.union(deploy, {"resource": {"environment": {"name": "staging", "tier": "staging"}}})
	verdicts == {"block"} with input as object.union(deploy, {"action": {"name": "publish"}})
}

test_test_environments_take_any_branch if {
	verdicts == set() with input as object.union(deploy, {"resource": {"environment": {"name": "test", "tier": "test"}}})
}

test_leaves_other_actions_alone if {
	verdicts == set() with input as object.union(deploy, {"action": {"name": "run"}})
}

test_a_bare_commit_is_no_protected_branch if {
	verdicts == {"block"} with input as object.union(deploy, {"resource": {"ref": null}})
}

test_without_an_environment_it_is_blocked_all_the_same if {
	told := reasons with input as object.union(deploy, {"resource": {"environment": null}})
	some reason in told
	contains(reason, "an environment that is not named")
}

test_says_the_same_on_data_center if {
	verdicts == {"block"} with input as object.union(deploy, {"connection": {"id": "acme-dc", "product": "datacenter"}})
}
