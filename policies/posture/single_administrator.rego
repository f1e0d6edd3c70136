# METADATA
# title: More than one person administers the workspace
# description: With one administrator nobody can take over when that person is ill or leaves, and nobody sees what that person does.
# custom:
#   subject: workspace
#   reads: [workspace.name, workspace.administrators]
#   severity: medium
#   category: Identity and access
#   owner: platform security
#   needs:
#     - {product: cloud, scope: account}
#     - {product: datacenter, scope: ADMIN}
#   remedies:
#     - product: cloud
#       steps: "Workspace settings, User groups, Administrators: add a second person."
#     - product: datacenter
#       steps: "Administration, Global permissions: give a second person or a group Admin."
#       call: 'PUT /rest/api/latest/admin/permissions/users?name={name}&permission=ADMIN'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.15", "A.5.18"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.single_administrator

finding contains {
	"reason": sprintf("%s alone administers %s: nobody can take over, and nobody looks over the shoulder.", [input.workspace.administrators[0].name, input.workspace.name]),
	"proof": ["workspace.administrators", "workspace.name"],
} if {
	count(input.workspace.administrators) == 1
}

finding contains {
	"reason": sprintf("Nobody who is switched on administers %s.", [input.workspace.name]),
	"proof": ["workspace.administrators", "workspace.name"],
} if {
	count(input.workspace.administrators) == 0
}
