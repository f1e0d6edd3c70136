package portcullis.rules.repository.forked_outside_test

import data.portcullis.rules.repository.forked_outside as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

forked := {
	"version": 1,
	"event": {"kind": "repository.forked"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "fork"},
	"unknown": [],
	"resource": {"repository": {"name": "billing", "visibility": "private"}},
	"before": null,
	"after": {"outside": true, "visibility": "private"},
}

inside := {"after": {"outside": false}}

test_blocks_a_fork_outside if {
	verdicts == {"block"} with input as forked
	reasons == {"billing is private and was forked to a place outside the company. Delete that fork and make one inside instead."} with input as forked
}

test_leaves_a_fork_inside_alone if {
	verdicts == set() with input as object.union(forked, inside)
}

test_blocks_a_public_fork_of_a_private_repository if {
	verdicts == {"block"} with input as object.union(forked, {"after": {"outside": false, "visibility": "public"}})
}

test_public_code_may_be_forked_anywhere if {
	verdicts == set() with input as object.union(forked, {"resource": {"repository": {"visibility": "public"}}, "after": {"visibility": "public"}})
}

test_a_fork_on_the_same_data_center_is_inside if {
	verdicts == set() with input as object.union(object.union(forked, inside), {"connection": {"id": "acme-dc", "product": "datacenter"}})
}
