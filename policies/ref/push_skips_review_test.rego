package portcullis.rules.ref.push_skips_review_test

import data.portcullis.rules.ref.push_skips_review as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

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
	verdicts == {"block"} with input as straight
}

test_blocks_on_data_center_too if {
	verdicts == {"block"} with input as object.union(straight, {"connection": {"id": "acme-dc", "product": "datacenter"}})
}

test_names_the_branch if {
	told := reasons with input as straight
	some reason in told
	startswith(reason, "This push went straight to main,")
}

test_leaves_a_merged_pull_request_alone if {
	verdicts == set() with input as object.union(straight, {"change": {"pull_request": 41}})
}

test_leaves_an_ordinary_branch_alone if {
	verdicts == set() with input as object.union(straight, {"resource": {"ref": {"protected": false}}})
}

test_leaves_tags_to_their_own_rule if {
	verdicts == set() with input as object.union(straight, {"resource": {"ref": {"kind": "tag"}}})
}

test_reports_somebody_who_is_exempt if {
	verdicts == {"alert"} with input as object.union(straight, {"resource": {"ref": {"exempt": ["acme-cloud/app/release", "acme-cloud/user/ana"]}}})
}

test_somebody_elses_exemption_does_not_help if {
	verdicts == {"block"} with input as object.union(straight, {"resource": {"ref": {"exempt": ["acme-cloud/app/release"]}}})
}

test_a_pusher_nobody_knows_is_not_exempt if {
	verdicts == {"block"} with input as object.union(straight, {"actor": null})
}
