package portcullis.rules.ref.force_push_to_protected_test

import data.portcullis.rules.ref.force_push_to_protected as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

forced := {
	"version": 1,
	"event": {"kind": "push"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "push"},
	"unknown": [],
	"resource": {"ref": {"name": "refs/heads/main", "protected": true}},
	"change": {"forced": true},
}

test_blocks_a_force_push_to_a_protected_branch if {
	verdicts(rule.finding) == {"block"} with input as forced
}

test_says_the_same_on_data_center if {
	verdicts(rule.finding) == {"block"} with input as but(forced, {"/connection/id": "acme-dc", "/connection/product": "datacenter"})
}

test_names_the_branch_without_its_prefix if {
	told := reasons(rule.finding) with input as but(forced, {"/resource/ref/name": "refs/heads/release/2.1"})
	some reason in told
	startswith(reason, "The branch release/2.1 is protected")
}

test_leaves_an_ordinary_push_alone if {
	verdicts(rule.finding) == set() with input as but(forced, {"/change/forced": false})
}

test_leaves_a_force_push_to_an_ordinary_branch_alone if {
	verdicts(rule.finding) == set() with input as but(forced, {"/resource/ref/protected": false})
}
