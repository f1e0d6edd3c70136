//! Before rules bite: whom they would have held up, from decisions as they were recorded. What was decided then is not
//! decided again; only the mode of the rules in question is taken to have been another.

use serde::Serialize;
use uuid::Uuid;

use crate::decision::Effect;
use crate::decision::Mode;
use crate::decision::Record;
use crate::decision::record::Asked;
use crate::decision::record::Public;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::Verdict;

/// The area of the gate's own demands.
const OWN: &str = "portcullis";

/// Longest name of a rule that is looked for.
const MAX_NAME: usize = 256;

/// The rules of a change: one, an area, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules(String);

impl Rules {
    /// As people write it.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// One rule or an area, in the characters that ids of rules have.
    pub fn named(text: &str) -> Option<Self> {
        let is_part = |part: &str| {
            let good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
            !part.is_empty() && part.bytes().all(good)
        };
        (text.len() <= MAX_NAME && text.split('/').all(is_part)).then(|| Self::new(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this rule is among them.
    pub fn hold(&self, rule: &RuleId) -> bool {
        self.0 == "*" || self.0 == rule.as_str() || self.0 == rule.area()
    }
}

/// A decision that would have gone otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Held {
    /// Its id.
    pub decision: Uuid,
    /// When it was made.
    pub at: Time,
    /// What the effect would have been: `wait` or `stop`.
    pub effect: Effect,
    /// What happened.
    pub event: &'static str,
    /// How far the verdict reaches there: where it says `after`, it would have come too late.
    pub binds: &'static str,
    /// Name of the repository, or its id where the name is erased.
    pub repository: Option<String>,
    /// Name of who acted; none: unknown, or erased.
    pub actor: Option<String>,
    /// The rules that would have held it up, strictest first.
    pub rules: Vec<HeldBy>,
}

/// A rule that would have held a decision up.
#[derive(Clone, Debug, Serialize)]
pub struct HeldBy {
    /// Its id.
    pub rule: RuleId,
    /// What it said.
    pub verdict: Verdict,
    /// Why; none: erased.
    pub reason: Option<String>,
}

/// Whom a decision would have held up, had these rules been enforced: none if nothing would have changed. Pauses are
/// left out on both sides, since they end.
pub fn held(record: &Record, rules: &Rules) -> Option<Held> {
    let public = &record.public;
    let effect = effect(public, |asked| mode_if(public, asked, rules));
    if effect <= self::effect(public, |asked| asked.mode) {
        return None;
    }
    let names = record.names.kept();
    Some(Held {
        decision: public.decision,
        at: public.at,
        effect,
        event: public.event.as_str(),
        binds: public.binds.as_str(),
        repository: names
            .and_then(|names| names.repository.clone())
            .or_else(|| public.repository.clone()),
        actor: names.and_then(|names| names.actor.clone()),
        rules: held_by(record, rules),
    })
}

/// How a rule would have been taken. A demand of the gate itself bites where any rule does.
fn mode_if(public: &Public, asked: &Asked, rules: &Rules) -> Mode {
    let promoted = |one: &Asked| match one.mode {
        Mode::Shadow if rules.hold(&one.rule) => Mode::Enforce,
        mode @ (Mode::Enforce | Mode::Shadow | Mode::Off) => mode,
    };
    let bites = |one: &Asked| one.rule.area() != OWN && promoted(one) == Mode::Enforce;
    if asked.rule.area() == OWN && public.rules.iter().any(bites) {
        return Mode::Enforce;
    }
    promoted(asked)
}

/// The effect under these modes, pauses left out.
fn effect(public: &Public, mode: impl Fn(&Asked) -> Mode) -> Effect {
    let bites = public.rules.iter().filter(|asked| mode(asked) == Mode::Enforce);
    let strictest = bites.map(|asked| weight(public, asked)).max();
    Effect::from(strictest.unwrap_or(Verdict::Allow))
}

/// What a rule weighed in a decision, grants counted.
fn weight(public: &Public, asked: &Asked) -> Verdict {
    match asked.verdict.unwrap_or(Verdict::Allow) {
        Verdict::Approve if public.met.contains(&asked.rule) => Verdict::Allow,
        weight @ (Verdict::Allow | Verdict::Alert | Verdict::Approve | Verdict::Block) => weight,
    }
}

fn held_by(record: &Record, rules: &Rules) -> Vec<HeldBy> {
    let public = &record.public;
    let spoke = public.rules.iter().filter(|asked| {
        asked.mode == Mode::Shadow
            && mode_if(public, asked, rules) == Mode::Enforce
            && Effect::from(weight(public, asked)) > Effect::Proceed
    });
    let mut found: Vec<HeldBy> = spoke
        .map(|asked| HeldBy {
            rule: asked.rule.clone(),
            verdict: weight(public, asked),
            reason: reason(record, asked),
        })
        .collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.verdict));
    found
}

/// The reason of the rule's strictest finding.
fn reason(record: &Record, asked: &Asked) -> Option<String> {
    let findings = record.told.kept().into_iter().flat_map(|told| &told.findings);
    let strictest =
        findings.filter(|finding| finding.rule == asked.rule).max_by_key(|finding| finding.verdict);
    strictest.map(|finding| finding.reason.clone())
}
