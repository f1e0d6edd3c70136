//! For orchestrators and scrapers: alive, ready, counted.

use http::StatusCode;
use prometheus::TextEncoder;

use crate::gateway::readiness::Readiness;
use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::TEXT;
use crate::http::problem::Problem;

/// What `/livez` gives.
pub(super) const LIVEZ: Offer =
    Offer::giving(&[Gives { status: 200, when: "Alive.", forms: &[TEXT] }]).refusing(&[]);

/// What `/readyz` gives.
pub(super) const READYZ: Offer = Offer::giving(&[
    Gives { status: 200, when: "Ready.", forms: &[READINESS] },
    Gives { status: 503, when: "Not ready, with the reasons.", forms: &[READINESS] },
])
.refusing(&[]);

const READINESS: Form = Form::Json(offer::of::<Readiness>());

/// What `/metrics` gives.
pub(super) const METRICS: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Metrics, in Prometheus' text format.",
    forms: &[TEXT],
}])
.refusing(&[]);

/// The process answers.
pub(super) fn livez() -> Answer {
    answer::text(StatusCode::OK, "ok\n")
}

/// Whether the gateway can do its work; 503 with the reasons if not.
pub(super) async fn readyz(house: &House) -> Result<Answer, Problem> {
    let readiness = house.gateway.readiness().await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    call::json(status, &readiness)
}

/// Every counter, in Prometheus' text format.
pub(super) fn metrics(house: &House) -> Result<Answer, Problem> {
    let families = house.gateway.meters.registry().gather();
    let text = TextEncoder::new().encode_to_string(&families).map_err(|error| {
        tracing::error!(%error, "the metrics could not be written");
        Problem::internal()
    })?;
    Ok(answer::bytes(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
}
