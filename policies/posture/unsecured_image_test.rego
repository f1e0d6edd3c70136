package portcullis.rules.posture.unsecured_image_test

import data.portcullis.rules.posture.unsecured_image as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "repository"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"repository": facts,
}

image(facts) := object.union({"registry": "reg.acme.example", "pinned": true, "inline_password": false, "outside": false}, facts)

shop(facts) := about({"name": "acme/shop", "definition": {"images": [image(facts)]}})

test_finds_a_tag if {
	reasons(rule.finding) == {"The pipelines of acme/shop run in an image from reg.acme.example that is named by a tag, not by a digest."} with input as shop({"pinned": false})
}

test_finds_a_password if {
	reasons(rule.finding) == {"The pipelines of acme/shop name a password for reg.acme.example in clear: put it into a secured variable, and change it."} with input as shop({"inline_password": true})
}

test_finds_a_strange_registry if {
	reasons(rule.finding) == {"The pipelines of acme/shop run in an image from docker.io, which is no registry of the organisation."} with input as shop({"registry": "docker.io", "outside": true})
}

test_leaves_a_secured_image_alone if {
	count(rule.finding) == 0 with input as shop({})
}

test_leaves_a_secured_image_alone_too if {
	count(rule.finding) == 0 with input as shop({"outside": null})
}

test_leaves_a_repository_without_a_definition_alone if {
	count(rule.finding) == 0 with input as about({"name": "acme/shop", "definition": null})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "acme/shop"})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 3 with input as about({"name": "acme/shop", "definition": {"images": [{"registry": "docker.io", "pinned": false, "inline_password": true, "outside": true}]}})
}
