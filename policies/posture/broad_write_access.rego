# METADATA
# title: Write access is not given to half of the company
# description: A large part of all members can write to this repository, or everyone can by a default permission. Broad is half of all members and at least ten people; set `portcullis.posture.broad_percent` and `broad_people` in a data.json for another limit.
# custom:
#   subject: repository
#   reads: [repository.writers.everyone, repository.writers.groups, repository.writers.members, repository.writers.people, repository.writers.share]
#   severity: medium
#   category: Access
#   owner: platform security
#   aliases:
#     - {id: "Missing branch restrictions & broad access", title: "Missing branch restrictions & broad access", severity: medium}
#   needs:
#     - {product: cloud, scope: "repository:admin"}
#     - {product: cloud, scope: "project:admin"}
#     - {product: datacenter, scope: "REPO_ADMIN"}
#   blind: "People whom a directory outside Bitbucket will add to a group are not counted before they are there."
#   remedies:
#     - product: cloud
#       steps: "Repository settings, Repository permissions: lower the groups named here to Read, and give Write to those who push."
#       call: 'PUT /2.0/repositories/{workspace}/{repo_slug}/permissions-config/groups/{group_slug} {"permission":"read"}'
#     - product: datacenter
#       steps: "Project settings, Project permissions: set the default permission to No access or Read, and lower the groups named here."
#       call: 'DELETE /rest/api/latest/projects/{projectKey}/permissions/PROJECT_WRITE/all?allow=false'
#   controls:
#     "SOC 2": ["CC6.1", "CC6.3"]
#     "GDPR": ["Art. 25", "Art. 32"]
#     "ISO/IEC 27001": ["A.5.15", "A.5.18", "A.8.4"]
#     "ISO/IEC 42001": ["A.9.2"]
#     "EU AI Act": ["Art. 15"]
package portcullis.rules.posture.broad_write_access

finding contains {
	"reason": "A default permission of the project lets everyone write who may log in.",
	"proof": ["repository.writers.everyone"],
	"severity": "high",
} if {
	input.repository.writers.everyone == true
}

finding contains {
	"reason": concat("", [sprintf("%d of %d people (%d %%) can write to this repository", [input.repository.writers.people, input.repository.writers.members, input.repository.writers.share]), through, "."]),
	"proof": ["repository.writers.share", "repository.writers.people", "repository.writers.members", "repository.writers.groups"],
} if {
	input.repository.writers.share >= broad_percent
	input.repository.writers.people >= broad_people
}

default broad_percent := 50

broad_percent := data.portcullis.posture.broad_percent if is_number(data.portcullis.posture.broad_percent)

default broad_people := 10

broad_people := data.portcullis.posture.broad_people if is_number(data.portcullis.posture.broad_people)

through := concat("", [", by the groups ", concat(", ", groups)]) if {
	count(groups) > 0
} else := ""

groups contains sprintf("%s (%d %%)", [group.name, group.share]) if some group in input.repository.writers.groups
