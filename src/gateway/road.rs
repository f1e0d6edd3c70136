//! THE ROAD, stations 7 to 10: a matter is gathered, evaluated, decided and planned. Nothing is written here.
//!
//! The same function serves webhooks, checks and simulations. It takes what is to be decided and gives back everything
//! that is to be recorded; whoever called it records that in one transaction (`inbox`, `question`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use sha2::Digest;
use sha2::Sha256;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::decision::Brake;
use crate::decision::Grant;
use crate::decision::Mode;
use crate::decision::Outcome;
use crate::decision::Record;
use crate::decision::binds::Ground;
use crate::decision::binds::binds;
use crate::decision::decide;
use crate::decision::plan::Weighed;
use crate::decision::plan::plan;
use crate::decision::record::Asked;
use crate::decision::record::Names;
use crate::decision::record::Part;
use crate::decision::record::Public;
use crate::decision::record::RefusedGrant;
use crate::decision::record::Surface;
use crate::decision::record::Told;
use crate::decision::weight;
use crate::event::EventKind;
use crate::gateway::Active;
use crate::gateway::Gateway;
use crate::gateway::approvers;
use crate::gateway::connections::Connection;
use crate::gateway::gather;
use crate::gateway::meters::Remembered;
use crate::gateway::meters::Station;
use crate::gateway::names;
use crate::gateway::spans;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Known;
use crate::graph::Product;
use crate::graph::Time;
use crate::graph::Why;
use crate::graph::fact::Wanted;
use crate::policy::Document;
use crate::policy::Finding;
use crate::policy::Input;
use crate::policy::Rule;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::policy::finding::Origin;
use crate::policy::input::CallerKind;
use crate::policy::weigh;

/// The gate's own demand, beside every rule: the step that asks is real and running.
pub const STEP_IS_REAL: &str = "portcullis/step-is-read";

/// The action that needs no proof that the step still runs.
pub const RUN: &str = "run";

/// Something to be decided: what is known of it so far, and how it came.
#[derive(Debug)]
pub struct Matter {
    /// What is known; [`gather`] fills what rules want and nobody told.
    pub document: Document,
    /// Where.
    pub connection: Arc<Connection>,
    /// Through which door.
    pub surface: Surface,
    /// The delivery it answers.
    pub delivery: Option<Uuid>,
    /// How the caller was known.
    pub caller: CallerKind,
    /// Who wrote the commits, as far as it was read: they may be barred from approving them.
    pub authors: Vec<Id>,
    /// What the gate itself answers, beside every rule and whatever their modes: a question about somebody or something
    /// that is not known here, or that cannot be. See [`authzen`](crate::gateway::authzen).
    pub own: Vec<Finding>,
    /// A check whose step or commit could not be read: why. What is not read is not let pass.
    pub unread_step: Option<Why>,
    /// A check whose step has ended: the state it is in.
    pub replayed: Option<String>,
    /// The commit of a check, as read from Bitbucket.
    pub commit: Option<String>,
    /// What is known of the plan and the required checks where the verdict lands.
    pub ground: gather::GroundFacts,
    /// When it is decided.
    pub at: Time,
}

impl Matter {
    /// Whether a commit status may be posted of it: where the connection posts any, and not outside its scope.
    pub fn posts_status(&self) -> bool {
        let outside = || {
            let client = self.connection.client.as_ref()?;
            Some(client.is_outside(names::repository_id(&self.document.facts)?))
        };
        self.connection.posts_status && outside() != Some(true)
    }
}

/// A matter that was decided, ready to be recorded.
#[derive(Debug)]
pub struct Judged {
    /// The matter, with all that was gathered.
    pub matter: Box<Matter>,
    /// What the rules saw.
    pub input: Arc<Input>,
    /// The bundle they came from.
    pub active: Arc<Active>,
    /// What is to be kept.
    pub record: Record,
    /// Approvals that rules ask for: rule by rule, with those who could give them.
    pub wanted: Vec<approvers::Wanted>,
    /// Grants that were handed to the decision.
    pub offered: Offered,
}

/// A rule that is asked here, and how it is taken.
struct Routed<'a> {
    position: usize,
    rule: &'a Rule,
    mode: Mode,
}

/// What grants are handed to the decision, once the input is known.
#[derive(Debug, Default)]
pub struct Offered {
    /// Those that fit.
    pub grants: Vec<Grant>,
    /// The version of each ticket they come from, for the compare-and-set that spends it.
    pub versions: BTreeMap<Uuid, u64>,
    /// Those that looked as if they did.
    pub refused: Vec<RefusedGrant>,
}

impl Offered {
    /// The tickets with the versions that were looked at.
    pub fn spent_by(&self, tickets: &[Uuid]) -> Vec<(Uuid, u64)> {
        tickets
            .iter()
            .filter_map(|id| self.versions.get(id).map(|version| (*id, *version)))
            .collect()
    }
}

