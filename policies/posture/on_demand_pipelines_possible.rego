# METADATA
# title: No pipeline reaches secrets without a commit
# description: "Whoever may write can send a pipeline definition with the API and run it: no commit, no pull request, no review. Here such a run reads secured variables or deploys to production."
# custom:
#   subject: repository
#   reads: [repository.on_demand.possible, repository.on_demand.production, repository.on_demand.secrets]
#   severity: high
#   category: Pipelines
#   owner: platform security
#   needs:
#     - {product: cloud, scope: "pipeline"}
#     - {product: cloud, scope: "repository:admin"}
#   blind: "Variables of an environment are not counted: a definition that names the environment reads them as well."
#   remedies:
#     - product: cloud
#       steps: "Put secrets into deployment environments that only administrators deploy to (Repository settings, Deployments, Only allow admins to deploy), and let the gate refuse a step whose pipeline came on demand (rule pipeline/on-demand-or-altered)."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug}/environments/{environment_uuid} {"restrictions":{"admin_only":true,"type":"deployment_restrictions_configuration"}}'
#   controls:
#     "SOC 2": ["CC6.1", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.8.25", "A.8.31"]
#     "ISO/IEC 42001": ["A.6.2.5"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.on_demand_pipelines_possible

finding contains {
	"reason": sprintf("Whoever may write can run a pipeline that is in no commit, and it reads %d secured %s.", [input.repository.on_demand.secrets, variables]),
	"proof": ["repository.on_demand.possible", "repository.on_demand.secrets"],
} if {
	input.repository.on_demand.possible == true
	input.repository.on_demand.secrets > 0
}

finding contains {
	"reason": sprintf("Whoever may write can run a pipeline that is in no commit, and deploy to %s with it.", [environment]),
	"proof": ["repository.on_demand.possible", "repository.on_demand.production"],
} if {
	input.repository.on_demand.possible == true
	some environment in input.repository.on_demand.production
}

variables := "variable" if {
	input.repository.on_demand.secrets == 1
} else := "variables"
