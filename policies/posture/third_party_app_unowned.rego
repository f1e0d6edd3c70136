# METADATA
# title: Every app has an owner who is still here
# description: An installed app that nobody looks after, or whose owner left, is updated by nobody and missed by nobody.
# custom:
#   subject: credential
#   kinds: [app]
#   reads: [credential.name, credential.kind, credential.active, credential.owners, credential.owners_left]
#   severity: medium
#   category: Third-party app access
#   owner: platform security
#   aliases:
#     - {id: Third-party app access, title: Third-party app access, severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: evidence}
#     - {product: cloud, scope: "project:admin"}
#     - {product: datacenter, scope: evidence}
#   blind: "Bitbucket does not tell who installed an app: those count as its owners who administer just where it may do something."
#   remedies:
#     - product: cloud
#       steps: "Workspace settings, Installed apps: name somebody who looks after it, or remove it."
#     - product: datacenter
#       steps: "Administration, Manage apps: name somebody who looks after it, or remove it."
#   controls:
#     "SOC 2": ["CC6.6", "CC6.7"]
#     "GDPR": ["Art. 5(1)(f)", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.14", "A.8.12"]
#     "ISO/IEC 42001": ["A.10.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.third_party_app_unowned

finding contains {
	"reason": sprintf("Nobody looks after the app %s.", [input.credential.name]),
	"proof": ["credential.owners", "credential.name", "credential.kind", "credential.active"],
} if {
	counts
	input.credential.owners == null
}

finding contains {
	"severity": "high",
	"reason": sprintf("Everybody who looked after the app %s has left.", [input.credential.name]),
	"proof": ["credential.owners_left", "credential.name", "credential.kind", "credential.active"],
} if {
	counts
	input.credential.owners_left == true
}

counts if {
	input.credential.kind == "app"
	input.credential.active
}
