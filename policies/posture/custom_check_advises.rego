# METADATA
# title: Custom merge checks are required
# description: An app's merge check is set to Recommended, so that a pull request which fails it can be merged all the same.
# custom:
#   subject: repository
#   reads: [repository.advisory_checks]
#   severity: medium
#   category: Branch protection
#   owner: platform security
#   needs:
#     - {product: cloud, scope: "Premium"}
#   blind: "Bitbucket Cloud's API does not tell which checks apps add, nor whether they are required: on Cloud this stays unknown. Data Center's merge checks always stop a merge."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Custom merge checks: set each check to Required (Premium)."
#   controls:
#     "SOC 2": ["CC8.1"]
#     "ISO/IEC 27001": ["A.8.25", "A.8.32"]
#     "ISO/IEC 42001": ["A.6.2.4"]
package portcullis.rules.posture.custom_check_advises

finding contains {
	"reason": sprintf("The merge check %s only advises: a pull request that fails it can be merged all the same.", [check]),
	"proof": ["repository.advisory_checks"],
} if {
	some check in input.repository.advisory_checks
}
