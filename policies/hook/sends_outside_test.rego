package portcullis.rules.hook.sends_outside_test

import data.portcullis.rules.hook.sends_outside as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

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
	verdicts == {"block"} with input as added
	told := reasons with input as added
	some reason in told
	contains(reason, "to collector.example.net, outside the company")
}

test_leaves_a_receiver_inside_alone if {
	verdicts == set() with input as object.union(added, {"after": {"external": false}})
}

test_leaves_a_webhook_that_is_switched_off_alone if {
	verdicts == set() with input as object.union(added, {"after": {"active": false}})
}

test_leaves_a_removed_webhook_alone if {
	verdicts == set() with input as object.union(added, {"before": added.after, "after": null})
}

test_reports_a_change_to_a_known_outside_receiver if {
	verdicts == {"alert"} with input as object.union(added, {"before": added.after})
}

test_blocks_a_webhook_that_is_turned_to_the_outside if {
	verdicts == {"block"} with input as object.union(added, {"before": {"host": "ci.acme.example", "external": false, "active": true}})
}

test_blocks_one_outside_receiver_replaced_by_another if {
	verdicts == {"block"} with input as object.union(added, {"before": {"host": "other.example.org", "external": true, "active": true}})
}

test_blocks_a_webhook_that_is_switched_on_again if {
	verdicts == {"block"} with input as object.union(added, {"before": {"host": "collector.example.net", "external": true, "active": false}})
}

test_says_the_same_on_data_center if {
	verdicts == {"block"} with input as object.union(added, {"connection": {"id": "acme-dc", "product": "datacenter"}})
}
