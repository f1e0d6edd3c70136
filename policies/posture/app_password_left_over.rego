# METADATA
# title: No app password is left
# description: App passwords were removed from Bitbucket Cloud on 28 July 2026. One that something still holds opens nothing any more, and whatever uses it has stopped or will be given a hasty replacement.
# custom:
#   subject: credential
#   kinds: [credential, token]
#   reads: [credential.name, credential.what, credential.active]
#   severity: high
#   category: Credentials
#   owner: platform security
#   aliases:
#     - {id: Stale credentials, title: Stale credentials, severity: high}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "project:admin"}
#   blind: "Cloud's API lists nobody's app passwords: those are found that webhooks, the record or a world file name."
#   remedies:
#     - product: cloud
#       steps: "Personal settings, Security, Create and manage API tokens: create one with the scopes it needs, put it where the app password is, and delete the app password."
#   controls:
#     "SOC 2": ["CC6.1", "CC6.6"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.5.17", "A.5.18"]
#     "ISO/IEC 42001": ["A.6.2.6"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.app_password_left_over

finding contains {
	"reason": sprintf("%s is an app password, and Bitbucket takes none since 28 July 2026: put an API token with scopes in its place.", [input.credential.name]),
	"proof": ["credential.what", "credential.name", "credential.active"],
} if {
	input.credential.active
	lower(input.credential.what) in {"app password", "app_password"}
}
