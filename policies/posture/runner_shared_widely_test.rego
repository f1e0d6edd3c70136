package portcullis.rules.posture.runner_shared_widely_test

import data.portcullis.rules.posture.runner_shared_widely as rule

reasons(found) := {finding.reason | some finding in found}

about(facts) := {
	"version": 1,
	"subject": {"kind": "runner"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"unknown": [],
	"runner": facts,
}

runner(facts) := about(object.union({"name": "build-1", "active": true, "scope": "workspace", "place": "acme", "projects": 4, "repositories": 40, "people": 31, "public_repositories": [], "catches": []}, facts))

test_finds_one_that_serves_several_projects if {
	reasons(rule.finding) == {
		"The runner build-1 serves 40 repositories of 4 projects in acme.",
		"31 people can have a step of their own run on the runner build-1.",
	} with input as runner({})
}

test_says_so_where_the_people_are_not_known if {
	reasons(rule.finding) == {"The runner build-1 serves 40 repositories of 4 projects in acme."} with input as about({"name": "build-1", "active": true, "place": "acme", "projects": 4, "repositories": 40, "public_repositories": []})
}

test_finds_one_that_serves_what_is_public if {
	reasons(rule.finding) == {"The runner build-1 also serves what everybody can see: acme/site."} with input as runner({"projects": 1, "public_repositories": ["acme/site"]})
}

test_leaves_one_of_one_project_alone if {
	count(rule.finding) == 0 with input as runner({"projects": 1})
}

test_leaves_one_that_is_switched_off_alone if {
	count(rule.finding) == 0 with input as runner({"active": false})
}

test_leaves_one_that_is_switched_off_alone_too if {
	count(rule.finding) == 0 with input as runner({"active": false, "public_repositories": ["acme/site"]})
}

test_what_is_not_known_is_not_found if {
	count(rule.finding) == 0 with input as about({"name": "build-1", "active": true, "place": "acme"})
}

test_fires_on_a_whole_document if {
	count(rule.finding) == 3 with input as about({"name": "build-1", "active": true, "place": "acme", "projects": 4, "repositories": 40, "people": 31, "public_repositories": ["acme/site"]})
}

test_one_person_is_one if {
	"1 person can have a step of their own run on the runner build-1." in reasons(rule.finding) with input as runner({"people": 1})
}
