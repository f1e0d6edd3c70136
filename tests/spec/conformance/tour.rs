//! Everything the client can ask, asked once of a simulated Bitbucket that has some of everything.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis::bitbucket::CallClass;
use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::HookPlace;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::StatusPost;
use portcullis::bitbucket::StatusState;
use portcullis::bitbucket::Switches;
use portcullis::bitbucket::TestServer;
use portcullis::bitbucket::Trust;
use portcullis::bitbucket::audit::AuditSource;
use portcullis::bitbucket::audit::AuditWindow;
use portcullis::bitbucket::scopes::Probe;
use portcullis::graph::Id;
use portcullis::graph::Product;
use portcullis::secret::Secret;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_acts::PullAct;
use portcullis::simulator::cloud_audit::Organization;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::TokenHome;
use portcullis::simulator::datacenter_acts::DcOpenPull;
use portcullis::simulator::datacenter_acts::DcPullAct;
use portcullis::simulator::git::Change;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(30);

const KEY: &str = "portcullis-0123456789abcdef0123";

const SCOPES: &[&str] = &[
    "account",
    "project",
    "project:admin",
    "repository",
    "repository:admin",
    "pullrequest",
    "pipeline",
    "runner",
    "webhook",
];

/// One call as the simulator saw it; the path is the one below the product's address.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: BTreeMap<String, String>,
    pub status: u16,
}

/// What a tour of one product asked.
pub struct Toured {
    pub product: Product,
    pub asked: Vec<Asked>,
    /// Path and body of what was written.
    pub posted: Vec<(String, Value)>,
    /// Calls by class, as the client counts them.
    pub classes: Vec<(CallClass, u64)>,
    _simulator: Simulator,
    base: String,
    authorization: String,
}

impl Toured {
    /// The answer to the same question again.
    pub async fn ask_again(&self, call: &Asked) -> Value {
        let mut url = url::Url::parse(&format!("{}/{}", self.base, call.path)).unwrap();
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let request = reqwest::Client::new().get(url).header("authorization", &self.authorization);
        request.send().await.unwrap().json().await.unwrap()
    }
}