/// What there is once the rules have answered.
struct Gathered {
    matter: Box<Matter>,
    input: Arc<Input>,
    active: Arc<Active>,
    findings: Vec<Finding>,
    remembered: bool,
    /// How the gate's own demand is taken here.
    own: Mode,
}

impl Gateway {
    /// Decides a matter, boxed because it is large and goes all the way down the road. `offer` is asked for grants once
    /// the input and the approvals it wants are known.
    pub async fn judge<F>(&self, mut matter: Box<Matter>, offer: F) -> Judged
    where
        F: AsyncFnOnce(&Matter, &Input, &Active, &[approvers::Wanted]) -> Offered,
    {
        let active = self.policies.current();
        let modes = self.modes.load();
        // Where modes hang on it, the class is needed before anything is gathered: a rule that is off reads nothing.
        let class = if modes.classes(&matter.connection.id).is_empty() {
            Known::Nothing
        } else {
            self.class_of(&self.graph.load(), &matter.document)
        };
        let mode = |rule: &RuleId| modes.at(&matter.connection.id, &class, rule);
        let routed: Vec<Routed<'_>> = active
            .bundle
            .routed(matter.document.kind)
            .map(|(position, rule)| Routed { position, rule, mode: mode(&rule.id) })
            .collect();
        let demand = mode(&RuleId::told(STEP_IS_REAL));
        let wanted = wanted_by(&active, matter.document.kind, &routed);
        let began = Instant::now();
        gather::gather(self, &mut matter, &wanted, freshest(&routed))
            .instrument(spans::station(Station::Gather))
            .await;
        let began = self.meters.took(Station::Gather, began);
        let input = Arc::new(matter.document.page(&wanted));
        let evaluating = self.evaluate(&active, &routed, &input);
        let (findings, remembered) = evaluating.instrument(spans::station(Station::Evaluate)).await;
        let began = self.meters.took(Station::Evaluate, began);
        let own = own_mode(&routed, demand);
        let active = Arc::clone(&active);
        let gathered = Gathered { matter, input, active, findings, remembered, own };
        let judged = self.weighed(gathered, &routed, offer);
        let judged = judged.instrument(spans::station(Station::Decide)).await;
        self.meters.took(Station::Decide, began);
        judged
    }

