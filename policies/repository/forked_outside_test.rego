package portcullis.rules.repository.forked_outside_test

import data.portcullis.rules.repository.forked_outside as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

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

inside := {"/after/outside": false}

test_blocks_a_fork_outside if {
	verdicts(rule.finding) == {"block"} with input as forked
	reasons(rule.finding) == {"billing is private and was forked to a place outside the company. Delete that fork and make one inside instead."} with input as forked
}

test_leaves_a_fork_inside_alone if {
	verdicts(rule.finding) == set() with input as but(forked, inside)
}

test_blocks_a_public_fork_of_a_private_repository if {
	verdicts(rule.finding) == {"block"} with input as but(forked, {"/after/outside": false, "/after/visibility": "public"})
}

test_public_code_may_be_forked_anywhere if {
	verdicts(rule.finding) == set() with input as but(forked, {"/resource/repository/visibility": "public", "/after/visibility": "public"})
}

test_a_fork_on_the_same_data_center_is_inside if {
	verdicts(rule.finding) == set() with input as but(but(forked, inside), {"/connection/id": "acme-dc", "/connection/product": "datacenter"})
}
