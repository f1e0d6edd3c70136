# METADATA
# title: Deploys come from protected branches and tags
# description: What runs in staging or production has to come from a branch or tag whose history nobody can change alone. Test environments may be deployed from anywhere.
# custom:
#   on: [pipeline.step]
#   reads: [resource.environment, resource.ref.name, resource.ref.protected]
#   severity: high
#   on_error: block
#   owner: release management
#   remedies:
#     - Merge the change into a protected branch and deploy from there.
#     - To try it out first, deploy to a test environment.
#   controls:
#     "SOC 2": ["CC6.1", "CC8.1"]
#     "GDPR": ["Art. 25", "Art. 32"]
#     "ISO/IEC 27001": ["A.8.25", "A.8.31", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.5"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.ref.deploy_from_protected

finding contains {
	"verdict": "block",
	"reason": sprintf("%s is not protected, so it must not be deployed to %s. Merge it into a protected branch and deploy from there, or use a test environment.", [place, target]),
	"proof": ["resource.ref.name", "resource.ref.protected", "resource.environment"],
} if {
	deploys_for_real
	not input.resource.ref.protected
}

finding contains {
	"verdict": "block",
	"reason": sprintf("This pipeline runs on a bare commit, not on a branch or tag, so it must not deploy to %s. Start it from a protected branch.", [target]),
	"proof": ["resource.ref", "resource.environment"],
} if {
	deploys_for_real
	not input.resource.ref.name
	not ref_is_unknown
}

# What could not be learned is weighed by the gate itself; it is not taken for "no branch".
ref_is_unknown if {
	some gap in input.unknown
	gap.path in {"resource", "resource.ref", "resource.ref.name"}
}

deploys_for_real if {
	input.action.name in {"deploy", "publish"}
	not for_tests
}

for_tests if input.resource.environment.tier == "test"

place := trim_prefix(trim_prefix(input.resource.ref.name, "refs/heads/"), "refs/tags/")

default target := "an environment that is not named"

target := input.resource.environment.name
