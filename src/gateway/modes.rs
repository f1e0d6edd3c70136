//! How rules are taken, changed while the gate runs: first what a change would have done, from recorded decisions, then
//! the change itself, with who, why and the counts that were shown as one entry of the ledger.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::decision::Binds;
use crate::decision::Effect;
use crate::decision::Mode;
use crate::decision::Modes;
use crate::decision::Record;
use crate::decision::impact;
use crate::decision::impact::Held;
use crate::decision::impact::Rules;
use crate::decision::pause::By;
use crate::decision::plan::ModeSetting;
use crate::gateway::Gateway;
use crate::gateway::road::STEP_IS_REAL;
use crate::gateway::telling::Filter;
use crate::graph::ConnectionId;
use crate::graph::Known;
use crate::graph::Time;
use crate::policy::RuleId;
use crate::policy::Verdict;
use crate::store::Governed;
use crate::store::StoreError;

/// How far back is looked when nobody says: a week has every weekday in it.
pub const WINDOW: Duration = Duration::from_hours(7 * 24);

/// Farthest back that can be looked.
pub const LONGEST_WINDOW: Duration = Duration::from_hours(400 * 24);

/// Decisions looked at for one answer. They are read one by one, some 20 µs each; without a bound, one question over a
/// busy year would keep a reader of the store for minutes.
pub const MAX_LOOKED: usize = 20_000;

/// Decisions read at a time.
const PAGE: usize = 200;

/// Longest reason, characters: it stands in the record for as long as names do.
pub const MAX_REASON: usize = 500;

/// Which rules on which connection, and which decisions are looked at.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The connection.
    pub connection: ConnectionId,
    /// Only repositories of this class; none: the whole connection.
    pub class: Option<String>,
    /// The rules.
    pub rules: Rules,
    /// Decisions made at or after.
    pub since: Time,
    /// Decisions made before.
    pub until: Time,
}

/// Whom a change would have held up.
#[derive(Clone, Debug, Serialize)]
pub struct Impact {
    /// Decisions made at or after.
    pub since: Time,
    /// Decisions made before.
    pub until: Time,
    /// Decisions whose verdict a rule had a say in; only those are looked at.
    pub looked: usize,
    /// There were more than [`MAX_LOOKED`]: older ones were not looked at.
    pub more: bool,
    /// Those that would have been stopped.
    pub would_stop: usize,
    /// Those that would have waited for an approval.
    pub would_wait: usize,
    /// Of both, those that had happened when the gate heard of them: the verdict would have come too late.
    pub too_late: usize,
    /// Rules that are off there and so not asked: what they would have said is not known.
    pub not_asked: Vec<RuleId>,
    /// Which, newest first.
    pub decisions: Vec<Held>,
}

