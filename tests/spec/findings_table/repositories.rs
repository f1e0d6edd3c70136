//! Findings about repositories and what protects their default branch.

use portcullis::policy::bundle::Severity;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::datacenter::DcCondition;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;

/// How a scene is set, on Cloud and on a Data Center.
type Pair = (fn(&mut Scene), fn(&mut Scene));

use crate::spec::findings_table::Cell;
use crate::spec::findings_table::Cell::Cannot;
use crate::spec::findings_table::Cell::Seen;
use crate::spec::findings_table::Row;
use crate::spec::findings_table::scene::Scene;

const ALL_OR_NOTHING: &str = "a credential that may not read repositories learns of none: discovery fails as a whole, and the last graph stays";
const TOLD: &str = "the product's API tells it whole to whoever may ask";
const PROJECT_TOLD: &str =
    "Data Center tells the rules of a project and every merge check to whoever may ask";

const NONE: fn(&mut Scene) = |_| {};
const NO_ADMIN: fn(&mut Scene) = |scene| scene.without_scope("repository:admin");
const READ_ONLY: fn(&mut Scene) = |scene| scene.reach = RepoPermission::Read;
const FOLLOWS: fn(&mut Scene) = |scene| scene.shop().overrides = false;

/// A rule about the default branch that one Cloud kind and one Data Center kind comply with.
fn branch(
    (row, rule, id, title): (&'static str, &'static str, &'static str, &'static str),
    severity: Severity,
    (cloud, datacenter): Pair,
) -> Row {
    Row {
        source: row,
        rule,
        id,
        title,
        severity,
        cloud: [
            Seen(NONE, ""),
            Seen(cloud, ""),
            Seen(NO_ADMIN, "repository:admin"),
            Seen(FOLLOWS, "does not tell the rules of a project"),
        ],
        datacenter: [
            Seen(NONE, ""),
            Seen(datacenter, ""),
            Seen(READ_ONLY, "restrictions"),
            Cannot(PROJECT_TOLD),
        ],
    }
}

const UNPROTECTED: &str = "posture/default-branch-unprotected";
const BUILDS: &str = "posture/default-branch-builds-not-required";
const ENFORCED: &str = "posture/branch-protection-not-enforced";
const MERGED: &str = "posture/merge-without-passing-builds";
const REVIEW: &str = "posture/default-branch-review-not-required";
const BROAD: &str = "Missing branch restrictions & broad access";

fn any_rule() -> Pair {
    (|scene| scene.rule("delete", None), |scene| scene.rule("no-deletes", None))
}

fn approval() -> Pair {
    (
        |scene| scene.rule("require_approvals_to_merge", Some(1)),
        |scene| scene.server_shop().checks.approvals = Some(1),
    )
}

fn builds() -> Pair {
    (
        |scene| scene.rule("require_passing_builds_to_merge", Some(1)),
        |scene| {
            let condition = DcCondition {
                id: 1,
                matcher_type: "BRANCH".to_owned(),
                matcher_id: "refs/heads/main".to_owned(),
                count: 0,
                names: vec!["scan".to_owned()],
            };
            scene.server_shop().checks.required_builds.push(condition);
        },
    )
}

/// Passing builds that a merge cannot go without.
fn enforced_builds() -> Pair {
    let (_, datacenter) = builds();
    let cloud = |scene: &mut Scene| {
        scene.rule("require_passing_builds_to_merge", Some(1));
        scene.rule("enforce_merge_checks", None);
        scene.premium = Some(true);
    };
    (cloud, datacenter)
}

pub fn rows() -> Vec<Row> {
    let mut rows = protection();
    rows.extend([public(), stale(), approvals_kept(), advising(), unclassified()]);
    rows.extend([reviewed(), pipelines()]);
    rows.extend(broad());
    rows
}

