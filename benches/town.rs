//! The simulated Bitbucket of the benches: a company, its webhooks' bodies, its steps and their tokens.

use std::sync::Arc;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use portcullis::bitbucket::Client;
use portcullis::bitbucket::Credential;
use portcullis::bitbucket::Server;
use portcullis::bitbucket::Settings;
use portcullis::bitbucket::TestServer;
use portcullis::graph::Time;
use portcullis::secret::Secret;
use portcullis::simulator::Simulator;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::Matcher;
use portcullis::simulator::cloud::ProjectLevel;
use portcullis::simulator::cloud::Role;
use portcullis::simulator::cloud_acts::OpenPull;
use portcullis::simulator::cloud_pipelines::StepOf;
use portcullis::simulator::company::Company;
use portcullis::simulator::delivery::Delivery;
use portcullis::simulator::git::Change;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;
use serde_json::Value;
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

use crate::load::Requests;

/// The connection.
pub const CONNECTION: &str = "acme-cloud";
/// Its workspace.
pub const WORKSPACE: &str = "acme";
/// The hook's id, the last part of its address.
pub const HOOK: &str = "0123456789abcdef0123456789abcdef";
/// The hook's secret.
pub const SECRET: &str = "a secret of the benches, thirty-two bytes and more";
/// The audience of step tokens.
pub const AUDIENCE: &str = "https://gate.example.com";
/// The repository.
const BILLING: &str = "acme/billing";
/// Steps that ask.
const STEPS: usize = 64;
/// What is replaced by another word in each body, so that none repeats another.
const WORD: &str = "fedcba9876543210";

/// The running town.
pub struct Town {
    pub simulator: Simulator,
    pub consumer: (String, String),
    /// A body, and the key of its event; `WORD` and the hash are replaced in each request.
    bodies: Vec<Template>,
    /// Tokens of steps that deploy to staging, and the claims of the first.
    pub tokens: Vec<String>,
    claims: Value,
}

struct Template {
    key: String,
    text: String,
    hash: String,
}

impl Town {
    pub async fn open() -> Self {
        let mut company = Company::seeded(7);
        let acme = company.workspace(WORKSPACE, "Acme");
        let gate = acme.member("portcullis", "Portcullis", Role::Owner);
        let people: Vec<Uuid> = (0..40)
            .map(|n| acme.member(&format!("dev{n}"), &format!("Developer {n}"), Role::Member))
            .collect();
        let mia = people[0];
        acme.group("developers", "developers", &people);
        acme.group("release-managers", "release-managers", &people[..4]);
        acme.project("BILL", "Billing", true);
        for slug in ["billing", "ledger", "web", "mail", "docs", "infra"] {
            acme.add_repository(slug, "BILL");
        }
        acme.grant_project("BILL", Holder::Group("developers".to_owned()), ProjectLevel::Write);
        acme.grant("billing", Holder::User(mia), Level::Admin);
        for kind in
            ["push", "force", "delete", "require_approvals_to_merge", "enforce_merge_checks"]
        {
            acme.restrict("billing", kind, Matcher::Glob("main".to_owned()), &[]);
        }
        let staging = acme.environment("billing", "staging", "Staging");
        acme.environment("billing", "production", "Production");
        // Nobody listens there: the benches take the bodies from the log and send them themselves.
        acme.hook(None, "http://127.0.0.1:9/", Some(SECRET), &["repo:push", "pullrequest:created"]);
        let scopes = [
            "account",
            "project:admin",
            "repository:admin",
            "repository:write",
            "pullrequest",
            "pipeline",
            "runner",
            "webhook",
        ];
        let consumer = company.consumer(gate, &scopes);
        let simulator = Simulator::start(company).await.unwrap();
        let bodies = bodies(&simulator, mia).await;
        let (tokens, claims) = tokens(&simulator, mia, staging);
        simulator.forget_history();
        Self { simulator, consumer, bodies, tokens, claims }
    }

    /// How a gate speaks to it.
    pub fn settings(api_url: String, (key, secret): (String, String)) -> Settings {
        Settings {
            connection: CONNECTION.parse().unwrap(),
            server: Server::Cloud {
                workspace: WORKSPACE.to_owned(),
                test: Some(TestServer { api_url, token_url: None }),
            },
            credential: Credential::OAuth { key: Secret::new(key), secret: Secret::new(secret) },
        }
    }

    /// The world file, as discovery reads it.
    pub async fn world(&self) -> Vec<u8> {
        let client =
            Client::new(Self::settings(self.simulator.cloud_api(), self.consumer.clone())).unwrap();
        let now = Time::from_millis(self.simulator.now().as_millisecond());
        client.discover(now, |_| {}).await.unwrap().write()
    }

    /// Average length of a webhook's body.
    pub fn body_bytes(&self) -> usize {
        self.bodies.iter().map(|body| body.text.len()).sum::<usize>() / self.bodies.len()
    }

