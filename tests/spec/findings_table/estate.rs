//! Findings about workspaces, people, credentials, webhooks, runners and variables.

use portcullis::policy::bundle::Severity;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::Shows;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::datacenter::RepoPermission;

use crate::spec::findings_table::Cell;
use crate::spec::findings_table::Cell::Cannot;
use crate::spec::findings_table::Cell::Seen;
use crate::spec::findings_table::Row;
use crate::spec::findings_table::scene::Scene;
use crate::spec::findings_table::scene::days_ago;

const NO_PIPELINES: &str = "Data Center has no pipelines, runners or variables of its own";
const TOLD: &str = "the product's API tells it whole to whoever may ask";
const BY_LIST: &str =
    "no scope tells it: a list that people bring does, and its lack is the other unknown";
const READS_ONLY: &str =
    "an access key of Cloud reads and never writes, so it cannot be wider than that";

const OUT: &str = "https://ci.partner.example/in";
const HOOK: &str = "hook:ci.partner.example";
const HIDDEN: &str = "repository:shop";

/// What a row does to a scene.
type Change = fn(&mut Scene);

const READ_ONLY: Change = |scene| {
    scene.reach = RepoPermission::Read;
    scene.look_at = HIDDEN;
};

pub fn rows() -> Vec<Row> {
    let mut rows = vec![old_key(), rotated(), unused(), wide(), owned(), app()];
    rows.extend(evidence());
    rows.extend(pipelines());
    rows
}

fn row(
    (row, rule, id, title): (&'static str, &'static str, &'static str, &'static str),
    severity: Severity,
    cloud: [Cell; 4],
    datacenter: [Cell; 4],
) -> Row {
    Row { source: row, rule, id, title, severity, cloud, datacenter }
}

/// A key of the repository, this many days old and used this many days ago.
fn keyed(scene: &mut Scene, age: i64, used: Option<i64>) {
    let last = used.map(days_ago);
    let ada = scene.acme().people[0].uuid;
    scene.acme().deploy_key("shop", "deploy", ada);
    let key = scene.shop().deploy_keys.last_mut().unwrap();
    (key.added_on, key.last_used) = (days_ago(age), last);
    let mut key = scene.server().key("deploy");
    (key.added, key.last_used, key.write) = (days_ago(age), last, true);
    scene.server_shop().access_keys.push(key);
    scene.look_at = "key:deploy";
}

const HIDDEN_KEYS: Change = |scene| {
    scene.without_scope("repository:admin");
    scene.look_at = HIDDEN;
};

fn old_key() -> Row {
    row(
        (
            "E11",
            "posture/key-older-than-180-days",
            "0a135600-a109-434f-877c-1a6594dcd76d",
            "Key is older than 180 days",
        ),
        Severity::Low,
        [
            Seen(|scene| keyed(scene, 181, None), ""),
            Seen(|scene| keyed(scene, 179, None), ""),
            Seen(HIDDEN_KEYS, "repository:admin"),
            Seen(the_top, "Personal settings, Security"),
        ],
        [
            Seen(|scene| keyed(scene, 181, None), ""),
            Seen(|scene| keyed(scene, 179, None), ""),
            Seen(READ_ONLY, "access keys"),
            Cannot(TOLD),
        ],
    )
}

const STALE: &str = "Stale credentials";

fn rotated() -> Row {
    let never = |scene: &mut Scene| keyed(scene, 366, Some(1));
    row(
        ("E24", "posture/credential-never-rotated", STALE, STALE),
        Severity::Medium,
        [
            Cannot(
                "Cloud does not tell whether an access key ends, so it is unknown and never a failure",
            ),
            Cannot(
                "Cloud does not tell whether an access key ends, so it is unknown and never a pass",
            ),
            Seen(HIDDEN_KEYS, "repository:admin"),
            Seen(never, "does not tell"),
        ],
        [
            Seen(never, ""),
            Seen(|scene| keyed(scene, 365, Some(1)), ""),
            Seen(READ_ONLY, "access keys"),
            Cannot(TOLD),
        ],
    )
}

