//! Who governs the governor: everything that changes something leaves an entry in the ledger. This walks the table of
//! routes and the program's own help; whatever is new and not named here fails, and so does whatever leaves no entry.

use std::collections::BTreeSet;

use portcullis::http::route::Door;
use portcullis::http::route::ROUTES;
use portcullis::http::route::Route;
use portcullis::http::route::Verb;
use portcullis::ledger::Entry;
use portcullis::ledger::Kept;
use portcullis::ledger::Kind;
use portcullis::posture::Outcome;
use portcullis::posture::Wish;
use reqwest::Method;
use reqwest::RequestBuilder;
use serde_json::Value;
use serde_json::json;

use super::doors::house::CLOUD_HOOK;
use super::doors::house::House;
use super::doors::house::MIA;
use super::doors::house::OMAR;
use super::doors::house::REPOSITORY;
use super::doors::house::SECRET;
use super::doors::house::json_of;
use super::notices::contacts;
use super::notices::heard_by;
use super::receiver::Receiver;
use super::rig::Gate;
use super::rig::Said;
use super::rig::run;
use super::rig::until;

/// Routes that are read with GET and change something all the same.
const CHANGING_READS: [Door; 1] = [Door::Login];

/// What an act must leave.
struct Trace {
    kind: Kind,
    /// `body.what`, where the kind alone does not tell.
    what: Option<&'static str>,
}

const fn admin(what: &'static str) -> Trace {
    Trace { kind: Kind::Admin, what: Some(what) }
}

const fn of(kind: Kind) -> Trace {
    Trace { kind, what: None }
}

impl Trace {
    fn is(&self, entry: &Entry) -> bool {
        let said = entry.body.get("what").and_then(Value::as_str);
        entry.kind == self.kind && self.what.is_none_or(|what| said == Some(what))
    }
}

