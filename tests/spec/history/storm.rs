//! What the gate says under a storm is held against a plain model of what was true when: whatever comes in (webhooks lost,
//! late, twice, in another order; crawls that break off; restarts; Bitbucket's clock), a fact it states was true at some
//! moment within the age it states, or it is unknown. After a whole crawl in quiet it states what is true.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::company::Dice;
use portcullis::simulator::delivery::Delivery;
use portcullis::simulator::faults::Fault;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use super::fresh::rule;
use super::fresh::seen;
use crate::spec::rig::BILLING;
use crate::spec::rig::CLOUD;
use crate::spec::rig::Gate;
use crate::spec::rig::Shape;
use crate::spec::rig::until;

/// Storms, each from its own seed.
const SEEDS: [u64; 4] = [1, 7, 40, 2026];

/// What happens in one, at most.
const LENGTH: usize = 22;

/// How far two looks at one clock may lie apart, milliseconds.
const BLINK: i64 = 5;

const EVENT: &str = "repo:updated";

/// What is true of the repository and of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Truth {
    private: bool,
    admin: bool,
}

impl Truth {
    fn visibility(self) -> &'static str {
        if self.private { "private" } else { "public" }
    }

    fn level(self) -> &'static str {
        if self.admin { "admin" } else { "write" }
    }
}

/// What was true, from when to when at the longest, milliseconds. The last one is true now.
struct Model(Vec<(i64, i64, Truth)>);

impl Model {
    fn now(&self) -> Truth {
        self.0.last().unwrap().2
    }

    /// A change that took place at some moment between these.
    fn changed(&mut self, (begun, ended): (i64, i64), truth: Truth) {
        self.0.last_mut().unwrap().1 = ended;
        self.0.push((begun, i64::MAX, truth));
    }

    /// Whether this was true at some moment between these.
    fn was(&self, (from, to): (i64, i64), is: impl Fn(Truth) -> bool) -> bool {
        self.0.iter().any(|(since, until, truth)| *since <= to && from <= *until && is(*truth))
    }
}

fn clock() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A gate in a storm, and what the model knows.
struct Storm {
    gate: Gate,
    model: Model,
    dice: Dice,
    /// Webhooks that were not delivered yet.
    held: Vec<Delivery>,
    told: Vec<String>,
    /// By how much Bitbucket's clock was turned last, seconds: tokens of steps bear no more.
    turned: i64,
    stated: BTreeMap<&'static str, usize>,
}

impl Storm {
    async fn begin(seed: u64, folder: &std::path::Path) -> Self {
        rule(folder, "pipeline.step", "");
        let shape = Shape { policies: Some(folder.to_owned()), ..Shape::default() };
        let gate = Gate::start_as(shape).await;
        let truth = Truth { private: true, admin: true };
        let model = Model(vec![(0, i64::MAX, truth)]);
        let (dice, told) = (Dice::new(seed), vec![format!("seed {seed}")]);
        let (held, stated) = (Vec::new(), BTreeMap::new());
        let storm = Self { gate, model, dice, held, told, turned: 10, stated };
        storm.set_level(true);
        storm.listen();
        storm
    }

    /// The workspace's hook tells of repositories, too; a gate that came back has another address.
    fn listen(&self) {
        self.gate.town.simulator.company(|company| {
            let hook = &mut company.workspaces[0].hooks[0];
            hook.active = true;
            if !hook.events.iter().any(|event| event == EVENT) {
                hook.events.push(EVENT.to_owned());
            }
        });
    }

    fn set_level(&self, admin: bool) {
        let mia = self.gate.town.cast.mia;
        self.gate.town.simulator.company(|company| {
            let home = &mut company.workspaces[0];
            let grants = &mut home.repository_mut("billing").unwrap().grants;
            grants.retain(|grant| grant.to != Holder::User(mia));
            let level = if admin { Level::Admin } else { Level::Write };
            home.grant("billing", Holder::User(mia), level);
        });
    }

