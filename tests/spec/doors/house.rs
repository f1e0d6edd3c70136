//! A gateway behind both of its listeners, with rules of its own and a small world: real parts, nothing pretended.

use crate::spec::doors::shape;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use portcullis::decision::Mode;
use portcullis::decision::Modes;
use portcullis::gateway::Gateway;
use portcullis::gateway::Keep;
use portcullis::gateway::Parts;
use portcullis::gateway::brake;
use portcullis::gateway::bundles::Source;
use portcullis::gateway::clock::Clock;
use portcullis::gateway::connections::Connection;
use portcullis::gateway::connections::Connections;
use portcullis::gateway::connections::Hook;
use portcullis::gateway::meters::Meters;
use portcullis::gateway::policies::Policies;
use portcullis::gateway::workers;
use portcullis::graph::Product;
use portcullis::graph::Snapshot;
use portcullis::graph::World;
use portcullis::http::doors;
use portcullis::http::listener;
use portcullis::http::listener::Doorway;
use portcullis::http::listener::Limits;
use portcullis::http::listener::Security;
use portcullis::http::listener::Stage;
use portcullis::http::meter;
use portcullis::http::operator::Cookie;
use portcullis::http::operator::Doorkeeper;
use portcullis::http::operator::Settings;
use portcullis::http::operator::TokenHash;
use portcullis::http::rate;
use portcullis::http::route::Surface;
use portcullis::http::session;
use portcullis::ledger::Entry;
use portcullis::ledger::VerifierKey;
use portcullis::notify;
use portcullis::secret::Seal;
use portcullis::secret::Secret;
use portcullis::secret::SigningKey;
use portcullis::store::Role;
use portcullis::store::Store;
use reqwest::Method;
use reqwest::RequestBuilder;
use reqwest::Response;
use serde_json::Value;
use serde_json::json;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) const CLOUD_HOOK: &str = "00000000000000000000000000000c10";
pub(crate) const SERVER_HOOK: &str = "00000000000000000000000000000dc0";
pub(crate) const SECRET: &str = "the-secret-of-the-hooks";
pub(crate) const OPERATOR: &str = "0123456789abcdef0123456789abcdef";
/// People with a token of their own.
pub(crate) const MIA: (&str, &str) = ("mia", "11111111111111111111111111111111");
pub(crate) const OMAR: (&str, &str) = ("omar", "22222222222222222222222222222222");
pub(crate) const REPOSITORY: &str = "acme/billing-canary";

/// What an environment of this name needs: `deploy` waits, `publish` is blocked, everything else passes. The action is
/// always `run`, the only one that needs no proof of a running step.
const RULES: [(&str, &str, &str); 2] = [
    (
        "deploy",
        "approve",
        r#", "approval": {"from": {"group": "release-managers"}, "count": 1, "not": [], "expires_in": "4h", "grant_for": "30m"}"#,
    ),
    ("publish", "block", ""),
];

pub(crate) const WORLD: &str = r#"{"version":1,"connection":{"id":"acme","product":"cloud"},"as_of":"2026-11-20T17:00:00Z","nodes":[
    {"id":"acme/workspace/w","name":"acme","slug":"acme"},{"id":"acme/project/p","name":"BILL","key":"BILL"},
    {"id":"acme/repository/r","name":"acme/billing-canary","slug":"billing-canary"},
    {"id":"acme/group/g","name":"release-managers"},{"id":"acme/user/m","name":"Mia"},{"id":"acme/user/j","name":"Jo"}],
    "edges":[{"from":"acme/project/p","is":"in","to":"acme/workspace/w"},{"from":"acme/repository/r","is":"in","to":"acme/project/p"},
    {"from":"acme/user/m","is":"member","to":"acme/group/g"},{"from":"acme/user/m","is":"write","to":"acme/repository/r"}]}"#;

