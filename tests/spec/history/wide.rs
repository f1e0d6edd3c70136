//! A wide storm: many repositories and people, many things at once, on one gateway. Whatever comes in (webhooks lost, late,
//! twice, in another order; readings that are slow or break off; levels that change behind its back), a fact it states was
//! true at some moment within the age it states, or it is unknown; and nothing is let pass on a fact that is older than a
//! rule takes, or by an approval of something else. After a whole reading in quiet it states what is true.
//!
//! The size here is that of every run. A long one names its own: `PORTCULLIS_STORM=100000 cargo test --test spec history::wide`.
//! `storm` beside it has what this one has not: crashes, and Bitbucket's clock.

mod model;
mod stand;

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use portcullis::approval::VoteWord;
use portcullis::gateway::question::Answer;
use portcullis::gateway::question::CheckError;
use portcullis::simulator::cloud::Holder;
use portcullis::simulator::cloud::Level;
use portcullis::simulator::cloud_pipelines::StepOf;
use portcullis::simulator::company::Dice;
use portcullis::simulator::delivery::Delivery;
use portcullis::simulator::faults::Fault;
use portcullis::simulator::git::Change;
use portcullis::simulator::pipelines::PlannedStep;
use portcullis::simulator::pipelines::StartPipeline;
use serde_json::Value;
use serde_json::json;
use tokio::task::JoinSet;

use self::model::Approval;
use self::model::Counts;
use self::model::Demand;
use self::model::LEVELS;
use self::model::Model;
use self::model::People;
use self::model::Place;
use self::model::Stated;
use self::model::Timeline;
use self::model::Truth;
use self::model::Window;
use self::model::clock;
use self::stand::Stand;
use self::stand::name;
use crate::spec::rig::GATE;

/// How many operations every run does.
const OPERATIONS: usize = 1_000;

/// Rounds of every run at the least; after each, everything is held against the model.
const ROUNDS: usize = 4;

/// How many operations a round has at the most.
const ROUND: usize = 2_000;

/// How many do something at the same time.
const HANDS: usize = 16;

const PEOPLE: usize = 6;

const SEED: u64 = 2026;

/// What happens, as often as it stands here.
const HAPPENS: [(&str, usize); 12] = [
    ("new step", 14),
    ("same step", 18),
    ("same question", 10),
    ("deploy", 12),
    ("level", 20),
    ("group", 2),
    ("approvers", 1),
    ("visibility", 9),
    ("late webhook", 4),
    ("webhook again", 2),
    ("push", 7),
    ("deaf", 1),
];

/// One of so many operations is a reading.
const READING: usize = 250;

/// A step that runs, and whose it is.
#[derive(Clone)]
struct Step {
    place: usize,
    person: usize,
    commit: String,
    token: String,
}

/// A question that was asked.
#[derive(Clone)]
struct Question {
    step: Step,
    body: Value,
}

struct Storm {
    stand: Stand,
    places: Vec<Mutex<Place>>,
    /// Who changes who sees a repository does so alone.
    visible: Vec<tokio::sync::Mutex<()>>,
    people: Mutex<People>,
    demand: Mutex<Demand>,
    answers: Mutex<Vec<Stated>>,
    approvals: Mutex<Vec<(String, Approval)>>,
    steps: Mutex<Vec<Step>>,
    questions: Mutex<Vec<Question>>,
    /// Webhooks that nobody brought yet, with their places; and some that were brought.
    late: Mutex<Vec<(usize, Delivery)>>,
    brought: Mutex<Vec<(usize, Delivery)>>,
    done: AtomicUsize,
    number: AtomicUsize,
    /// Readings that went through, and those that did not.
    readings: [AtomicUsize; 2],
    /// Questions without an answer: the grant went to another, or nobody knows the step.
    unanswered: AtomicUsize,
}

