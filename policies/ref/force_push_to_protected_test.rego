package portcullis.rules.ref.force_push_to_protected_test

import data.portcullis.rules.ref.force_push_to_protected as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

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
	verdicts == {"block"} with input as forced
}

test_says_the_same_on_data_center if {
	verdicts == {"block"} with input as object.union(forced, {"connection": {"id": "acme-dc", "product": "datacenter"}})
}

test_names_the_branch_without_its_prefix if {
	told := reasons with input as object.union(forced, {"resource": {"ref": {"name": "refs/heads/release/2.1"}}})
	some reason in told
	startswith(reason, "The branch release/2.1 is protected")
}

test_leaves_an_ordinary_push_alone if {
	verdicts == set() with input as object.union(forced, {"change": {"forced": false}})
}

test_leaves_a_force_push_to_an_ordinary_branch_alone if {
	verdicts == set() with input as object.union(forced, {"resource": {"ref": {"protected": false}}})
}