fn protection() -> Vec<Row> {
    vec![
        branch(
            (
                "E2",
                REVIEW,
                "6ad95c13-0d13-4595-bc76-bd86f4eba4b9",
                "Repository Default Branch Protection does not have PR Review Required",
            ),
            Severity::High,
            approval(),
        ),
        branch(
            (
                "E3",
                "posture/default-branch-direct-push",
                "c60a7b00-1592-429a-8a32-d58101e4551f",
                "Repository Default Branch Protection does not disable direct pushes for all users/groups",
            ),
            Severity::Medium,
            (|scene| scene.rule("push", None), |scene| scene.rule("pull-request-only", None)),
        ),
        branch(
            (
                "E6",
                "posture/default-branch-force-push",
                "4c52f441-0c24-4dbd-8f5e-0e5b829ee8e2",
                "Repository Default Branch Protection does not have Force Pushes Disabled",
            ),
            Severity::Medium,
            (|scene| scene.rule("force", None), |scene| scene.rule("fast-forward-only", None)),
        ),
        branch(
            (
                "E7",
                UNPROTECTED,
                "324f2014-4d4b-4aa6-89a8-72a6c7da09d7",
                "Repository has no Default Branch Protection",
            ),
            Severity::Medium,
            any_rule(),
        ),
        branch(
            (
                "E8",
                BUILDS,
                "afe4a27e-ee01-4ebe-914c-d480ac49a5c2",
                "Repository Default Branch Protection does not require passing builds to merge",
            ),
            Severity::Low,
            builds(),
        ),
        branch(
            (
                "E9",
                "posture/default-branch-deletion",
                "86411562-4b85-4677-b048-7887cc5b1567",
                "Repository Default Branch Protection allows branch deletion",
            ),
            Severity::Low,
            any_rule(),
        ),
        branch(
            (
                "E15",
                MERGED,
                "Merging of code changes should require passing status-checks",
                "Merging of code changes should require passing status-checks",
            ),
            Severity::High,
            enforced_builds(),
        ),
        branch(
            (
                "E17",
                ENFORCED,
                "Branch Protection rules should be enforced",
                "Branch Protection rules should be enforced",
            ),
            Severity::High,
            any_rule(),
        ),
        branch(("E20", UNPROTECTED, BROAD, BROAD), Severity::Medium, any_rule()),
        branch(("E20", REVIEW, BROAD, BROAD), Severity::High, approval()),
    ]
}

fn public() -> Row {
    Row {
        source: "E1",
        rule: "posture/repository-public",
        id: "be273f0a-678e-49af-b9f8-8f3913acef97",
        title: "Repository is publicly accessible",
        severity: Severity::Critical,
        cloud: [
            Seen(|scene| scene.shop().is_private = false, ""),
            Seen(NONE, ""),
            Cannot(ALL_OR_NOTHING),
            Cannot(TOLD),
        ],
        datacenter: [
            Seen(|scene| scene.server_shop().public = true, ""),
            Seen(NONE, ""),
            Cannot(ALL_OR_NOTHING),
            Cannot(TOLD),
        ],
    }
}

fn stale() -> Row {
    Row {
        source: "E4",
        rule: "posture/repository-stale",
        id: "a1bd3076-a68d-492e-9947-a01e15a4d1b3",
        title: "Repository not updated in 12+ months",
        severity: Severity::Medium,
        cloud: [Seen(NONE, ""), Seen(Scene::touch, ""), Cannot(ALL_OR_NOTHING), Cannot(TOLD)],
        datacenter: [
            Seen(NONE, ""),
            Seen(Scene::touch, ""),
            Cannot(
                "whoever may read a repository reads its newest commit and whether it is archived",
            ),
            Seen(
                |scene| scene.server_shop().git.forget("refs/heads/main"),
                "does not tell when it was made",
            ),
        ],
    }
}

fn approvals_kept() -> Row {
    const UNTOLD: &str =
        "Data Center's API does not tell whether approvals are dropped when new commits come";
    Row {
        source: "E5",
        rule: "posture/default-branch-stale-approvals",
        id: "738c9839-5e1e-4048-85a3-7935ec4c647a",
        title: "Repository Default Branch Protection does not have Stale PR Approvals Disabled",
        severity: Severity::Medium,
        cloud: [
            Seen(NONE, ""),
            Seen(|scene| scene.rule("smart_reset_pullrequest_approvals", None), ""),
            Seen(NO_ADMIN, "repository:admin"),
            Seen(FOLLOWS, "does not tell the rules of a project"),
        ],
        datacenter: [
            Cannot(UNTOLD),
            Cannot(UNTOLD),
            Cannot("no permission of Data Center opens the setting to its API"),
            Seen(NONE, UNTOLD),
        ],
    }
}

fn advising() -> Row {
    const ALWAYS: &str = "merge checks of Data Center always stop a merge that fails them";
    Row {
        source: "E10",
        rule: "posture/default-branch-merge-checks-advise",
        id: "64440d40-91de-4d13-9280-d5afa418ccf0",
        title: "Repository Default Branch Protection does not enforce merge checks",
        severity: Severity::Low,
        cloud: [
            Seen(
                |scene| {
                    scene.rule("enforce_merge_checks", None);
                    scene.premium = Some(false);
                },
                "",
            ),
            Seen(
                |scene| {
                    scene.rule("enforce_merge_checks", None);
                    scene.premium = Some(true);
                },
                "",
            ),
            Seen(
                |scene| {
                    scene.premium = Some(true);
                    NO_ADMIN(scene);
                },
                "repository:admin",
            ),
            Seen(|scene| scene.rule("enforce_merge_checks", None), "does not tell the plan"),
        ],
        datacenter: [
            Cannot(ALWAYS),
            Seen(NONE, ""),
            Cannot("whether a merge check stops a merge hangs on no permission there"),
            Cannot(ALWAYS),
        ],
    }
}

