package portcullis.rules.ref.push_skips_review_test

import data.portcullis.rules.ref.push_skips_review as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

straight := {
	"version": 1,
	"event": {"kind": "push"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "push"},
	"unknown": [],
	"actor": {"id": "acme-cloud/user/ana"},
	"resource": {"ref": {"name": "refs/heads/main", "kind": "branch", "protected": true, "exempt": []}},
	"change": {"pull_request": null},
}

test_blocks_a_push_without_a_pull_request if {
	verdicts(rule.finding) == {"block"} with input as straight
}

test_blocks_on_data_center_too if {
	verdicts(rule.finding) == {"block"} with input as but(straight, {"/connection/id": "acme-dc", "/connection/product": "datacenter"})
}

test_names_the_branch if {
	told := reasons(rule.finding) with input as straight
	some reason in told
	startswith(reason, "This push went straight to main,")
}

test_leaves_a_merged_pull_request_alone if {
	verdicts(rule.finding) == set() with input as but(straight, {"/change/pull_request": 41})
}

test_leaves_an_ordinary_branch_alone if {
	verdicts(rule.finding) == set() with input as but(straight, {"/resource/ref/protected": false})
}

test_leaves_tags_to_their_own_rule if {
	verdicts(rule.finding) == set() with input as but(straight, {"/resource/ref/kind": "tag"})
}

test_reports_somebody_who_is_exempt if {
	verdicts(rule.finding) == {"alert"} with input as but(straight, {"/resource/ref/exempt": ["acme-cloud/app/release", "acme-cloud/user/ana"]})
}

test_somebody_elses_exemption_does_not_help if {
	verdicts(rule.finding) == {"block"} with input as but(straight, {"/resource/ref/exempt": ["acme-cloud/app/release"]})
}

test_a_pusher_nobody_knows_is_not_exempt if {
	verdicts(rule.finding) == {"block"} with input as but(straight, {"/actor": null})
}

test_a_merge_by_somebody_exempt_is_left_alone if {
	verdicts(rule.finding) == set() with input as but(straight, {"/resource/ref/exempt": ["acme-cloud/user/ana"], "/change/pull_request": 41})
}
