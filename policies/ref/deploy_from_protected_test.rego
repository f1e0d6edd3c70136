package portcullis.rules.ref.deploy_from_protected_test

import data.portcullis.rules.ref.deploy_from_protected as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

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

from_protected := but(deploy, {"/resource/ref/name": "refs/heads/main", "/resource/ref/protected": true})

unlearned := json.patch(deploy, [{"op": "remove", "path": "/resource/ref"}])

test_blocks_a_deploy_from_an_unprotected_branch if {
	verdicts(rule.finding) == {"block"} with input as deploy
	told := reasons(rule.finding) with input as deploy
	some reason in told
	startswith(reason, "feature/x is not protected, so it must not be deployed to production.")
}

test_leaves_a_deploy_from_a_protected_branch_alone if {
	verdicts(rule.finding) == set() with input as from_protected
}

test_a_protected_tag_will_do_too if {
	verdicts(rule.finding) == set() with input as but(from_protected, {"/resource/ref/name": "refs/tags/v2"})
}

test_blocks_staging_too if {
	verdicts(rule.finding) == {"block"} with input as but(deploy, {"/resource/environment/name": "staging", "/resource/environment/tier": "staging"})
}

test_blocks_publishing_too if {
	verdicts(rule.finding) == {"block"} with input as but(deploy, {"/action/name": "publish"})
}

test_test_environments_take_any_branch if {
	verdicts(rule.finding) == set() with input as but(deploy, {"/resource/environment/name": "test", "/resource/environment/tier": "test"})
}

test_leaves_other_actions_alone if {
	verdicts(rule.finding) == set() with input as but(deploy, {"/action/name": "run"})
}

test_a_bare_commit_is_no_protected_branch if {
	verdicts(rule.finding) == {"block"} with input as but(deploy, {"/resource/ref": null})
}

test_a_ref_that_could_not_be_learned_is_no_bare_commit if {
	verdicts(rule.finding) == set() with input as but(unlearned, {"/unknown": [{"path": "resource.ref", "why": "it does not hold the commit"}]})
}

test_without_an_environment_it_is_blocked_all_the_same if {
	told := reasons(rule.finding) with input as but(deploy, {"/resource/environment": null})
	some reason in told
	contains(reason, "an environment that is not named")
}

test_says_the_same_on_data_center if {
	verdicts(rule.finding) == {"block"} with input as but(deploy, {"/connection/id": "acme-dc", "/connection/product": "datacenter"})
}

test_a_run_on_a_bare_commit_is_left_alone if {
	verdicts(rule.finding) == set() with input as but(deploy, {"/resource/ref": null, "/action/name": "run"})
}
