//! The made-up company: who works there, what they have, and who may do what. Ids and secrets differ each run.

use jiff::SignedDuration;
use jiff::Timestamp;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::ProjectLevel;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud::Workspace;
use portcullis::simulator::company::Company;
use portcullis::simulator::company::fresh_secret;
use portcullis::simulator::datacenter::DataCenter;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::git::Author;
use portcullis::simulator::git::branch_ref;
use uuid::Uuid;

/// Id of the Cloud connection.
pub const CLOUD: &str = "acme-cloud";
/// Id of the Data Center connection.
pub const DATACENTER: &str = "acme-dc";
/// The Cloud workspace.
pub const WORKSPACE: &str = "acme";
/// The Cloud repository of the tour.
pub const BILLING: &str = "acme/billing";
/// The Data Center repository of the tour.
pub const LEDGER: &str = "PAY/ledger";
/// The gate's own user on Data Center.
pub const GATE_USER: &str = "portcullis";

/// Events the Cloud hook asks for.
const CLOUD_EVENTS: &[&str] = &[
    "repo:push",
    "repo:fork",
    "repo:updated",
    "repo:commit_status_created",
    "repo:commit_status_updated",
    "pullrequest:created",
    "pullrequest:updated",
    "pullrequest:approved",
    "pullrequest:fulfilled",
];

/// Events the Data Center hook asks for.
const DATACENTER_EVENTS: &[&str] = &[
    "repo:refs_changed",
    "repo:modified",
    "repo:forked",
    "pr:opened",
    "pr:merged",
    "pr:reviewer:approved",
];

