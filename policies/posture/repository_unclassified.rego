# METADATA
# title: Every repository is classified
# description: "Nothing says how sensitive this repository is: not its project, not a naming rule, not a list. Whether a rule may be softened for it, and how bad a finding about it is, hangs on that."
# custom:
#   subject: repository
#   reads: [repository.class]
#   severity: critical
#   category: Classification
#   owner: platform security
#   aliases:
#     - {id: "Code repo should be classified", title: "Code repo should be classified", severity: critical}
#   needs:
#     - {product: cloud, scope: "evidence"}
#     - {product: datacenter, scope: "evidence"}
#   blind: "A class is told by evidence that people bring: neither product keeps one."
#   remedies:
#     - steps: "Add the repository, its project or a rule for its name to the list of classifications, and import it: portcullis evidence import."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.7"]
#     "GDPR": ["Art. 25", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.9", "A.5.12"]
#     "ISO/IEC 42001": ["A.9.4"]
package portcullis.rules.posture.repository_unclassified

finding contains {
	"reason": "Nothing says how sensitive this repository is: no project, naming rule or list classifies it.",
	"proof": ["repository.class"],
} if {
	input.repository.class == null
}
