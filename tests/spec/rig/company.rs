//! A small made-up company, and the simulated Bitbucket that serves it.

use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::ProjectLevel;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud::Workspace;
use portcullis::simulator::cloud_pipelines::StepOf;
use portcullis::simulator::company::Company;
use portcullis::simulator::company::fresh_secret;
use portcullis::simulator::datacenter::DataCenter;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;
use uuid::Uuid;

/// Id of the Cloud connection.
pub const CLOUD: &str = "acme-cloud";
/// Id of the Data Center connection.
pub const DATACENTER: &str = "acme-dc";
/// The Cloud repository.
pub const BILLING: &str = "acme/billing";
/// The Data Center repository.
pub const LEDGER: &str = "PAY/ledger";
/// A repository of each that nobody works on.
pub const OTHER_CLOUD: &str = "acme/tools";
pub const OTHER_DATACENTER: &str = "OPS/tools";
/// How the world reaches the gate. Links and audiences carry it whatever port the gate really has.
pub const GATE: &str = "https://gate.example.com";

/// A webhook as both sides know it.
#[derive(Clone)]
pub struct Registered {
    pub id: String,
    pub secret: String,
}

impl Registered {
    fn fresh() -> Self {
        Self { id: Uuid::new_v4().simple().to_string(), secret: fresh_secret() }
    }
}

/// Who plays which part, and the secrets the gate is given.
pub struct Cast {
    pub ravi: Uuid,
    pub mia: Uuid,
    pub omar: Uuid,
    pub production: Uuid,
    pub staging: Uuid,
    pub consumer: (String, String),
    pub password: String,
    pub cloud_hook: Registered,
    /// A second Cloud hook of the same connection.
    pub second_hook: Registered,
    pub datacenter_hook: Registered,
}

/// A simulated Bitbucket with the company on it.
pub struct Town {
    pub simulator: Simulator,
    pub cast: Cast,
}

impl Town {
    pub async fn new() -> Self {
        let (company, cast) = make();
        Self { simulator: Simulator::start(company).await.unwrap(), cast }
    }

    /// A running step of a pipeline on `branch`, deploying to `environment`; with its token.
    pub fn step(&self, branch: &str, environment: Option<Uuid>) -> Step {
        self.step_for(GATE, branch, environment)
    }

    /// The same, its token made for another audience.
    pub fn step_for(&self, audience: &str, branch: &str, environment: Option<Uuid>) -> Step {
        let cloud = self.simulator.cloud();
        let mut plan = PlannedStep::new(
            "deploy",
            &["portcullis check --action deploy", "./deploy.sh"],
            &[audience],
        );
        plan.environment = environment;
        let order = StartPipeline::on_push(self.cast.mia, branch, vec![plan]);
        let run = cloud.start_pipeline(BILLING, &order).unwrap();
        let mut step = Step {
            pipeline: run.pipeline,
            id: run.steps[0],
            commit: run.commit,
            token: String::new(),
        };
        step.token = cloud.step_token(step.of()).unwrap();
        step
    }

    /// Points every hook of the company at a gate.
    pub fn hook_up(&self, public: &str) {
        self.simulator.company(|company| {
            let cloud = company
                .workspaces
                .iter_mut()
                .flat_map(|home| &mut home.hooks)
                .map(|hook| &mut hook.url);
            let dc = company
                .datacenter
                .repositories
                .iter_mut()
                .flat_map(|repository| &mut repository.hooks);
            for url in cloud.chain(dc.map(|hook| &mut hook.url)) {
                let id = url.rsplit('/').next().unwrap().to_owned();
                *url = format!("http://{public}/hooks/{id}");
            }
        });
    }

    /// The commit a branch of the Cloud repository points at.
    pub fn tip(&self, branch: &str) -> String {
        self.simulator.company(|company| {
            let billing = company.workspaces[0].repository("billing").unwrap();
            billing.git.resolve(branch).unwrap().hash.clone()
        })
    }

    /// Adds the second hook of the Cloud connection to the repository, for the same events as the first.
    pub fn second_hook(&self, public: &str) {
        let hook = &self.cast.second_hook;
        let url = format!("http://{public}/hooks/{}", hook.id);
        self.simulator.company(|company| {
            company.workspaces[0].hook(Some("billing"), &url, Some(&hook.secret), &["repo:push"]);
        });
    }

    /// The simulator's own name of the first Cloud hook, to send anything through it.
    pub fn cloud_hook(&self) -> String {
        self.simulator.company(|company| format!("{{{}}}", company.workspaces[0].hooks[0].uuid))
    }