/// A running gateway, its doors open.
pub(crate) struct House {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) public: SocketAddr,
    pub(crate) operator: SocketAddr,
    pub(crate) client: reqwest::Client,
    doorkeeper: Doorkeeper,
    stage: watch::Sender<Stage>,
    tasks: JoinSet<()>,
    folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::at(rate::Settings::default()).await
    }

    pub(crate) async fn at(rates: rate::Settings) -> Self {
        Self::build(
            tempfile::tempdir().unwrap(),
            rates,
            brake::Settings::default(),
            notify::Settings::default(),
        )
        .await
    }

    /// One whose gate is paused in this way.
    pub(crate) async fn braked(brake: brake::Settings) -> Self {
        let rates = rate::Settings::default();
        let folder = tempfile::tempdir().unwrap();
        Self::build(folder, rates, brake, notify::Settings::default()).await
    }

    /// One that tells people so.
    pub(crate) async fn telling(notify: notify::Settings) -> Self {
        Self::telling_in(tempfile::tempdir().unwrap(), notify).await
    }

    /// The same in the folder of one that was closed.
    pub(crate) async fn telling_in(folder: tempfile::TempDir, notify: notify::Settings) -> Self {
        Self::build(folder, rate::Settings::default(), brake::Settings::default(), notify).await
    }

    /// Closes it and opens another one on the same folder.
    pub(crate) async fn reopened(self) -> Self {
        let folder = self.close().await;
        let notify = notify::Settings::default();
        Self::build(folder, rate::Settings::default(), brake::Settings::default(), notify).await
    }

    async fn build(
        folder: tempfile::TempDir,
        rates: rate::Settings,
        brake: brake::Settings,
        notify: notify::Settings,
    ) -> Self {
        let (public, operator) = (bound().await, bound().await);
        let (here, there) = (public.local_addr().unwrap(), operator.local_addr().unwrap());
        let gateway = gateway(folder.path(), format!("http://{here}"), brake, notify).await;
        let doorkeeper = Doorkeeper::new(Settings {
            token: TokenHash::of(OPERATOR),
            people: [MIA, OMAR].map(|(name, token)| (name.to_owned(), TokenHash::of(token))).into(),
            hosts: vec!["127.0.0.1".to_owned(), "localhost".to_owned()],
            cookie: Cookie::Loopback,
            sessions: session::Settings::default(),
        });
        let meters = meter::Meters::register(gateway.meters.registry()).unwrap();
        let (stage, open) = watch::channel(Stage::Open);
        let mut tasks = JoinSet::new();
        for (socket, surface) in [(public, Surface::Public), (operator, Surface::Operator)] {
            let doorway = Arc::new(Doorway {
                limits: Limits::default(),
                service: doors::open(
                    surface,
                    Arc::clone(&gateway),
                    doorkeeper.clone(),
                    rates.clone(),
                )
                .unwrap(),
                meter: meters.of(surface),
                security: Security::Plain,
            });
            let open = open.clone();
            tasks.spawn(async move {
                listener::serve(socket, doorway, open).await;
            });
        }
        let running = Arc::clone(&gateway);
        tasks.spawn(async move { running.run().await });
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30));
        Self {
            gateway,
            public: here,
            operator: there,
            client: client.build().unwrap(),
            doorkeeper,
            stage,
            tasks,
            folder,
        }
    }

    pub(crate) async fn close(mut self) -> tempfile::TempDir {
        self.stage.send_replace(Stage::Draining);
        self.gateway.stop();
        while self.tasks.join_next().await.is_some() {}
        self.gateway.store.close().await;
        self.folder
    }

    /// Every entry of the ledger from an index on.
    pub(crate) async fn entries(&self, from: u64) -> Vec<Entry> {
        let mut entries = Vec::new();
        for index in from..self.gateway.store.head().await.unwrap().size {
            let record = self.gateway.store.entry(index).await.unwrap().unwrap();
            entries.push(Entry::from_bytes(&record.entry).unwrap());
        }
        entries
    }

    /// The folder of its rules.
    pub(crate) fn rules(&self) -> PathBuf {
        self.folder.path().join("rules")
    }

    pub(crate) fn public(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.public))
    }

    /// To the operator's listener, without any credential.
    pub(crate) fn stranger(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.operator))
    }

    /// To the operator's listener, with the token.
    pub(crate) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger(method, &format!("/api/v1/{path}")).bearer_auth(OPERATOR)
    }

    /// A webhook, signed with `secret`.
    pub(crate) fn hook(&self, hook: &str, key: &str, body: &str, secret: &str) -> RequestBuilder {
        self.unsigned(hook, key, body).header("x-hub-signature", signature(secret, body))
    }

    pub(crate) fn unsigned(&self, hook: &str, key: &str, body: &str) -> RequestBuilder {
        let post = self.public(Method::POST, &format!("/hooks/{hook}"));
        post.header("x-event-key", key)
            .header("content-type", "application/json")
            .body(body.to_owned())
    }

    /// A service token for checks, made through the API.
    pub(crate) async fn token(&self) -> String {
        self.opening(&["check"]).await
    }

    /// A service token that opens these doors.
    pub(crate) async fn opening(&self, doors: &[&str]) -> String {
        let wish = json!({"name": "ci", "connection": "acme", "expires_in": 3_600, "doors": doors});
        let made = self.api(Method::POST, "tokens").json(&wish).send().await.unwrap();
        assert_eq!(made.status(), 201);
        json_of(made).await["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn check(&self, token: &str, environment: &str) -> Value {
        let question =
            json!({"action": "run", "repository": REPOSITORY, "environment": environment});
        let answer = self
            .public(Method::POST, "/v1/check")
            .bearer_auth(token)
            .json(&question)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let told = json_of(answer).await;
        assert_eq!(status, 200, "{told}");
        told
    }

    /// The path of a one-time link.
    pub(crate) fn link(&self) -> String {
        let code = self.doorkeeper.link(tokio::time::Instant::now()).unwrap();
        format!("/login?code={}", code.reveal())
    }

    /// A session's cookie, through the printed link.
    pub(crate) async fn session(&self) -> String {
        let path = self.link();
        let answer = self.stranger(Method::GET, &path).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), header(&answer, "location")), (303, "/".to_owned()));
        let again = self.stranger(Method::GET, &path).send().await.unwrap();
        assert_eq!(again.status(), 403, "a link opens once");
        header(&answer, "set-cookie").split(';').next().unwrap().to_owned()
    }

    /// What the forms of a session carry, read off one of its pages.
    pub(crate) async fn form_token(&self, cookie: &str) -> String {
        let page = self.stranger(Method::GET, "/tickets").header("cookie", cookie);
        let page = page.send().await.unwrap().text().await.unwrap();
        let rest = page.split("name=\"form-token\" value=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

pub(crate) fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

pub(crate) fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The JSON of an answer, which is as the description of the API says.
pub(crate) async fn json_of(answer: Response) -> Value {
    let (path, status) = (answer.url().path().to_owned(), answer.status().as_u16());
    let kind = header(&answer, "content-type");
    let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    shape::hold(&path, status, &kind, &told);
    told
}

/// The problem of a refused request: its status, and that it is a problem.
pub(crate) async fn problem(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    assert_eq!(header(&answer, "content-type"), "application/problem+json", "{status}");
    let told = json_of(answer).await;
    assert_eq!(told["status"], status);
    (status, told)
}

async fn bound() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn gateway(
    folder: &std::path::Path,
    public_url: String,
    brake: brake::Settings,
    notify: notify::Settings,
) -> Arc<Gateway> {
    let rules = folder.join("rules");
    std::fs::create_dir_all(rules.join("test")).unwrap();
    for (action, verdict, rest) in RULES {
        std::fs::write(rules.join(format!("test/{action}.rego")), rule(action, verdict, rest))
            .unwrap();
    }
    let mut settings = workers::Settings::of(PathBuf::from(env!("CARGO_BIN_EXE_portcullis")));
    settings.count = 1;
    settings.deadline = Duration::from_secs(10);
    let policies = Policies::load(Source::Folder(rules), settings).await.unwrap();
    let seal = Arc::new(Seal::new(&Secret::new([7; 32]), None));
    let settings = portcullis::store::Settings {
        path: folder.join("portcullis.db"),
        seal,
        origin: "gate.test/ledger".to_owned(),
        role: Role::Serve,
    };
    let store = Store::open(settings).await.unwrap();
    let clock = Arc::new(Clock::machine(store.highest_stamp()));
    store.keep_bundle(&policies.current().bundle, clock.now(), "start").await.unwrap();
    let signing = SigningKey::generate().unwrap();
    let verifier = VerifierKey::new(store.origin(), signing.public_key()).unwrap();
    let connections = [
        connection("acme", Product::Cloud, CLOUD_HOOK),
        connection("server", Product::DataCenter, SERVER_HOOK),
    ];
    let parts = Parts {
        connections: Connections::new(connections.into()).unwrap(),
        graph: Snapshot::empty(),
        modes: Modes::new(Mode::Enforce, store.modes().await.unwrap()),
        brake,
        notify,
        patrol: portcullis::gateway::patrol::Settings::default(),
        keep: Keep { bodies: Duration::from_hours(24), sealed: Duration::from_hours(24) },
        streams: Vec::new(),
        meters: Meters::new().unwrap(),
        store,
        clock,
        policies,
        signing,
        verifier,
        public_url,
    };
    let gateway = Gateway::new(parts).unwrap();
    gateway.publish(World::read(WORLD.as_bytes()).unwrap()).unwrap();
    gateway.recall_brake().await.unwrap();
    gateway.recall_evidence().await.unwrap();
    gateway
}

fn rule(action: &str, verdict: &str, rest: &str) -> String {
    format!(
        "# METADATA\n# title: What {action} needs\n# description: A rule for tests.\n# custom:\n#   on: [pipeline.step]\n#   reads: [claimed.environment]\n#   severity: high\n#   remedies:\n#     - Ask before you {action}.\n\
         package portcullis.rules.test.{action}\n\nfinding contains {{\"verdict\": \"{verdict}\", \"reason\": \"To {action} is judged here.\", \"proof\": [\"claimed.environment\"]{rest}}} if input.claimed.environment == \"{action}\"\n"
    )
}

fn connection(id: &str, product: Product, hook: &str) -> Connection {
    let secrets = vec![Secret::new(SECRET.as_bytes().to_vec())];
    Connection {
        id: id.parse().unwrap(),
        product,
        workspace: (product == Product::Cloud).then(|| "acme".to_owned()),
        client: None,
        issuer: None,
        protected_refs: Vec::new(),
        premium: None,
        posts_status: false,
        hooks: vec![Hook::new(hook.parse().unwrap(), secrets).unwrap()],
        environments: Vec::new(),
        ci: Vec::new(),
        own: None.into(),
    }
}
