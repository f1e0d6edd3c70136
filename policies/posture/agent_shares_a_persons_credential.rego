# METADATA
# title: Agents work with credentials of their own
# description: "An agent that works with a person's token is that person to Bitbucket: nobody can tell who did what, and whatever the agent approves the person has approved."
# custom:
#   subject: identity
#   kinds: [agent]
#   reads: [identity.name, identity.kind, identity.shared_credentials]
#   severity: high
#   category: Identity and access
#   owner: platform security
#   needs:
#     - {product: cloud, scope: "account"}
#   blind: "Bitbucket does not know agents: they are those that a world file or the connection's configuration names."
#   remedies:
#     - steps: "Give the agent an account or access token of its own, with no more than it needs, and revoke the token it shares."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.3", "A.5.17"]
#     "ISO/IEC 42001": ["A.9.2", "A.10.2"]
#     "EU AI Act": ["Art. 14", "Art. 26"]
package portcullis.rules.posture.agent_shares_a_persons_credential

finding contains {
	"reason": sprintf("The agent %s works with %s, which is %s's: nobody can tell which of the two did something.", [input.identity.name, shared.name, shared.person]),
	"proof": ["identity.shared_credentials", "identity.name", "identity.kind"],
} if {
	input.identity.kind == "agent"
	some shared in input.identity.shared_credentials
}
