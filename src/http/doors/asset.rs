//! The style sheet and the mark. An address with the right version is kept by browsers for a year; one without is
//! asked for again by its tag.

use http::HeaderValue;
use http::StatusCode;
use http::header;

use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::asset::Asset;
use crate::http::doors::call::Call;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::Text;
use crate::http::doors::query::Pairs;
use crate::http::problem::Problem;

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("public, no-cache");

/// What the door takes and gives.
pub(super) const OFFER: Offer = Offer::giving(&[
    Gives {
        status: 200,
        when: "The file.",
        forms: &[
            Form::Media("text/css"),
            Form::Media("image/svg+xml"),
            Form::Media("text/javascript"),
        ],
    },
    Gives { status: 304, when: "The file is as it was.", forms: &[] },
])
.asked(&[Parameter::may("v", Text::Free, "The version; with it the file may be kept for ever.")])
.refusing(&[]);

/// Answers the file, or that it is the same as before.
pub(super) fn answer(call: &Call) -> Result<Answer, Problem> {
    let asset = Asset::find(&call.parameter).ok_or_else(Problem::not_found)?;
    let tag = format!("\"{}\"", asset.version());
    let known = call.head.headers.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let mut answer = if known.is_some_and(|known| known.contains(&tag)) {
        answer::bytes(StatusCode::NOT_MODIFIED, asset.kind, "")
    } else {
        answer::bytes(StatusCode::OK, asset.kind, asset.bytes)
    };
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let is_exact = pairs.get("v") == Some(asset.version().as_str());
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, if is_exact { FOR_EVER } else { ASK_AGAIN });
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(answer)
}
