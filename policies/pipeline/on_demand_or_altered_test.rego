package portcullis.rules.pipeline.on_demand_or_altered_test

import data.portcullis.rules.pipeline.on_demand_or_altered as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

step := {
	"version": 1,
	"event": {"kind": "pipeline.step"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "run"},
	"unknown": [],
	"pipeline": {"source": "repository", "gate": {"present": true, "first": true}},
}

test_leaves_a_pipeline_of_the_repository_alone if {
	verdicts(rule.finding) == set() with input as step
}

test_a_pipeline_provider_is_no_stranger if {
	verdicts(rule.finding) == set() with input as but(step, {"/pipeline/source": "provider"})
}

test_blocks_a_pipeline_from_handed_in_yaml if {
	verdicts(rule.finding) == {"block"} with input as but(step, {"/pipeline/source": "on_demand"})
}

test_blocks_a_step_without_the_gate if {
	reasons(rule.finding) == {"The commands of this step do not ask the gate. Make `portcullis check` the first command of its script."} with input as but(step, {"/pipeline/gate/present": false, "/pipeline/gate/first": false})
}

test_blocks_a_step_that_asks_too_late if {
	verdicts(rule.finding) == {"block"} with input as but(step, {"/pipeline/gate/first": false})
	reasons(rule.finding) == {"This step runs other commands before it asks the gate. Move `portcullis check` to the top of its script."} with input as but(step, {"/pipeline/gate/first": false})
}

test_sees_a_step_that_never_asked if {
	verdicts(rule.finding) == {"block"} with input as but(step, {"/event/kind": "pipeline.observed", "/pipeline/gate/present": false, "/pipeline/gate/first": false})
}

test_other_ci_has_no_pipeline_here if {
	verdicts(rule.finding) == set() with input as but(step, {"/connection/id": "acme-dc", "/connection/product": "datacenter", "/pipeline": null})
}