/// A request that a route lets do what it is for, and the trace it must leave. No arm for the rest: a new route that
/// changes something has to be named here.
async fn act(house: &House, route: &Route) -> (RequestBuilder, Trace) {
    let post = |path: &str| house.api(Method::POST, path);
    match route.door {
        Door::Hook => {
            let push = std::fs::read_to_string(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/vectors/webhooks/cloud/repo.push.json"
            ));
            let push = push.unwrap().replace("harbor-lights", "acme");
            (house.hook(CLOUD_HOOK, "repo:push", &push, SECRET), of(Kind::Decision))
        }
        Door::Check => {
            let question =
                json!({"action": "run", "repository": REPOSITORY, "environment": "publish"});
            let ask = house.public(Method::POST, "/v1/check").bearer_auth(house.token().await);
            (ask.json(&question), of(Kind::Decision))
        }
        Door::Evaluation | Door::Evaluations => {
            let question = json!({"subject": {"type": "user", "id": "Mia"}, "action": {"name": "read"}, "resource": {"type": "repository", "id": REPOSITORY}});
            let ask = house.public(Method::POST, route.pattern);
            (ask.bearer_auth(house.opening(&["authzen"]).await).json(&question), of(Kind::Decision))
        }
        Door::SearchSubject | Door::SearchResource | Door::SearchAction => {
            let question = json!({"subject": {"type": "user", "id": "Mia"}, "action": {"name": "read"}, "resource": {"type": "repository", "id": REPOSITORY}});
            let ask = house.public(Method::POST, route.pattern);
            let token = house.opening(&["authzen-search"]).await;
            (ask.bearer_auth(token).json(&question), admin("access search"))
        }
        Door::Login => (house.stranger(Method::GET, &house.link()), admin("session opened")),
        Door::Logout => {
            let cookie = house.session().await;
            let form = [("form-token", house.form_token(&cookie).await)];
            let end = house.stranger(Method::POST, "/logout").header("cookie", cookie).form(&form);
            (end.header("sec-fetch-site", "same-origin"), admin("session ended"))
        }
        Door::Vote => {
            let answer = house.check(&house.token().await, "deploy").await;
            let ticket = answer["ticket"]["id"].as_str().unwrap();
            let vote = post(&format!("tickets/{ticket}/votes"));
            (vote.json(&json!({"vote": "deny", "reason": "no"})), of(Kind::Ticket))
        }
        Door::ReplayDeadLetter => {
            let kept = house.hook(CLOUD_HOOK, "repo:push", "no json", SECRET).send().await.unwrap();
            let id = json_of(kept).await["delivery"].as_str().unwrap().to_owned();
            while house.gateway.dead_letters(1).await.unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            (post(&format!("dead-letters/{id}/replay")), admin("delivery replayed"))
        }
        Door::NewToken => {
            let wish = json!({"name": "ci", "connection": "acme", "expires_in": 60});
            (post("tokens").json(&wish), admin("service token added"))
        }
        Door::RevokeToken => {
            house.token().await;
            let id = house.gateway.tokens().await.unwrap()[0].id;
            (house.api(Method::DELETE, &format!("tokens/{id}")), admin("service token revoked"))
        }
        Door::NewPause => (post("pause").json(&pause()), admin("pause")),
        Door::ConfirmPause => {
            let asked = house.stranger(Method::POST, "/api/v1/pause").bearer_auth(MIA.1);
            let asked = json_of(asked.json(&pause()).send().await.unwrap()).await;
            let path = format!("/api/v1/pause/{}/confirm", asked["pause"]["id"].as_str().unwrap());
            (house.stranger(Method::POST, &path).bearer_auth(OMAR.1), admin("pause"))
        }
        Door::Resume => {
            assert!(post("pause").json(&pause()).send().await.unwrap().status().is_success());
            (house.api(Method::DELETE, "pause"), admin("pause"))
        }
        Door::TestChannel => (post("channels/security/test"), of(Kind::Outbound)),
        Door::SetMode => {
            let wish = json!({"rules": "test", "scope": "acme", "mode": "shadow"});
            (post("modes").json(&wish), admin("mode"))
        }
        Door::BringEvidence => (post("evidence").json(&evidence()), admin("evidence brought")),
        Door::WithdrawEvidence => {
            let kept = post("evidence").json(&evidence()).send().await.unwrap();
            let path = format!("evidence/{}", json_of(kept).await["id"].as_str().unwrap());
            (house.api(Method::DELETE, &path), admin("evidence withdrawn"))
        }
        Door::Connect => (post("connections").json(&wish().await), admin("connection added")),
        Door::Disconnect => {
            let path = format!("connections/{}", connected(house).await);
            (house.api(Method::DELETE, &path), admin("connection ended"))
        }
        Door::RenewHooks => {
            let path = format!("connections/{}/hooks", connected(house).await);
            (post(&path), admin("hook secrets changed"))
        }
        Door::ChangeConnection => {
            let path = format!("connections/{}/settings", connected(house).await);
            (post(&path).json(&json!({"classes": []})), admin("connection changed"))
        }
        Door::Sync => {
            let path = format!("connections/{}/sync", connected(house).await);
            (post(&path), admin("discovery asked for"))
        }
        Door::ImportAudit => {
            let path = format!("connections/{}/audit", connected(house).await);
            let line = json!({
                "timestamp": "2026-11-21T18:05:00.000Z", "author": {"id": "2"},
                "type": {"actionI18nKey": "bitbucket.service.user.audit.action.groupcreated"},
                "affectedObjects": [{"type": "GROUP", "id": "devs", "name": "devs"}],
            });
            (post(&path).json(&json!({"lines": line.to_string()})), admin("audit lines imported"))
        }
        Door::AcknowledgeFinding => {
            let path = format!("findings/{}/acknowledge", found(house).await);
            (post(&path), admin("finding"))
        }
        Door::AcceptFinding => {
            let path = format!("findings/{}/accept", found(house).await);
            let wish = json!({"because": "a walk through every route", "until": "1d"});
            (post(&path).json(&wish), Trace { kind: Kind::Waiver, what: Some("finding") })
        }
        reads => panic!(
            "{reads:?} changes something: say here how it is called and which entry it leaves"
        ),
    }
}

