//! Verdict + modes + pause → what the caller must do. The verdict is untouched; what softened the effect is listed.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::decision::Brake;
use crate::graph::ConnectionId;
use crate::graph::Known;
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

/// Why the effect is milder than the verdict. Members by name: it stands in an entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Because {
    /// The rule, waiver or pause.
    pub id: String,
    /// What kind of softening.
    pub kind: Softener,
    /// One sentence for people.
    pub text: String,
}

/// A setting of how rules are taken: the most particular one that fits wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModeSetting {
    /// The connection it is for.
    pub connection: ConnectionId,
    /// A rule id, an area, or `*` for every rule.
    pub rules: String,
    /// How they are taken.
    pub mode: Mode,
    /// Only on repositories of this class; left out: on the whole connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
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

    /// How rules are taken where nothing else is said.
    pub const fn default(&self) -> Mode {
        self.default
    }

    /// Everything that is said otherwise.
    pub fn settings(&self) -> &[ModeSetting] {
        &self.settings
    }

    /// The same with one setting more, in the place of one for the same rules.
    #[must_use]
    pub fn with(&self, setting: ModeSetting) -> Self {
        let same = |other: &ModeSetting| {
            other.connection == setting.connection
                && other.rules == setting.rules
                && other.class == setting.class
        };
        let mut settings: Vec<_> =
            self.settings.iter().filter(|other| !same(other)).cloned().collect();
        settings.push(setting);
        Self { default: self.default, settings }
    }

    /// How this rule is taken on this connection where nothing is said of a class: rule before area before `*` before the
    /// default.
    pub fn of(&self, connection: &ConnectionId, rule: &RuleId) -> Mode {
        self.said(connection, None, rule).unwrap_or(self.default)
    }

    /// How this rule is taken on a repository of this class: what is said of the class goes before what is said of the whole
    /// connection. Where the class is unknown it may be any, so the strictest holds.
    pub fn at(&self, connection: &ConnectionId, class: &Known<String>, rule: &RuleId) -> Mode {
        let of = |class: &str| self.said(connection, Some(class), rule);
        let whole = self.of(connection, rule);
        match class {
            Known::Value(class) => of(class).unwrap_or(whole),
            Known::Nothing => whole,
            Known::Unknown(_) => {
                let classes = self.classes(connection).into_iter();
                classes.filter_map(of).chain([whole]).min().unwrap_or(whole)
            }
        }
    }

    /// How this rule is taken where it is taken strictest.
    pub fn anywhere(&self, connection: &ConnectionId, rule: &RuleId) -> Mode {
        self.at(connection, &Known::unknown("any"), rule)
    }

    /// Classes of which something is said on a connection.
    pub fn classes(&self, connection: &ConnectionId) -> BTreeSet<&str> {
        let here = self.settings.iter().filter(|setting| setting.connection == *connection);
        here.filter_map(|setting| setting.class.as_deref()).collect()
    }

    fn said(&self, connection: &ConnectionId, class: Option<&str>, rule: &RuleId) -> Option<Mode> {
        let here = || {
            let here = self.settings.iter().filter(|setting| setting.connection == *connection);
            here.filter(|setting| setting.class.as_deref() == class)
        };
        let named =
            |name: &str| here().find(|setting| setting.rules == name).map(|setting| setting.mode);
        named(rule.as_str()).or_else(|| named(rule.area())).or_else(|| named("*"))
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

/// The effect: the strictest of what bites. A rule in shadow is listed, once, only where it alone would have made the
/// effect stricter; strictest first, then in order of their ids.
pub fn plan(weighed: &[Weighed<'_>]) -> Plan {
    let bites = |w: &&Weighed<'_>| w.mode == Mode::Enforce;
    let strictest = weighed.iter().filter(bites).map(|w| w.verdict).max();
    let effect = Effect::from(strictest.unwrap_or(Verdict::Allow));
    let mut mattered: BTreeMap<&RuleId, Verdict> = BTreeMap::new();
    for w in weighed.iter().filter(|w| w.mode == Mode::Shadow && Effect::from(w.verdict) > effect) {
        let kept = mattered.entry(&w.finding.rule).or_insert(w.verdict);
        *kept = w.verdict.max(*kept);
    }
    let mut mattered: Vec<_> = mattered.into_iter().collect();
    mattered.sort_by_key(|(_, verdict)| Reverse(*verdict));
    let because = mattered.into_iter().map(|(rule, verdict)| in_shadow(rule, verdict)).collect();
    Plan { effect, because }
}

impl Plan {
    /// The same under a brake: while the gate is paused everything proceeds, and what held it back is said first.
    #[must_use]
    pub fn under(mut self, brake: Brake) -> Self {
        let Brake::On { pause, until } = brake else { return self };
        if self.effect == Effect::Proceed {
            return self;
        }
        let text = format!(
            "The gate is paused until {until}, so the effect is `proceed`: without the pause it would be `{}`.",
            self.effect
        );
        let because = Because { kind: Softener::Pause, id: pause.to_string(), text };
        self.because.insert(0, because);
        Self { effect: Effect::Proceed, ..self }
    }
}

/// What it would have been. The words claim no more than that, for the same rule may speak of what has happened.
fn in_shadow(rule: &RuleId, verdict: Verdict) -> Because {
    let text = format!(
        "`{rule}` is in shadow here: enforced, its verdict would be {} and the effect `{}`.",
        aloud(verdict),
        Effect::from(verdict)
    );
    Because { kind: Softener::Shadow, id: rule.to_string(), text }
}

/// A verdict as people say it.
pub const fn aloud(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "Allow",
        Verdict::Alert => "Alert",
        Verdict::Approve => "Approve",
        Verdict::Block => "Block",
    }
}
