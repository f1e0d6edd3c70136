# METADATA
# title: Projects are not public
# description: Anyone can see a public project. On Data Center that opens every repository in it; on Cloud it lets people make public repositories there.
# custom:
#   subject: project
#   reads: [project.visibility]
#   severity: high
#   category: Exposure
#   owner: platform security
#   needs:
#     - {product: cloud, scope: "project"}
#     - {product: datacenter, scope: "PROJECT_READ"}
#   remedies:
#     - product: cloud
#       steps: "Project settings, Project details: tick Private project and save."
#       call: 'PUT /2.0/workspaces/{workspace}/projects/{project_key} {"is_private":true}'
#     - product: datacenter
#       steps: "Project settings, Project permissions: untick Public access."
#       call: 'PUT /rest/api/latest/projects/{projectKey} {"public":false}'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 25"]
#     "ISO/IEC 27001": ["A.5.15", "A.8.4", "A.8.12"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.project_public

finding contains {
	"reason": "This project is public: whoever reaches Bitbucket can see it, and what is public in it.",
	"proof": ["project.visibility"],
} if {
	input.project.visibility == "public"
}