/// A wish to connect to a simulated Bitbucket, which stays for as long as the test runs.
async fn wish() -> Value {
    let town = super::rig::Town::new().await;
    let wish = json!({
        "id": "walked", "product": "datacenter", "base_url": town.simulator.datacenter_url(),
        "credential": {"kind": "basic", "user": "portcullis", "password": town.cast.password},
    });
    std::mem::forget(town);
    wish
}

async fn connected(house: &House) -> String {
    let made = house.api(Method::POST, "connections").json(&wish().await).send().await.unwrap();
    assert_eq!(made.status(), 201);
    json_of(made).await["id"].as_str().unwrap().to_owned()
}

/// A finding that fails.
async fn found(house: &House) -> String {
    let world = super::findings::stand::world_of(&super::findings::stand::acme());
    house.gateway.take_in(world).await.unwrap();
    let wish = Wish { outcome: Some(Outcome::Fail), ..Wish::default() };
    until("a finding", async || {
        house.gateway.findings(&wish).await.unwrap().findings.first().map(|one| one.id.clone())
    })
    .await
}

fn evidence() -> Value {
    super::evidence::wish("acme", "user-directory", super::evidence::DIRECTORY.as_bytes())
}

fn pause() -> Value {
    json!({"for": "1h", "reason": "a walk through every route"})
}

#[tokio::test]
async fn every_route_that_changes_something_leaves_an_entry() {
    let changing = ROUTES
        .iter()
        .filter(|route| route.method != Verb::Get || CHANGING_READS.contains(&route.door));
    let mut walked = 0;
    for route in changing {
        let receiver = Receiver::answering(&[200]).await;
        let house = match route.door {
            Door::ConfirmPause => House::braked(two_people()).await,
            Door::TestChannel => House::telling(contacts(&[("acme", "security", &receiver)])).await,
            _ => House::open().await,
        };
        let (request, trace) = act(&house, route).await;
        let before = house.gateway.store.head().await.unwrap().size;
        let status = request.send().await.unwrap().status();
        let line = format!("{} {}: {status}", route.method.name(), route.pattern);
        assert!(status.is_success() || status == 303, "{line}");
        if route.door == Door::Hook {
            // It is decided after the answer; whether it is, is what this waits for.
            until("the decision", async || {
                let entries = house.entries(before).await;
                entries.iter().any(|entry| trace.is(entry)).then_some(())
            })
            .await;
        }
        let entries = house.entries(before).await;
        assert!(entries.iter().any(|entry| trace.is(entry)), "{line} left no entry: {entries:?}");
        house.close().await;
        walked += 1;
    }
    assert!(walked >= 12, "only {walked} routes were walked");
}

#[tokio::test]
async fn a_person_with_a_token_of_their_own_is_named_under_a_seal() {
    let house = House::open().await;
    for (who, named) in [(MIA.1, "mia"), (super::doors::house::OPERATOR, "operator session")] {
        let before = house.gateway.store.head().await.unwrap().size;
        let wish = json!({"rules": "test", "scope": "acme", "mode": "shadow"});
        let post = house.stranger(Method::POST, "/api/v1/modes").bearer_auth(who).json(&wish);
        assert_eq!(post.send().await.unwrap().status(), 200);
        let record = house.gateway.store.entry(before).await.unwrap().unwrap();
        assert!(!String::from_utf8(record.entry).unwrap().contains("mia"), "no name in the open");
        let by = record.sealed.iter().find(|part| part.name() == "by").unwrap();
        let Kept::Present(by) = by else { panic!("erased") };
        assert_eq!(by.bytes, named.as_bytes());
    }
    house.close().await;
}

#[tokio::test]
async fn what_only_reads_leaves_none() {
    let house = House::open().await;
    let before = house.gateway.store.head().await.unwrap().size;
    for route in ROUTES.iter().filter(|route| route.method == Verb::Get) {
        if !CHANGING_READS.contains(&route.door) && route.pattern.starts_with("/api/v1") {
            let path = route.pattern.replace(['{', '}'], "");
            house
                .stranger(Method::GET, &path)
                .bearer_auth(super::doors::house::OPERATOR)
                .send()
                .await
                .unwrap();
        }
    }
    let entries = house.entries(before).await;
    assert!(entries.is_empty(), "{entries:?}");
    house.close().await;
}

