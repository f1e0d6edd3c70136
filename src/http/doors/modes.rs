//! How rules are taken: the list, whom a change would have held up, and the change.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::decision::Mode;
use crate::decision::impact::Held;
use crate::decision::impact::Rules;
use crate::gateway::modes::Impact;
use crate::gateway::modes::ModeError;
use crate::gateway::modes::Scope;
use crate::gateway::modes::WINDOW;
use crate::graph::ConnectionId;
use crate::graph::Time;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::decisions;
use crate::http::doors::query;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

/// What a change is asked for with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    rules: String,
    scope: ConnectionId,
    mode: Mode,
    #[serde(default)]
    since: Option<Time>,
    #[serde(default)]
    until: Option<Time>,
    #[serde(default)]
    reason: String,
}

/// How every rule is taken on every connection, and which settings that comes from.
pub(super) fn list(house: &House) -> Result<Answer, Problem> {
    let (bundle, modes) = (house.gateway.active_bundle(), house.gateway.modes.load());
    let of = |connection: &ConnectionId| -> Vec<Value> {
        let row = |rule: &crate::policy::Rule| json!({"rule": rule.id, "title": rule.title, "mode": modes.of(connection, &rule.id)});
        bundle.rules.iter().map(row).collect()
    };
    let connections: Vec<Value> = house
        .gateway
        .connections
        .iter()
        .map(|connection| json!({"connection": connection.id, "rules": of(&connection.id)}))
        .collect();
    let told = json!({"default": modes.default(), "settings": modes.settings(), "connections": connections});
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
        rules: Rules::new(pairs.need("rules")?),
        since: time("since")?.unwrap_or_else(|| until.minus(window)),
        until,
    };
    let skip: usize =
        pairs.parsed("skip", "a number of rows", |text| text.parse().ok())?.unwrap_or(0);
    let limit = decisions::limit(&pairs)?;
    let impact = house.gateway.impact(&scope).await.map_err(refused)?;
    call::json(StatusCode::OK, &told(&impact, skip, limit))
}

/// Takes rules otherwise from now on.
pub(super) async fn set(house: &House, call: Call) -> Result<Answer, Problem> {
    let by = house.doorkeeper.by(call.asker);
    let body = call.read(house).await?;
    let wish: Wish = serde_json::from_slice(&body)
        .map_err(|error| query::wrong(format!("the change cannot be read: {error}")))?;
    let until = wish.until.unwrap_or_else(|| house.gateway.clock.now());
    let scope = Scope {
        connection: wish.scope,
        rules: Rules::new(&wish.rules),
        since: wish.since.unwrap_or_else(|| until.minus(WINDOW)),
        until,
    };
    let changed = house.gateway.take_rules(&scope, wish.mode, &by, &wish.reason).await;
    let impact = changed.map_err(refused)?;
    let setting =
        json!({"scope": scope.connection, "rules": scope.rules.as_str(), "mode": wish.mode});
    let impact = impact.map(|impact| told(&impact, 0, 0));
    call::json(StatusCode::OK, &json!({"setting": setting, "impact": impact}))
}

fn told(impact: &Impact, skip: usize, limit: usize) -> Value {
    let page: Vec<&Held> = impact.decisions.iter().skip(skip).take(limit).collect();
    let seen = skip + page.len();
    let next = (limit > 0 && seen < impact.decisions.len()).then_some(seen);
    json!({
        "since": impact.since,
        "until": impact.until,
        "looked": impact.looked,
        "more": impact.more,
        "would_stop": impact.would_stop,
        "would_wait": impact.would_wait,
        "too_late": impact.too_late,
        "not_asked": impact.not_asked,
        "decisions": page,
        "next": next,
    })
}

fn refused(error: ModeError) -> Problem {
    let detail = error.to_string();
    match error {
        ModeError::NoConnection(_)
        | ModeError::NoRule(_)
        | ModeError::Window
        | ModeError::Reason => query::wrong(detail),
        ModeError::Store(error) => call::unreachable(&error),
    }
}