    /// The simulator's own number of the Data Center hook.
    pub fn datacenter_hook(&self) -> u64 {
        self.simulator.company(|company| company.datacenter.repository(LEDGER).unwrap().hooks[0].id)
    }
}

/// A running step with its token.
#[derive(Clone)]
pub struct Step {
    pub token: String,
    pub pipeline: Uuid,
    pub id: Uuid,
    pub commit: String,
}

impl Step {
    pub fn of(&self) -> StepOf<'static> {
        StepOf { repository: BILLING, pipeline: self.pipeline, step: self.id }
    }
}

fn make() -> (Company, Cast) {
    let mut company = Company::new();
    let (cloud_hook, datacenter_hook) = (Registered::fresh(), Registered::fresh());
    let people = cloud(company.workspace("acme", "Acme"), &cloud_hook);
    let consumer = company.consumer(
        people.gate,
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
    let password = datacenter(&mut company.datacenter, &datacenter_hook);
    let cast = Cast {
        ravi: people.ravi,
        mia: people.mia,
        omar: people.omar,
        production: people.production,
        staging: people.staging,
        consumer,
        password,
        cloud_hook,
        second_hook: Registered::fresh(),
        datacenter_hook,
    };
    (company, cast)
}

struct People {
    ravi: Uuid,
    mia: Uuid,
    omar: Uuid,
    gate: Uuid,
    production: Uuid,
    staging: Uuid,
}

fn cloud(acme: &mut Workspace, hook: &Registered) -> People {
    let ravi = acme.member("ravi", "Ravi Forgettable", Role::Member);
    let mia = acme.member("mia", "Mia Unchanged", Role::Member);
    let omar = acme.member("omar", "Omar", Role::Member);
    let gate = acme.member("portcullis", "Portcullis", Role::Owner);
    acme.group("developers", "developers", &[ravi, mia, omar]);
    acme.group("release-managers", "release-managers", &[mia, omar]);
    acme.project("BILL", "Billing", true);
    acme.add_repository("billing", "BILL");
    acme.add_repository("tools", "BILL");
    acme.grant_project("BILL", Holder::Group("developers".to_owned()), ProjectLevel::Write);
    acme.grant("billing", Holder::User(mia), Level::Admin);
    for kind in ["push", "force", "delete", "require_approvals_to_merge", "enforce_merge_checks"] {
        let id = acme.restrict("billing", kind, Matcher::Glob("main".to_owned()), &[]);
        let rules =
            acme.repositories.iter_mut().flat_map(|repository| &mut repository.restrictions);
        for rule in rules.filter(|rule| rule.id == id && rule.kind == "require_approvals_to_merge")
        {
            rule.value = Some(1);
        }
    }
    let production = acme.environment("billing", "production", "Production");
    let staging = acme.environment("billing", "staging", "Staging");
    let events = [
        "repo:push",
        "repo:commit_status_created",
        "repo:commit_status_updated",
        "pullrequest:created",
        "pullrequest:fulfilled",
    ];
    acme.hook(None, &format!("http://127.0.0.1:9/hooks/{}", hook.id), Some(&hook.secret), &events);
    People { ravi, mia, omar, gate, production, staging }
}

fn datacenter(dc: &mut DataCenter, hook: &Registered) -> String {
    for (name, display) in
        [("ravi", "Ravi"), ("mia", "Mia"), ("omar", "Omar"), ("portcullis", "Portcullis")]
    {
        dc.add_user(name, display);
        dc.grant_global(DcHolder::User(name.to_owned()), GlobalLevel::LicensedUser);
    }
    dc.grant_global(DcHolder::User("portcullis".to_owned()), GlobalLevel::Admin);
    dc.add_group("developers", &["ravi", "mia", "omar"], &[]);
    dc.add_group("release-managers", &["mia", "omar"], &[]);
    dc.add_project("PAY", "Payments", None);
    dc.add_repository("PAY", "ledger");
    dc.add_project("OPS", "Operations", None);
    dc.add_repository("OPS", "tools");
    dc.grant_project("PAY", DcHolder::Group("developers".to_owned()), ProjectPermission::Admin);
    let events = ["repo:refs_changed", "pr:opened", "pr:merged"];
    dc.hook(LEDGER, &format!("http://127.0.0.1:9/hooks/{}", hook.id), Some(&hook.secret), &events);
    dc.password("portcullis")
}
