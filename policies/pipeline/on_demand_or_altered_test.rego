package portcullis.rules.pipeline.on_demand_or_altered_test

import data.portcullis.rules.pipeline.on_demand_or_altered as rule

verdicts contains finding.verdict if some finding in rule.finding

reasons contains finding.reason if some finding in rule.finding

step := {
	"version": 1,
	"event": {"kind": "pipeline.step"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "run"},
	"unknown": [],
	"pipeline": {"source": "repository", "gate": {"present": true, "first": true}},
}

test_leaves_a_pipeline_of_the_repository_alone if {
	verdicts == set() with input as step
}

test_a_pipeline_provider_is_no_stranger if {
	verdicts == set() with input as object.union(step, {"pipeline": {"source": "provider"}})
}

test_blocks_a_pipeline_from_handed_in_yaml if {
	verdicts == {"block"} with input as object.union(step, {"pipeline": {"source": "on_demand"}})
}

test_blocks_a_step_without_the_gate if {
	reasons == {"The commands of this step do not ask the gate. Make `portcullis check` the first command of its script."} with input as object.union(step, {"pipeline": {"gate": {"present": false, "first": false}}})
}

test_blocks_a_step_that_asks_too_late if {
	reasons == {"This step runs other commands before it asks the gate. Move `portcullis check` to the top of its script."} with input as object.union(step, {"pipeline": {"gate": {"first": false}}})
}

test_sees_a_step_that_never_asked if {
	verdicts == {"block"} with input as object.union(step, {"event": {"kind": "pipeline.observed"}, "pipeline": {"gate": {"present": false, "first": false}}})
}

test_other_ci_has_no_pipeline_here if {
	verdicts == set() with input as object.union(step, {"connection": {"id": "acme-dc", "product": "datacenter"}, "pipeline": null})
}