    /// Webhooks: pushes to branches, branches that come and go, a pull request. Each is another event on another branch,
    /// signed.
    pub fn webhooks(&self) -> Requests {
        let bodies: Vec<(String, String, String)> = self
            .bodies
            .iter()
            .map(|one| (one.key.clone(), one.text.clone(), one.hash.clone()))
            .collect();
        Arc::new(move |number, out| {
            let (key, text, hash) = &bodies[number as usize % bodies.len()];
            let mut body = text.replace(WORD, &format!("{number:016x}"));
            if !hash.is_empty() {
                body = body.replace(hash.as_str(), &format!("{}{number:016x}", &hash[..24]));
            }
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(body.as_bytes());
            let signature = hex::encode(mac.finalize().into_bytes());
            let length = body.len();
            out.extend_from_slice(
                format!(
                    "POST /hooks/{HOOK} HTTP/1.1\r\nHost: gate.example.com\r\nUser-Agent: Bitbucket-Webhooks/2.0\r\n\
                     Content-Type: application/json\r\nX-Event-Key: {key}\r\nX-Hook-UUID: {HOOK}\r\n\
                     X-Request-UUID: 5b1c2d3e-0000-4000-8000-{number:012x}\r\nX-Attempt-Number: 1\r\n\
                     X-Hub-Signature: sha256={signature}\r\nContent-Length: {length}\r\n\r\n{body}"
                )
                .as_bytes(),
            );
        })
    }

    /// Checks: each a question nobody asked before, by one of 64 steps whose tokens come again.
    pub fn checks(&self) -> Requests {
        let tokens = self.tokens.clone();
        Arc::new(move |number, out| {
            check(out, &tokens[number as usize % tokens.len()], &format!("KEY_{number}"));
        })
    }

    /// The same question over and over.
    pub fn same_check(&self) -> Requests {
        let token = self.tokens[0].clone();
        Arc::new(move |_, out| check(out, &token, "SAME"))
    }

    /// One check by one of the steps.
    pub fn check_of(&self, step: usize, variable: &str) -> Vec<u8> {
        let mut out = Vec::new();
        check(&mut out, &self.tokens[step], variable);
        out
    }

    /// Checks whose tokens were never seen: one step, another issue time each. At most as many as were made.
    pub fn first_checks(&self, first: u64, count: u64) -> Requests {
        let cloud = self.simulator.cloud();
        let tokens: Vec<String> = (first..first + count)
            .map(|number| {
                let mut claims = self.claims.clone();
                claims["iat"] = json!(claims["iat"].as_u64().unwrap() - 1 - number % 3_000);
                claims["exp"] = json!(claims["exp"].as_u64().unwrap() - number / 3_000);
                cloud.mint(WORKSPACE, &claims).unwrap()
            })
            .collect();
        Arc::new(move |number, out| {
            check(out, &tokens[(number - first) as usize], &format!("FIRST_{number}"));
        })
    }
}

fn check(out: &mut Vec<u8>, token: &str, variable: &str) {
    let body = format!(
        r#"{{"action":"deploy","environment":"staging","variables":["{variable}"],"reason":"release 4.2","step":{{"branch":"main","build":7,"run":"https://bitbucket.org/acme/billing/pipelines/results/7"}}}}"#
    );
    let length = body.len();
    out.extend_from_slice(
        format!(
            "POST /v1/check HTTP/1.1\r\nHost: gate.example.com\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nAccept: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .as_bytes(),
    );
}

async fn bodies(simulator: &Simulator, mia: Uuid) -> Vec<Template> {
    let cloud = simulator.cloud();
    let branch = format!("feature/{WORD}");
    let sent = |deliveries: Vec<Delivery>| deliveries.into_iter().next().unwrap().sent;
    let push = async |change: Change| {
        let done = cloud.push(BILLING, mia, &[change]).await.unwrap();
        let sent = sent(done.deliveries);
        let text = String::from_utf8(sent.body).unwrap();
        let read: Value = serde_json::from_str(&text).unwrap();
        let hash = read["push"]["changes"][0]["new"]["target"]["hash"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Template { key: sent.event, text, hash }
    };
    let created = push(Change::new_branch(&branch, "main", 1)).await;
    let pushed = push(Change::commits(&branch, 1)).await;
    let title = format!("Invoices are rounded once {WORD}");
    let opened =
        cloud.open_pull(BILLING, mia, OpenPull::new(&title, &branch, "main")).await.unwrap();
    let opened = sent(opened.deliveries);
    let opened = Template {
        key: opened.event,
        text: String::from_utf8(opened.body).unwrap(),
        hash: String::new(),
    };
    let deleted = push(Change::delete_branch(&branch)).await;
    let again = || Template {
        key: pushed.key.clone(),
        text: pushed.text.clone(),
        hash: pushed.hash.clone(),
    };
    vec![again(), created, again(), again(), opened, again(), deleted, again()]
}

fn tokens(simulator: &Simulator, mia: Uuid, staging: Uuid) -> (Vec<String>, Value) {
    let cloud = simulator.cloud();
    let mut claims = Value::Null;
    let tokens = (0..STEPS).map(|number| {
        let step = PlannedStep::new(
            "deploy",
            &["portcullis check --action deploy", "./deploy"],
            &[AUDIENCE],
        );
        let order = StartPipeline::on_push(mia, "main", vec![step.deploying_to(staging)]);
        let started = cloud.start_pipeline(BILLING, &order).unwrap();
        let of = StepOf { repository: BILLING, pipeline: started.pipeline, step: started.steps[0] };
        if number == 0 {
            claims = cloud.claims(of).unwrap();
        }
        cloud.step_token(of).unwrap()
    });
    let tokens = tokens.collect();
    (tokens, claims)
}
