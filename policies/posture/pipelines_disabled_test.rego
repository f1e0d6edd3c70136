package portcullis.rules.posture.pipelines_disabled_test

import data.portcullis.rules.posture.pipelines_disabled as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_one_without_pipelines if {
	reasons(rule.finding) == {"Pipelines are off: nothing scans this repository for vulnerabilities when its code changes."} with input as about({"pipelines": false})
}

test_leaves_one_with_pipelines_alone if {
	count(rule.finding) == 0 with input as about({"pipelines": true})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({})
}
