//! What findings come to, to be kept or sent on: the report, the catalogue, the control map; and findings in SARIF.

use http::HeaderValue;
use http::StatusCode;
use http::header;

use crate::graph::ConnectionId;
use crate::graph::Product;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::findings::report;
use crate::http::console::findings::report::Extent;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::PAGE;
use crate::http::problem::Problem;
use crate::posture::Catalogue;
use crate::posture::Finding;
use crate::posture::Scan;
use crate::posture::Tally;
use crate::posture::Wish;
use crate::posture::controls;
use crate::posture::controls::Map;
use crate::posture::last_of_each;

/// Most findings of one report, some 2 KB each while it is made: beyond that a file is no help, and an export is.
const MAX_REPORTED: usize = 5_000;

/// Scans of each connection: as many as the trend has columns, and the one before.
const SCANS: u32 = 31;

/// What the report gives.
pub(super) const REPORT: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "One page that loads nothing, to be kept or printed.",
    forms: &[PAGE],
}])
.refusing(&[503]);

/// What the catalogue gives.
pub(super) const CATALOGUE: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Every posture rule of the active bundle.",
    forms: &[Form::Json(offer::of::<Catalogue>())],
}])
.refusing(&[]);

/// What the control map gives.
pub(super) const CONTROLS: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Per framework each control, how it stands, and the rules that support it.",
    forms: &[Form::Json(offer::of::<Map>())],
}])
.refusing(&[503]);

/// The report.
pub(super) async fn report(house: &House, _call: &Call) -> Result<Answer, Problem> {
    let (findings, extent) = findings(house).await?;
    let scans = scans(house).await?;
    let catalogue = house.gateway.catalogue();
    let map = of(house, &catalogue, &scans)?;
    let connections = house.gateway.connections.now();
    let names: Vec<&str> = connections.iter().map(|one| one.id.as_str()).collect();
    let (about, at) = (names.join(", "), house.gateway.clock.now());
    let connections: Vec<(ConnectionId, Product)> =
        connections.iter().map(|one| (one.id.clone(), one.product)).collect();
    let worked = house.gateway.work_out(move || {
        report::report(&report::Shown {
            about,
            connections,
            findings: &findings,
            scans: &scans,
            catalogue: &catalogue,
            controls: &map,
            extent,
            at,
        })
    });
    let html = worked.await.map_err(|error| {
        tracing::error!(%error, "a posture report failed");
        Problem::internal()
    })?;
    let mut answer = answer::page(StatusCode::OK, html);
    // It brings its style along, which our own policy forbids to pages that are shown: this one is kept.
    let kept = HeaderValue::from_static("attachment; filename=\"posture.html\"");
    answer.headers_mut().insert(header::CONTENT_DISPOSITION, kept);
    Ok(answer)
}

/// The catalogue.
pub(super) fn catalogue(house: &House) -> Result<Answer, Problem> {
    call::json(StatusCode::OK, &house.gateway.catalogue())
}

/// The control map.
pub(super) async fn controls(house: &House) -> Result<Answer, Problem> {
    call::json(StatusCode::OK, &map(house).await?)
}

/// The map, by what the last scans counted.
pub(super) async fn map(house: &House) -> Result<Map, Problem> {
    of(house, &house.gateway.catalogue(), &scans(house).await?)
}

fn of(house: &House, catalogue: &Catalogue, scans: &[Scan]) -> Result<Map, Problem> {
    let tallies: Vec<Tally> =
        last_of_each(scans).into_iter().flat_map(|scan| scan.tallies.clone()).collect();
    controls::map(catalogue, &house.gateway.active_bundle().rules, &tallies).map_err(|error| {
        tracing::error!(%error, "the list of known controls cannot be read");
        Problem::internal()
    })
}

/// The worst findings, and whether they are all.
async fn findings(house: &House) -> Result<(Vec<Finding>, Extent), Problem> {
    let mut all = Vec::new();
    let mut wish = Wish { limit: Some(crate::gateway::findings::MAX_PAGE), ..Wish::default() };
    loop {
        let page = house.gateway.findings(&wish).await?;
        all.extend(page.findings);
        match page.next {
            None => return Ok((all, Extent::All)),
            Some(_) if all.len() >= MAX_REPORTED => return Ok((all, Extent::Worst)),
            Some(next) => wish.after = Some(next),
        }
    }
}

/// The newest scans of every connection.
pub(super) async fn scans(house: &House) -> Result<Vec<Scan>, Problem> {
    let mut all = Vec::new();
    for connection in house.gateway.connections.now().iter() {
        let told = house.gateway.scans(Some(connection.id.as_str()), None, SCANS).await?;
        all.extend(told.scans);
    }
    Ok(all)
}
