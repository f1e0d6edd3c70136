# METADATA
# title: Apps may do no more than they do
# description: An installed app that may write and does nothing may do more than it does.
# custom:
#   subject: credential
#   reads: [credential.name, credential.kind, credential.active, credential.level, credential.repositories, credential.wider_than_used]
#   severity: medium
#   category: Third-party app access
#   owner: platform security
#   aliases:
#     - {id: Third-party app access, title: Third-party app access, severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "project:admin"}
#   blind: "Bitbucket does not tell when an app was last used, nor for what: of one that may write this stays unknown."
#   remedies:
#     - product: cloud
#       steps: "Workspace settings, Installed apps: remove the app, or take its account from the repositories it does not need."
#       call: 'DELETE /2.0/repositories/{workspace}/{repo_slug}/permissions-config/users/{selected_user_id}'
#     - product: datacenter
#       steps: "Administration, Manage apps: remove the app, or take its account from the repositories it does not need."
#   controls:
#     "SOC 2": ["CC6.6", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.12"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.third_party_app_wider_than_used

finding contains {
	"reason": sprintf("The app %s may %s on %d %s and is not used: take away what it does not need.", [input.credential.name, input.credential.level, input.credential.repositories, repositories]),
	"proof": ["credential.level", "credential.repositories", "credential.wider_than_used", "credential.name", "credential.kind", "credential.active"],
} if {
	input.credential.kind == "app"
	input.credential.active
	input.credential.wider_than_used == true
}

repositories := "repository" if {
	input.credential.repositories == 1
} else := "repositories"
