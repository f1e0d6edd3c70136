//! The list of decisions, and one of them.

use crate::decision::Effect;
use crate::gateway::telling::Filter;
use crate::graph::Time;
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
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::policy::RuleId;
use crate::policy::Verdict;

/// Decisions, newest first.
pub(in crate::http::doors) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = console::pairs(call);
    let (view, before) = (view(&pairs)?, console::before(&pairs)?);
    let page = house.gateway.decisions(filter(&view), before, console::ROWS).await?;
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

fn filter(view: &View) -> Filter {
    Filter {
        connection: view.connection.clone(),
        verdict: view.verdict,
        effect: view.effect,
        repository: view.repository.clone(),
        rule: view.rule.clone(),
        uncovered: (view.cover == Cover::Uncovered).then_some(true),
        since: view.since,
        until: view.until,
    }
}

fn view(pairs: &Pairs) -> Result<View, Problem> {
    let uncovered = pairs.parsed("uncovered", "`true` or `false`", |text| text.parse().ok())?;
    let time = |name| pairs.parsed(name, "a time such as `2026-11-21T18:05`", moment);
    Ok(View {
        verdict: pairs.parsed("verdict", &Verdict::TEXTS.join(", "), Verdict::from_text)?,
        effect: pairs.parsed("effect", &Effect::TEXTS.join(", "), Effect::from_text)?,
        connection: pairs.parsed("connection", "a connection's id", |text| text.parse().ok())?,
        rule: pairs.get("rule").map(RuleId::told),
        repository: pairs.get("repository").map(str::to_owned),
        since: time("since")?,
        until: time("until")?,
        cover: if uncovered == Some(true) { Cover::Uncovered } else { Cover::All },
    })
}

/// RFC 3339, or as a browser's form writes it: to the minute or the second and without a zone, which is UTC.
fn moment(text: &str) -> Option<Time> {
    let zoned = || text.parse().ok();
    zoned()
        .or_else(|| format!("{text}Z").parse().ok())
        .or_else(|| format!("{text}:00Z").parse().ok())
}