fn two_people() -> portcullis::gateway::brake::Settings {
    portcullis::gateway::brake::Settings {
        demand: portcullis::decision::pause::Demand::Two,
        ..Default::default()
    }
}

/// Commands that ask, or work without a gate.
const READING: [&str; 50] = [
    "findings list",
    "findings show",
    "findings explain",
    "findings export",
    "findings report",
    "findings catalogue",
    "findings list",
    "findings show",
    "findings explain",
    "findings export",
    "findings report",
    "findings catalogue",
    "doctor",
    "demo",
    "event",
    "eval",
    "who-can",
    "can",
    "paths",
    "access diff",
    "access since",
    "access import",
    "audit list",
    "identities",
    "evidence list",
    "evidence show",
    "access report",
    "policy check",
    "policy test",
    "policy modes",
    "decision list",
    "decision watch",
    "decision show",
    "ticket list",
    "ticket show",
    "dead-letter list",
    "token list",
    "notify list",
    "ledger verify",
    "ledger export",
    "config check",
    "config init",
    "config schema",
    "completions",
    "man",
    "openapi",
    "version",
    "store backup",
    "store info",
    // It makes a new store where none is.
    "store restore",
];

/// Commands that change a gate.
const CHANGING: [&str; 20] = [
    "connect",
    "sync",
    "disconnect",
    "audit import",
    "serve",
    "check",
    "pause",
    "resume",
    "policy promote",
    "policy demote",
    "ticket approve",
    "ticket deny",
    "dead-letter replay",
    "token create",
    "token revoke",
    "notify test",
    "evidence import",
    "evidence withdraw",
    "findings acknowledge",
    "findings accept",
];

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let named = commands.take_while(|line| line.starts_with("  "));
    let words = named
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next());
    words.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command, also those below others, from the program's own help.
async fn commands() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for command in listed(&run(&["--help"]).await.out) {
        let below = listed(&run(&[&command, "--help"]).await.out);
        if below.is_empty() {
            found.insert(command);
        } else {
            found.extend(below.iter().map(|one| format!("{command} {one}")));
        }
    }
    found
}

/// A gate with everything a command could change.
struct Prepared {
    gate: Gate,
    _receiver: Receiver,
    ticket: String,
    other_ticket: String,
    letter: String,
    token: String,
    evidence: String,
    finding: String,
}

impl Prepared {
    async fn new() -> Self {
        let receiver = Receiver::answering(&[200]).await;
        let gate = Gate::start_as(heard_by(&receiver)).await;
        let ticket = async || {
            let step = gate.town.step("main", Some(gate.town.cast.production));
            let question = json!({"action": "deploy", "environment": "production"});
            let asked = gate.check(&step.token, &question).await;
            asked.body["ticket"]["id"].as_str().unwrap_or_else(|| panic!("{asked:?}")).to_owned()
        };
        let (one, other) = (ticket().await, ticket().await);
        let hook = gate.town.cast.cloud_hook.clone();
        let signature = super::doors::house::signature(&hook.secret, "no json");
        let headers = [
            ("x-event-key", "repo:push"),
            ("content-type", "application/json"),
            ("x-hub-signature", signature.as_str()),
        ];
        let kept = gate.deliver(&hook.id, &headers, "no json").await;
        let letter = kept.body["delivery"].as_str().unwrap().to_owned();
        gate.dead_letter(letter.parse().unwrap()).await;
        let wish = json!({"name": "ci", "connection": super::rig::CLOUD, "expires_in": 3_600});
        let token = gate.api(Method::POST, "tokens", &wish).await;
        let token = token.body["id"].as_str().unwrap().to_owned();
        let evidence = super::evidence::wish(
            super::rig::CLOUD,
            "classification",
            b"project,class\nBILL,secret\n",
        );
        let evidence = gate.api(Method::POST, "evidence", &evidence).await;
        let evidence = evidence.body["id"].as_str().unwrap().to_owned();
        // Discovery reads the town, and the patrol looks at it, after the start.
        let finding = until("a finding", async || {
            let page = gate.get("findings?outcome=fail&limit=1").await;
            page["findings"][0]["id"].as_str().map(str::to_owned)
        });
        let finding = finding.await;
        let (ticket, other_ticket) = (one, other);
        Self { gate, _receiver: receiver, ticket, other_ticket, letter, token, evidence, finding }
    }

