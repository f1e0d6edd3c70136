//! A small company on one product, changed by a row of the table, then discovered for real and looked at.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::Switches;
use portcullis::bitbucket::TestServer;
use portcullis::graph::ConnectionId;
use portcullis::graph::Kind;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::Time;
use portcullis::graph::World;
use portcullis::graph::attribute::Value;
use portcullis::policy::Rule;
use portcullis::policy::subject::SubjectDocument;
use portcullis::posture::Held;
use portcullis::posture::Judgement;
use portcullis::posture::evidence::Indexed;
use portcullis::posture::evidence::piece::Coverage;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::Head;
use portcullis::posture::evidence::piece::Piece;
use portcullis::posture::evidence::piece::Shows;
use portcullis::posture::evidence::read::Asked;
use portcullis::posture::evidence::read::read;
use portcullis::posture::judge_unseen;
use portcullis::posture::look;
use portcullis::posture::look::Ground;
use portcullis::secret::Secret;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud;
use portcullis::simulator::cloud::CloudCredential;
use portcullis::simulator::cloud::CredentialKind;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud::Workspace;
use portcullis::simulator::company::Company;
use portcullis::simulator::datacenter::DataCenter;
use portcullis::simulator::datacenter::DcHolder;
use portcullis::simulator::datacenter::DcRepository;
use portcullis::simulator::datacenter::GlobalLevel;
use portcullis::simulator::datacenter::ProjectPermission;
use portcullis::simulator::datacenter::RepoPermission;
use uuid::Uuid;

use crate::spec::evidence::PNG;

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

/// What a row changes before it is discovered. The repository is `acme/shop` or `ENG/shop`; Ada administers everything.
pub struct Scene {
    pub company: Company,
    pub product: Product,
    /// What the credential may read on Cloud.
    pub scopes: Vec<&'static str>,
    /// How far the credential reaches on Data Center.
    pub reach: RepoPermission,
    /// What the operator says of the plan; no API tells it.
    pub premium: Option<bool>,
    /// What people brought, as they would bring it: what it is, and its text.
    pub evidence: Vec<(EvidenceKind, &'static [u8], Option<Shows>)>,
    /// What is switched on for discovery.
    pub classes: &'static [&'static str],
    /// Hosts of one's own.
    pub own_hosts: &'static [&'static str],
    /// Whom the rule looks at: `kind:name`.
    pub look_at: &'static str,
    ada: Uuid,
}

impl Scene {
    /// The company as it is when nobody has set anything: a repository that left its project's rules and has none.
    pub fn new(product: Product) -> Self {
        let mut company = Company::seeded(7);
        let acme = company.workspace("acme", "Acme");
        let ada = acme.member("ada", "Ada", Role::Owner);
        acme.project("ENG", "Engineering", true);
        acme.add_repository("shop", "ENG").overrides = true;
        let dc = &mut company.datacenter;
        dc.add_user("ada", "Ada");
        dc.grant_global(DcHolder::User("ada".to_owned()), GlobalLevel::SysAdmin);
        dc.add_project("ENG", "Engineering", None);
        dc.add_repository("ENG", "shop");
        Self {
            company,
            product,
            scopes: SCOPES.to_vec(),
            reach: RepoPermission::Admin,
            premium: None,
            evidence: Vec::new(),
            classes: &[],
            own_hosts: &[],
            look_at: "repository:shop",
            ada,
        }
    }

    pub fn is_cloud(&self) -> bool {
        self.product == Product::Cloud
    }

    pub fn acme(&mut self) -> &mut Workspace {
        &mut self.company.workspaces[0]
    }

    pub fn shop(&mut self) -> &mut cloud::Repository {
        self.acme().repositories.iter_mut().find(|found| found.slug == "shop").unwrap()
    }

    pub fn server(&mut self) -> &mut DataCenter {
        &mut self.company.datacenter
    }

    pub fn server_shop(&mut self) -> &mut DcRepository {
        self.server().repository_mut("ENG/shop").unwrap()
    }

    /// A branch restriction on `main`, with a number where its kind has one.
    pub fn rule(&mut self, kind: &str, value: Option<u64>) {
        if self.is_cloud() {
            let matcher = Matcher::Glob("main".to_owned());
            let id = self.acme().restrict("shop", kind, matcher, &[]);
            let mut rules = self.shop().restrictions.iter_mut();
            rules.find(|rule| rule.id == id).unwrap().value = value;
        } else {
            self.server().restrict("ENG/shop", kind, "BRANCH", "refs/heads/main");
        }
    }

    /// The last change was made now.
    pub fn touch(&mut self) {
        let now = Timestamp::now();
        self.shop().updated_on = Some(now);
        let git = &mut self.server_shop().git;
        let author = portcullis::simulator::git::Author {
            name: "Ada".to_owned(),
            email: "ada@acme.example".to_owned(),
        };
        let before = git.resolve("main").unwrap().hash.clone();
        let next = git.add(vec![before], &author, "More", now);
        git.set("refs/heads/main", &next);
    }

