package portcullis.rules.posture.runner_catches_others_steps_test

import data.portcullis.rules.posture.runner_catches_others_steps as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "runner"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"runner": facts,
}

runner(facts) := about(object.union({"name": "build-1", "active": true, "scope": "workspace", "place": "acme", "projects": 4, "repositories": 40, "people": 31, "public_repositories": [], "catches": []}, facts))

test_finds_one_with_all_labels_of_another if {
	reasons(rule.finding) == {"The runner rogue of acme/shop has all labels of hardened-1: steps that are meant for those can run on it, with their secrets."} with input as runner({"name": "rogue", "place": "acme/shop", "catches": ["hardened-1"]})
}

test_leaves_others_alone if {
	count(rule.finding) == 0 with input as runner({})
}

test_leaves_others_alone_too if {
	count(rule.finding) == 0 with input as runner({"active": false, "catches": ["hardened-1"]})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "rogue", "active": true, "place": "acme/shop"})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 1 with input as about({"name": "rogue", "active": true, "place": "acme/shop", "catches": ["hardened-1"]})
}