impl Storm {
    async fn begin(seed: u64, places: usize) -> Self {
        let stand = Stand::open(seed, places, PEOPLE).await;
        assert!(stand.read().await, "a first reading");
        let place = |_| {
            let direct = (0..PEOPLE).map(|_| Timeline::of(0)).collect();
            Mutex::new(Place { private: Timeline::of(true), direct, told: Vec::new() })
        };
        let developers = (0..PEOPLE).map(|at| Timeline::of(at < PEOPLE / 2)).collect();
        Self {
            stand,
            places: (0..places).map(place).collect(),
            visible: (0..places).map(|_| tokio::sync::Mutex::default()).collect(),
            people: Mutex::new(People { developers, approvers: Timeline::of(true) }),
            demand: Mutex::new(Demand::Age),
            answers: Mutex::default(),
            approvals: Mutex::default(),
            steps: Mutex::default(),
            questions: Mutex::default(),
            late: Mutex::default(),
            brought: Mutex::default(),
            done: AtomicUsize::new(0),
            number: AtomicUsize::new(0),
            readings: Default::default(),
            unanswered: AtomicUsize::new(0),
        }
    }

    fn did(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Does things until so many are done.
    async fn rage(&self, mut dice: Dice, until: usize) {
        let often: usize = HAPPENS.iter().map(|(_, often)| often).sum();
        while self.done.load(Ordering::Relaxed) < until {
            let mut left = dice.below(often);
            let found = HAPPENS.iter().find(|(_, often)| {
                let here = left < *often;
                left = left.saturating_sub(*often);
                here
            });
            let what = if dice.below(READING) == 0 { "reading" } else { found.unwrap().0 };
            self.happens(what, &mut dice).await;
            self.did();
        }
    }

    async fn happens(&self, what: &str, dice: &mut Dice) {
        let (place, person) = (dice.below(self.places.len()), dice.below(PEOPLE));
        match what {
            "new step" => {
                let step = self.step(place, person);
                self.ask(&self.question(&step, "run")).await;
            }
            "same step" => {
                if let Some(step) = pick(&self.steps, dice) {
                    self.ask(&self.question(&step, "run")).await;
                }
            }
            "same question" => {
                if let Some(question) = pick(&self.questions, dice) {
                    self.ask(&question).await;
                }
            }
            "deploy" => self.deploy(place, person, dice).await,
            "level" => self.set_level(place, person, dice.below(LEVELS.len())),
            "group" => self.change_group(person),
            "approvers" => self.change_approvers(),
            "visibility" => self.change_visibility(place, dice).await,
            "late webhook" => self.bring_late(dice).await,
            "webhook again" => {
                if let Some((place, told)) = pick(&self.brought, dice) {
                    self.bring(place, &told).await;
                }
            }
            "push" => self.push(place).await,
            "reading" => self.reading(dice.below(4)).await,
            "deaf" => {
                let of_people = "/2.0/workspaces/acme/permissions/repositories";
                self.stand.simulator.lay_fault(of_people, Fault::Status(503), Some(2));
            }
            other => panic!("nobody knows how to do {other}"),
        }
    }

    /// Somebody is given a level there, or loses it: no webhook tells of that.
    fn set_level(&self, place: usize, person: usize, level: usize) {
        let who = Holder::User(self.stand.people[person]);
        let mut model = self.places[place].lock().unwrap();
        let begun = clock();
        self.stand.simulator.company(|company| {
            let home = &mut company.workspaces[0];
            let slug = format!("repo-{place}");
            home.repository_mut(&slug).unwrap().grants.retain(|grant| grant.to != who);
            if let Some(level) =
                [None, Some(Level::Read), Some(Level::Write), Some(Level::Admin)][level]
            {
                home.grant(&slug, who, level);
            }
        });
        model.direct[person].changed((begun, clock()), level);
    }

    /// Somebody joins those who may write everywhere, or leaves them.
    fn change_group(&self, person: usize) {
        let mut people = self.people.lock().unwrap();
        let joins = !people.developers[person].now();
        let begun = clock();
        self.members("developers", person, joins);
        people.developers[person].changed((begun, clock()), joins);
    }

    /// The only one who is in the group that approves leaves it, or comes back.
    fn change_approvers(&self) {
        let mut people = self.people.lock().unwrap();
        let joins = !people.approvers.now();
        let begun = clock();
        self.members("approvers", 0, joins);
        people.approvers.changed((begun, clock()), joins);
    }

    fn members(&self, group: &str, person: usize, joins: bool) {
        let who = self.stand.people[person];
        self.stand.simulator.company(|company| {
            let groups = &mut company.workspaces[0].groups;
            let group = groups.iter_mut().find(|one| one.slug == group).unwrap();
            group.members.retain(|member| *member != who);
            if joins {
                group.members.push(who);
            }
        });
    }

    /// A repository is made public or private. Its webhook is brought at once, once or twice, or later, or never.
    async fn change_visibility(&self, place: usize, dice: &mut Dice) {
        let alone = self.visible[place].lock().await;
        let private = !self.places[place].lock().unwrap().private.now();
        let begun = clock();
        let cloud = self.stand.simulator.cloud();
        let text = format!("change {}", self.number.fetch_add(1, Ordering::Relaxed));
        let done = cloud.update_repository(&name(place), self.stand.owner, &text, private).await;
        let ended = clock();
        self.places[place].lock().unwrap().private.changed((begun, ended), private);
        drop(alone);
        let told = done.unwrap().deliveries.remove(0);
        match dice.below(10) {
            0..4 => self.bring(place, &told).await,
            4 => {
                tokio::join!(self.bring(place, &told), self.bring(place, &told));
            }
            5..9 => self.late.lock().unwrap().push((place, told)),
            _ => {}
        }
    }

    async fn bring(&self, place: usize, told: &Delivery) {
        let begun = clock();
        let new = self.stand.bring(told).await;
        if new && told.sent.event == "repo:updated" {
            self.places[place].lock().unwrap().told.push((begun, clock()));
        }
        let mut brought = self.brought.lock().unwrap();
        if brought.len() > 200 {
            brought.remove(0);
        }
        brought.push((place, told.clone()));
    }

    /// One of those that were held back, whichever.
    async fn bring_late(&self, dice: &mut Dice) {
        let told = {
            let mut late = self.late.lock().unwrap();
            let at = dice.below(late.len());
            (!late.is_empty()).then(|| late.swap_remove(at))
        };
        if let Some((place, told)) = told {
            self.bring(place, &told).await;
        }
    }

    /// The branch moves on: what was approved before is not this commit.
    async fn push(&self, place: usize) {
        let cloud = self.stand.simulator.cloud();
        let change = Change::commits("main", 1);
        let done = cloud.push(&name(place), self.stand.owner, &[change]).await.unwrap();
        for told in &done.deliveries {
            self.bring(place, told).await;
        }
    }

    /// One that is slow, one that breaks off, or one that has luck.
    async fn reading(&self, how: usize) {
        let simulator = &self.stand.simulator;
        match how {
            0 => {
                let wait = Fault::Delay(Duration::from_millis(40));
                simulator.lay_fault("/2.0/repositories/acme/", wait, Some(40));
            }
            1 => simulator.lay_fault("/2.0/workspaces/acme/projects", Fault::Drop, Some(2)),
            _ => {}
        }
        let read = self.stand.read().await;
        self.readings[usize::from(!read)].fetch_add(1, Ordering::Relaxed);
    }

    /// A step of somebody's pipeline there; who may not start one is given a level first.
    fn step(&self, place: usize, person: usize) -> Step {
        let cloud = self.stand.simulator.cloud();
        let plan = PlannedStep::new("deploy", &["./deploy.sh"], &[GATE]);
        let order = StartPipeline::on_push(self.stand.people[person], "main", vec![plan]);
        let run = loop {
            match cloud.start_pipeline(&name(place), &order) {
                Ok(run) => break run,
                Err(_) => self.set_level(place, person, 2),
            }
        };
        let of = StepOf { repository: &name(place), pipeline: run.pipeline, step: run.steps[0] };
        let token = cloud.step_token(of).unwrap();
        let step = Step { place, person, commit: run.commit, token };
        let mut steps = self.steps.lock().unwrap();
        if steps.len() > 400 {
            steps.remove(0);
        }
        steps.push(step.clone());
        step
    }

    /// A question that was not asked before.
    fn question(&self, step: &Step, action: &str) -> Question {
        // Another variable makes it another question.
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let body = match action {
            "run" => json!({"action": action, "variables": [format!("V{number}")]}),
            _ => json!({"action": action}),
        };
        let question = Question { step: step.clone(), body };
        let mut questions = self.questions.lock().unwrap();
        if questions.len() > 400 {
            questions.remove(0);
        }
        questions.push(question.clone());
        question
    }

    /// Asks, and writes down what was stated.
    async fn ask(&self, question: &Question) -> Option<(Stated, Option<String>)> {
        let demand = *self.demand.lock().unwrap();
        let body = question.body.to_string();
        let begun = clock();
        let answer = self.stand.gateway.check(&question.step.token, body.as_bytes()).await;
        let asked = (begun, clock());
        let answer = match answer {
            Ok(answer) => answer,
            Err(CheckError::Unavailable(_)) => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                return None;
            }
            Err(other) => panic!("{other}: {body}"),
        };
        let stated = stated(&answer, question, (asked, demand));
        self.answers.lock().unwrap().push(stated.clone());
        Some((stated, answer.ticket.map(|ticket| ticket.id)))
    }