fn unused() -> Row {
    row(
        ("E24", "posture/credential-not-used", STALE, STALE),
        Severity::Medium,
        [
            Seen(|scene| keyed(scene, 91, None), ""),
            Seen(|scene| keyed(scene, 91, Some(1)), ""),
            Seen(HIDDEN_KEYS, "repository:admin"),
            Cannot(TOLD),
        ],
        [
            Seen(|scene| keyed(scene, 300, Some(91)), ""),
            Seen(|scene| keyed(scene, 91, Some(1)), ""),
            Seen(READ_ONLY, "access keys"),
            Cannot(TOLD),
        ],
    )
}

fn wide() -> Row {
    row(
        ("E24", "posture/credential-wider-than-used", STALE, STALE),
        Severity::Medium,
        [
            Cannot(READS_ONLY),
            Seen(|scene| keyed(scene, 300, None), ""),
            Seen(HIDDEN_KEYS, "repository:admin"),
            Cannot(READS_ONLY),
        ],
        [
            Seen(|scene| keyed(scene, 300, None), ""),
            Seen(
                |scene| {
                    keyed(scene, 300, None);
                    scene.server_shop().access_keys[0].write = false;
                },
                "",
            ),
            Seen(READ_ONLY, "access keys"),
            Seen(|scene| keyed(scene, 300, Some(1)), "not what for"),
        ],
    )
}

/// A webhook to the outside; the hosts of one's own are named.
fn hooked(scene: &mut Scene) {
    scene.acme().hook(Some("shop"), OUT, None, &["repo:push"]);
    scene.server().hook("ENG/shop", OUT, None, &["repo:refs_changed"]);
    scene.own_hosts = &["*.acme.example"];
    scene.look_at = HOOK;
}

/// Somebody administers just that repository.
fn looked_after(scene: &mut Scene) {
    hooked(scene);
    let bob = scene.acme().member("bob", "Bob", Role::Member);
    scene.acme().grant("shop", Holder::User(bob), Level::Admin);
    let server = scene.server();
    server.add_user("bob", "Bob");
    let bob = || portcullis::simulator::datacenter::DcHolder::User("bob".to_owned());
    server.grant_global(bob(), portcullis::simulator::datacenter::GlobalLevel::LicensedUser);
    server.grant("ENG/shop", bob(), RepoPermission::Admin);
}

const NO_OWN_HOSTS: Change = |scene| {
    hooked(scene);
    scene.own_hosts = &[];
};

fn owned() -> Row {
    row(
        ("E23", "posture/webhook-without-owner", "Ownerless webhooks", "Ownerless webhooks"),
        Severity::Medium,
        [
            Seen(hooked, ""),
            Seen(looked_after, ""),
            Seen(
                |scene| {
                    hooked(scene);
                    scene.without_scope("webhook");
                    scene.look_at = HIDDEN;
                },
                "`webhook`",
            ),
            Seen(NO_OWN_HOSTS, "`own_hosts`"),
        ],
        [
            Seen(hooked, ""),
            Seen(looked_after, ""),
            Seen(READ_ONLY, "webhooks"),
            Seen(NO_OWN_HOSTS, "`own_hosts`"),
        ],
    )
}

/// An app that may do this in the repository, and one who administers it where somebody does.
fn installed(scene: &mut Scene, level: Level) {
    let linter = scene.acme().bot("linter", "Linter");
    scene.acme().grant("shop", Holder::User(linter), level);
    scene.look_at = "app:Linter";
}

const APPS: &str =
    "Data Center's REST API names no installed app among those who are granted something";

fn app() -> Row {
    row(
        (
            "S1",
            "posture/third-party-app-wider-than-used",
            "Third-party app access",
            "Third-party app access",
        ),
        Severity::Medium,
        [
            Cannot(
                "Cloud does not tell when an app was last used, so one that may write stays unknown",
            ),
            Seen(|scene| installed(scene, Level::Read), ""),
            Cannot("an app that no list of grants names is not known to be there at all"),
            Seen(|scene| installed(scene, Level::Write), "does not tell"),
        ],
        [Cannot(APPS), Cannot(APPS), Cannot(APPS), Cannot(APPS)],
    )
}

