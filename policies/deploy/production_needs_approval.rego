# METADATA
# title: Production deploys need a release manager
# description: A step that deploys to a production environment waits for an approval by a release manager who did not push the commits. A deploy that names no environment counts as production.
# custom:
#   on: [pipeline.step]
#   reads: [resource.environment]
#   severity: high
#   on_error: block
#   owner: release management
#   remedies:
#     - Ask a release manager who did not push these commits to approve.
#     - "If this is not production, name the environment: `deployment: <environment>` in the step."
#   controls:
#     "SOC 2": ["CC6.3", "CC8.1"]
#     "GDPR": ["Art. 25", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.3", "A.8.31", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.5", "A.9.2"]
#     "EU AI Act": ["Art. 14", "Art. 26"]
package portcullis.rules.deploy.production_needs_approval

finding contains {
	"verdict": "approve",
	"reason": sprintf("Deploying to %s needs one approval from release managers who did not push these commits.", [input.resource.environment.name]),
	"proof": ["resource.environment.tier", "resource.environment.name", "action.name"],
	"approval": demand,
} if {
	input.action.name == "deploy"
	input.resource.environment.tier == "production"
}

# A step without an environment could reach any of them, so it is treated as the one that matters most.
finding contains {
	"verdict": "approve",
	"reason": "This deploy names no environment, so it is treated as production and needs one approval from release managers who did not push these commits. If it is not production, name its environment in the step.",
	"proof": ["resource.environment", "action.name"],
	"approval": demand,
} if {
	input.action.name == "deploy"
	input.resource.environment == null
}

demand := {
	"from": {"group": "release-managers"},
	"count": 1,
	"not": ["actor", "commit_authors"],
	"expires_in": "4h",
	"grant_for": "30m",
}
