package portcullis.rules.posture.repository_public_test

import data.portcullis.rules.posture.repository_public as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

test_finds_a_public_repository if {
	reasons(rule.finding) == {"This repository is public: anyone on the internet can read its code and its history."} with input as about({"visibility": "public", "project_visibility": "private"})
}

test_leaves_a_private_one_alone if {
	count(rule.finding) == 0 with input as about({"visibility": "private", "project_visibility": "private"})
}

test_a_public_project_on_cloud_opens_nothing if {
	count(rule.finding) == 0 with input as about({"visibility": "private", "project_visibility": "public"})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({})
}

test_a_public_project_on_data_center_opens_its_repositories if {
	count(rule.finding) == 1 with input as object.union(about({"visibility": "private", "project_visibility": "public"}), {"connection": {"id": "acme-dc", "product": "datacenter"}})
}
