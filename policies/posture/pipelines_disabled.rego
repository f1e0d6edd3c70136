# METADATA
# title: Pipelines scan for vulnerabilities
# description: "Pipelines are off, so no scan for vulnerabilities runs in Bitbucket when code changes. Ships disabled, as its source does: switch it on where pipelines are what scans."
# custom:
#   subject: repository
#   reads: [repository.pipelines]
#   severity: medium
#   category: Pipelines
#   owner: platform security
#   enabled: false
#   aliases:
#     - {id: "Bitbucket Pipelines should be enabled for vulnerability scanning", title: "Bitbucket Pipelines should be enabled for vulnerability scanning", severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#   blind: "That pipelines are on does not mean that one of them scans. Data Center has no pipelines."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Pipelines, Settings: switch on Enable Pipelines, and add a scanning step to bitbucket-pipelines.yml."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug}/pipelines_config {"enabled":true}'
#   controls:
#     "SOC 2": ["CC7.1"]
#     "ISO/IEC 27001": ["A.8.8", "A.8.29"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.pipelines_disabled

finding contains {
	"reason": "Pipelines are off: nothing scans this repository for vulnerabilities when its code changes.",
	"proof": ["repository.pipelines"],
} if {
	input.repository.pipelines == false
}
