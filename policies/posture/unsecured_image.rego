# METADATA
# title: Pipelines run in images that nobody can exchange
# description: A tag can be moved to another image by whoever may push to its registry; only a digest says which one it is. A password beside it is read by everybody who reads the repository.
# custom:
#   subject: repository
#   reads: [repository.name, repository.definition.images]
#   severity: medium
#   category: Pipelines and runners
#   owner: platform security
#   aliases:
#     - {id: Runner exposure, title: Runner exposure, severity: medium}
#   needs:
#     - {product: cloud, scope: repository}
#     - {product: cloud, scope: pipeline}
#     - {product: cloud, scope: "repository:admin"}
#   blind: Read only where the class `pipeline-definition` is switched on, and on the main branch. Images that a pipe or a script starts are not seen; what a variable names stays unknown, and so does whose registry it is unless the connection names `own_hosts`.
#   remedies:
#     - product: cloud
#       steps: "In bitbucket-pipelines.yml name the image with its digest, as in `registry.example.com/build/node@sha256:…`, from a registry of your own, with a secured variable as its password."
#   controls:
#     "SOC 2": ["CC6.6", "CC8.1"]
#     "GDPR": ["Art. 32"]
#     "ISO/IEC 27001": ["A.8.9", "A.8.31"]
#     "ISO/IEC 42001": ["A.6.2.5"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.unsecured_image

finding contains {
	"severity": "high",
	"reason": sprintf("The pipelines of %s name a password for %s in clear: put it into a secured variable, and change it.", [input.repository.name, image.registry]),
	"proof": ["repository.definition.images", "repository.name"],
} if {
	some image in input.repository.definition.images
	image.inline_password
}

finding contains {
	"reason": sprintf("The pipelines of %s run in an image from %s that is named by a tag, not by a digest.", [input.repository.name, image.registry]),
	"proof": ["repository.definition.images", "repository.name"],
} if {
	some image in input.repository.definition.images
	image.pinned == false
}

finding contains {
	"reason": sprintf("The pipelines of %s run in an image from %s, which is no registry of the organisation.", [input.repository.name, image.registry]),
	"proof": ["repository.definition.images", "repository.name"],
} if {
	some image in input.repository.definition.images
	image.outside == true
}
