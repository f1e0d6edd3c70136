//! The overview.

use crate::approval::State;
use crate::gateway::telling::Filter;
use crate::gateway::telling::MAX_ROWS;
use crate::http::answer::Answer;
use crate::http::console::overview;
use crate::http::console::overview::Overview;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::problem::Problem;

/// Decisions that are shown; the list has the rest.
const NEWEST: usize = 8;

/// Everything at a glance.
pub(in crate::http::doors) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let gateway = &house.gateway;
    let shown = Overview {
        readiness: gateway.readiness().await,
        levels: gateway.levels().await?,
        hooks: gateway.hooks_seen().await?,
        day: gateway.day().await?,
        open: gateway.tickets(Some(State::Asked), MAX_ROWS).await?,
        refused: gateway.policies.refused(),
        pause: gateway.pause_now().map(|pause| (*pause).clone()),
        newest: gateway.decisions(Filter::default(), None, NEWEST).await?.items,
    };
    Ok(console::page(house, call, |desk| overview::page(desk, &shown)))
}
