package portcullis.rules.records.who_may_test

import data.portcullis.rules.records.who_may as rule

asked(subject, action, record) := {
	"version": 1,
	"event": {"kind": "pipeline.step"},
	"connection": {"id": "records", "product": "cloud"},
	"action": {"name": action},
	"unknown": [],
	"actor": {"id": sprintf("records/user/%s", [subject]), "groups": groups[subject]},
	"claimed": {
		"subject": {"type": "user", "id": subject, "properties": null},
		"action": {"name": action, "properties": null},
		"resource": {"type": "record", "id": record, "properties": null},
	},
}

groups := {"alice": [], "bob": ["records-admins"], "carol": []}

but(document, changes) := json.patch(document, [{"op": "add", "path": path, "value": changes[path]} | some path in object.keys(changes)])

blocked(document) if {
	count(rule.finding) > 0 with input as document
}

test_everyone_reads_what_there_is if {
	not blocked(asked("alice", "read", "record-1"))
	not blocked(asked("carol", "read", "record-2"))
	blocked(asked("alice", "read", "record-9"))
}

test_an_active_record_is_written_by_its_owner if {
	not blocked(asked("alice", "write", "record-1"))
	blocked(asked("bob", "write", "record-1"))
}

test_an_archived_record_is_written_by_administrators if {
	not blocked(asked("bob", "write", "record-2"))
	blocked(asked("alice", "write", "record-2"))
}

test_what_the_asker_says_of_a_record_goes_before_what_is_kept if {
	archived := {"/claimed/resource/properties": {"status": "archived"}}
	blocked(but(asked("alice", "write", "record-1"), archived))
	not blocked(but(asked("bob", "write", "record-1"), archived))
	active := {"/claimed/resource/properties": {"status": "active"}}
	not blocked(but(asked("alice", "write", "record-2"), active))
}

test_a_role_is_believed if {
	admin := {"/claimed/subject/properties": {"role": "admin"}}
	not blocked(but(asked("carol", "write", "record-2"), admin))
	other := {"/claimed/subject/properties": {"role": "manager"}}
	blocked(but(asked("carol", "write", "record-2"), other))
}

test_a_record_is_deleted_softly_and_by_its_owner if {
	soft := {"/claimed/action/properties": {"soft": true}}
	not blocked(but(asked("alice", "delete", "record-1"), soft))
	blocked(but(asked("bob", "delete", "record-1"), soft))
	blocked(but(asked("alice", "delete", "record-1"), {"/claimed/action/properties": {"soft": false}}))
	blocked(asked("alice", "delete", "record-1"))
}

test_whatever_else_is_asked_is_refused if blocked(asked("alice", "publish", "record-1"))

test_a_check_is_left_alone if {
	not blocked(but(asked("alice", "write", "record-9"), {"/claimed/resource": null}))
}
