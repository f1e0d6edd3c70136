//! The rules, and one of them.

use crate::graph::ConnectionId;
use crate::http::answer::Answer;
use crate::http::console::rule;
use crate::http::console::rule::Shown;
use crate::http::console::rules;
use crate::http::console::rules::Listing;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::problem::Problem;
use crate::policy::RuleId;

/// Every rule of the active bundle.
pub(in crate::http::doors) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let (bundle, modes) = (house.gateway.active_bundle(), house.gateway.modes.load_full());
    let listing = Listing {
        bundle: &bundle,
        modes: &modes,
        connections: connections(house),
        frictions: house.gateway.frictions().await?,
        refused: house.gateway.policies.refused(),
    };
    Ok(console::page(house, call, |desk| rules::page(desk, &listing)))
}

/// One rule; in its address stands a dot for each slash of its id.
pub(in crate::http::doors) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let (bundle, modes) = (house.gateway.active_bundle(), house.gateway.modes.load_full());
    let id = RuleId::told(&call.parameter.replace('.', "/"));
    let found = bundle.rule(&id).ok_or_else(Problem::not_found)?;
    let shown = Shown {
        rule: found,
        modes: &modes,
        connections: connections(house),
        did: house.gateway.frictions().await?.of(&id),
        text: house.gateway.rule_text(found),
    };
    Ok(console::page(house, call, |desk| rule::page(desk, &shown)))
}

fn connections(house: &House) -> Vec<ConnectionId> {
    house.gateway.connections.iter().map(|connection| connection.id.clone()).collect()
}
