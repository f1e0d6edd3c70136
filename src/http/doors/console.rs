//! The console's two pages, from the gateway's records.

use http::StatusCode;

use crate::decision::Effect;
use crate::gateway::telling::Filter;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::list;
use crate::http::console::list::Cover;
use crate::http::console::list::Listing;
use crate::http::console::list::View;
use crate::http::console::story;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::decisions;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::PAGE;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;
use crate::policy::Verdict;

/// Decisions on a page of the console.
const ROWS: usize = 50;

/// What the list takes and gives.
pub(super) const LIST: Offer =
    Offer::giving(&[Gives { status: 200, when: "The page.", forms: &[PAGE] }])
        .asked(decisions::NARROWED);

/// What the page of one decision gives.
pub(super) const DECISION: Offer =
    Offer::giving(&[Gives { status: 200, when: "The page.", forms: &[PAGE] }]);

/// Decisions, newest first.
pub(super) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let view = view(&pairs)?;
    let before = decisions::before(&pairs)?;
    let filter = Filter {
        verdict: view.verdict,
        effect: view.effect,
        uncovered: (view.cover == Cover::Uncovered).then_some(true),
        ..Filter::default()
    };
    let page = house.gateway.decisions(filter, before, ROWS).await?;
    let readiness = house.gateway.readiness().await;
    let listing = Listing {
        records: &page.items,
        next: page.next,
        view,
        before,
        alarms: &readiness.reasons,
        notes: &readiness.notes,
        brake: house.brake(),
    };
    Ok(answer::page(StatusCode::OK, list::page(&listing)))
}

/// One decision.
pub(super) async fn decision(house: &House, call: &Call) -> Result<Answer, Problem> {
    let told = house.gateway.decision(call.id()?).await?.ok_or_else(Problem::not_found)?;
    let ticket = match told.record.public.ticket {
        Some(id) => house.gateway.ticket(id).await?,
        None => None,
    };
    let now = house.gateway.clock.now();
    let html = story::page(&told.record, &told.story, ticket.as_ref(), now, house.brake());
    Ok(answer::page(StatusCode::OK, html))
}

fn view(pairs: &Pairs) -> Result<View, Problem> {
    let uncovered = pairs.parsed("uncovered", "`true` or `false`", |text| text.parse().ok())?;
    Ok(View {
        verdict: pairs.parsed("verdict", &Verdict::TEXTS.join(", "), Verdict::from_text)?,
        effect: pairs.parsed("effect", &Effect::TEXTS.join(", "), Effect::from_text)?,
        cover: if uncovered == Some(true) { Cover::Uncovered } else { Cover::All },
    })
}
