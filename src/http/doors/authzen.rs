//! AuthZEN's doors: evaluations, searches, and the discovery document. Every decision is 200; only what cannot be asked is
//! a problem.

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use http::header;
use serde::Serialize;

use crate::gateway::authzen;
use crate::gateway::question::CheckError;
use crate::http::answer::Answer;
use crate::http::doors::House;
use crate::http::doors::call;
use crate::http::doors::call::Call;
use crate::http::doors::check;
use crate::http::doors::offer;
use crate::http::doors::offer::Form;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::Takes;
use crate::http::problem::Problem;
use crate::http::route::Route;

/// What a caller calls its request, and reads in the answer.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest name of a request, bytes. It is sent back as it came.
const MAX_REQUEST_ID: usize = 128;

/// What a name of a request may hold, as a pattern.
pub(super) const REQUEST_ID_PATTERN: &str = "^[!-~]{1,128}$";

/// How long anybody may keep the discovery document.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=3600");

const REFUSES: &[u16] = &[403, 503];

/// What a single evaluation takes and gives.
pub(super) const EVALUATION: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The decision, whatever it is.",
    forms: &[Form::Json(offer::of::<authzen::Answer>())],
}])
.taking(Takes::Json(offer::of::<authzen::Evaluation>()))
.refusing(REFUSES);

/// What several evaluations take and give.
pub(super) const EVALUATIONS: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "The decisions in the order of the questions; without `evaluations`, the one decision.",
    forms: &[Form::Json(offer::of::<authzen::Evaluated>())],
}])
.taking(Takes::Json(offer::of::<authzen::Evaluations>()))
.refusing(REFUSES);

const fn search(takes: Takes, forms: &'static [Gives]) -> Offer {
    Offer::giving(forms).taking(takes).refusing(REFUSES)
}

const ENTITIES: &[Gives] = &[Gives {
    status: 200,
    when: "A page of those that were found, also where none is.",
    forms: &[Form::Json(offer::of::<authzen::EntitiesFound>())],
}];

const ACTIONS: &[Gives] = &[Gives {
    status: 200,
    when: "A page of the actions that were found, also where none is.",
    forms: &[Form::Json(offer::of::<authzen::ActionsFound>())],
}];

/// What a search of subjects takes and gives.
pub(super) const SUBJECTS: Offer =
    search(Takes::Json(offer::of::<authzen::SubjectSearch>()), ENTITIES);

/// What a search of resources takes and gives.
pub(super) const RESOURCES: Offer =
    search(Takes::Json(offer::of::<authzen::ResourceSearch>()), ENTITIES);

/// What a search of actions takes and gives.
pub(super) const DEEDS: Offer = search(Takes::Json(offer::of::<authzen::ActionSearch>()), ACTIONS);

/// What the discovery document is.
pub(super) const CONFIGURATION: Offer = Offer::giving(&[Gives {
    status: 200,
    when: "Where questions are asked.",
    forms: &[Form::Json(offer::of::<authzen::Metadata>())],
}])
.refusing(&[]);

/// One question.
pub(super) async fn evaluation(house: &House, call: Call) -> Result<Answer, Problem> {
    let (token, body) = asked(house, call).await?;
    told(house.gateway.evaluation(&token, &body).await)
}

/// Several questions.
pub(super) async fn evaluations(house: &House, call: Call) -> Result<Answer, Problem> {
    let (token, body) = asked(house, call).await?;
    told(house.gateway.evaluations(&token, &body).await)
}

/// Who may.
pub(super) async fn subjects(house: &House, call: Call) -> Result<Answer, Problem> {
    let (token, body) = asked(house, call).await?;
    told(house.gateway.search_subject(&token, &body).await)
}

/// To what.
pub(super) async fn resources(house: &House, call: Call) -> Result<Answer, Problem> {
    let (token, body) = asked(house, call).await?;
    told(house.gateway.search_resource(&token, &body).await)
}

/// What may be done.
pub(super) async fn actions(house: &House, call: Call) -> Result<Answer, Problem> {
    let (token, body) = asked(house, call).await?;
    told(house.gateway.search_action(&token, &body).await)
}

/// Where questions are asked. It is built from configuration alone, so anybody may keep it for a while.
pub(super) fn configuration(house: &House) -> Result<Answer, Problem> {
    let metadata = authzen::Metadata::at(&house.gateway.public_url);
    let mut answer = call::json(StatusCode::OK, &metadata)?;
    answer.headers_mut().insert(header::CACHE_CONTROL, KEPT);
    Ok(answer)
}

/// The caller's token, and its body, which has to be JSON by its own word: the specification wants 400 otherwise.
async fn asked(house: &House, call: Call) -> Result<(String, bytes::Bytes), Problem> {
    let token = check::token(house, &call.head.headers)?;
    let kind = call::essence(&call.head.headers);
    if kind.as_deref() != Some("application/json") {
        let detail = "the body must be sent as `Content-Type: application/json`";
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    }
    Ok((token, call.read(house).await?))
}

fn told(answered: Result<impl Serialize, CheckError>) -> Result<Answer, Problem> {
    let answer = answered.map_err(|error| check::refused(&error))?;
    call::json(StatusCode::OK, &answer)
}

/// What the caller calls its request, to be sent back whatever is answered; none: it does not say, and has ours.
pub(super) fn echo(
    route: Option<&Route>,
    headers: &HeaderMap,
) -> Result<Option<HeaderValue>, Problem> {
    if !route.is_some_and(Route::echoes) {
        return Ok(None);
    }
    let mut named = headers.get_all(&REQUEST_ID).iter();
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(id), None) if is_request_id(id) => Ok(Some(id.clone())),
        (Some(_), _) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!(
                "`X-Request-ID` must stand there once, with 1 to {MAX_REQUEST_ID} visible ASCII characters: it is sent back as it comes"
            ),
        )),
    }
}

fn is_request_id(id: &HeaderValue) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_request_is_short_and_visible() {
        let is = |text: &[u8]| is_request_id(&HeaderValue::from_bytes(text).unwrap());
        assert!(is(b"bfe9eb29-ab87-4ca3-be83-a1d5d8305716") && is(b"!") && is(&[b'~'; 128]));
        assert!(!is(b"") && !is(b"a b") && !is(&[b'a'; 129]) && !is(b"\xc3\xa4") && !is(b"a\tb"));
    }
}