/// Why rules were not taken otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// No such connection.
    #[error("there is no connection `{0}`")]
    NoConnection(ConnectionId),
    /// No such rule or area.
    #[error("the active rules have no rule and no area `{0}`; `*` is all of them")]
    NoRule(String),
    /// No such class.
    #[error(
        "no manifest of classifications in force on `{1}` gives any repository the class `{0}`: bring one with `portcullis evidence import --kind classification`"
    )]
    NoClass(String, ConnectionId),
    /// Not a window.
    #[error("look at a time of at least one second and at most 400 days that has begun")]
    Window,
    /// Too long.
    #[error("the reason is longer than {MAX_REASON} characters")]
    Reason,
    /// The store cannot.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Gateway {
    /// Whether there are such rules on such a connection, over such a time.
    fn judged(&self, scope: &Scope) -> Result<(), ModeError> {
        if self.connections.get(&scope.connection).is_none() {
            return Err(ModeError::NoConnection(scope.connection.clone()));
        }
        let own = RuleId::told(STEP_IS_REAL);
        let bundle = self.active_bundle();
        let mut known = bundle.rules.iter().map(|rule| &rule.id).chain([&own]);
        if !known.any(|rule| scope.rules.hold(rule)) {
            return Err(ModeError::NoRule(scope.rules.as_str().chars().take(100).collect()));
        }
        if let Some(class) = &scope.class {
            self.judged_class(scope, class)?;
        }
        let length = u128::from(scope.until.since(scope.since));
        if length < 1_000 || length > LONGEST_WINDOW.as_millis() {
            return Err(ModeError::Window);
        }
        Ok(())
    }

    /// A class that nothing gives would be strictest everywhere, or nowhere. What was said of one can be taken back.
    fn judged_class(&self, scope: &Scope, class: &str) -> Result<(), ModeError> {
        let held = self.held(&scope.connection);
        let modes = self.modes.load();
        if held.classes().contains(class) || modes.classes(&scope.connection).contains(class) {
            return Ok(());
        }
        let class = class.chars().take(40).flat_map(char::escape_debug).collect();
        Err(ModeError::NoClass(class, scope.connection.clone()))
    }

    /// Whether a decision is in the scope of a change: of a class, as its repository is classified today, or not known to be
    /// of none.
    fn concerns(&self, scope: &Scope, record: &Record) -> bool {
        scope.class.as_ref().is_none_or(|class| {
            match self.class_of_id(record.public.repository.as_deref()) {
                Known::Value(of) => of == *class,
                Known::Nothing => false,
                Known::Unknown(_) => true,
            }
        })
    }

    /// Whom these rules would have held up, had they been enforced.
    pub async fn impact(&self, scope: &Scope) -> Result<Impact, ModeError> {
        self.judged(scope)?;
        let mut impact = Impact {
            since: scope.since,
            until: scope.until,
            looked: 0,
            more: false,
            would_stop: 0,
            would_wait: 0,
            too_late: 0,
            not_asked: self.off(scope),
            decisions: Vec::new(),
        };
        // A decision that would have been held up has a verdict that says so.
        for verdict in [Verdict::Block, Verdict::Approve] {
            self.look_at(scope, verdict, &mut impact).await?;
        }
        impact.decisions.sort_by_key(|held| std::cmp::Reverse((held.at, held.decision)));
        Ok(impact)
    }

    async fn look_at(
        &self,
        scope: &Scope,
        verdict: Verdict,
        impact: &mut Impact,
    ) -> Result<(), StoreError> {
        let filter = Filter {
            connection: Some(scope.connection.clone()),
            verdict: Some(verdict),
            since: Some(scope.since),
            until: Some(scope.until),
            ..Filter::default()
        };
        let mut before = None;
        loop {
            if impact.looked >= MAX_LOOKED {
                impact.more = true;
                return Ok(());
            }
            let page = self.store.decisions(filter.clone(), before, PAGE).await?;
            for record in page.items.iter().filter(|record| self.concerns(scope, record)) {
                impact.count(record, &scope.rules);
            }
            before = page.next;
            if before.is_none() {
                return Ok(());
            }
        }
    }

    fn off(&self, scope: &Scope) -> Vec<RuleId> {
        let (bundle, modes) = (self.active_bundle(), self.modes.load());
        let rules = bundle.rules.iter().map(|rule| &rule.id);
        let off = rules.filter(|rule| {
            let mode = match &scope.class {
                None => modes.of(&scope.connection, rule),
                Some(class) => modes.at(&scope.connection, &Known::Value(class.clone()), rule),
            };
            scope.rules.hold(rule) && mode == Mode::Off
        });
        off.cloned().collect()
    }

    /// Takes rules in a mode on a connection from now on. What was shown, and who saw it, is recorded with it.
    pub async fn take_rules(
        &self,
        scope: &Scope,
        mode: Mode,
        by: &By,
        reason: &str,
    ) -> Result<Option<Impact>, ModeError> {
        if reason.chars().count() > MAX_REASON {
            return Err(ModeError::Reason);
        }
        let _alone = self.governing.lock().await;
        self.judged(scope)?;
        let impact = match mode {
            Mode::Enforce => Some(self.impact(scope).await?),
            Mode::Shadow | Mode::Off => None,
        };
        let now = self.clock.now();
        let settings = settings(&self.modes.load(), scope, mode);
        for setting in settings {
            let governed = Governed {
                at: now,
                by: by.as_str().to_owned(),
                reason: reason.trim().to_owned(),
                shown: impact.as_ref().map(Impact::counts).unwrap_or_default(),
            };
            self.store.set_mode(&setting, governed).await?;
            let modes = self.modes.load().with(setting);
            self.modes.store(Arc::new(modes));
        }
        tracing::warn!(connection = %scope.connection, rules = scope.rules.as_str(), mode = mode.as_str(), "rules are taken otherwise from now on");
        Ok(impact)
    }
}

/// What has to be set so that the last word holds. A setting of one rule goes before one of its area, and one of a class
/// before one of the whole connection: a wider one replaces the narrower ones it covers, and where a class has a setting
/// that is wider only in its rules, these rules are set for the class too.
fn settings(modes: &Modes, scope: &Scope, mode: Mode) -> Vec<ModeSetting> {
    let wider = ModeSetting {
        connection: scope.connection.clone(),
        rules: scope.rules.as_str().to_owned(),
        mode,
        class: scope.class.clone(),
    };
    let other = |set: &&ModeSetting| {
        let same = set.rules == wider.rules && set.class == wider.class;
        set.connection == wider.connection && set.mode != mode && !same
    };
    let others = || modes.settings().iter().filter(other);
    let covered = others().filter(|set| {
        (wider.class.is_none() || set.class == wider.class) && covers(&scope.rules, &set.rules)
    });
    let mut all: Vec<ModeSetting> =
        covered.map(|set| ModeSetting { mode, ..set.clone() }).collect();
    if wider.class.is_none() {
        let broader = others().filter(|set| {
            set.rules != wider.rules && covers(&Rules::new(&set.rules), scope.rules.as_str())
        });
        let classes: BTreeSet<String> = broader.filter_map(|set| set.class.clone()).collect();
        let of_class = |class| ModeSetting { class: Some(class), ..wider.clone() };
        all.extend(classes.into_iter().map(of_class));
    }
    all.push(wider);
    all
}

/// Whether a setting for `other` is inside these rules.
fn covers(rules: &Rules, other: &str) -> bool {
    rules.as_str() == "*" || (other != "*" && rules.hold(&RuleId::told(other)))
}

impl Impact {
    /// What the entry says was shown: counts and times.
    fn counts(&self) -> Map<String, Value> {
        let all = [
            ("looked", json!(self.looked)),
            ("more", json!(self.more)),
            ("since", json!(self.since)),
            ("until", json!(self.until)),
            ("would_stop", json!(self.would_stop)),
            ("would_wait", json!(self.would_wait)),
        ];
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn count(&mut self, record: &Record, rules: &Rules) {
        self.looked += 1;
        let Some(held) = impact::held(record, rules) else { return };
        match held.effect {
            Effect::Stop => self.would_stop += 1,
            Effect::Wait => self.would_wait += 1,
            Effect::Proceed => {}
        }
        self.too_late += usize::from(held.binds == Binds::After.as_str());
        self.decisions.push(held);
    }
}
