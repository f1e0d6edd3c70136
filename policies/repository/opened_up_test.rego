package portcullis.rules.repository.opened_up_test

import data.portcullis.rules.repository.opened_up as rule

verdicts(found) := {finding.verdict | some finding in found}

reasons(found) := {finding.reason | some finding in found}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

updated := {
	"version": 1,
	"event": {"kind": "repository.updated"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "update"},
	"unknown": [],
	"before": {
		"id": "acme-cloud/repository/r1", "kind": null, "pattern": null,
		"exempt": null, "value": null, "overridden": null, "visibility": "private",
	},
	"after": {
		"id": "acme-cloud/repository/r1", "kind": null, "pattern": null,
		"exempt": null, "value": null, "overridden": null, "visibility": "public",
	},
}

restriction := {
	"version": 1,
	"event": {"kind": "restriction.changed"},
	"connection": {"id": "acme-cloud", "product": "cloud"},
	"action": {"name": "update"},
	"unknown": [],
	"before": {
		"id": "acme-cloud/restriction/7", "kind": "require_approvals", "pattern": "main",
		"exempt": [], "value": 2, "overridden": false, "visibility": null,
	},
	"after": {
		"id": "acme-cloud/restriction/7", "kind": "require_approvals", "pattern": "main",
		"exempt": [], "value": 2, "overridden": false, "visibility": null,
	},
}

test_blocks_a_repository_that_becomes_public if {
	verdicts(rule.finding) == {"block"} with input as updated
	reasons(rule.finding) == {"This repository was made public: anyone on the internet can read its code. Set it back to private."} with input as updated
}

test_a_project_is_called_a_project if {
	told := reasons(rule.finding) with input as but(updated, {"/connection/id": "acme-dc", "/connection/product": "datacenter", "/event/kind": "project.updated"})
	some reason in told
	startswith(reason, "This project was made public")
}

test_blocks_a_repository_that_is_public_from_the_start if {
	verdicts(rule.finding) == {"block"} with input as but(updated, {"/event/kind": "repository.created", "/before": null})
}

test_leaves_a_repository_that_was_public_before_alone if {
	verdicts(rule.finding) == set() with input as but(updated, {"/before/visibility": "public"})
}

test_leaves_one_that_becomes_private_alone if {
	verdicts(rule.finding) == set() with input as but(updated, {"/before/visibility": "public", "/after/visibility": "private"})
}

test_an_unchanged_restriction_says_nothing if {
	verdicts(rule.finding) == set() with input as restriction
}

test_blocks_a_removed_restriction if {
	verdicts(rule.finding) == {"block"} with input as but(restriction, {"/after": null})
	reasons(rule.finding) == {"The require_approvals restriction on main was removed, so nothing guards those branches any more. Put it back."} with input as but(restriction, {"/after": null})
}

test_a_deleted_repository_is_no_removed_restriction if {
	verdicts(rule.finding) == set() with input as but(updated, {"/event/kind": "repository.transferred", "/after": null})
}

test_blocks_an_overridden_project_rule if {
	verdicts(rule.finding) == {"block"} with input as but(restriction, {"/after/overridden": true})
}

test_an_old_override_is_no_news if {
	verdicts(rule.finding) == set() with input as but(restriction, {"/before/overridden": true, "/after/overridden": true})
}

test_blocks_a_lowered_number if {
	verdicts(rule.finding) == {"block"} with input as but(restriction, {"/after/value": 1})
	reasons(rule.finding) == {"The require_approvals restriction on main used to demand 2 and now demands 1. Set it back."} with input as but(restriction, {"/after/value": 1})
}

test_a_raised_number_is_welcome if {
	verdicts(rule.finding) == set() with input as but(restriction, {"/after/value": 3})
}

test_no_number_is_not_a_smaller_number if {
	verdicts(rule.finding) == set() with input as but(restriction, {"/before/value": null, "/after/value": null})
}

test_reports_new_exemptions if {
	verdicts(rule.finding) == {"alert"} with input as but(restriction, {"/after/exempt": ["acme-cloud/user/ana"]})
}

test_a_new_restriction_opens_nothing if {
	verdicts(rule.finding) == set() with input as but(restriction, {"/before": null, "/after/exempt": ["acme-cloud/user/ana"]})
}

test_a_new_override_blocks_even_without_a_before if {
	verdicts(rule.finding) == {"block"} with input as but(restriction, {"/before": null, "/after/overridden": true})
}

test_a_number_that_no_longer_applies_is_not_lowered if {
	verdicts(rule.finding) == set() with input as but(restriction, {"/after/value": null})
}

test_old_exemptions_are_no_news if {
	verdicts(rule.finding) == set() with input as but(restriction, {"/before/exempt": ["acme-cloud/user/ana"], "/after/exempt": ["acme-cloud/user/ana"]})
}

test_speaks_of_restrictions_only_where_one_changed if {
	verdicts(rule.finding) == set() with input as but(restriction, {
		"/event/kind": "repository.updated",
		"/after/value": 1,
		"/after/overridden": true,
		"/after/exempt": ["acme-cloud/user/ana"],
	})
}

test_a_restriction_without_exemptions_may_stay_so if {
	verdicts(rule.finding) == set() with input as but(restriction, {"/before/exempt": null, "/after/exempt": null})
}

test_reports_the_first_exemptions if {
	verdicts(rule.finding) == {"alert"} with input as but(restriction, {"/before/exempt": null, "/after/exempt": ["acme-cloud/user/ana"]})
}
