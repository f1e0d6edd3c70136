//! Verdict + modes + pause → what the caller must do. The verdict is untouched; what softened the effect is listed.

use serde::Deserialize;
use serde::Serialize;

use crate::graph::ConnectionId;
use crate::policy::Finding;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::words;

words! {
    /// What the caller must do, and the only word a program acts on.
    pub enum Effect {
        /// Go on.
        Proceed = "proceed",
        /// Wait for the ticket.
        Wait = "wait",
        /// Do not.
        Stop = "stop",
    }
}

impl From<Verdict> for Effect {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allow | Verdict::Alert => Self::Proceed,
            Verdict::Approve => Self::Wait,
            Verdict::Block => Self::Stop,
        }
    }
}

words! {
    /// How a rule is taken in a place.
    pub enum Mode {
        /// It is asked and its findings bite.
        Enforce = "enforce",
        /// It is asked and recorded; the effect ignores it and says what it would have been.
        Shadow = "shadow",
        /// It is not asked.
        Off = "off",
    }
}

words! {
    /// What softened an effect.
    pub enum Softener {
        /// The rule is in shadow here.
        Shadow = "shadow",
        /// A waiver covers it.
        Waiver = "waiver",
        /// The whole gate is paused.
        Pause = "pause",
    }
}

/// Why the effect is milder than the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// What kind of softening.
    pub kind: Softener,
    /// The rule, waiver or pause.
    pub id: String,
    /// One sentence for people.
    pub text: String,
}

/// A setting of how rules are taken: the most particular one that fits wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeSetting {
    /// The connection it is for.
    pub connection: ConnectionId,
    /// A rule id, an area, or `*` for every rule.
    pub rules: String,
    /// How they are taken.
    pub mode: Mode,
}

/// How every rule is taken everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modes {
    default: Mode,
    settings: Vec<ModeSetting>,
}

impl Modes {
    /// These settings over this default.
    pub const fn new(default: Mode, settings: Vec<ModeSetting>) -> Self {
        Self { default, settings }
    }

    /// How this rule is taken on this connection: rule before area before `*` before the default.
    pub fn of(&self, connection: &ConnectionId, rule: &RuleId) -> Mode {
        let here = || self.settings.iter().filter(|setting| setting.connection == *connection);
        let named =
            |name: &str| here().find(|setting| setting.rules == name).map(|setting| setting.mode);
        named(rule.as_str())
            .or_else(|| named(rule.area()))
            .or_else(|| named("*"))
            .unwrap_or(self.default)
    }
}

/// What we do about a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the caller must do.
    pub effect: Effect,
    /// What made it milder than the verdict.
    pub because: Vec<Because>,
}

/// A weighed finding with the mode of its rule; a satisfied one weighs Allow.
#[derive(Clone, Debug)]
pub struct Weighed<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Its weight after grants.
    pub verdict: Verdict,
    /// How its rule is taken here.
    pub mode: Mode,
}

/// The effect: the strictest of what bites. Rules in shadow that would have made it stricter are listed.
pub fn plan(weighed: &[Weighed<'_>]) -> Plan {
    let bites = |w: &&Weighed<'_>| w.mode == Mode::Enforce;
    let strictest = weighed.iter().filter(bites).map(|w| w.verdict).max().unwrap_or(Verdict::Allow);
    let effect = Effect::from(strictest);
    let mut because: Vec<Because> = weighed
        .iter()
        .filter(|w| w.mode == Mode::Shadow && Effect::from(w.verdict) > effect)
        .map(|w| Because {
            kind: Softener::Shadow,
            id: w.finding.rule.to_string(),
            text: format!("`{}` is in shadow here: it would {}.", w.finding.rule, would(w.verdict)),
        })
        .collect();
    because.dedup();
    Plan { effect, because }
}

/// What a verdict would have done, for "it would …".
pub const fn would(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "have let this pass",
        Verdict::Alert => "have raised an alert",
        Verdict::Approve => "have asked for an approval",
        Verdict::Block => "have stopped this",
    }
}