    /// Somebody deploys. If that needs an approval it is given, mostly, and used, mostly by the same step; in between
    /// anything may have changed.
    async fn deploy(&self, place: usize, person: usize, dice: &mut Dice) {
        let step = self.step(place, person);
        let question = self.question(&step, "deploy");
        self.did();
        let Some((stated, ticket)) = self.ask(&question).await else { return };
        let Some(ticket) = ticket.filter(|_| stated.effect == "wait") else { return };
        if dice.chance(10) {
            return;
        }
        let begun = clock();
        let id = ticket.parse().unwrap();
        let voted = self.stand.gateway.vote(id, VoteWord::Approve, "It is agreed.").await;
        self.did();
        // Whoever asked the same question again may have been given this very ticket.
        if voted.is_ok() {
            let approval = Approval { asked: stated, given: (begun, clock()) };
            self.approvals.lock().unwrap().push((ticket, approval));
        }
        match dice.below(8) {
            0 => self.set_level(place, person, dice.below(LEVELS.len())),
            1 => self.change_visibility(place, dice).await,
            2 => self.push(place).await,
            3 => self.change_approvers(),
            _ => {}
        }
        self.did();
        let again = match dice.below(3) {
            0 => {
                let other = self.step(place, person);
                self.question(&other, "deploy")
            }
            _ => question,
        };
        self.did();
        self.ask(&again).await;
        if dice.chance(30) {
            // A grant that is spent is spent, whoever asks.
            let other = self.step(place, person);
            self.did();
            self.ask(&self.question(&other, "deploy")).await;
        }
    }

