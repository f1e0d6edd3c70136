//! How rules are taken: the list, whom a change would have held up, and the change.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;
use serde_json::json;

use crate::decision::Mode;
use crate::decision::Modes;
use crate::decision::impact::Held;
use crate::decision::impact::Rules;
use crate::decision::plan::ModeSetting;
use crate::gateway::modes::Impact;
use crate::gateway::modes::MAX_REASON;
use crate::gateway::modes::ModeError;
use crate::gateway::modes::Scope;
use crate::gateway::modes::WINDOW;
use crate::graph::ConnectionId;
use crate::graph::Known;
use crate::graph::Time;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::decisions;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Takes;
use crate::http::doors::offer::Text;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::policy::Rule;
use crate::policy::RuleId;

/// What a change is asked for with.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ModeWish", example = json!({"rules": "deploy", "scope": "acme-cloud", "mode": "enforce", "reason": "a week in shadow stopped nobody"}))]
#[serde(deny_unknown_fields)]
struct Wish {
    /// A rule's id, an area, or `*`.
    #[schemars(length(min = 1))]
    rules: String,
    /// Id of the connection.
    scope: ConnectionId,
    /// Only on repositories of this class; the whole connection if left out.
    #[serde(default)]
    class: Option<String>,
    /// How they are taken from now on.
    mode: Mode,
    /// The impact is told of decisions made at or after; a week before `until` if left out.
    #[serde(default)]
    since: Option<Time>,
    /// And before; now if left out.
    #[serde(default)]
    until: Option<Time>,
    /// Why, for the record.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    reason: String,
}

/// What the list gives.
pub(super) const LIST: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "How every rule is taken on every connection, and which settings that comes from.",
    forms: &[Form::Json(offer::of::<ModesTold<'static>>())],
}])
.refusing(&[]);

/// What a change takes and gives.
pub(super) const SET: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The setting, and whom it would have held up: counts, for `enforce` only.",
    forms: &[Form::Json(offer::of::<Changed>())],
}])
.taking(Takes::Json(offer::of::<Wish>()));

/// What the impact takes and gives.
pub(super) const IMPACT: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Whom the rules would have held up, had they been enforced.",
    forms: &[Form::Json(offer::of::<ImpactTold<'static>>())],
}])
.asked(&[
    Parameter::must("rules", Text::Any, "A rule's id, an area, or `*`."),
    Parameter::must("scope", Text::Connection, "Id of a connection."),
    Parameter::may("class", Text::Class, "Only decisions on repositories of this class."),
    Parameter::may("window", Text::Length, "How far back; `7d` if left out."),
    Parameter::may("since", Text::Time, "Instead: made at or after this time, RFC 3339."),
    Parameter::may("until", Text::Time, "Made before this time, RFC 3339; now if left out."),
    Parameter::may("skip", Text::Number(0, u32::MAX as u64), "`next` of the page before."),
    decisions::LIMIT,
]);

/// How every rule is taken everywhere.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Modes")]
struct ModesTold<'a> {
    /// How rules are taken where nothing else is said.
    default: Mode,
    /// Everything that is said otherwise.
    settings: &'a [ModeSetting],
    /// What follows, connection by connection.
    connections: Vec<ConnectionModes<'a>>,
}

/// How every rule is taken on one connection.
#[derive(Debug, Serialize, JsonSchema)]
struct ConnectionModes<'a> {
    /// Its id.
    connection: &'a ConnectionId,
    /// Every rule.
    rules: Vec<RuleMode<'a>>,
    /// Classes of repositories on which rules are taken otherwise. Where a class is unknown, the strictest holds.
    classes: Vec<ClassModes<'a>>,
}

/// How every rule is taken on repositories of a class.
#[derive(Debug, Serialize, JsonSchema)]
struct ClassModes<'a> {
    /// The class.
    class: String,
    /// Every rule.
    rules: Vec<RuleMode<'a>>,
}

/// How one rule is taken.
#[derive(Debug, Serialize, JsonSchema)]
struct RuleMode<'a> {
    /// Its id.
    rule: &'a RuleId,
    /// Its title.
    title: &'a str,
    /// How it is taken.
    mode: Mode,
}

/// A change that was made.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ModeChange")]
struct Changed {
    /// What was set.
    setting: Setting,
    /// Whom it would have held up: counts alone. Null: the change holds nobody up.
    impact: Option<ImpactTold<'static>>,
}

/// What was set.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ModeSet")]
struct Setting {
    /// Id of the connection.
    scope: ConnectionId,
    /// Only repositories of this class; null: the whole connection.
    class: Option<String>,
    /// A rule's id, an area, or `*`.
    rules: String,
    /// How they are taken.
    mode: Mode,
}

