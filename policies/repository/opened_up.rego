# METADATA
# title: Repositories stay private and guarded
# description: Making a repository or project public, and removing, overriding or loosening a branch restriction, opens the code to people it was closed to.
# custom:
#   on: [project.updated, repository.created, repository.transferred, repository.updated, restriction.changed]
#   reads: [after.exempt, after.id, after.overridden, after.value, after.visibility, before.exempt, before.id, before.kind, before.overridden, before.pattern, before.value, before.visibility]
#   severity: critical
#   on_error: block
#   owner: platform security
#   remedies:
#     - Set it back to private, or put the restriction back as it was.
#     - If this is wanted, ask for a waiver that names who wants it and until when.
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6", "CC8.1"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 25", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.15", "A.8.4", "A.8.9"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.repository.opened_up

finding contains {
	"verdict": "block",
	"reason": sprintf("This %s was made public: anyone on the internet can read its code. Set it back to private.", [subject]),
	"proof": ["before.visibility", "after.visibility"],
} if {
	input.after.visibility == "public"
	not was_public
}

finding contains {
	"verdict": "block",
	"reason": sprintf("The %s restriction on %s was removed, so nothing guards those branches any more. Put it back.", [input.before.kind, input.before.pattern]),
	"proof": ["before", "after"],
} if {
	about_a_restriction
	input.before.id
	not input.after.id
}

finding contains {
	"verdict": "block",
	"reason": "This repository switched off a restriction that its project sets for all repositories. Switch it on again.",
	"proof": ["after.overridden"],
} if {
	about_a_restriction
	input.after.overridden
	not was_overridden
}

finding contains {
	"verdict": "block",
	"reason": sprintf("The %s restriction on %s used to demand %d and now demands %d. Set it back.", [input.before.kind, input.before.pattern, input.before.value, input.after.value]),
	"proof": ["before.value", "after.value"],
} if {
	about_a_restriction
	is_number(input.before.value)
	is_number(input.after.value)
	input.after.value < input.before.value
}

finding contains {
	"verdict": "alert",
	"reason": sprintf("The %s restriction on %s now lets %d more through than before. Check that each of them needs it.", [input.before.kind, input.before.pattern, count(newly_exempt)]),
	"proof": ["before.exempt", "after.exempt"],
} if {
	about_a_restriction
	count(newly_exempt) > 0
}

about_a_restriction if input.event.kind == "restriction.changed"

was_public if input.before.visibility == "public"

was_overridden if input.before.overridden

# Only for a restriction that was there before (a new one loosens nothing) and whose kind knows exemptions.
newly_exempt contains who if {
	input.before.id
	is_array(input.after.exempt)
	some who in input.after.exempt
	not who in input.before.exempt
}

default subject := "repository"

subject := "project" if input.event.kind == "project.updated"
