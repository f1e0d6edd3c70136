# METADATA
# title: Pipelines run what the repository says, gate first
# description: A pipeline started from YAML that somebody sent in, or one whose commands lack the gate or run others before it, does not run what was reviewed.
# custom:
#   on: [pipeline.observed, pipeline.step]
#   reads: [pipeline.gate.first, pipeline.gate.present, pipeline.source]
#   severity: critical
#   on_error: block
#   owner: platform security
#   remedies:
#     - Start the pipeline from the branch, so that it runs the committed bitbucket-pipelines.yml.
#     - Make `portcullis check` the first command of the step's script.
#   controls:
#     "SOC 2": ["CC7.2", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.9", "A.8.25", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.5", "A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.pipeline.on_demand_or_altered

finding contains {
	"verdict": "block",
	"reason": "This pipeline runs YAML that somebody sent in by hand, not the committed bitbucket-pipelines.yml. Start it from the branch instead.",
	"proof": ["pipeline.source"],
} if {
	input.pipeline.source == "on_demand"
}

finding contains {
	"verdict": "block",
	"reason": "The commands of this step do not ask the gate. Make `portcullis check` the first command of its script.",
	"proof": ["pipeline.gate.present"],
} if {
	input.pipeline.gate.present == false
}

finding contains {
	"verdict": "block",
	"reason": "This step runs other commands before it asks the gate. Move `portcullis check` to the top of its script.",
	"proof": ["pipeline.gate.first", "pipeline.gate.present"],
} if {
	input.pipeline.gate.present
	input.pipeline.gate.first == false
}