/// Ada, of whom a list of people says this.
fn told(scene: &mut Scene, kind: EvidenceKind, text: &'static str) {
    scene.look_at = "user:Ada";
    scene.bring(kind, text);
}

/// The workspace, of whose policy somebody brought a picture.
fn pictured(scene: &mut Scene, shows: Shows) {
    the_top(scene);
    scene.picture(shows);
}

fn the_top(scene: &mut Scene) {
    scene.look_at = if scene.is_cloud() { "workspace:Acme" } else { "workspace:127.0.0.1" };
}

fn evidence() -> Vec<Row> {
    let ada: Change = |scene| scene.look_at = "user:Ada";
    let by_list = |fails: Change, passes: Change, alone: Change| {
        [Seen(fails, ""), Seen(passes, ""), Cannot(BY_LIST), Seen(alone, "evidence import")]
    };
    let without: Change = |scene| {
        let list = if scene.is_cloud() {
            "Public Name,Email Address,Last Login (UTC),Has 2SV\nAda,ada@acme.example,,no\n"
        } else {
            "Public Name,Email Address,Last Login (UTC),Has 2SV\nAda,ada@example.com,,no\n"
        };
        told(scene, EvidenceKind::UserDirectory, list);
    };
    let with: Change = |scene| {
        let list = if scene.is_cloud() {
            "Public Name,Email Address,Last Login (UTC),Has 2SV\nAda,ada@acme.example,,yes\n"
        } else {
            "Public Name,Email Address,Last Login (UTC),Has 2SV\nAda,ada@example.com,,yes\n"
        };
        told(scene, EvidenceKind::UserDirectory, list);
    };
    let left: Change =
        |scene| told(scene, EvidenceKind::JoinersLeavers, "name,left\nAda,2026-01-31\n");
    let stayed: Change =
        |scene| told(scene, EvidenceKind::JoinersLeavers, "name,left\nJo,2026-01-31\n");
    let open: Change = |scene| pictured(scene, Shows::NotEnforced);
    let enforced: Change = |scene| pictured(scene, Shows::Enforced);
    [
        (
            "E13",
            "posture/person-without-second-factor",
            "Bitbucket user should have MFA enabled",
            (without, with, ada),
        ),
        (
            "E14",
            "posture/second-factor-not-enforced",
            "Bitbucket workspace level MFA should be enforced",
            (open, enforced, the_top as Change),
        ),
        (
            "E18",
            "posture/leaver-still-has-access",
            "Bitbucket access should be removed for offboarded user",
            (left, stayed, ada),
        ),
    ]
    .into_iter()
    .map(|(named, rule, title, (fails, passes, alone))| {
        let cells = || by_list(fails, passes, alone);
        row((named, rule, title, title), Severity::Critical, cells(), cells())
    })
    .collect()
}

const EXPOSURE: &str = "Runner exposure";
const LEAKAGE: &str = "Secret leakage";

/// A runner of the workspace, and a repository of a second project that it serves where `second` says so.
fn running(scene: &mut Scene, projects: usize) {
    let runner = scene.acme().runner("build-1", &["self.hosted", "linux"]);
    scene.acme().runners.push(runner);
    if projects > 1 {
        scene.acme().project("OPS", "Operations", true);
        scene.acme().add_repository("tools", "OPS");
    }
    scene.look_at = "runner:build-1";
}

/// The definition of pipelines, read.
fn defined(scene: &mut Scene, text: &str) {
    let token = scene.acme().variable("API_TOKEN", true);
    let shop = scene.shop();
    shop.definition = Some(text.to_owned());
    shop.variables.push(token);
    scene.classes = &["pipeline-definition"];
}

fn variable(scene: &mut Scene, secured: bool) {
    let variable = scene.acme().variable("DB_PASSWORD", secured);
    scene.shop().variables.push(variable);
    scene.look_at = "variable:DB_PASSWORD";
}

