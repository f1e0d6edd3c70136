# METADATA
# title: The workspace demands a second factor of everybody
# description: Where a second factor is a matter of taste, somebody goes without, and nobody hears of it.
# custom:
#   subject: workspace
#   reads: [workspace.name, workspace.second_factor_enforced]
#   severity: critical
#   category: Identity and access
#   owner: platform security
#   aliases:
#     - {id: Bitbucket workspace level MFA should be enforced, title: Bitbucket workspace level MFA should be enforced, severity: critical}
#   needs:
#     - {product: cloud, scope: evidence}
#     - {product: datacenter, scope: evidence}
#   blind: "No API of Bitbucket tells whether a second factor is demanded: a picture or file of the policy does, until its date has passed."
#   remedies:
#     - product: cloud
#       steps: "admin.atlassian.com → organisation → 2SV report shows who goes without; Security, Authentication policies: require two-step verification. Or Workspace settings, Security: require two-step verification. Then bring a picture of it with `portcullis evidence import`."
#     - product: datacenter
#       steps: "Administration, Authentication: require a second factor, or demand it in the directory that signs people in; then bring a picture of it with `portcullis evidence import`."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.8.2"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.second_factor_not_enforced

finding contains {
	"reason": sprintf("%s does not demand a second factor of everybody.", [input.workspace.name]),
	"proof": ["workspace.second_factor_enforced", "workspace.name"],
} if {
	input.workspace.second_factor_enforced == false
}