/// Whom rules would have held up.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Impact")]
struct ImpactTold<'a> {
    /// Decisions made at or after.
    since: Time,
    /// Decisions made before.
    until: Time,
    /// Decisions whose verdict a rule had a say in; only those are looked at.
    looked: usize,
    /// There were more than are looked at for one answer: older ones were left out.
    more: bool,
    /// Those that would have been stopped.
    would_stop: usize,
    /// Those that would have waited for an approval.
    would_wait: usize,
    /// Of both, those that had happened when the gate heard of them.
    too_late: usize,
    /// Rules that are off there and so not asked.
    not_asked: Vec<RuleId>,
    /// A page of them, newest first.
    decisions: Vec<&'a Held>,
    /// `skip` of the next page; null: this is the last.
    next: Option<usize>,
}

/// How every rule is taken on every connection, and which settings that comes from.
pub(super) fn list(house: &House) -> Result<Answer, Problem> {
    let (bundle, modes) = (house.gateway.active_bundle(), house.gateway.modes.load());
    let of = |id| {
        let rows = |class: &Known<String>| {
            bundle.rules.iter().map(|rule| RuleMode::of(&modes, (id, class), rule)).collect()
        };
        let of_class = |class: &str| ClassModes {
            class: class.to_owned(),
            rules: rows(&Known::Value(class.to_owned())),
        };
        ConnectionModes {
            connection: id,
            rules: rows(&Known::Nothing),
            classes: modes.classes(id).into_iter().map(of_class).collect(),
        }
    };
    let known = house.gateway.connections.now();
    let connections = known.iter().map(|connection| of(&connection.id));
    let told = ModesTold {
        default: modes.default(),
        settings: modes.settings(),
        connections: connections.collect(),
    };
    call::json(StatusCode::OK, &told)
}

/// Whom rules would have held up, had they been enforced: counts over all, and a page of them.
pub(super) async fn impact(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let time = |name| {
        pairs
            .parsed(name, "a time such as `2026-11-21T18:05:00Z`", |text| text.parse::<Time>().ok())
    };
    let wrong = "a length of time such as `7d`";
    let window = pairs.parsed("window", wrong, query::duration)?.unwrap_or(WINDOW);
    let connection = pairs.need("scope")?.parse();
    let connection: ConnectionId =
        connection.map_err(|_| query::wrong("`scope` is the id of a connection".to_owned()))?;
    let until = time("until")?.unwrap_or_else(|| house.gateway.clock.now());
    let scope = Scope {
        connection,
        class: pairs.get("class").map(str::to_owned),
        rules: Rules::new(pairs.need("rules")?),
        since: time("since")?.unwrap_or_else(|| until.minus(window)),
        until,
    };
    let skip = pairs.parsed("skip", "a number of rows", |text| text.parse::<u32>().ok())?;
    let skip = skip.unwrap_or(0) as usize;
    let limit = decisions::limit(&pairs)?;
    let impact = house.gateway.impact(&scope).await.map_err(refused)?;
    call::json(StatusCode::OK, &told(&impact, skip, limit))
}

/// Takes rules otherwise from now on.
pub(super) async fn set(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let wish: Wish = call::object("the change", &body)?;
    let until = wish.until.unwrap_or_else(|| house.gateway.clock.now());
    let scope = Scope {
        connection: wish.scope,
        class: wish.class,
        rules: Rules::new(&wish.rules),
        since: wish.since.unwrap_or_else(|| until.minus(WINDOW)),
        until,
    };
    let changed = house.gateway.take_rules(&scope, wish.mode, &by, &wish.reason).await;
    let impact = changed.map_err(refused)?;
    let setting =
        Setting { scope: scope.connection, class: scope.class, rules: wish.rules, mode: wish.mode };
    let impact = impact.map(|impact| counts(&impact));
    call::json(StatusCode::OK, &Changed { setting, impact })
}

impl<'a> RuleMode<'a> {
    fn of(
        modes: &Modes,
        (connection, class): (&ConnectionId, &Known<String>),
        rule: &'a Rule,
    ) -> Self {
        let mode = modes.at(connection, class, &rule.id);
        Self { rule: &rule.id, title: &rule.title, mode }
    }
}

/// The impact with a page of its decisions.
fn told(impact: &Impact, skip: usize, limit: usize) -> ImpactTold<'_> {
    let decisions: Vec<&Held> = impact.decisions.iter().skip(skip).take(limit).collect();
    let seen = skip.saturating_add(decisions.len());
    let next = (seen < impact.decisions.len()).then_some(seen);
    ImpactTold { decisions, next, ..counts(impact) }
}

/// The impact without any of its decisions.
fn counts(impact: &Impact) -> ImpactTold<'static> {
    ImpactTold {
        since: impact.since,
        until: impact.until,
        looked: impact.looked,
        more: impact.more,
        would_stop: impact.would_stop,
        would_wait: impact.would_wait,
        too_late: impact.too_late,
        not_asked: impact.not_asked.clone(),
        decisions: Vec::new(),
        next: None,
    }
}

fn refused(error: ModeError) -> Problem {
    let detail = error.to_string();
    match error {
        ModeError::NoConnection(_)
        | ModeError::NoRule(_)
        | ModeError::NoClass(..)
        | ModeError::Window
        | ModeError::Reason => query::wrong(detail),
        ModeError::Store(error) => call::unreachable(&error),
    }
}
