//! The list of decisions, and one of them.

use crate::gateway::telling::Filter;
use crate::graph::Id;
use crate::http::answer::Answer;
use crate::http::console::list;
use crate::http::console::list::Cover;
use crate::http::console::list::Known;
use crate::http::console::list::Listing;
use crate::http::console::list::View;
use crate::http::console::story;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::doors::decisions;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::policy::RuleId;

/// Decisions, newest first.
pub(in crate::http::doors) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = console::pairs(call);
    let before = console::before(&pairs)?;
    let filter = decisions::filter(house, &as_programs_write(pairs.clone()))?;
    let view = view(&pairs, &filter);
    let page = house.gateway.decisions(filter, before, console::ROWS).await?;
    let (records, next) = (page.items.as_slice(), page.next);
    let listing = Listing { records, next, view, before, known: known(house) };
    Ok(console::page(house, call, |desk| list::page(desk, &listing)))
}

/// One decision.
pub(in crate::http::doors) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let told = house.gateway.decision(call.id()?).await?.ok_or_else(Problem::not_found)?;
    let ticket = match told.record.public.ticket {
        Some(id) => house.gateway.ticket(id).await?,
        None => None,
    };
    Ok(console::page(house, call, |desk| {
        story::page(desk, &told.record, &told.story, ticket.as_ref())
    }))
}

fn known(house: &House) -> Known {
    let bundle = house.gateway.active_bundle();
    Known {
        connections: house.gateway.connections.iter().map(|one| one.id.clone()).collect(),
        rules: bundle.rules.iter().map(|rule| rule.id.clone()).collect(),
    }
}

/// People write `acme/billing` and `Mia`, and browsers write a moment without its zone, which is UTC.
fn as_programs_write(pairs: Pairs) -> Pairs {
    let moment = |text: &str| match text.len() {
        MINUTE => format!("{text}:00Z"),
        SECOND => format!("{text}Z"),
        _ => text.to_owned(),
    };
    let pairs = pairs.reworded("since", moment).reworded("until", moment);
    let named = |kind: &'static str| {
        move |text: &str| {
            let is_whole = text.contains(':') || text.parse::<Id>().is_ok();
            if is_whole { text.to_owned() } else { format!("{kind}:{text}") }
        }
    };
    pairs.reworded("repository", named("repository")).reworded("person", named("user"))
}

/// Letters of `2026-11-21T18:05` and of `2026-11-21T18:05:00`.
const MINUTE: usize = 16;
const SECOND: usize = 19;

/// What was asked, as it was asked.
fn view(pairs: &Pairs, filter: &Filter) -> View {
    View {
        verdict: filter.verdict,
        effect: filter.effect,
        connection: filter.connection.clone(),
        rule: filter.rules.as_ref().map(|rules| RuleId::told(rules.as_str())),
        repository: pairs.get("repository").map(str::to_owned),
        person: pairs.get("person").map(str::to_owned),
        kind: filter.kind,
        softened: filter.softened,
        since: filter.since,
        until: filter.until,
        cover: if filter.uncovered == Some(true) { Cover::Uncovered } else { Cover::All },
    }
}
