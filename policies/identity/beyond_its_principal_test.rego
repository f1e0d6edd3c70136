package portcullis.rules.identity.beyond_its_principal_test

import data.portcullis.rules.identity.beyond_its_principal as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

pushed := {
	"version": 1,
	"event": {"kind": "push"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "push"},
	"unknown": [],
	"actor": {"kind": "agent", "level": "write", "acts_for": {"id": "acme-cloud/user/ana", "level": "write"}},
}

by_a_reader := but(pushed, {"/actor/acts_for/level": "read"})

test_an_agent_may_do_what_its_person_may if {
	verdicts(rule.finding) == set() with input as pushed
}

test_blocks_what_its_person_could_not_do if {
	verdicts(rule.finding) == {"block"} with input as by_a_reader
	reasons(rule.finding) == {"This agent acted for a person who has only read rights here, but doing this takes write rights. Somebody with that right has to do it."} with input as by_a_reader
}

test_blocks_for_a_person_without_any_right if {
	verdicts(rule.finding) == {"block"} with input as but(pushed, {"/actor/acts_for/level": "none"})
}

test_reports_rights_beyond_its_persons_own if {
	verdicts(rule.finding) == {"alert"} with input as but(pushed, {"/actor/level": "admin"})
}

test_fewer_rights_than_its_person_is_how_it_should_be if {
	verdicts(rule.finding) == set() with input as but(pushed, {"/actor/acts_for/level": "admin"})
}

test_settings_take_admin_rights if {
	verdicts(rule.finding) == {"block"} with input as but(pushed, {"/event/kind": "repository.updated", "/actor/level": "admin"})
}

test_an_agent_without_a_person_is_blocked if {
	verdicts(rule.finding) == {"block"} with input as but(pushed, {"/actor/acts_for": null})
}

test_an_app_may_stand_on_its_own if {
	verdicts(rule.finding) == set() with input as but(pushed, {"/actor/kind": "app", "/actor/acts_for": null})
}

test_an_app_that_acts_for_somebody_is_bound_alike if {
	verdicts(rule.finding) == {"block"} with input as but(by_a_reader, {"/actor/kind": "app"})
}

test_people_act_for_themselves if {
	verdicts(rule.finding) == set() with input as but(pushed, {"/actor/kind": "user", "/actor/level": "admin", "/actor/acts_for": null})
}

test_no_actor_nothing_to_say if {
	verdicts(rule.finding) == set() with input as but(pushed, {"/event/kind": "pipeline.step", "/actor": null})
}

test_a_step_on_data_center_is_bound_alike if {
	verdicts(rule.finding) == {"block"} with input as but(by_a_reader, {"/connection/id": "acme-dc", "/connection/product": "datacenter", "/event/kind": "pipeline.step"})
}