    /// Runs a command that changes the gate, and says what it said.
    async fn change(&self, command: &str) -> Said {
        let words: Vec<&str> = command.split(' ').collect();
        let scope = super::rig::CLOUD;
        let base = self.gate.town.simulator.datacenter_url();
        let password = self.gate.path("dc.password").display().to_string();
        let directory = self.gate.path("directory.csv").display().to_string();
        std::fs::write(&directory, super::evidence::DIRECTORY).unwrap();
        let file = self.gate.path("one.audit.log");
        let line =
            r#"{"timestamp":"2026-11-21T18:05:00Z","type":{"actionI18nKey":"groupcreated"}}"#;
        std::fs::write(&file, line).unwrap();
        let file = file.display().to_string();
        let more: Vec<&str> = match command {
            "connect" => vec![
                "walked",
                "--product",
                "datacenter",
                "--base-url",
                &base,
                "--credential",
                "basic",
                "--user",
                "portcullis",
                "--secret-file",
                &password,
            ],
            "sync" => vec!["walked", "--no-wait"],
            "disconnect" => vec!["walked"],
            "audit import" => vec![&file, "--connection", super::rig::DATACENTER],
            "pause" => vec!["--for", "1h", "--reason", "a walk"],
            "resume" => vec![],
            "policy promote" => vec!["deploy", "--scope", scope, "--yes"],
            "policy demote" => vec!["deploy", "--scope", scope],
            "ticket approve" => vec![&self.ticket],
            "ticket deny" => vec![&self.other_ticket],
            "dead-letter replay" => vec![&self.letter],
            "token create" => vec!["--name", "other", "--connection", scope],
            "token revoke" => vec![&self.token],
            "notify test" => vec!["security"],
            "evidence import" => {
                vec![&directory, "--kind", "user-directory", "--connection", scope]
            }
            "evidence withdraw" => vec![&self.evidence],
            "findings acknowledge" => vec![&self.finding],
            "findings accept" => {
                vec![&self.finding, "--because", "a walk", "--until", "30d"]
            }
            other => panic!("`{other}`: say here how it is run"),
        };
        self.gate.operate(&[words, more].concat()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_that_changes_a_gate_leaves_an_entry() {
    let all = commands().await;
    assert!(all.len() >= 25, "the help names only {all:?}");
    for command in &all {
        let named = READING.iter().chain(&CHANGING).any(|one| one == command);
        assert!(named, "`{command}`: say here whether it changes a gate");
    }
    for command in READING.iter().chain(&CHANGING) {
        assert!(all.contains(*command), "`{command}` is not in the help any more");
    }
    let mut prepared = Prepared::new().await;
    for command in CHANGING.iter().filter(|command| !["serve", "check"].contains(command)) {
        let before = prepared.gate.count("entry");
        let said = prepared.change(command).await;
        assert_eq!(said.code, 0, "{command}: {}", said.all());
        let after = prepared.gate.count("entry");
        assert!(after > before, "`portcullis {command}` left no entry");
    }
    // `check` is the route that the other test walks; `serve` leaves two, its start and its stop.
    let before = prepared.gate.count("entry");
    assert_eq!(prepared.gate.terminate().await, 0);
    let stopped = prepared.gate.count("entry");
    assert!(stopped > before, "no entry of the stop");
    prepared.gate.restart().await;
    assert!(prepared.gate.count("entry") > stopped, "no entry of the start");
}
