//! Into the console by a one-time link, and out of it.

use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::header;
use tokio::time::Instant;

use crate::http::answer;
use crate::http::answer::Answer;
use crate::http::console::problem;
use crate::http::doors::House;
use crate::http::doors::call::Call;
use crate::http::doors::offer::Gives;
use crate::http::doors::offer::Offer;
use crate::http::doors::offer::PAGE;
use crate::http::doors::offer::Parameter;
use crate::http::doors::offer::TEXT;
use crate::http::doors::offer::Text;
use crate::http::doors::query::Pairs;
use crate::http::operator::Asker;
use crate::http::problem::Problem;

/// What a link takes and gives.
pub(super) const LOGIN: Offer = Offer::giving(&[
    Gives { status: 200, when: "Nothing is spent: the answer to a HEAD.", forms: &[TEXT] },
    Gives { status: 303, when: "On to the console, with a session.", forms: &[TEXT] },
])
.asked(&[Parameter::must("code", Text::Any, "The one-time code.")])
.refusing(&[403, 503]);

/// What leaving gives.
pub(super) const LOGOUT: Offer =
    Offer::giving(&[Gives { status: 200, when: "The session has ended.", forms: &[PAGE] }]);

/// Spends the link's code for a session. A HEAD spends nothing: link previews must not.
pub(super) async fn login(house: &House, call: &Call) -> Result<Answer, Problem> {
    let pairs = Pairs::read(call.head.uri.query().unwrap_or_default().as_bytes());
    let code = pairs.need("code")?;
    if call.head.method == Method::HEAD {
        return Ok(answer::text(StatusCode::OK, ""));
    }
    let cookie = house.doorkeeper.enter(code, call.visit.from, Instant::now())?;
    house.gateway.note_session("session opened").await?;
    Ok(with_cookie(answer::see_other("/"), cookie))
}

/// Ends the session.
pub(super) async fn logout(house: &House, call: &Call) -> Result<Answer, Problem> {
    let cookie = house.doorkeeper.leave(&call.head.headers).ok_or_else(Problem::internal)?;
    if call.asker == Asker::Session {
        house.gateway.note_session("session ended").await?;
    }
    Ok(with_cookie(answer::page(StatusCode::OK, problem::signed_out(house.brake())), cookie))
}

fn with_cookie(mut answer: Answer, cookie: HeaderValue) -> Answer {
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    answer
}