    /// Somebody brings a list that claims to be whole.
    pub fn bring(&mut self, kind: EvidenceKind, text: &'static str) {
        self.evidence.push((kind, text.as_bytes(), None));
    }

    /// Somebody brings a picture of the policy of second factors.
    pub fn picture(&mut self, shows: Shows) {
        self.evidence.push((EvidenceKind::SecondFactorPolicy, PNG, Some(shows)));
    }

    /// The credential may not do this (Cloud).
    pub fn without_scope(&mut self, scope: &str) {
        self.scopes.retain(|held| *held != scope);
    }

    /// Starts it, discovers it, and gives the document of whom the rules look at, and what they say of things in it that
    /// were not seen.
    pub async fn looked_at(self, rules: &[Rule]) -> (SubjectDocument, Vec<Judgement>) {
        let Self { mut company, product, scopes, reach, premium, evidence, look_at, ada, .. } =
            self;
        let cloud = company.issue(CloudCredential::new(ada, CredentialKind::AccessToken, &scopes));
        let project = match reach {
            RepoPermission::Admin => ProjectPermission::Admin,
            RepoPermission::Write => ProjectPermission::Write,
            RepoPermission::Read => ProjectPermission::Read,
        };
        // HTTP tokens never administer the server, so whoever may all comes with a password.
        let server = match reach {
            RepoPermission::Admin => {
                let secret = Secret::new(company.datacenter.password("ada"));
                Credential::Basic { user: "ada".to_owned(), secret }
            }
            RepoPermission::Write | RepoPermission::Read => {
                Credential::Bearer(Secret::new(company.datacenter.token("ada", project, reach)))
            }
        };
        let simulator = Simulator::start(company).await.unwrap();
        let (connection, server, credential) = match product {
            Product::Cloud => {
                let test = TestServer { api_url: simulator.cloud_api(), token_url: None };
                let home = Server::Cloud { workspace: "acme".to_owned(), test: Some(test) };
                ("acme-cloud", home, Credential::Bearer(Secret::new(cloud)))
            }
            Product::DataCenter => {
                let base_url = simulator.datacenter_url();
                ("acme-dc", Server::DataCenter { base_url }, server)
            }
        };
        let connection = connection.parse().unwrap();
        let client = Client::new(Settings { connection, server, credential }).unwrap();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        client.switch(Switches::read(&words(self.classes), &words(self.own_hosts)).unwrap());
        let now = Time::from_millis(Timestamp::now().as_millisecond());
        let mut world = client.discover(now, |_| {}).await.unwrap();
        if let Some(premium) = premium {
            tell_plan(&mut world, premium);
        }
        let held = brought(&world.connection.id, evidence, now);
        let graph = Snapshot::build(1, &[world]).unwrap();
        let node = graph.resolve(look_at).unwrap();
        let document = look(&Ground::new(&graph, &held, now), node).unwrap();
        (document, judge_unseen(&graph, node, rules))
    }
}

/// What people brought, read as the gateway reads it, true today and counting for its usual time.
pub fn brought(
    connection: &ConnectionId,
    evidence: Vec<(EvidenceKind, &'static [u8], Option<Shows>)>,
    now: Time,
) -> Held {
    let piece = |(kind, bytes, shows): (EvidenceKind, &[u8], Option<Shows>)| {
        let map = BTreeMap::new();
        let asked = Asked { kind, as_of: now, map: &map, shows };
        let content = read(bytes, asked).unwrap().content;
        let head = Head {
            id: Uuid::now_v7(),
            connection: connection.clone(),
            kind,
            coverage: Coverage::Whole,
            as_of: now,
            brought: now,
            until: now.plus(kind.life()),
            sha256: String::new(),
            bytes: 1,
            rows: content.rows(),
            file: "a file".to_owned(),
            by: "ada".to_owned(),
            reason: String::new(),
            withdrawn: None,
        };
        let piece = Piece { head, content: Some(content), erased: BTreeSet::new() };
        Arc::new(Indexed::new(Arc::new(piece)))
    };
    Held::new(evidence.into_iter().map(piece).collect(), Arc::default(), now)
}

/// So many days before now.
pub fn days_ago(days: i64) -> Timestamp {
    let now = Timestamp::now().as_millisecond();
    Timestamp::from_millisecond(now - days * 86_400_000).unwrap()
}

/// As the gateway does with what the operator says.
fn tell_plan(world: &mut World, premium: bool) {
    world.unknown.retain(|gap| gap.field != "premium");
    for node in world.nodes.iter_mut().filter(|node| node.id.kind() == Kind::Workspace) {
        node.attributes.insert("premium".to_owned(), Value::Flag(premium));
    }
}