/// A webhook as Bitbucket has it registered.
pub struct Registered {
    /// The last segment of its address.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// Who plays which part.
pub struct Cast {
    /// Develops; may write.
    pub ravi: Uuid,
    /// Releases; may write, and is in `release-managers`.
    pub mia: Uuid,
    /// The same.
    pub omar: Uuid,
    /// Owns the workspace.
    pub nadia: Uuid,
    /// The environment `production` of billing.
    pub production: Uuid,
    /// The environment `staging` of billing.
    pub staging: Uuid,
    /// The gate's OAuth consumer on Cloud: key and secret.
    pub consumer: (String, String),
    /// The gate's password on Data Center.
    pub password: String,
    /// The Cloud hook.
    pub cloud_hook: Registered,
    /// The Data Center hook.
    pub datacenter_hook: Registered,
}

fn registered() -> Registered {
    Registered { id: Uuid::new_v4().simple().to_string(), secret: fresh_secret() }
}

/// Makes the company; its hooks lead to `public_url`.
pub fn make(public_url: &str) -> (Company, Cast) {
    let mut company = Company::new();
    let (cloud_hook, datacenter_hook) = (registered(), registered());
    let address = |hook: &Registered| format!("{public_url}/hooks/{}", hook.id);
    let people =
        cloud(company.workspace(WORKSPACE, "Acme"), &address(&cloud_hook), &cloud_hook.secret);
    let gate = people.gate;
    let consumer = company.consumer(
        gate,
        &[
            "account",
            "project",
            "project:admin",
            "repository",
            "repository:admin",
            "pullrequest",
            "pipeline",
            "runner",
            "webhook",
        ],
    );
    company.workspace("elsewhere", "Somebody else").member(
        "ravi-private",
        "Ravi, at home",
        Role::Owner,
    );
    let password =
        datacenter(&mut company.datacenter, &address(&datacenter_hook), &datacenter_hook.secret);
    let cast = Cast {
        ravi: people.ravi,
        mia: people.mia,
        omar: people.omar,
        nadia: people.nadia,
        production: people.production,
        staging: people.staging,
        consumer,
        password,
        cloud_hook,
        datacenter_hook,
    };
    (company, cast)
}

struct People {
    ravi: Uuid,
    mia: Uuid,
    omar: Uuid,
    nadia: Uuid,
    gate: Uuid,
    production: Uuid,
    staging: Uuid,
}

fn cloud(acme: &mut Workspace, address: &str, secret: &str) -> People {
    let nadia = acme.member("nadia", "Nadia", Role::Owner);
    let ravi = acme.member("ravi", "Ravi", Role::Member);
    let mia = acme.member("mia", "Mia", Role::Member);
    let omar = acme.member("omar", "Omar", Role::Member);
    let gate = acme.member("portcullis", "Portcullis", Role::Owner);
    acme.group("developers", "developers", &[ravi, mia, omar]);
    acme.group("release-managers", "release-managers", &[mia, omar]);
    acme.project("BILL", "Billing", true);
    "allow_forks".clone_into(&mut acme.add_repository("billing", "BILL").fork_policy);
    acme.grant_project("BILL", Holder::Group("developers".to_owned()), ProjectLevel::Write);
    acme.grant("billing", Holder::User(mia), Level::Admin);
    // On `main` nobody pushes, and a merge needs an approval that the plan enforces: what is there was reviewed.
    let main = || Matcher::Glob("main".to_owned());
    for kind in ["push", "force", "delete", "require_approvals_to_merge", "enforce_merge_checks"] {
        let id = acme.restrict("billing", kind, main(), &[]);
        let rule = acme
            .repositories
            .iter_mut()
            .flat_map(|repository| &mut repository.restrictions)
            .find(|rule| rule.id == id);
        if let Some(rule) = rule.filter(|rule| rule.kind == "require_approvals_to_merge") {
            rule.value = Some(1);
        }
    }
    let production = acme.environment("billing", "production", "Production");
    let staging = acme.environment("billing", "staging", "Staging");
    let key = acme.variable("AWS_PROD_KEY", true);
    let token = acme.variable("NPM_TOKEN", true);
    for repository in &mut acme.repositories {
        let environments = repository.environments.iter_mut();
        if let Some(place) =
            environments.into_iter().find(|environment| environment.uuid == production)
        {
            place.variables.push(key.clone());
        }
    }
    acme.variables.push(token);
    acme.hook(None, address, Some(secret), CLOUD_EVENTS);
    neglected(acme, ravi);
    for (slug, days) in [("billing", 2), ("site", 9), ("invoices-2025", 410)] {
        let repository = acme.repositories.iter_mut().find(|repository| repository.slug == slug);
        if let Some(repository) = repository {
            repository.updated_on = Some(days_ago(days));
        }
    }
    People { ravi, mia, omar, nadia, gate, production, staging }
}

#[expect(clippy::disallowed_methods, reason = "the company is as old as the day it is made")]
fn days_ago(days: i64) -> Timestamp {
    let now = Timestamp::now();
    now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(now)
}

/// What nobody has looked after: a site that is open to all and protected by nothing, with a key and a webhook that are
/// nobody's; and a repository of last year's invoices in which no pipeline runs.
fn neglected(acme: &mut Workspace, ravi: Uuid) {
    acme.project("WEB", "Website", false);
    acme.add_repository("site", "WEB").is_private = false;
    acme.grant("site", Holder::User(ravi), Level::Admin);
    acme.deploy_key("site", "old build server", ravi);
    acme.hook(Some("site"), "https://hooks.example.com/site", None, &["repo:push"]);
    acme.add_repository("invoices-2025", "BILL").pipelines_enabled = false;
}

fn datacenter(dc: &mut DataCenter, address: &str, secret: &str) -> String {
    for (name, display) in
        [("ravi", "Ravi"), ("mia", "Mia"), ("omar", "Omar"), (GATE_USER, "Portcullis")]
    {
        dc.add_user(name, display);
        dc.grant_global(DcHolder::User(name.to_owned()), GlobalLevel::LicensedUser);
    }
    dc.grant_global(DcHolder::User(GATE_USER.to_owned()), GlobalLevel::Admin);
    dc.add_group("developers", &["ravi", "mia", "omar"], &[]);
    dc.add_group("release-managers", &["mia", "omar"], &[]);
    dc.add_project("PAY", "Payments", None);
    dc.add_repository("PAY", "ledger");
    if let Some(ledger) = dc.repository_mut(LEDGER) {
        let author = Author { name: "Mia".to_owned(), email: "mia@example.com".to_owned() };
        let first = ledger.git.target(&branch_ref("main")).map(|target| target.commit.clone());
        let newest =
            ledger.git.add(first.into_iter().collect(), &author, "Round to cents", days_ago(3));
        ledger.git.set(&branch_ref("main"), &newest);
    }
    dc.grant_project("PAY", DcHolder::Group("developers".to_owned()), ProjectPermission::Admin);
    dc.hook(LEDGER, address, Some(secret), DATACENTER_EVENTS);
    dc.password(GATE_USER)
}