/// Both products.
pub async fn tours() -> [Toured; 2] {
    [cloud().await, datacenter().await]
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn status() -> StatusPost {
    StatusPost {
        key: KEY.to_owned(),
        state: StatusState::Failed,
        text: "Deploying waits for an approval.".to_owned(),
        url: "https://gate.example.com/d/1".to_owned(),
        refname: Some("refs/heads/main".to_owned()),
        name: "Portcullis".to_owned(),
    }
}

/// What every product is asked about a repository: discovery first, as it tells the names.
async fn questions(client: &Client, repository: &Id, commits: [&str; 2], pull: u64) {
    client.discover("2026-11-21T18:05:00Z".parse().unwrap(), |_| {}).await.unwrap();
    client.whoami(WITHIN).await.unwrap().unwrap();
    client.workspace(WITHIN).await.unwrap();
    let [old, new] = commits;
    client.commit(repository, new, WITHIN).await.unwrap();
    client.pull_request(repository, pull, WITHIN).await.unwrap();
    client.pull_requests_of(repository, new, WITHIN).await.unwrap();
    client.merged_into(repository, "refs/heads/main", new, WITHIN).await.unwrap();
    client.dropped_history(repository, old, new, WITHIN).await.unwrap();
    client.dropped_history(repository, old, "refs/heads/main", WITHIN).await.unwrap();
    client.post_status(repository, new, &status(), WITHIN).await.unwrap();
    client.read_status(repository, new, KEY, WITHIN).await.unwrap().unwrap();
    let own = client.whoami(WITHIN).await.unwrap().unwrap();
    client.level(repository, (&own, Some("root")), WITHIN).await.ok();
}

/// What is asked to connect: which scopes there are, what a webhook can tell, and how those of a place are.
async fn connecting(client: &Client, places: &[HookPlace]) {
    let sample = client.sample(WITHIN).await.unwrap();
    for probe in Probe::ALL {
        client.probe(*probe, &sample, WITHIN).await.ok();
    }
    client.spots(WITHIN).await.unwrap();
    for place in places {
        client.events_for(place, WITHIN).await.unwrap();
        for hook in client.hooks(place, WITHIN).await.unwrap() {
            client.last_delivery(place, &hook.native, WITHIN).await.unwrap();
        }
    }
    client.time(WITHIN).await.unwrap();
    client.version(WITHIN).await.unwrap();
}

/// Its audit log, a page of it.
async fn audited(client: &Client, source: AuditSource) {
    client.audit_from(source, &Trust::default()).unwrap();
    let (from, to) =
        ("2026-11-21T18:05:00Z".parse().unwrap(), "2026-11-22T18:05:00Z".parse().unwrap());
    client.audit_page(AuditWindow { from, to }, None, WITHIN).await.unwrap();
}

fn seen(simulator: &Simulator, below: &str) -> Vec<Asked> {
    let calls = simulator.calls().into_iter();
    calls
        .map(|call| Asked {
            path: call.path.strip_prefix(below).unwrap_or(&call.path).trim_matches('/').to_owned(),
            query: url::form_urlencoded::parse(call.query.as_bytes()).into_owned().collect(),
            method: call.method,
            status: call.status,
        })
        .collect()
}

async fn cloud() -> Toured {
    let mut company = Company::random_cloud(4);
    let acme = &mut company.workspaces[0];
    let (ada, ben) = (acme.people[0].uuid, acme.people[1].uuid);
    let production = acme.environment("repo-1", "Production", "Production");
    let found = acme.repositories.iter_mut().find(|found| found.slug == "repo-1").unwrap();
    found.definition = Some("pipelines: {default: [{step: {script: [make]}}]}".to_owned());
    let found = found.uuid;
    let token = company.issue(CloudCredential::new(ada, CredentialKind::AccessToken, SCOPES));
    let organization = "0a1b2c3d".to_owned();
    company.organizations.push(Organization::new(&organization, KEY));
    let simulator = Simulator::start(company).await.unwrap();
    let test = TestServer { api_url: simulator.cloud_api(), token_url: None };
    let server = Server::Cloud { workspace: "acme".to_owned(), test: Some(test) };
    let credential = Credential::Bearer(secret(&token));
    let connection = "acme-cloud".parse().unwrap();
    let client = Client::new(Settings { connection, server, credential }).unwrap();
    client.switch(Switches::read(&["pipeline-definition".to_owned()], &[]).unwrap());
    let repository: Id = format!("acme-cloud/repository/{found}").parse().unwrap();
    let (home, face) = ("acme/repo-1", simulator.cloud());
    let tip = |branch: &str| {
        simulator.company(|company| {
            company.workspaces[0].repository("repo-1").unwrap().head(branch).unwrap().to_owned()
        })
    };
    let old = tip("main");
    face.push(home, ada, &[Change::new_branch("feature/x", "main", 1)]).await.unwrap();
    let open = OpenPull::new("X", "feature/x", "main");
    let pull = face.open_pull(home, ada, open).await.unwrap().value;
    face.pull(home, pull, ben, PullAct::Approve).await.ok();
    face.pull(home, pull, ada, PullAct::Merge).await.unwrap();
    face.push(home, ada, &[Change::new_tag("v1", "main")]).await.ok();
    let new = tip("main");
    questions(&client, &repository, [&old, &new], pull).await;
    client.dropped_history(&repository, &old, "refs/tags/v1", WITHIN).await.ok();
    let mut step =
        PlannedStep::new("deploy", &["portcullis check --action deploy"], &["https://g"]);
    step.environment = Some(production);
    let run = face.start_pipeline(home, &StartPipeline::on_push(ada, "main", vec![step])).unwrap();
    let (pipeline, step) = (run.pipeline.to_string(), run.steps[0].to_string());
    client.step(&repository, &pipeline, &step, WITHIN).await.unwrap();
    audited(&client, AuditSource::Organization { organization, token: secret(KEY) }).await;
    let deployed: Id = format!("acme-cloud/environment/{production}").parse().unwrap();
    client.environment(&repository, &deployed, WITHIN).await.unwrap();
    connecting(&client, &[HookPlace::Workspace, HookPlace::Repository(format!("{{{found}}}"))])
        .await;
    let base = simulator.cloud_api().trim_end_matches("/2.0").to_owned();
    let asked = seen(&simulator, "/");
    let posted = posted(&simulator, &asked);
    let authorization = format!("Bearer {token}");
    let classes = client.calls();
    Toured {
        product: Product::Cloud,
        asked,
        posted,
        classes,
        _simulator: simulator,
        base,
        authorization,
    }
}

fn posted(simulator: &Simulator, asked: &[Asked]) -> Vec<(String, Value)> {
    let paths = asked.iter().filter(|call| call.method == "POST").map(|call| call.path.clone());
    paths.zip(simulator.posted().into_iter().map(|posted| posted.body)).collect()
}

async fn datacenter() -> Toured {
    use base64::Engine as _;
    let mut company = Company::random_datacenter(4);
    let dc = &mut company.datacenter;
    dc.add_user("root", "Root");
    dc.grant_global(DcHolder::User("root".to_owned()), GlobalLevel::SysAdmin);
    dc.hook("P0", "https://ci.example.com/in", Some("secret"), &["pr:opened"]);
    dc.restrict("P0", "no-deletes", "BRANCH", "refs/heads/main");
    let number = dc.add_repository("P0", "tour");
    dc.restrict("P0/tour", "pull-request-only", "PATTERN", "release/*");
    dc.hook("P0/tour", "https://ci.example.com/in", None, &["pr:opened"]);
    let laptop = dc.key("laptop");
    dc.ssh_keys.push(("root".to_owned(), laptop));
    dc.list_token("ci", TokenHome::Repository("P0/tour".to_owned()), &["REPO_READ"]);
    let password = dc.password("root");
    let simulator = Simulator::start(company).await.unwrap();
    let server = Server::DataCenter { base_url: simulator.datacenter_url() };
    let credential = Credential::Basic { user: "root".to_owned(), secret: secret(&password) };
    let connection = "acme-dc".parse().unwrap();
    let client = Client::new(Settings { connection, server, credential }).unwrap();
    let repository: Id = format!("acme-dc/repository/{number}").parse().unwrap();
    let (home, face) = ("P0/tour", simulator.datacenter());
    let tip = |branch: &str| {
        simulator.company(|company| {
            let git = &company.datacenter.repository(home).unwrap().git;
            git.target(&format!("refs/heads/{branch}")).unwrap().commit.clone()
        })
    };
    let old = tip("main");
    face.push(home, "root", &[Change::new_branch("feature/x", "main", 1)]).await.unwrap();
    let open = DcOpenPull {
        title: "X",
        fork: None,
        source: "feature/x",
        destination: "main",
        reviewers: vec!["ada".to_owned()],
    };
    let pull = face.open_pull(home, "root", open).await.unwrap().value;
    face.pull(home, pull, "root", DcPullAct::Merge).await.unwrap();
    let new = tip("main");
    questions(&client, &repository, [&old, &new], pull).await;
    audited(&client, AuditSource::Rest).await;
    let places = [HookPlace::Project("P0".to_owned()), HookPlace::Repository("P0/tour".to_owned())];
    connecting(&client, &places).await;
    let base = simulator.datacenter_url();
    let asked = seen(&simulator, "/bitbucket");
    let posted = posted(&simulator, &asked);
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("root:{password}"));
    let (authorization, classes) = (format!("Basic {pair}"), client.calls());
    let product = Product::DataCenter;
    Toured { product, asked, posted, classes, _simulator: simulator, base, authorization }
}