    /// Somebody gets or loses a level: no webhook tells of that.
    fn change_level(&mut self) {
        let truth = Truth { admin: !self.model.now().admin, ..self.model.now() };
        let begun = clock();
        self.set_level(truth.admin);
        self.model.changed((begun, clock()), truth);
    }

    /// A repository is made public or private; its webhook arrives, is lost, or is held back.
    async fn change_visibility(&mut self, arrives: &str) {
        let truth = Truth { private: !self.model.now().private, ..self.model.now() };
        let simulator = &self.gate.town.simulator;
        let url = simulator.company(|company| {
            let hook = &mut company.workspaces[0].hooks[0];
            let url = hook.url.clone();
            match arrives {
                "lost" => hook.active = false,
                "late" => hook.url = format!("{}00", hook.url),
                _ => {}
            }
            url
        });
        let owner =
            simulator.company(|company| company.workspaces[0].named("portcullis").unwrap().uuid);
        let begun = clock();
        let done =
            simulator.cloud().update_repository(BILLING, owner, "a storm", truth.private).await;
        let mut done = done.unwrap();
        self.model.changed((begun, clock()), truth);
        simulator.company(|company| company.workspaces[0].hooks[0].url = url);
        self.listen();
        if arrives == "late" {
            self.held.append(&mut done.deliveries);
        }
    }

    /// One of the webhooks that were held back, whichever, or one that was delivered before.
    async fn deliver(&mut self, again: bool) {
        let simulator = &self.gate.town.simulator;
        let told = if again {
            let all = simulator.deliveries().into_iter().filter(|one| one.sent.event == EVENT);
            self.dice.pick(&all.collect::<Vec<_>>())
        } else if self.held.is_empty() {
            None
        } else {
            let at = self.dice.below(self.held.len());
            Some(self.held.remove(at))
        };
        let Some(mut told) = told else { return };
        told.sent.url = simulator.company(|company| company.workspaces[0].hooks[0].url.clone());
        simulator.resend(&told).await.unwrap();
    }

    async fn sync(&self) {
        let path = format!("connections/{CLOUD}/sync");
        let asked = self.gate.api(Method::POST, &path, &json!({})).await;
        assert!(asked.status < 300, "{}", asked.body);
    }

    async fn synced(&self) -> String {
        until("the end of a reading", async || {
            let now = self.gate.get(&format!("connections/{CLOUD}/sync")).await;
            let state = now["state"].as_str().unwrap_or_default().to_owned();
            ["done", "failed"].contains(&state.as_str()).then_some(state)
        })
        .await
    }

    async fn step(&mut self) {
        let happens = [
            "told", "told", "lost", "late", "late", "level", "again", "deliver", "deliver",
            "crawl", "slow", "broken", "crash", "clock", "question", "question", "question",
            "question",
        ];
        let what = self.dice.pick(&happens).unwrap();
        self.told.push(format!("{what} {:?}", self.model.now()));
        let simulator = std::sync::Arc::clone(&self.gate.town);
        let simulator = &simulator.simulator;
        match what {
            "told" | "lost" | "late" => self.change_visibility(what).await,
            "level" => self.change_level(),
            "again" => self.deliver(true).await,
            "deliver" => self.deliver(false).await,
            "crawl" => self.sync().await,
            "slow" => {
                let wait = Fault::Delay(Duration::from_millis(40));
                simulator.lay_fault("/2.0/repositories/acme/", wait, Some(12));
                self.sync().await;
            }
            "broken" => {
                simulator.lay_fault("/2.0/workspaces/acme/projects", Fault::Drop, Some(4));
                self.sync().await;
            }
            "crash" => {
                self.gate.kill().await;
                // A restart waits for a whole crawl.
                simulator.clear_faults();
                self.gate.restart().await;
                self.listen();
            }
            "clock" => {
                self.turned = -self.turned;
                simulator.turn_clock(SignedDuration::from_secs(self.turned));
            }
            _ => {
                self.question().await;
            }
        }
    }

