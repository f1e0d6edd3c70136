//! A gate that is killed at any instant, again and again, loses nothing it answered for and does nothing twice.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;
use std::time::Instant;

use portcullis::decision::Effect;
use portcullis::simulator::cloud::Status;
use portcullis::simulator::delivery::Delivery;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use serde_json::Value;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::rig::BILLING;
use super::rig::Gate;
use super::rig::PATIENCE;
use super::rig::Town;
use super::rig::run;
use super::rig::until;

/// How often the gate is killed.
const KILLS: usize = 20;

/// A sender's pause after it found nobody there: Bitbucket has other things to do too.
const PAUSE: Duration = Duration::from_millis(20);

/// What the gate has answered for.
#[derive(Default)]
struct Promised {
    deliveries: Mutex<BTreeSet<Uuid>>,
    decisions: Mutex<BTreeSet<Uuid>>,
    answers: watch::Sender<usize>,
}

impl Promised {
    fn delivery(&self, id: Uuid) {
        self.deliveries.lock().unwrap().insert(id);
        self.answers.send_modify(|answers| *answers += 1);
    }

    fn decision(&self, id: Uuid) {
        self.decisions.lock().unwrap().insert(id);
        self.answers.send_modify(|answers| *answers += 1);
    }

    /// Waits until the gate has answered this often more than now.
    async fn further(&self, answers: usize) {
        let mut count = self.answers.subscribe();
        let wanted = *count.borrow_and_update() + answers;
        let enough = count.wait_for(|count| *count >= wanted);
        tokio::time::timeout(PATIENCE, enough).await.expect("the gate stopped answering").unwrap();
    }
}

fn id(text: &Value) -> Option<Uuid> {
    text.as_str()?.parse().ok()
}

/// Pushes branch after branch, and remembers what was acknowledged.
async fn push_on(town: Arc<Town>, promised: Arc<Promised>, name: &'static str) {
    for number in 0_u32.. {
        let change = Change::new_branch(&format!("load/{name}-{number}"), "main", 1);
        let done = town.simulator.cloud().push(BILLING, town.cast.ravi, &[change]).await.unwrap();
        let taken = acknowledged(&done.deliveries);
        if taken.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        for delivery in taken {
            promised.delivery(delivery);
        }
    }
}

/// The ids the gate gave those it took.
fn acknowledged(deliveries: &[Delivery]) -> Vec<Uuid> {
    let attempts = deliveries.iter().filter_map(|delivery| delivery.attempts.last());
    let taken = attempts.filter(|attempt| attempt.status.is_some_and(|status| status < 300));
    let answers =
        taken.map(|attempt| serde_json::from_str::<Value>(&attempt.answer).unwrap_or_default());
    // The gate can die while it says so: then nothing was acknowledged.
    answers.filter_map(|answer| id(&answer["delivery"])).collect()
}