fn unclassified() -> Row {
    const NO_SCOPE: &str = "a class is told by evidence that people bring: no scope opens it";
    let left_out: fn(&mut Scene) = |scene| {
        scene.bring(EvidenceKind::Classification, "project,class\nOTHER,internal\n");
    };
    let listed: fn(&mut Scene) = |scene| {
        scene.bring(EvidenceKind::Classification, "project,class\nENG,internal\n");
    };
    let cells = || {
        let untold = "no list of classifications was brought";
        [Seen(left_out, ""), Seen(listed, ""), Cannot(NO_SCOPE), Seen(NONE, untold)]
    };
    Row {
        source: "E12",
        rule: "posture/repository-unclassified",
        id: "Code repo should be classified",
        title: "Code repo should be classified",
        severity: Severity::Critical,
        cloud: cells(),
        datacenter: cells(),
    }
}

fn closed(scene: &mut Scene) {
    if scene.is_cloud() {
        scene.rule("push", None);
        scene.rule("require_approvals_to_merge", Some(1));
        scene.rule("enforce_merge_checks", None);
        scene.premium = Some(true);
    } else {
        scene.rule("pull-request-only", None);
        scene.server_shop().checks.approvals = Some(1);
    }
}

fn reviewed() -> Row {
    Row {
        source: "E16",
        rule: "posture/changes-not-reviewed",
        id: "Code changes should be reviewed by peers before merging",
        title: "Code changes should be reviewed by peers before merging",
        severity: Severity::High,
        cloud: [
            Seen(NONE, ""),
            Seen(closed, ""),
            Seen(
                |scene| {
                    closed(scene);
                    scene.without_scope("pullrequest");
                },
                "pullrequest",
            ),
            Seen(
                |scene| {
                    closed(scene);
                    scene.premium = None;
                },
                "does not tell the plan",
            ),
        ],
        datacenter: [
            Seen(NONE, ""),
            Seen(closed, ""),
            Seen(
                |scene| {
                    closed(scene);
                    READ_ONLY(scene);
                },
                "restrictions",
            ),
            Cannot(PROJECT_TOLD),
        ],
    }
}

fn pipelines() -> Row {
    const NO_PIPELINES: &str = "Data Center has no Pipelines: it can neither comply nor violate, and no permission changes that";
    Row {
        source: "E19",
        rule: "posture/pipelines-disabled",
        id: "Bitbucket Pipelines should be enabled for vulnerability scanning",
        title: "Bitbucket Pipelines should be enabled for vulnerability scanning",
        severity: Severity::Medium,
        cloud: [
            Seen(|scene| scene.shop().pipelines_enabled = false, ""),
            Seen(NONE, ""),
            Seen(NO_ADMIN, "repository:admin"),
            Cannot(TOLD),
        ],
        datacenter: [
            Cannot(NO_PIPELINES),
            Cannot(NO_PIPELINES),
            Cannot(NO_PIPELINES),
            Seen(NONE, "has no Pipelines"),
        ],
    }
}

fn crowd(scene: &mut Scene) {
    let acme = scene.acme();
    let members: Vec<_> = (0..12)
        .map(|number| acme.member(&format!("dev{number}"), "Developer", Role::Member))
        .collect();
    acme.group("developers", "Developers", &members);
    acme.grant("shop", Holder::Group("developers".to_owned()), Level::Write);
}

fn broad() -> Vec<Row> {
    let cells = |violates: fn(&mut Scene), complies: fn(&mut Scene), unknown: [Cell; 2]| {
        let [scope, platform] = unknown;
        [Seen(violates, ""), Seen(complies, ""), scope, platform]
    };
    vec![
        Row {
            source: "E20",
            rule: "posture/broad-write-access",
            id: BROAD,
            title: BROAD,
            severity: Severity::Medium,
            cloud: cells(crowd, NONE, [Seen(NO_ADMIN, "repository:admin"), Cannot(TOLD)]),
            datacenter: cells(
                |scene| {
                    let project = scene.server().project_mut("ENG").unwrap();
                    project.default_permission = Some(ProjectPermission::Write);
                },
                NONE,
                [Seen(READ_ONLY, "permission"), Cannot(TOLD)],
            ),
        },
        Row {
            source: "E20",
            rule: "posture/open-forks",
            id: BROAD,
            title: BROAD,
            severity: Severity::Medium,
            cloud: cells(
                |scene| "allow_forks".clone_into(&mut scene.shop().fork_policy),
                NONE,
                [Cannot(ALL_OR_NOTHING), Cannot(TOLD)],
            ),
            datacenter: cells(
                NONE,
                |scene| scene.server_shop().forkable = false,
                [Cannot(ALL_OR_NOTHING), Cannot(TOLD)],
            ),
        },
    ]
}
