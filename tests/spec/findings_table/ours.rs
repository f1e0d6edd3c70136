//! Findings that nobody named before us, about repositories, their forks and projects.

use portcullis::policy::bundle::Severity;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::datacenter::RepoPermission;

use crate::spec::findings_table::Cell::Cannot;
use crate::spec::findings_table::Cell::Seen;
use crate::spec::findings_table::Row;
use crate::spec::findings_table::scene::Scene;

const ALL_OR_NOTHING: &str = "a credential that may not read repositories learns of none: discovery fails as a whole, and the last graph stays";
const TOLD: &str = "the product's API tells it whole to whoever may ask";

const NONE: fn(&mut Scene) = |_| {};
const NO_ADMIN: fn(&mut Scene) = |scene| scene.without_scope("repository:admin");
const READ_ONLY: fn(&mut Scene) = |scene| scene.reach = RepoPermission::Read;

pub fn rows() -> Vec<Row> {
    vec![forked(), project(), exempted(), on_demand(), advising()]
}

fn forked() -> Row {
    Row {
        source: "E1",
        rule: "posture/private-code-forked-in-public",
        id: "posture/private-code-forked-in-public",
        title: "Private code has no public forks",
        severity: Severity::Critical,
        cloud: [
            Seen(
                |scene| {
                    let parent = ("acme/shop".to_owned(), scene.shop().uuid);
                    let copy = scene.acme().add_repository("shop-copy", "ENG");
                    copy.parent = Some(parent);
                    copy.is_private = false;
                },
                "",
            ),
            Seen(
                |scene| {
                    let parent = ("acme/shop".to_owned(), scene.shop().uuid);
                    scene.acme().add_repository("shop-copy", "ENG").parent = Some(parent);
                },
                "",
            ),
            Cannot(ALL_OR_NOTHING),
            Cannot("every fork on the connection is told with who can see it; others nobody tells"),
        ],
        datacenter: [
            Seen(
                |scene| {
                    let parent = scene.server_shop().id;
                    scene.server().add_repository("ENG", "shop-copy");
                    let copy = scene.server().repository_mut("ENG/shop-copy").unwrap();
                    copy.origin = Some(parent);
                    copy.public = true;
                },
                "",
            ),
            Seen(NONE, ""),
            Cannot(ALL_OR_NOTHING),
            Cannot(TOLD),
        ],
    }
}

fn project() -> Row {
    Row {
        source: "E1",
        rule: "posture/project-public",
        id: "posture/project-public",
        title: "Projects are not public",
        severity: Severity::High,
        cloud: [
            Seen(
                |scene| {
                    scene.look_at = "project:ENG";
                    scene.acme().projects[0].is_private = false;
                },
                "",
            ),
            Seen(|scene| scene.look_at = "project:ENG", ""),
            Cannot(
                "a project that the list of projects does not show is told by its repositories, with who can see it",
            ),
            Cannot(TOLD),
        ],
        datacenter: [
            Seen(
                |scene| {
                    scene.look_at = "project:ENG";
                    scene.server().project_mut("ENG").unwrap().public = true;
                },
                "",
            ),
            Seen(|scene| scene.look_at = "project:ENG", ""),
            Cannot("whoever sees a project at all is told who else can"),
            Cannot(TOLD),
        ],
    }
}

fn exempted() -> Row {
    Row {
        source: "E25",
        rule: "posture/default-branch-exemptions",
        id: "posture/default-branch-exemptions",
        title: "Nobody is exempt from the rules about pushing",
        severity: Severity::Medium,
        cloud: [
            Seen(
                |scene| {
                    let ada = scene.acme().people[0].uuid;
                    let main = Matcher::Glob("main".to_owned());
                    scene.acme().restrict("shop", "push", main, &[ada]);
                },
                "",
            ),
            Seen(|scene| scene.rule("push", None), ""),
            Seen(NO_ADMIN, "repository:admin"),
            Seen(|scene| scene.shop().overrides = false, "does not tell the rules of a project"),
        ],
        datacenter: [
            Seen(
                |scene| {
                    scene.rule("pull-request-only", None);
                    scene.server_shop().restrictions[0].users.push("ada".to_owned());
                },
                "",
            ),
            Seen(|scene| scene.rule("pull-request-only", None), ""),
            Seen(READ_ONLY, "restrictions"),
            Cannot("Data Center tells the rules of a project and whom they let through"),
        ],
    }
}

fn on_demand() -> Row {
    const NO_PIPELINES: &str = "Data Center has no Pipelines: none can be started on demand there";
    Row {
        source: "E25",
        rule: "posture/on-demand-pipelines-possible",
        id: "posture/on-demand-pipelines-possible",
        title: "No pipeline reaches secrets without a commit",
        severity: Severity::High,
        cloud: [
            Seen(
                |scene| {
                    let secret = scene.acme().variable("AWS_PROD_KEY", true);
                    scene.shop().variables.push(secret);
                },
                "",
            ),
            Seen(NONE, ""),
            Seen(|scene| scene.without_scope("pipeline"), "pipeline"),
            Cannot(TOLD),
        ],
        datacenter: [
            Cannot(NO_PIPELINES),
            Seen(NONE, ""),
            Cannot(NO_PIPELINES),
            Cannot(NO_PIPELINES),
        ],
    }
}

fn advising() -> Row {
    const UNTOLD: &str = "Bitbucket Cloud's API does not tell which merge checks apps add";
    const ALWAYS: &str = "merge checks of Data Center always stop a merge that fails them";
    Row {
        source: "E25",
        rule: "posture/custom-check-advises",
        id: "posture/custom-check-advises",
        title: "Custom merge checks are required",
        severity: Severity::Medium,
        cloud: [
            Cannot(UNTOLD),
            Cannot(UNTOLD),
            Cannot("no scope of Bitbucket Cloud opens the settings of custom checks to its API"),
            Seen(NONE, UNTOLD),
        ],
        datacenter: [Cannot(ALWAYS), Seen(NONE, ""), Cannot(ALWAYS), Cannot(ALWAYS)],
    }
}