/// Asks question after question as steps do, and remembers what was answered. A question without an answer is asked again.
async fn ask_on(town: Arc<Town>, promised: Arc<Promised>, address: watch::Receiver<String>) {
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    for number in 0_u32.. {
        let (place, name) = match number % 3 {
            0 => (town.cast.production, "production"),
            _ => (town.cast.staging, "staging"),
        };
        let step = town.step("main", Some(place));
        let question = json!({"action": "deploy", "environment": name});
        loop {
            let url = format!("http://{}/v1/check", *address.borrow());
            let answer = http.post(url).bearer_auth(&step.token).json(&question).send().await;
            let body = match answer {
                Ok(answer) if answer.status() == 200 => answer.json::<Value>().await.ok(),
                Ok(_) | Err(_) => None,
            };
            if let Some(decision) = body.and_then(|body| id(&body["decision"])) {
                promised.decision(decision);
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// How often each status was posted: by commit, key, state and link.
fn posts(gate: &Gate) -> BTreeMap<[String; 4], usize> {
    let mut posts = BTreeMap::new();
    for post in gate.town.simulator.posted() {
        let url = post.body["url"].as_str().unwrap_or_default().to_owned();
        *posts.entry([post.commit, post.key, post.state, url]).or_default() += 1;
    }
    posts
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_under_load_lose_nothing_and_repeat_nothing() {
    let mut gate = Gate::start().await;
    let promised: Arc<Promised> = Arc::default();
    let (told, address) = watch::channel(gate.public.clone());
    let mut load = JoinSet::new();
    for name in ["one", "two"] {
        load.spawn(push_on(Arc::clone(&gate.town), Arc::clone(&promised), name));
    }
    load.spawn(ask_on(Arc::clone(&gate.town), Arc::clone(&promised), address));
    let mut slowest = Duration::ZERO;
    for life in 0..KILLS {
        // Another moment each time: soon after the start, and in the middle of the work.
        promised.further(1 + life * 5 % 13).await;
        gate.kill().await;
        let began = Instant::now();
        gate.reopen().await;
        slowest = slowest.max(began.elapsed());
        told.send_replace(gate.public.clone());
    }
    promised.further(3).await;
    load.shutdown().await;
    gate.kill().await;
    gate.restart().await;
    gate.quiet().await;
    eprintln!("slowest start of {KILLS}: {slowest:?}");

    let records = gate.records().await;
    let letters = gate.get("dead-letters").await;
    let decided: Vec<Uuid> = records.iter().filter_map(|record| record.public.delivery).collect();
    for delivery in promised.deliveries.lock().unwrap().iter() {
        let times = decided.iter().filter(|of| *of == delivery).count();
        let is_dead = letters.to_string().contains(&delivery.to_string());
        assert!(
            times == 1 || (times == 0 && is_dead),
            "{delivery} was acknowledged and decided {times} times"
        );
    }
    let known: BTreeSet<Uuid> = records.iter().map(|record| record.public.decision).collect();
    for decision in promised.decisions.lock().unwrap().iter() {
        assert!(known.contains(decision), "{decision} was answered and is not in the record");
    }
    let posts = posts(&gate);
    assert!(posts.len() > KILLS, "only {} statuses were posted", posts.len());
    let twice: Vec<_> = posts.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "posted more than once: {twice:?}");
    let verified = run(&["ledger", "verify", "--store", &gate.store_url()]).await;
    assert_eq!(verified.code, 0, "{}", verified.all());
}

/// A status that Bitbucket took although nobody lived to record it: read back, and not posted again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_carried_out_before_the_kill_is_not_carried_out_after_it() {
    let mut gate = Gate::start().await;
    let town = Arc::clone(&gate.town);
    let cloud = town.simulator.cloud();
    let push = async |change: Change| cloud.push(BILLING, town.cast.ravi, &[change]).await.unwrap();
    push(Change::new_branch("feature/done", "main", 1)).await;
    push(Change::new_branch("feature/open", "main", 1)).await;
    gate.quiet().await;
    let key = |branch: &str| {
        let posted = town.simulator.posted();
        posted.iter().find(|post| post.body["refname"] == branch).unwrap().key.clone()
    };
    let (done_key, before) = (key("feature/done"), town.simulator.posted().len());
    // From now on no status arrives; the gate tries, and is killed.
    town.simulator.lay_fault("/2.0/repositories", Fault::Status(503), None);
    push(Change::commits("feature/done", 1)).await;
    push(Change::commits("feature/open", 1)).await;
    until("both tried", async || {
        (gate.count("action WHERE state = 0 AND tries > 0") == 2).then_some(())
    })
    .await;
    gate.kill().await;
    assert_eq!(town.simulator.posted().len(), before);
    // Bitbucket has the first one's status; only the gate never heard so.
    let done = town.tip("feature/done");
    let records = gate.records().await;
    let decision = records
        .iter()
        .find(|record| record.public.commit.as_deref() == Some(done.as_str()))
        .unwrap();
    let url = format!("{}/d/{}", super::rig::GATE, decision.public.decision);
    let state = if decision.public.effect == Effect::Proceed { "SUCCESSFUL" } else { "FAILED" };
    let now = town.simulator.now();
    town.simulator.company(|company| {
        let statuses = &mut company.workspaces[0].repository_mut("billing").unwrap().statuses;
        statuses.push(Status {
            commit: done.clone(),
            key: done_key,
            state: state.to_owned(),
            name: "Portcullis".to_owned(),
            description: String::new(),
            url,
            refname: Some("feature/done".to_owned()),
            created_on: now,
            updated_on: now,
        });
    });
    town.simulator.clear_faults();
    gate.restart().await;
    gate.quiet().await;
    let after: Vec<_> = town.simulator.posted().split_off(before);
    assert!(after.iter().all(|post| post.commit != done), "posted again: {after:?}");
    let open = town.tip("feature/open");
    assert_eq!(
        after.iter().filter(|post| post.commit == open).count(),
        1,
        "the one that was not there is posted"
    );
}
