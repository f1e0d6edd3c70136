//! Findings and controls, as people look at them.

use crate::http::answer::Answer;
use crate::http::console::findings::controls;
use crate::http::console::findings::list as page;
use crate::http::console::findings::list::Listing;
use crate::http::console::findings::one;
use crate::http::console::findings::one::Step;
use crate::http::console::words;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::console;
use crate::http::doors::console::PLAIN;
use crate::http::doors::findings;
use crate::http::doors::offer::Offer;
use crate::http::doors::posture;
use crate::http::problem::Problem;
use crate::posture::Scan;
use crate::posture::Wish;
use crate::posture::kept;
use crate::posture::last_of_each;

/// What the list takes: what the API's takes.
pub(in crate::http::doors) const LIST: Offer =
    PLAIN.asked(findings::WISHES).refusing(&[404, 409, 503]);

/// What the page of one finding takes.
pub(in crate::http::doors) const SHOW: Offer = PLAIN.refusing(&[404, 503]);

/// What the control map takes.
pub(in crate::http::doors) const CONTROLS: Offer = PLAIN.refusing(&[503]);

/// Findings, the worst first.
pub(in crate::http::doors) async fn list(house: &House, call: &Call) -> Result<Answer, Problem> {
    let asked = match call.head.uri.query() {
        None | Some("") => page::first(),
        Some(_) => findings::wish(house, &console::pairs(call))?,
    };
    let rows = u32::try_from(console::ROWS).ok();
    let wish = Wish { limit: asked.limit.or(rows), ..asked };
    let found = house.gateway.findings(&wish).await?;
    let scans = posture::scans(house).await?;
    let scans: Vec<Scan> = last_of_each(&scans).into_iter().cloned().collect();
    let catalogue = house.gateway.catalogue();
    let listing = Listing {
        findings: &found.findings,
        next: found.next,
        wish,
        scans: &scans,
        catalogue: &catalogue,
    };
    Ok(console::page(house, call, |desk| page::page(desk, &listing)))
}

/// One finding.
pub(in crate::http::doors) async fn show(house: &House, call: &Call) -> Result<Answer, Problem> {
    let story = house.gateway.finding(&call.parameter).await?;
    let shown = one::Shown {
        finding: &story.finding,
        rule: story.rule.as_ref(),
        products: story.product.into_iter().collect(),
        facts: story.facts.iter().map(|fact| (fact.path.clone(), fact.value.to_string())).collect(),
        as_of: Some(story.as_of),
        steps: story.steps.iter().map(step).collect(),
    };
    Ok(console::page(house, call, |desk| one::page(desk, &shown)))
}

/// What happened, who did it, and why.
fn step(step: &kept::Step) -> Step {
    let parts = [
        Some(step.deed.to_string()),
        step.until.map(|until| format!(" until {}", words::moment(until))),
        step.by.as_ref().map(|by| format!(" by {by}")),
        step.because.as_ref().map(|because| format!(", because: {because}")),
    ];
    Step { at: step.at, said: parts.into_iter().flatten().collect() }
}

/// The control map.
pub(in crate::http::doors) async fn map(house: &House, call: &Call) -> Result<Answer, Problem> {
    let map = posture::map(house).await?;
    Ok(console::page(house, call, |desk| controls::page(desk, &map)))
}
