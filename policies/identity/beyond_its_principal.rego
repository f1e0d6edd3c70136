# METADATA
# title: Agents and apps do no more than the person behind them
# description: An agent or app that acts for somebody must not do what that person could not do, and every agent has such a person. Rights beyond the person's own are reported even where this act did not need them.
# custom:
#   on: [branch.created, branch.deleted, merge.requested, pipeline.step, pull_request.merged, push, repository.updated, tag.created, tag.deleted, tag.moved]
#   reads: [actor.acts_for, actor.kind, actor.level]
#   severity: high
#   on_error: block
#   owner: platform security
#   remedies:
#     - Let somebody who has the right do it, or have the person's own rights raised first.
#     - Give the agent or app no more rights than the person it acts for.
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.15", "A.5.18", "A.8.2"]
#     "ISO/IEC 42001": ["A.9.2", "A.9.4", "A.10.2"]
#     "EU AI Act": ["Art. 14", "Art. 26"]
package portcullis.rules.identity.beyond_its_principal

finding contains {
	"verdict": "block",
	"reason": sprintf("This %s acted for a person who has only %s rights here, but doing this takes %s rights. Somebody with that right has to do it.", [input.actor.kind, input.actor.acts_for.level, needed]),
	"proof": ["actor.acts_for.level", "actor.level", "event.kind"],
} if {
	ladder[input.actor.acts_for.level] < ladder[needed]
}

finding contains {
	"verdict": "block",
	"reason": "This agent acts for nobody, so nobody answers for what it does. Link it to the person who is responsible for it.",
	"proof": ["actor.kind", "actor.acts_for"],
} if {
	input.actor.kind == "agent"
	input.actor.acts_for == null
}

finding contains {
	"verdict": "alert",
	"reason": sprintf("This %s has %s rights here, while the person it acts for has %s. Take the difference away from it.", [input.actor.kind, input.actor.level, input.actor.acts_for.level]),
	"proof": ["actor.level", "actor.acts_for.level"],
} if {
	ladder[input.actor.acts_for.level] < ladder[input.actor.level]
	ladder[input.actor.acts_for.level] >= ladder[needed]
}

ladder := {"none": 0, "read": 1, "write": 2, "create": 3, "admin": 4, "owner": 5}

needs := {
	"branch.created": "write",
	"branch.deleted": "write",
	"merge.requested": "write",
	"pipeline.step": "write",
	"pull_request.merged": "write",
	"push": "write",
	"repository.updated": "admin",
	"tag.created": "write",
	"tag.deleted": "write",
	"tag.moved": "write",
}

needed := needs[input.event.kind]
