# METADATA
# title: Protected branches and tags stay
# description: Deleting a protected branch, or deleting or moving a protected tag, takes away what releases and audits point at. Any other tag that goes or moves is reported. Deleting an ordinary branch is everyday work.
# custom:
#   on: [branch.deleted, tag.deleted, tag.moved]
#   reads: [resource.ref.name, resource.ref.protected]
#   severity: high
#   on_error: block
#   owner: platform security
#   remedies:
#     - "Put it back: push the old commit to the same name."
#     - For a new release, make a new tag instead of moving an old one.
#   controls:
#     "SOC 2": ["CC7.2", "CC8.1"]
#     "GDPR": ["Art. 5(1)(f)"]
#     "ISO/IEC 27001": ["A.8.4", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.8"]
#     "EU AI Act": ["Art. 12"]
package portcullis.rules.ref.branch_or_tag_deleted

finding contains {
	"verdict": "block",
	"reason": sprintf("The branch %s is protected and must not be deleted. Push its last commit to the same name to bring it back.", [branch]),
	"proof": ["resource.ref.name", "resource.ref.protected", "event.kind"],
} if {
	input.event.kind == "branch.deleted"
	input.resource.ref.protected
}

finding contains {
	"verdict": "block",
	"reason": sprintf("The tag %s is protected and was %s. Put it back on its old commit, and use a new tag for a new release.", [tag, what_happened]),
	"proof": ["resource.ref.name", "resource.ref.protected", "event.kind"],
} if {
	input.resource.ref.protected
}

finding contains {
	"verdict": "alert",
	"reason": sprintf("The tag %s was %s. If a release points at it, put it back on its old commit.", [tag, what_happened]),
	"proof": ["resource.ref.name", "resource.ref.protected", "event.kind"],
} if {
	not input.resource.ref.protected
}

words := {"tag.deleted": "deleted", "tag.moved": "moved to another commit"}

# Without a word for it, as for a branch, there is nothing to say about a tag.
what_happened := words[input.event.kind]

branch := trim_prefix(input.resource.ref.name, "refs/heads/")

tag := trim_prefix(input.resource.ref.name, "refs/tags/")