    /// Everything that was stated is held against the model.
    fn hold(&self, model: &mut Model) {
        let answers = std::mem::take(&mut *self.answers.lock().unwrap());
        model.approvals.extend(std::mem::take(&mut *self.approvals.lock().unwrap()));
        let places = self.places.iter().map(|place| place.lock().unwrap());
        let places: Vec<_> = places.collect();
        let truth = Truth { places: &places, people: &self.people.lock().unwrap() };
        if let Err(wrong) = model.hold(&truth, answers) {
            panic!("seed {SEED}: {wrong}");
        }
    }

    /// The storm is over, and a whole reading goes through: what is true is stated, and nothing is unknown.
    async fn calm(&self) {
        self.stand.simulator.clear_faults();
        self.stand.demand(Demand::Age);
        *self.demand.lock().unwrap() = Demand::Age;
        self.stand.quiet().await;
        // Whoever may not start one is given a level for it, so this comes before the reading.
        let steps: Vec<_> =
            (0..self.places.len()).map(|place| self.step(place, place % PEOPLE)).collect();
        // The first goes on with one that broke off.
        assert!(self.stand.read().await && self.stand.read().await, "nothing holds it up");
        for step in &steps {
            self.ask(&self.question(step, "run")).await.unwrap();
        }
    }
}

