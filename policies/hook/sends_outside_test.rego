package portcullis.rules.hook.sends_outside_test

import data.portcullis.rules.hook.sends_outside as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

added := {
	"version": 1,
	"event": {"kind": "hook.changed"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "update"},
	"unknown": [],
	"before": null,
	"after": {"host": "collector.example.net", "external": true, "active": true},
}

test_blocks_a_new_webhook_to_the_outside if {
	verdicts(rule.finding) == {"block"} with input as added
	told := reasons(rule.finding) with input as added
	some reason in told
	contains(reason, "to collector.example.net, outside the company")
}

test_leaves_a_receiver_inside_alone if {
	verdicts(rule.finding) == set() with input as but(added, {"/after/external": false})
}

test_leaves_a_webhook_that_is_switched_off_alone if {
	verdicts(rule.finding) == set() with input as but(added, {"/after/active": false})
}

test_leaves_a_removed_webhook_alone if {
	verdicts(rule.finding) == set() with input as but(added, {"/before": added.after, "/after": null})
}

test_reports_a_change_to_a_known_outside_receiver if {
	verdicts(rule.finding) == {"alert"} with input as but(added, {"/before": added.after})
}

test_blocks_a_webhook_that_is_turned_to_the_outside if {
	verdicts(rule.finding) == {"block"} with input as but(added, {"/before": {"host": "ci.acme.example", "external": false, "active": true}})
}

test_blocks_one_outside_receiver_replaced_by_another if {
	verdicts(rule.finding) == {"block"} with input as but(added, {"/before": {"host": "other.example.org", "external": true, "active": true}})
}

test_blocks_a_webhook_that_is_switched_on_again if {
	verdicts(rule.finding) == {"block"} with input as but(added, {"/before": {"host": "collector.example.net", "external": true, "active": false}})
}

test_says_the_same_on_data_center if {
	verdicts(rule.finding) == {"block"} with input as but(added, {"/connection/id": "acme-dc", "/connection/product": "datacenter"})
}

test_leaves_an_outside_receiver_that_is_switched_off_alone if {
	verdicts(rule.finding) == set() with input as but(added, {"/before": added.after, "/after/active": false})
}

test_blocks_a_host_that_is_no_longer_ours if {
	verdicts(rule.finding) == {"block"} with input as but(added, {"/before": {"host": "collector.example.net", "external": false, "active": true}})
}
