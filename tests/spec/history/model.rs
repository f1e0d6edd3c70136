//! The freshness model: whatever order grants, events, readings, faults, restarts and questions come in, no fact is told
//! that was not so at some instant within its stated age, and nothing is allowed on a right that was gone by then.
//!
//! The model keeps what Bitbucket really was, from when until when at most; the gate is the real one in front of the
//! simulated Bitbucket. A sequence is made from a seed, and a failure names it.

use std::time::Duration;
use std::time::SystemTime;

use portcullis::decision::Record;
use portcullis::policy::Verdict;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud::ProjectLevel;
use portcullis::simulator::faults::Fault;
use reqwest::Method;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::spec::rig::BILLING;
use crate::spec::rig::Gate;
use crate::spec::rig::Shape;
use crate::spec::rig::until;

/// Sequences, and what happens in each.
const SEEDS: [u64; 3] = [1, 2, 3];
const STEPS: usize = 45;

/// What the rule takes: `fresh: 1s`, in milliseconds.
const FRESH: i64 = 1_000;

/// Where a level is read again.
const LEVELS: &str = "/2.0/workspaces/acme/permissions/repositories";

const RULE: &str = r#"# METADATA
# title: Only those who can write may run
# description: A rule for the freshness model.
# custom:
#   on: [pipeline.step]
#   reads: [actor.level, resource.repository.visibility]
#   fresh: 1s
#   severity: critical
package portcullis.rules.test.model

finding contains {"verdict": "block", "reason": "Whoever started this cannot write."} if {
  input.actor.level in {"none", "read"}
}

# Whether it is seen or not: it must not weigh.
finding contains {"verdict": "alert", "reason": "It is open."} if {
  input.resource.repository.visibility == "public"
}
"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Truth {
    own: Option<Level>,
    group: bool,
    public: bool,
}

impl Truth {
    fn level(self) -> &'static str {
        let own = match self.own {
            None | Some(Level::None) => 0,
            Some(Level::Read) => 1,
            Some(Level::Write) => 2,
            Some(Level::Admin) => 3,
        };
        let open = usize::from(self.public);
        let group = if self.group { 2 } else { 0 };
        ["none", "read", "write", "admin"][own.max(open).max(group)]
    }

    fn visibility(self) -> &'static str {
        if self.public { "public" } else { "private" }
    }
}

/// What was so, each from when and until when at most.
struct Model {
    past: Vec<(i64, Truth, i64)>,
}

impl Model {
    fn now(&self) -> Truth {
        self.past.last().unwrap().1
    }

    fn changed(&mut self, began: i64, truth: Truth) {
        let now = now();
        self.past.last_mut().unwrap().2 = now;
        self.past.push((began, truth, i64::MAX));
    }

    /// What may have been so at some instant of a span.
    fn within(&self, from: i64, to: i64) -> Vec<Truth> {
        let meets = |(began, _, ended): &&(i64, Truth, i64)| *began <= to && *ended >= from;
        self.past.iter().filter(meets).map(|(_, truth, _)| *truth).collect()
    }
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) % count
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

struct Play {
    gate: Gate,
    model: Model,
    dice: Dice,
    owner: Uuid,
    /// When the gate had taken in the last event about the repository.
    told: Option<i64>,
    readings: usize,
    restarts: usize,
    story: Vec<String>,
    allowed: usize,
    unknown: usize,
}

