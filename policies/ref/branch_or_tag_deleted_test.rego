package portcullis.rules.ref.branch_or_tag_deleted_test

import data.portcullis.rules.ref.branch_or_tag_deleted as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

gone := {
	"version": 1,
	"event": {"kind": "branch.deleted"},
	"connection": {"id": "acme-dc", "product": "datacenter"},
	"action": {"name": "delete"},
	"unknown": [],
	"resource": {"ref": {"name": "refs/heads/main", "protected": true}},
}

tag_gone := but(gone, {"/event/kind": "tag.deleted", "/resource/ref/name": "refs/tags/v1.4.0"})

tag_moved := but(tag_gone, {"/event/kind": "tag.moved"})

test_blocks_the_end_of_a_protected_branch if {
	verdicts(rule.finding) == {"block"} with input as gone
	reasons(rule.finding) == {"The branch main is protected and must not be deleted. Push its last commit to the same name to bring it back."} with input as gone
}

test_leaves_the_end_of_an_ordinary_branch_alone if {
	verdicts(rule.finding) == set() with input as but(gone, {"/resource/ref/protected": false})
}

test_blocks_the_end_of_a_protected_tag if {
	verdicts(rule.finding) == {"block"} with input as tag_gone
	reasons(rule.finding) == {"The tag v1.4.0 is protected and was deleted. Put it back on its old commit, and use a new tag for a new release."} with input as tag_gone
}

test_reports_the_end_of_any_other_tag if {
	verdicts(rule.finding) == {"alert"} with input as but(tag_gone, {"/resource/ref/protected": false})
}

test_a_moved_tag_is_called_moved if {
	verdicts(rule.finding) == {"block"} with input as tag_moved
	told := reasons(rule.finding) with input as tag_moved
	some reason in told
	startswith(reason, "The tag v1.4.0 is protected and was moved to another commit.")
}

test_reports_a_moved_ordinary_tag if {
	verdicts(rule.finding) == {"alert"} with input as but(tag_moved, {"/resource/ref/protected": false})
}

test_says_the_same_on_cloud if {
	verdicts(rule.finding) == {"block"} with input as but(tag_gone, {"/connection/id": "acme-cloud", "/connection/product": "cloud"})
}