    /// Findings become a verdict and a plan.
    async fn weighed<F>(&self, gathered: Gathered, routed: &[Routed<'_>], offer: F) -> Judged
    where
        F: AsyncFnOnce(&Matter, &Input, &Active, &[approvers::Wanted]) -> Offered,
    {
        let Gathered { matter, input, active, findings, remembered, own } = gathered;
        let graph = self.graph.load();
        let findings = with_own(with_unread_step(findings, &matter), &matter);
        let (findings, mut wanting) = approvers::resolve(findings, &graph, &active.bundle, &matter);
        // A rule in shadow is recorded, but nobody is asked for its approval: that would make the effect stricter.
        wanting.retain(|one| mode_of(&one.asked.rule, routed) == Mode::Enforce);
        let offered = offer(&matter, &input, &active, &wanting).await;
        // A pause holds rules back. Whoever is not there does not come into being by it.
        let brake = if matter.own.is_empty() { self.brake(matter.at) } else { Brake::Off };
        let ruled = Ruled { routed, own, brake };
        let mut record =
            record(&matter, &input, &active, &ruled, findings, &offered, &wanting, remembered);
        // Whose it is matters to whoever has to do something about it; an Allow stays fast.
        if let (true, Part::Kept(names)) =
            (record.public.verdict > Verdict::Allow, &mut record.names)
        {
            names.owner = names::owner(&graph, &matter.document.facts);
        }
        Judged { matter, input, active, record, wanted: wanting, offered }
    }

    /// Findings of the asked rules, unknown facts and faults weighed in; from memory where an equal question was answered.
    async fn evaluate(
        &self,
        active: &Active,
        routed: &[Routed<'_>],
        input: &Arc<Input>,
    ) -> (Vec<Finding>, bool) {
        let asked: Vec<&Routed<'_>> = routed.iter().filter(|one| one.mode != Mode::Off).collect();
        if asked.is_empty() {
            return (Vec::new(), false);
        }
        let key = (!asked.iter().any(|one| one.rule.is_volatile()))
            .then(|| question_key(active, &asked, input));
        if let Some(known) = key.and_then(|key| self.memory.get(&key)) {
            self.meters.answered(Remembered::Yes);
            return (known.to_vec(), true);
        }
        self.meters.answered(Remembered::No);
        let positions =
            asked.iter().map(|one| u32::try_from(one.position).unwrap_or(u32::MAX)).collect();
        let answers = active.pool.ask(Arc::clone(input), positions).await;
        let faulted =
            answers.iter().any(|answer| matches!(answer, crate::policy::Answer::Fault(_)));
        let findings: Vec<Finding> = asked
            .iter()
            .zip(answers)
            .flat_map(|(one, answer)| weigh(one.rule, input, answer))
            .collect();
        let opens_ticket = findings.iter().any(|finding| finding.verdict == Verdict::Approve);
        if let (Some(key), false, false) = (key, faulted, opens_ticket) {
            self.memory.insert(key, findings.clone().into());
        }
        (findings, false)
    }
}

/// Before anything but `run` is let pass, the step is read from Bitbucket: what cannot be read is not let pass.
fn with_unread_step(mut findings: Vec<Finding>, matter: &Matter) -> Vec<Finding> {
    if let Some(why) = matter.unread_step.as_ref().filter(|_| matter.document.action != RUN) {
        // First: what rules could not judge because of it says less.
        findings.insert(
            0,
            Finding {
                rule: RuleId::told(STEP_IS_REAL),
                verdict: Verdict::Block,
                reason: unread_words(matter.caller, why),
                proof: Vec::new(),
                approval: None,
                origin: Origin::Unknown,
            },
        );
    }
    findings
}

/// What the gate itself answers goes first, too.
fn with_own(mut findings: Vec<Finding>, matter: &Matter) -> Vec<Finding> {
    findings.splice(0..0, matter.own.iter().cloned());
    findings
}

fn unread_words(caller: CallerKind, why: &Why) -> String {
    let what = match caller {
        CallerKind::Service | CallerKind::Ci => {
            "What this job says it is about could not be read back from Bitbucket"
        }
        CallerKind::Step
        | CallerKind::Hook
        | CallerKind::Forge
        | CallerKind::Person
        | CallerKind::Discovery => {
            "Whether this step is still running, and on which commit, could not be read"
        }
    };
    format!("{what}: {}.", why.as_str())
}

/// The shortest age any asked rule allows: it holds for the whole document, since all rules see the same one.
fn freshest(routed: &[Routed<'_>]) -> Option<Duration> {
    routed.iter().filter(|one| one.mode != Mode::Off).filter_map(|one| one.rule.fresh).min()
}

/// What the asked rules read: known beforehand, unless some of the kind's rules are off.
fn wanted_by<'a>(active: &'a Active, kind: EventKind, routed: &[Routed<'_>]) -> Cow<'a, Wanted> {
    let asked = || routed.iter().filter(|one| one.mode != Mode::Off);
    if let Some(all) = active.wanted(kind).filter(|_| asked().count() == routed.len()) {
        return Cow::Borrowed(all);
    }
    let mut wanted = Wanted::default();
    for path in asked().flat_map(|one| &one.rule.reads) {
        wanted.add(path);
    }
    Cow::Owned(wanted)
}

/// Equal questions: the same rules of the same bundle over the same input.
fn question_key(active: &Active, asked: &[&Routed<'_>], input: &Input) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(active.bundle.revision.as_bytes());
    for one in asked {
        hash.update(one.position.to_le_bytes());
    }
    hash.update(input.json());
    hash.finalize().into()
}

#[expect(
    clippy::too_many_arguments,
    reason = "the one place where all that was found comes together into a record"
)]
fn record(
    matter: &Matter,
    input: &Input,
    active: &Active,
    ruled: &Ruled<'_>,
    findings: Vec<Finding>,
    offered: &Offered,
    wanting: &[approvers::Wanted],
    remembered: bool,
) -> Record {
    let decided = decide(&findings, &offered.grants);
    let weighed: Vec<Weighed<'_>> =
        findings.iter().map(|finding| weigh_one(finding, ruled, &offered.grants)).collect();
    let plan = plan(&weighed).under(ruled.brake);
    let document = &matter.document;
    let public = Public {
        decision: Uuid::now_v7(),
        at: matter.at,
        connection: matter.connection.id.clone(),
        product: matter.connection.product,
        event: document.kind,
        action: document.action.clone(),
        surface: matter.surface,
        delivery: matter.delivery,
        caller: matter.caller,
        repository: names::repository_id(&document.facts).map(ToString::to_string),
        actor: crate::policy::input::actor_of(&document.facts)
            .filter(|id| !is_a_name(id, matter.connection.product))
            .map(ToString::to_string),
        commit: matter
            .commit
            .clone()
            .or_else(|| names::commit(&document.facts).map(ToOwned::to_owned)),
        input_sha256: hex::encode(input.digest()),
        bundle: active.bundle.revision.clone(),
        graph_revision: document
            .graph
            .value()
            .and_then(|graph| graph.revision.value().copied())
            .unwrap_or(0),
        graph_age_ms: document.graph.value().and_then(|graph| graph.age_ms.value().copied()),
        rules: asked_rules(ruled, &findings, matter),
        verdict: decided.verdict,
        effect: plan.effect,
        binds: binds(document.kind, &ground(matter)).under(ruled.brake),
        uncovered: ruled.routed.is_empty(),
        because: plan.because,
        satisfied_by: decided.satisfied_by,
        met: decided.met,
        refused_grants: offered.refused.clone(),
        ticket: None,
        actions: Vec::new(),
        remembered,
    };
    // Nobody is asked for an approval of what a pause lets pass.
    let still_wanted =
        wanting.iter().filter(|one| !public.is_paused() && !public.met.contains(&one.asked.rule));
    let told = Told {
        approvers: still_wanted.map(approvers::Wanted::in_words).collect(),
        findings: strictest_first(findings),
        unknown: input
            .unknown()
            .iter()
            .map(|gap| (gap.path.clone(), gap.why.clone()))
            .collect::<BTreeMap<_, _>>(),
    };
    let asker = match matter.caller {
        CallerKind::Ci | CallerKind::Service => document.caller.value(),
        CallerKind::Step
        | CallerKind::Hook
        | CallerKind::Forge
        | CallerKind::Person
        | CallerKind::Discovery => None,
    };
    let asker = asker.and_then(|caller| caller.id.value().cloned());
    let names = Names { asker, ..names::of(&document.facts, &document.claimed) };
    Record {
        public,
        input: Part::Kept(raw(input)),
        names: Part::Kept(names),
        told: Part::Kept(told),
    }
}

/// Whether an id is made of a name: then it stands under a seal alone. Data Center's groups have no other id.
fn is_a_name(id: &Id, product: Product) -> bool {
    id.kind() == Kind::Group && product == Product::DataCenter
}

fn raw(input: &Input) -> Box<RawValue> {
    let text = String::from_utf8_lossy(input.json()).into_owned();
    // The page writes JSON; `null` would only stand here if it did not.
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn strictest_first(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    findings
}

/// The rules that are asked, how the gate's own demand is taken beside them, and whether the gate is paused.
struct Ruled<'a> {
    routed: &'a [Routed<'a>],
    own: Mode,
    brake: Brake,
}

/// The gate's own demand bites where any rule does; else as this place's modes say of it. It cannot be switched off.
fn own_mode(routed: &[Routed<'_>], set: Mode) -> Mode {
    let bites = routed.iter().any(|one| one.mode == Mode::Enforce);
    match set {
        _ if bites => Mode::Enforce,
        Mode::Enforce => Mode::Enforce,
        Mode::Shadow | Mode::Off => Mode::Shadow,
    }
}

fn mode_of(rule: &RuleId, routed: &[Routed<'_>]) -> Mode {
    routed.iter().find(|one| one.rule.id == *rule).map_or(Mode::Enforce, |one| one.mode)
}

fn weigh_one<'f>(finding: &'f Finding, ruled: &Ruled<'_>, grants: &[Grant]) -> Weighed<'f> {
    let is_own = finding.rule.as_str() == STEP_IS_REAL;
    let mode = if is_own { ruled.own } else { mode_of(&finding.rule, ruled.routed) };
    Weighed { finding, verdict: weight(finding, grants), mode }
}

/// Every rule that was asked, and the gate's own demands where they were not met.
fn asked_rules(ruled: &Ruled<'_>, findings: &[Finding], matter: &Matter) -> Vec<Asked> {
    let own = findings.iter().find(|finding| finding.rule.as_str() == STEP_IS_REAL);
    let own = own.map(|finding| Asked {
        rule: finding.rule.clone(),
        outcome: Outcome::CouldNotTell,
        verdict: Some(finding.verdict),
        mode: ruled.own,
    });
    let answered = matter.own.iter().map(|finding| Asked {
        rule: finding.rule.clone(),
        outcome: Outcome::of(std::iter::once(finding)),
        verdict: Some(finding.verdict),
        mode: Mode::Enforce,
    });
    answered.chain(own).chain(ruled.routed.iter().map(|one| asked(one, findings))).collect()
}

fn asked(one: &Routed<'_>, findings: &[Finding]) -> Asked {
    let mine = || findings.iter().filter(|finding| finding.rule == one.rule.id);
    let outcome = if one.mode == Mode::Off { Outcome::NotApplicable } else { Outcome::of(mine()) };
    Asked {
        rule: one.rule.id.clone(),
        outcome,
        verdict: mine().map(|finding| finding.verdict).max(),
        mode: one.mode,
    }
}

fn ground(matter: &Matter) -> Ground {
    Ground {
        product: matter.connection.product,
        posts_status: matter.posts_status(),
        premium: matter.ground.premium.clone(),
        status_required: matter.ground.status_required.clone(),
    }
}