impl Play {
    async fn begin(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("test")).unwrap();
        std::fs::write(folder.path().join("test/model.rego"), RULE).unwrap();
        let shape = Shape { policies: Some(folder.path().to_owned()), ..Shape::default() };
        let gate = Gate::start_as(shape).await;
        let owner = gate.town.simulator.company(|company| {
            let acme = &mut company.workspaces[0];
            acme.hooks[0].events.push("repo:updated".to_owned());
            acme.named("portcullis").unwrap().uuid
        });
        let truth = Truth { own: Some(Level::Admin), group: true, public: false };
        Self {
            gate,
            model: Model { past: vec![(0, truth, i64::MAX)] },
            dice: Dice(seed),
            owner,
            told: None,
            readings: 0,
            restarts: 0,
            story: vec![format!("seed {seed}")],
            allowed: 0,
            unknown: 0,
        }
    }

    async fn step(&mut self) {
        match self.dice.below(16) {
            0..=2 => self.grant(),
            3 => self.group(),
            4 => self.open(true).await,
            5 => self.open(false).await,
            6 if self.readings < 4 => self.read().await,
            7 => self.fault(),
            8 | 9 => {
                let nap = 100 + self.dice.below(1_100);
                self.story.push(format!("{nap} ms pass"));
                tokio::time::sleep(Duration::from_millis(nap)).await;
            }
            10 if self.restarts < 1 => self.restart().await,
            _ => drop(self.ask().await),
        }
    }

    fn grant(&mut self) {
        let levels = [None, Some(Level::Read), Some(Level::Write), Some(Level::Admin)];
        let own = levels[self.dice.below(4) as usize];
        self.story.push(format!("own grant becomes {own:?}"));
        let (began, mia) = (now(), self.gate.town.cast.mia);
        self.gate.town.simulator.company(|company| {
            let acme = &mut company.workspaces[0];
            acme.repository_mut("billing").unwrap().grants.retain(|g| g.to != Holder::User(mia));
            if let Some(level) = own {
                acme.grant("billing", Holder::User(mia), level);
            }
        });
        self.model.changed(began, Truth { own, ..self.model.now() });
    }

    fn group(&mut self) {
        let group = !self.model.now().group;
        self.story.push(format!("the group's grant is there: {group}"));
        let began = now();
        self.gate.town.simulator.company(|company| {
            let acme = &mut company.workspaces[0];
            let developers = Holder::Group("developers".to_owned());
            let project = acme.projects.iter_mut().find(|project| project.key == "BILL").unwrap();
            project.grants.retain(|grant| grant.to != developers);
            if group {
                acme.grant_project("BILL", developers, ProjectLevel::Write);
            }
        });
        self.model.changed(began, Truth { group, ..self.model.now() });
    }

    /// Who can see it changes, and Bitbucket tells so or not.
    async fn open(&mut self, tells: bool) {
        let public = !self.model.now().public;
        self.story.push(format!("public: {public}, told: {tells}"));
        let began = now();
        if tells {
            let cloud = self.gate.town.simulator.cloud();
            let text = format!("told at {began}");
            cloud.update_repository(BILLING, self.owner, &text, !public).await.unwrap();
            self.model.changed(began, Truth { public, ..self.model.now() });
            self.gate.quiet().await;
            self.told = Some(now());
        } else {
            self.gate.town.simulator.company(|company| {
                company.workspaces[0].repository_mut("billing").unwrap().is_private = !public;
            });
            self.model.changed(began, Truth { public, ..self.model.now() });
        }
    }

    async fn read(&mut self) {
        self.readings += 1;
        let path = "connections/acme-cloud/sync";
        let answer = self.gate.api(Method::POST, path, &json!({})).await;
        self.story.push(format!("read: {}", answer.status));
    }

    fn fault(&mut self) {
        let simulator = &self.gate.town.simulator;
        if self.dice.below(2) == 0 {
            self.story.push("levels cannot be read".to_owned());
            simulator.lay_fault(LEVELS, Fault::Status(503), None);
        } else {
            self.story.push("levels can be read".to_owned());
            simulator.clear_faults();
        }
    }

    async fn restart(&mut self) {
        self.restarts += 1;
        self.story.push("killed and started again".to_owned());
        self.gate.town.simulator.clear_faults();
        self.gate.kill().await;
        self.gate.restart().await;
    }

    /// Asks, and holds the answer against the model; what was seen.
    async fn ask(&mut self) -> Value {
        let town = &self.gate.town;
        let step = town.step("main", Some(town.cast.staging));
        let from = now();
        let question = json!({"action": "run", "environment": "staging"});
        let answer = self.gate.check(&step.token, &question).await;
        let to = now();
        assert_eq!(answer.status, 200, "{}\n{:#?}", answer.body, self.story);
        let record = self.record(answer.body["decision"].as_str().unwrap()).await;
        let input: Value = serde_json::from_str(record.input.kept().unwrap().get()).unwrap();
        let age = input["graph"]["age_ms"].as_i64().unwrap();
        let level = input["actor"]["level"].as_str();
        let visibility = input["resource"]["repository"]["visibility"].as_str();
        let verdict = record.public.verdict;
        self.story.push(format!(
            "asked: {verdict:?}, level {level:?}, {visibility:?}, graph {age} ms old; it is {:?}",
            self.model.now()
        ));
        let story = || format!("{:#?}", self.story);
        // An old graph is not used: the level was read while the question waited.
        let since = if age <= FRESH { from - age } else { from };
        let possible = self.model.within(since, to);
        if let Some(level) = level {
            assert!(possible.iter().any(|truth| truth.level() == level), "{}", story());
        }
        if let Some(visibility) = visibility {
            assert!(age <= FRESH, "older than the rule takes\n{}", story());
            assert!(
                self.told.is_none_or(|told| told <= to - age),
                "read before Bitbucket told that it changed\n{}",
                story()
            );
            assert!(possible.iter().any(|truth| truth.visibility() == visibility), "{}", story());
        }
        if verdict < Verdict::Block {
            let could = |truth: &Truth| matches!(truth.level(), "write" | "admin");
            assert!(level.is_some() && possible.iter().any(could), "{}", story());
            self.allowed += 1;
        }
        self.unknown += usize::from(level.is_none() || visibility.is_none());
        input
    }

    async fn record(&self, decision: &str) -> Record {
        until("the record", async || {
            let records = self.gate.records().await;
            records.into_iter().find(|record| record.public.decision.to_string() == decision)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fact_is_older_than_it_says_and_nothing_is_allowed_on_a_right_that_is_gone() {
    let (mut allowed, mut unknown) = (0, 0);
    for seed in SEEDS {
        let mut play = Play::begin(seed).await;
        for _ in 0..STEPS {
            play.step().await;
        }
        // When all is quiet and read again, what is told is what is so.
        play.gate.town.simulator.clear_faults();
        play.read().await;
        let (input, truth) = (play.ask().await, play.model.now());
        let told = input["actor"]["level"].as_str();
        assert!(told.is_none_or(|told| told == truth.level()), "{:#?}", play.story);
        allowed += play.allowed;
        unknown += play.unknown;
    }
    println!("{allowed} allowed, {unknown} with something unknown");
    assert!(allowed > 0 && unknown > 0, "a model that never sees either shows nothing");
}