fn pick<T: Clone>(from: &Mutex<Vec<T>>, dice: &mut Dice) -> Option<T> {
    dice.pick(&from.lock().unwrap())
}

/// What an answer states, by the rule that says what it sees.
fn stated(answer: &Answer, question: &Question, (asked, demand): (Window, Demand)) -> Stated {
    let shows = answer.rules.iter().find(|rule| rule.rule.as_str() == "test/shows").unwrap();
    let reason = shows.reason.as_ref().unwrap();
    let (level, visibility) = reason.split_once(' ').unwrap();
    let is = |word: &str| LEVELS.iter().position(|level| *level == word);
    let known = (level != "unknown").then(|| is(level).unwrap_or_else(|| panic!("{reason}")));
    Stated {
        decision: answer.decision.clone(),
        asked,
        demand,
        deploys: question.body["action"] == "deploy",
        place: question.step.place,
        person: question.step.person,
        level: known,
        private: (visibility != "unknown").then_some(visibility == "private"),
        age: answer.graph.age_ms.map(|age| i64::try_from(age).unwrap()),
        effect: answer.effect,
        used: answer.satisfied_by.clone(),
        commit: question.step.commit.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_wide_storm_nothing_is_stated_that_was_not_true_and_nothing_passes_that_must_not() {
    let named = std::env::var("PORTCULLIS_STORM");
    let operations = named.map_or(OPERATIONS, |text| text.parse().expect("a number"));
    let places = if operations > OPERATIONS { 100 } else { 24 };
    let began = Instant::now();
    let storm = Arc::new(Storm::begin(SEED, places).await);
    let (mut dice, mut model) = (Dice::new(SEED), Model::default());
    let round = operations.div_ceil(ROUNDS).min(ROUND);
    for (number, from) in (0..operations).step_by(round).enumerate() {
        let demand = if number % 2 == 1 { Demand::Fresh } else { Demand::Age };
        storm.stand.demand(demand);
        *storm.demand.lock().unwrap() = demand;
        let until = (from + round).min(operations);
        let mut hands = JoinSet::new();
        for _ in 0..HANDS {
            let (storm, dice) = (Arc::clone(&storm), dice.split());
            hands.spawn(async move { storm.rage(dice, until).await });
        }
        // Of each kind there is one, however short the storm is.
        storm.reading(number % 3).await;
        while let Some(ended) = hands.join_next().await {
            ended.unwrap();
        }
        storm.hold(&mut model);
        storm.stand.simulator.forget_history();
    }
    let done = storm.done.load(Ordering::Relaxed);
    let stormed = model.counts;
    storm.calm().await;
    model.counts = Counts::default();
    storm.hold(&mut model);
    let [whole, broken] = storm.readings.each_ref().map(|count| count.load(Ordering::Relaxed));
    let unanswered = storm.unanswered.load(Ordering::Relaxed);
    println!(
        "{done} operations on {places} repositories in {} s: {stormed:?}; {whole} readings went through and {broken} broke off; {unanswered} questions without an answer; in quiet {:?}",
        began.elapsed().as_secs(),
        model.counts
    );
    assert!(whole > 0 && broken > 0, "{whole} readings went through and {broken} broke off");
    stormed.show_everything();
    assert!(model.counts.true_now == 2 * places, "in quiet: {:?}", model.counts);
    assert!(model.counts.stale + model.counts.unknown == 0, "in quiet: {:?}", model.counts);
    Arc::into_inner(storm).unwrap().stand.close().await;
}