/// A deployment variable that only administrators' deployments hold.
fn deployed(scene: &mut Scene) {
    let environment = scene.acme().environment("shop", "Production", "Production");
    let variable = scene.acme().variable("DB_PASSWORD", true);
    let mut environments = scene.shop().environments.iter_mut();
    let environment = environments.find(|one| one.uuid == environment).unwrap();
    environment.admin_only = true;
    environment.variables.push(variable);
    scene.look_at = "variable:DB_PASSWORD";
}

const SWITCHED_OFF: Change = |scene| {
    defined(scene, "image: node:22\n");
    scene.classes = &[];
};

const ABSENT: fn() -> [Cell; 4] =
    || [Cannot(NO_PIPELINES), Cannot(NO_PIPELINES), Cannot(NO_PIPELINES), Cannot(NO_PIPELINES)];

/// On Data Center there is no definition, so nothing in it can be wrong.
fn no_definition() -> [Cell; 4] {
    [
        Cannot(NO_PIPELINES),
        Seen(|scene| scene.look_at = HIDDEN, ""),
        Cannot(NO_PIPELINES),
        Cannot(NO_PIPELINES),
    ]
}

fn without(scope: &'static str) -> Change {
    match scope {
        "runner" => |scene| {
            scene.without_scope("runner");
            scene.look_at = HIDDEN;
        },
        _ => |scene| {
            scene.without_scope("pipeline");
            scene.look_at = HIDDEN;
        },
    }
}

fn pipelines() -> Vec<Row> {
    let tagged: Change = |scene| defined(scene, "image: node:22\n");
    let plain: Change =
        |scene| defined(scene, "pipelines: {default: [{step: {script: [make]}}]}\n");
    let printing: Change = |scene| {
        defined(scene, "pipelines: {default: [{step: {script: ['echo $API_TOKEN | base64']}}]}\n");
    };
    let hidden: Change = |scene| {
        defined(scene, "pipelines: {default: [{step: {script: [printenv]}}]}\n");
        scene.without_scope("pipeline");
    };
    vec![
        row(
            ("E21", "posture/runner-shared-widely", EXPOSURE, EXPOSURE),
            Severity::High,
            [
                Seen(|scene| running(scene, 2), ""),
                Seen(|scene| running(scene, 1), ""),
                Seen(without("runner"), "`runner`"),
                Cannot(TOLD),
            ],
            ABSENT(),
        ),
        row(
            ("E21", "posture/unsecured-image", EXPOSURE, EXPOSURE),
            Severity::Medium,
            [
                Seen(tagged, ""),
                Seen(plain, ""),
                Cannot("a credential that may not read the repository learns of none at all"),
                Seen(SWITCHED_OFF, "`pipeline-definition`"),
            ],
            no_definition(),
        ),
        row(
            ("E22", "posture/secret-printed-in-logs", LEAKAGE, LEAKAGE),
            Severity::High,
            [
                Seen(printing, ""),
                Seen(plain, ""),
                Seen(hidden, "`pipeline`"),
                Seen(SWITCHED_OFF, "`pipeline-definition`"),
            ],
            no_definition(),
        ),
        row(
            ("E22", "posture/variable-not-masked", LEAKAGE, LEAKAGE),
            Severity::High,
            [
                Seen(|scene| variable(scene, false), ""),
                Seen(|scene| variable(scene, true), ""),
                Seen(without("pipeline"), "`pipeline`"),
                Cannot(TOLD),
            ],
            ABSENT(),
        ),
        row(
            ("E22", "posture/variable-not-protected", LEAKAGE, LEAKAGE),
            Severity::Medium,
            [
                Seen(|scene| variable(scene, true), ""),
                Seen(
                    |scene| {
                        deployed(scene);
                        scene.premium = Some(true);
                    },
                    "",
                ),
                Seen(without("pipeline"), "`pipeline`"),
                Seen(deployed, "does not tell the plan"),
            ],
            ABSENT(),
        ),
    ]
}