    /// Asks, and holds what is stated against the model; what was stated.
    async fn question(&mut self) -> Value {
        let step = self.gate.town.step("main", Some(self.gate.town.cast.staging));
        let begun = clock();
        let asked = json!({"action": "run", "environment": "staging"});
        let answer = self.gate.check(&step.token, &asked).await;
        let ended = clock();
        // A gate that cannot judge the step's token says so, and states nothing.
        if answer.status == 503 {
            return Value::Null;
        }
        assert_eq!(answer.status, 200, "{}: {:#?}", answer.body, self.told);
        let decision = answer.body["decision"].as_str().unwrap().to_owned();
        let record = until("the record", async || {
            let records = self.gate.records().await;
            records.into_iter().find(|record| record.public.decision.to_string() == decision)
        })
        .await;
        let input = seen(&record);
        let age = record.public.graph_age_ms.map(|age| i64::try_from(age).unwrap());
        let window = (age.map_or(0, |age| begun - age - BLINK), ended + BLINK);
        let stated = [
            ("visibility", input["resource"]["repository"]["visibility"].as_str()),
            ("level", input["actor"]["level"].as_str()),
        ];
        for (field, value) in stated {
            let Some(value) = value else {
                let unknown = input["unknown"].to_string();
                assert!(
                    unknown.contains("resource.repository") || unknown.contains("actor"),
                    "{input}"
                );
                *self.stated.entry("unknown").or_default() += 1;
                continue;
            };
            assert!(age.is_some(), "it states {field} and no age: {input}");
            let of = |truth: Truth| {
                value == if field == "level" { truth.level() } else { truth.visibility() }
            };
            assert!(
                self.model.was(window, of),
                "{field} is said to be {value} within {age:?} ms, and was not: {:#?}\n{input}",
                self.told
            );
            let now = if of(self.model.now()) { "true" } else { "stale" };
            *self.stated.entry(now).or_default() += 1;
        }
        input
    }

    /// The storm is over, a whole crawl goes through: what is true is stated.
    async fn calm(&mut self) {
        self.gate.town.simulator.clear_faults();
        self.gate.quiet().await;
        // The first may find one that began before the storm was over.
        self.sync().await;
        self.synced().await;
        self.sync().await;
        assert_eq!(self.synced().await, "done", "{:#?}", self.told);
        let (input, truth) = (self.question().await, self.model.now());
        let visibility = &input["resource"]["repository"]["visibility"];
        assert_eq!(visibility, truth.visibility(), "{:#?}\n{input}", self.told);
        assert_eq!(input["actor"]["level"], truth.level(), "{:#?}\n{input}", self.told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_storm_nothing_is_stated_that_was_not_true_within_its_age() {
    let mut stated: BTreeMap<&'static str, usize> = BTreeMap::new();
    for seed in SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let mut storm = Storm::begin(seed, folder.path()).await;
        for _ in 0..LENGTH {
            storm.step().await;
        }
        storm.calm().await;
        for (what, count) in storm.stated {
            *stated.entry(what).or_default() += count;
        }
    }
    println!("stated: {stated:?}");
    assert!(stated.get("true").is_some_and(|count| *count >= 2 * SEEDS.len()), "{stated:?}");
    // A storm in which nothing is ever stale or unknown would show nothing.
    assert!(stated.contains_key("stale") && stated.contains_key("unknown"), "{stated:?}");
}

#[test]
fn the_model_knows_what_was_true_when() {
    let (before, after) =
        (Truth { private: true, admin: true }, Truth { private: false, admin: true });
    let mut model = Model(vec![(0, i64::MAX, before)]);
    model.changed((100, 110), after);
    assert!(model.was((90, 95), |truth| truth.private));
    assert!(!model.was((111, 200), |truth| truth.private), "it was not any more");
    assert!(!model.was((90, 99), |truth| !truth.private), "not yet");
    assert!(model.was((90, 105), |truth| !truth.private));
}
